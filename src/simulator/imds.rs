//! The Instance Metadata Service: tokens, and where this virtual machine is.

use super::aadsts;
use super::clock;
use super::instance::{self, Node};
use super::json;
use super::request::Received;
use super::response::{Outcome, Response};
use super::selector::{self, Named, Parameter, Unclear};
use super::token::{self, Issued};
use super::world::{ManagedIdentity, TENANT, World};

/// Answers as the service does:
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    response.header("Server", "IMDS/150.870.65.528").header("Date", clock::http(clock::epoch(request.at)))
}

fn route(world: &World, request: &Received) -> Outcome {
    let segments = request.segments();
    let segments: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let identity = segments.starts_with(&["metadata", "identity"]);
    let refuse = |status, why: &str| if identity { invalid_request(status, why) } else { bad_request(status, why) };

    if request.header("x-forwarded-for").is_some() {
        return Err(refuse(400, "X-Forwarded-For header is not allowed"));
    }
    if !request.has_metadata() {
        return Err(refuse(400, "Required metadata header not specified"));
    }
    if request.method() != "GET" {
        return Err(refuse(405, "Method not allowed").header("Allow", "GET"));
    }
    if let Some(name) = repeated(request) {
        return Err(refuse(400, &format!("Query variable '{name}' was given more than once")));
    }
    match segments.as_slice() {
        ["metadata", "identity", "oauth2", "token"] => token(world, request),
        ["metadata", "identity", "info"] => {
            identity_version(request)?;
            Ok(Response::json(200, json::object([("tenantId", json::text(TENANT))])))
        }
        ["metadata", "identity", ..] => {
            Err(oauth(401, "unknown_source", &format!("Unknown Source {}", request.target())))
        }
        ["metadata", "versions"] => {
            Ok(Response::json(200, json::object([("apiVersions", json::array(VERSIONS.map(json::text)))])))
        }
        ["metadata", rest @ ..] => metadata(world, request, rest),
        _ => Err(bad_request(404, "Not found")),
    }
}

fn token(world: &World, request: &Received) -> Outcome {
    identity_version(request)?;
    let resource = required(request, "resource")?;
    let now = clock::epoch(request.at);
    if !aadsts::knows(&resource) {
        return Err(aadsts::unknown_resource(&resource).response(now, "westus.login.microsoft.com"));
    }
    let (identity, asked_by) = choose(world, request)?;
    let fresh = request.parameter("bypass_cache").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let issued = token::obtain(world, identity, &resource, now, fresh);
    Ok(Response::json(200, success(&issued, world, now, asked_by)))
}

/// The service spells even numbers as strings.
fn success(issued: &Issued, world: &World, now: u64, asked_by: Option<Named>) -> String {
    let mut members = vec![
        ("access_token", issued.token.clone()),
        ("client_id", issued.identity.client_id().to_owned()),
        ("expires_in", issued.expires_on.saturating_sub(now).to_string()),
        ("expires_on", issued.expires_on.to_string()),
        ("ext_expires_in", world.token_lifetime.as_secs().to_string()),
        ("not_before", issued.not_before.to_string()),
        ("resource", issued.audience.clone()),
        ("token_type", "Bearer".to_owned()),
    ];
    members.extend(asked_by.filter(|(name, _)| *name != "client_id"));
    json::object(members.into_iter().map(|(name, value)| (name, json::text(&value))))
}

/// The identity that the request names, and the parameter that named it; or else the one there is.
fn choose<'a>(world: &'a World, request: &Received) -> Result<(&'a ManagedIdentity, Option<Named>), Response> {
    match selector::named(world, request, &ID_PARAMETERS) {
        Ok(Some((identity, named))) => Ok((identity, Some(named))),
        Ok(None) => Ok((only(world)?, None)),
        Err(Unclear::Unknown) => Err(not_found()),
        Err(Unclear::Several) => {
            Err(invalid_request(400, "Only one of client_id, object_id and msi_res_id may be specified"))
        }
    }
}

const ID_PARAMETERS: [Parameter; 4] =
    [selector::CLIENT_ID, selector::OBJECT_ID, selector::MSI_RES_ID, selector::MI_RES_ID];

fn only(world: &World) -> Result<&ManagedIdentity, Response> {
    if let Some(system) = world.system() {
        return Ok(system);
    }
    let mut users = world.users();
    match (users.next(), users.next()) {
        (Some(user), None) => Ok(user),
        (None, _) => Err(not_found()),
        _ => Err(invalid_request(
            400,
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request",
        )),
    }
}

fn metadata(world: &World, request: &Received, path: &[&str]) -> Outcome {
    let known = |version: &String| VERSIONS.contains(&version.as_str());
    if !request.parameter("api-version").as_ref().is_some_and(known) {
        let newest = json::array(VERSIONS.iter().rev().take(3).map(|version| json::text(version)));
        let error = "Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds";
        return Err(Response::json(400, json::object([("error", json::text(error)), ("newest-versions", newest)])));
    }
    let not_found = || bad_request(404, "Not found");
    let ["instance", path @ ..] = path else { return Err(not_found()) };
    let document = instance::document(world);
    let node = path.iter().try_fold(&document, |node, name| node.child(name)).ok_or_else(not_found)?;
    let format = request.parameter("format").unwrap_or_else(|| "json".to_owned());
    match (format.to_ascii_lowercase().as_str(), node) {
        ("text", node) => Ok(Response::text(200, node.text())),
        ("json", Node::Leaf(_)) => Err(bad_request(400, "Bad request. A leaf node must be requested with format=text")),
        ("json", node) => Ok(Response::json(200, node.json())),
        _ => Err(bad_request(400, "Bad request. Unknown format")),
    }
}

fn identity_version(request: &Received) -> Result<(), Response> {
    let version = required(request, "api-version")?;
    if VERSIONS.contains(&version.as_str()) {
        return Ok(());
    }
    Err(invalid_request(400, &format!("api-version '{version}' is not supported")))
}

fn required(request: &Received, name: &str) -> Result<String, Response> {
    request.parameter(name).ok_or_else(|| invalid_request(400, &format!("Required query variable '{name}' is missing")))
}

fn repeated(request: &Received) -> Option<String> {
    let mut names: Vec<String> = request.query().into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first().cloned())
}

fn not_found() -> Response {
    invalid_request(400, "Identity not found")
}

fn invalid_request(status: u16, description: &str) -> Response {
    oauth(status, "invalid_request", description)
}

fn oauth(status: u16, error: &str, description: &str) -> Response {
    let members = [("error", json::text(error)), ("error_description", json::text(description))];
    Response::json(status, json::object(members))
}

/// The form of everything that is not an identity.
fn bad_request(status: u16, error: &str) -> Response {
    Response::json(status, json::object([("error", json::text(error))]))
}

/// As published: <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#supported-api-versions>.
const VERSIONS: [&str; 33] = [
    "2017-03-01",
    "2017-04-02",
    "2017-08-01",
    "2017-10-01",
    "2017-12-01",
    "2018-02-01",
    "2018-04-02",
    "2018-10-01",
    "2019-02-01",
    "2019-03-11",
    "2019-04-30",
    "2019-06-01",
    "2019-06-04",
    "2019-08-01",
    "2019-08-15",
    "2019-11-01",
    "2020-06-01",
    "2020-07-15",
    "2020-09-01",
    "2020-10-01",
    "2020-12-01",
    "2021-01-01",
    "2021-02-01",
    "2021-03-01",
    "2021-05-01",
    "2021-10-01",
    "2021-11-01",
    "2021-11-15",
    "2021-12-13",
    "2023-07-01",
    "2023-11-15",
    "2024-07-17",
    "2025-04-07",
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Service;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    fn get(world: &World, target: &str) -> (u16, String) {
        let request = received(Service::Imds, &format!("GET {target} HTTP/1.1\nHost: a\nMetadata: True"));
        let answer = answer(world, &request);
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    fn ask(world: &World, query: &str) -> (u16, String) {
        get(world, &format!("/metadata/identity/oauth2/token?api-version=2018-02-01&{query}"))
    }

    const ARM: &str = "resource=https%3A%2F%2Fmanagement.azure.com%2F";

    #[test]
    fn every_value_of_a_token_answer_is_a_string() {
        let world = world(true, &[]);
        let (status, body) = ask(&world, ARM);
        assert_eq!(status, 200);
        let rest = body.split_once(r#"","client_id":"#).unwrap().1;
        let expected = concat!(
            r#""00001111-aaaa-2222-bbbb-3333cccc4444","expires_in":"86400","expires_on":"1506570573","#,
            r#""ext_expires_in":"86400","not_before":"1506483873","resource":"https://management.azure.com/","token_type":"Bearer"}"#,
        );
        assert_eq!(rest, expected);
    }

    #[test]
    fn the_resource_comes_back_as_it_went() {
        let world = world(true, &[]);
        for resource in [
            "https://management.azure.com",
            "api://a-b/c",
            "HTTPS://Vault.Azure.Net//",
            "00000003-0000-0000-c000-000000000000",
        ] {
            let (status, body) = ask(&world, &format!("resource={resource}"));
            assert_eq!(status, 200, "{resource}: {body}");
            assert!(body.contains(&format!(r#""resource":"{resource}""#)), "{body}");
        }
    }

    #[test]
    fn an_identity_by_each_of_its_ids() {
        let world = world(true, &["worker", "other"]);
        let mirid = "/SUBSCRIPTIONS/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/devtest/providers\
                     /Microsoft.ManagedIdentity/userAssignedIdentities/WORKER";
        let worker = "11112222-bbbb-3333-cccc-000000000001";
        for (id, client, echo) in [
            (format!("client_id={worker}"), worker, None),
            ("object_id=22223333-CCCC-4444-DDDD-000000000001".to_owned(), worker, Some("object_id")),
            (format!("msi_res_id={mirid}"), worker, Some("msi_res_id")),
            (format!("mi_res_id={mirid}"), worker, Some("mi_res_id")),
            ("client_id=00001111-AAAA-2222-bbbb-3333cccc4444".to_owned(), "00001111-aaaa-2222-bbbb-3333cccc4444", None),
            ("client_id=".to_owned(), "00001111-aaaa-2222-bbbb-3333cccc4444", None),
        ] {
            let (status, body) = ask(&world, &format!("{ARM}&{id}"));
            assert_eq!(status, 200, "{id}: {body}");
            assert!(body.contains(&format!(r#""client_id":"{client}""#)), "{body}");
            let tail = echo.map_or_else(|| r#""Bearer"}"#.to_owned(), |_| id.replacen('=', "\":\"", 1) + "\"}");
            assert!(body.ends_with(&tail), "{body}");
        }
    }

    #[test]
    fn refusals() {
        let two = world(false, &["a", "b"]);
        let none = world(false, &[]);
        let both = world(true, &["a"]);
        let machine = format!("{ARM}&msi_res_id={}", super::super::world::vm_resource_id());
        for (world, query, expected) in [
            (
                &two,
                ARM.to_owned(),
                "Multiple user assigned identities exist, please specify the clientId / resourceId of",
            ),
            (&none, ARM.to_owned(), r#"{"error":"invalid_request","error_description":"Identity not found"}"#),
            (&both, format!("{ARM}&client_id=11112222-bbbb-3333-cccc-000000000002"), "Identity not found"),
            (&both, machine, "Identity not found"),
            (&both, format!("{ARM}&client_id=a&object_id=b"), "Only one of"),
            (&both, format!("{ARM}&{ARM}"), "'resource' was given more than once"),
            (&both, format!("{ARM}&API-version=2018-02-01"), "'api-version' was given more than once"),
            (&both, String::new(), "Required query variable 'resource' is missing"),
            (&both, "resource=".to_owned(), "Required query variable 'resource' is missing"),
            (
                &both,
                "resource=management.azure.com".to_owned(),
                "AADSTS500011: The resource principal named management",
            ),
            (&both, "resource=https://".to_owned(), r#"{"error":"invalid_resource","#),
            (&both, "resource=https://a%20b".to_owned(), r#""error_codes":[500011]"#),
            (&both, "resource=https://a%0d%0aX".to_owned(), r"named https://a\u000d\u000aX was"),
        ] {
            let (status, body) = ask(world, &query);
            assert_eq!(status, 400, "{query}");
            assert!(body.contains(expected), "{query}: {body}");
        }
    }

    #[test]
    fn one_user_assigned_identity_needs_no_id() {
        let (status, body) = ask(&world(false, &["a"]), ARM);
        assert_eq!(status, 200);
        assert!(body.contains("11112222-bbbb-3333-cccc-000000000001"), "{body}");
    }

    #[test]
    fn what_every_request_must_have() {
        let world = world(true, &[]);
        let token = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&{ARM}");
        for (head, status, body) in [
            (
                format!("GET {token} HTTP/1.1\nHost: a"),
                400,
                r#""error_description":"Required metadata header not specified"}"#,
            ),
            (format!("GET {token} HTTP/1.1\nHost: a\nMetadata: yes"), 400, "Required metadata header not specified"),
            (format!("GET {token} HTTP/1.1\nHost: a\nMetadata: true\nX-Forwarded-For: b"), 400, "X-Forwarded-For"),
            (format!("POST {token} HTTP/1.1\nHost: a\nMetadata: true"), 405, "invalid_request"),
            (
                "GET /metadata/instance HTTP/1.1\nHost: a".to_owned(),
                400,
                r#"{"error":"Required metadata header not specified"}"#,
            ),
        ] {
            let answer = answer(&world, &received(Service::Imds, &head));
            assert_eq!(answer.status, status, "{head}");
            let text = String::from_utf8(answer.body).unwrap();
            assert!(text.contains(body), "{head}: {text}");
        }
    }

    #[test]
    fn metadata_beside_tokens() {
        let world = world(true, &[]);
        let newest = r#""newest-versions":["2025-04-07","2024-07-17","2023-11-15"]}"#;
        for (target, status, body) in [
            (
                "/metadata/identity/info?api-version=2018-02-01",
                200,
                r#"{"tenantId":"aaaabbbb-0000-cccc-1111-dddd2222eeee"}"#,
            ),
            ("/metadata/identity/oauth2/token?resource=x", 400, "Required query variable 'api-version' is missing"),
            ("/metadata/identity/oauth2/token?resource=x&api-version=1", 400, "api-version '1' is not supported"),
            ("/metadata/identity/oauth2?api-version=2018-02-01", 401, r#"{"error":"unknown_source","#),
            ("/metadata/versions", 200, r#"{"apiVersions":["2017-03-01","#),
            ("/metadata/instance", 400, newest),
            ("/metadata/instance?api-version=2017-07-01", 400, newest),
            ("/metadata/instance?api-version=2021-02-01", 200, r#"{"compute":{"azEnvironment":"AzurePublicCloud","#),
            ("/Metadata/Instance/Compute?api-version=2021-02-01&format=json", 200, r#"{"azEnvironment":"#),
            ("/metadata/instance/compute/location?api-version=2021-02-01", 400, "format=text"),
            ("/metadata/instance/compute/location?api-version=2021-02-01&format=text", 200, "westus"),
            ("/metadata/instance/compute/tagsList/1/name?api-version=2021-02-01&format=text", 200, "Environment"),
            (
                "/metadata/instance/network/interface/0/ipv4?api-version=2021-02-01&format=text",
                200,
                "ipAddress/\nsubnet/",
            ),
            ("/metadata/instance/compute/nothing?api-version=2021-02-01&format=text", 404, r#"{"error":"Not found"}"#),
            ("/metadata/instance?api-version=2021-02-01&format=xml", 400, "Unknown format"),
            ("/metadata/else?api-version=2021-02-01", 404, "Not found"),
            ("/", 404, "Not found"),
        ] {
            let (got, text) = get(&world, target);
            assert_eq!(got, status, "{target}: {text}");
            assert!(text.contains(body), "{target}: {text}");
        }
    }
}
