//! The instance metadata service of virtual machines and scale sets, and of Container Instances.
//!
//! "How to use managed identities for Azure resources on an Azure VM to acquire an access token", Microsoft Learn.

use super::{Endpoint, Source, local_endpoint};
use crate::env::{AUTHORITY_HOST_OF_IMDS, Env};
use crate::error::Error;
use crate::failure::Failure;
use crate::http::{Request, push_query};
use crate::identity::Identity;
use crate::token::Ask;

pub(super) struct Imds;

pub(super) const SOURCE: Imds = Imds;

impl Source for Imds {
    fn name(&self) -> &'static str {
        "imds"
    }

    /// The guess when nothing else is found: a VM says nothing in its environment.
    fn detect(&self, env: &Env) -> Option<Result<Endpoint, Error>> {
        let host = env.get(AUTHORITY_HOST_OF_IMDS);
        let host = host.as_deref().map_or(DEFAULT_HOST, |host| host.trim_end_matches('/'));
        if host.matches('/').count() != 2 {
            return Some(Err(Error::invalid(format!(
                "{AUTHORITY_HOST_OF_IMDS} must be http://HOST[:PORT] and nothing else"
            ))));
        }
        Some(local_endpoint(AUTHORITY_HOST_OF_IMDS, host, PATH))
    }

    fn request<'a>(&self, endpoint: &'a Endpoint, ask: &Ask<'a>) -> Result<Request<'a>, Error> {
        let mut target = String::with_capacity(256);
        target.push_str(&endpoint.path);
        push_query(&mut target, "api-version", API_VERSION);
        push_query(&mut target, "resource", ask.resource);
        // `mi_res_id` would do on a VM, but Container Instances know only `msi_res_id`.
        match ask.identity {
            Identity::SystemAssigned => {}
            Identity::ClientId(id) => push_query(&mut target, "client_id", id),
            Identity::ObjectId(id) => push_query(&mut target, "object_id", id),
            Identity::ResourceId(id) => push_query(&mut target, "msi_res_id", id),
        }
        Ok(Request::get(&endpoint.authority, target).header("Metadata", "true"))
    }

    fn advice(&self, status: u16, failure: &Failure) -> Option<&'static str> {
        let says = |words: &str| failure.message.as_deref().is_some_and(|message| message.starts_with(words));
        match status {
            400 if says("Multiple user assigned identities") => {
                Some("name one with --client-id, --object-id or --resource-id")
            }
            400 if says("Identity not found") => Some(
                "assign the identity to this machine, or correct the id; a new assignment can take minutes to arrive",
            ),
            400 if failure.code.as_deref() == Some("invalid_resource") => Some(
                "check the resource: it must be spelled as the service documents its audience, trailing slash included",
            ),
            403 => Some("a guest proxy agent or a container's network denies this process the metadata endpoint"),
            _ => None,
        }
    }
}

const DEFAULT_HOST: &str = "http://169.254.169.254";
const PATH: &str = "/metadata/identity/oauth2/token";
/// The version of the documentation, which every cloud and Container Instances serve.
const API_VERSION: &str = "2018-02-01";

#[cfg(test)]
mod tests {
    use super::*;

    fn target(identity: &Identity) -> String {
        let endpoint = SOURCE.detect(&Env::fixed(&[])).unwrap().unwrap();
        SOURCE.request(&endpoint, &Ask { resource: &"https://vault.azure.net".into(), identity }).unwrap().target
    }

    #[test]
    fn each_kind_of_id_has_its_parameter() {
        let plain = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net";
        assert_eq!(target(&Identity::SystemAssigned), plain);
        assert_eq!(target(&Identity::ClientId("a-1".to_owned())), format!("{plain}&client_id=a-1"));
        assert_eq!(target(&Identity::ObjectId("b".to_owned())), format!("{plain}&object_id=b"));
        assert_eq!(target(&Identity::ResourceId("/s/x".to_owned())), format!("{plain}&msi_res_id=%2Fs%2Fx"));
    }

    #[test]
    fn the_host_can_be_replaced_by_a_near_one_only() {
        let authority = |pairs: &[_]| SOURCE.detect(&Env::fixed(pairs)).unwrap().map(|endpoint| endpoint.authority);
        assert_eq!(authority(&[]).unwrap(), "169.254.169.254");
        assert_eq!(authority(&[(AUTHORITY_HOST_OF_IMDS, "")]).unwrap(), "169.254.169.254");
        assert_eq!(authority(&[(AUTHORITY_HOST_OF_IMDS, "http://127.0.0.1:8080/")]).unwrap(), "127.0.0.1:8080");
        assert!(authority(&[(AUTHORITY_HOST_OF_IMDS, "http://127.0.0.1:8080/metadata")]).is_err());
        assert!(authority(&[(AUTHORITY_HOST_OF_IMDS, "127.0.0.1:8080")]).is_err());
        assert!(authority(&[(AUTHORITY_HOST_OF_IMDS, "http://example.com")]).is_err());
    }
}
