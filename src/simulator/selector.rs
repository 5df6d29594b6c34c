//! Which identity a request names, by whichever parameters its service honours.

use super::request::Received;
use super::world::{ManagedIdentity, World};

/// A query parameter, and the id of an identity that its value is compared with.
pub(super) type Parameter = (&'static str, fn(&ManagedIdentity) -> &str);

pub(super) const CLIENT_ID: Parameter = ("client_id", ManagedIdentity::client_id);
pub(super) const OBJECT_ID: Parameter = ("object_id", ManagedIdentity::object_id);
pub(super) const PRINCIPAL_ID: Parameter = ("principal_id", ManagedIdentity::object_id);
pub(super) const MSI_RES_ID: Parameter = ("msi_res_id", ManagedIdentity::resource_id);
pub(super) const MI_RES_ID: Parameter = ("mi_res_id", ManagedIdentity::resource_id);
/// That of the api-version 2017-09-01.
pub(super) const CLIENTID: Parameter = ("clientid", ManagedIdentity::client_id);

/// Why it is nobody that the request names.
#[derive(Debug, PartialEq)]
pub(super) enum Unclear {
    /// No identity has that id.
    Unknown,
    /// The request names more than one.
    Several,
}

/// An identity, and how it was named.
pub(super) type Found<'a> = (&'a ManagedIdentity, Named);
/// The parameter and its value as it came.
pub(super) type Named = (&'static str, String);

/// The identity that the request names by one of these; `None` if none of them is there.
pub(super) fn named<'a>(
    world: &'a World,
    request: &Received,
    parameters: &[Parameter],
) -> Result<Option<Found<'a>>, Unclear> {
    let mut given = parameters.iter().filter_map(|(name, id)| Some((*name, *id, request.parameter(name)?)));
    let Some((name, id, value)) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(Unclear::Several);
    }
    let found = world.identities.iter().find(|identity| id(identity).eq_ignore_ascii_case(&value));
    // The resource id of the system-assigned identity is the machine's, and a machine is not an identity.
    let found = found.filter(|identity| identity.name.is_some() || !name.ends_with("res_id"));
    Ok(Some((found.ok_or(Unclear::Unknown)?, (name, value))))
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    #[test]
    fn by_the_parameters_that_are_honoured() {
        let world = world(true, &["a"]);
        for (query, expected) in [
            ("", Ok(None)),
            ("client_id=", Ok(None)),
            ("mi_res_id=x", Ok(None)),
            ("client_id=11112222-BBBB-3333-cccc-000000000001", Ok(Some("a"))),
            ("principal_id=22223333-cccc-4444-dddd-000000000001&mi_res_id=x", Ok(Some("a"))),
            ("client_id=22223333-cccc-4444-dddd-000000000001", Err(Unclear::Unknown)),
            ("client_id=x&principal_id=x", Err(Unclear::Several)),
        ] {
            let request = received(Service::Imds, &format!("GET /?{query} HTTP/1.1\nHost: a"));
            let found = named(&world, &request, &[CLIENT_ID, PRINCIPAL_ID]);
            let found = found.map(|found| found.and_then(|(identity, _)| identity.name.as_deref()));
            assert_eq!(found, expected, "{query}");
        }
    }
}
