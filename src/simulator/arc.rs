//! The agent of an Azure Arc-enabled server: a token only for who can read a file on the machine.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::aadsts;
use super::clock;
use super::json;
use super::request::Received;
use super::response::{Outcome, Response};
use super::selector::{self, Parameter};
use super::token;
use super::world::{World, lock};
use crate::base64::{URL_SAFE, encode};

/// Answers as the agent does: <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    response.dated(request)
}

/// The key files that wait for their one use.
pub(super) struct Agent {
    pub(super) directory: PathBuf,
    /// An agent from before user-assigned identities: it passes over a selector instead of refusing it.
    pub(super) legacy: bool,
    /// By contents.
    keys: Mutex<HashMap<String, PathBuf>>,
}

impl Agent {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, legacy: false, keys: Mutex::default() }
    }

    /// The path of a new key file.
    fn challenge(&self) -> io::Result<PathBuf> {
        let path = self.directory.join(format!("{}.key", token::guid()));
        let key = encode(URL_SAFE, &token::random::<48>());
        create(&path)?.write_all(key.as_bytes())?;
        lock(&self.keys).insert(key, path.clone());
        Ok(path)
    }

    /// Whether these are the contents of a key file. They never are again.
    fn redeem(&self, key: &str) -> bool {
        let path = lock(&self.keys).remove(key);
        // A client that removed the file is no reason to fail.
        path.map(|path| drop(fs::remove_file(path))).is_some()
    }
}

/// For its owner alone, as the agent's are for it and its group.
fn create(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn route(world: &World, request: &Received) -> Outcome {
    let now = clock::epoch(request.at);
    let error = |status, error: &str, description: &str| Err(refusal(status, error, description, now));
    let segments: Vec<String> = request.segments().iter().map(|segment| segment.to_ascii_lowercase()).collect();
    if segments != ["metadata", "identity", "oauth2", "token"] {
        return error(404, "not_found", "Not found");
    }
    if !request.has_metadata() {
        return error(400, "invalid_request", "Required metadata header not specified");
    }
    if request.method() != "GET" {
        return error(405, "invalid_request", "Method not allowed");
    }
    let version = request.parameter("api-version").unwrap_or_default();
    if !VERSIONS.contains(&version.as_str()) {
        return error(400, "invalid_request", &format!("api-version '{version}' is not supported"));
    }
    let Some(resource) = request.parameter("resource") else {
        return error(400, "invalid_request", "Required query variable 'resource' is missing");
    };
    authorize(world, request, now)?;
    let selectors: &[Parameter] = if world.endpoints.arc.legacy { &[] } else { &ID_PARAMETERS };
    let (identity, named) = match selector::named(world, request, selectors) {
        Ok(Some((identity, named))) => (identity, Some(named)),
        Ok(None) => match world.system() {
            Some(identity) => (identity, None),
            None => return error(400, "invalid_request", "Identity not found"),
        },
        Err(_) => {
            return error(404, "identity_not_found", "The requested identity is not assigned to this machine");
        }
    };
    if !aadsts::knows(&resource) {
        return Err(aadsts::unknown_resource(&resource).response(now, "login.microsoftonline.com"));
    }
    let issued = token::obtain(world, identity, &resource, now, false);
    let mut members = vec![
        ("access_token", json::text(&issued.token)),
        ("refresh_token", json::text("")),
        ("expires_in", json::text(&issued.expires_on.saturating_sub(now).to_string())),
        ("expires_on", json::text(&issued.expires_on.to_string())),
        ("not_before", json::text(&issued.not_before.to_string())),
        ("ext_expires_in", world.token_lifetime.as_secs().to_string()),
        ("resource", json::text(&issued.audience)),
        ("token_type", json::text("Bearer")),
    ];
    members.extend(named.map(|(name, value)| (name, json::text(&value))));
    Ok(Response::json(200, json::object(members)))
}

/// Lets through who can read the key files; anyone else gets a new one to read.
fn authorize(world: &World, request: &Received, now: u64) -> Result<(), Response> {
    let agent = &world.endpoints.arc;
    let basic = request.header("authorization").and_then(|value| value.split_once(' '));
    let basic = basic.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let why = match basic {
        Some((_, key)) if agent.redeem(key) => return Ok(()),
        Some(_) => "Invalid Basic Authorization header",
        None => "Missing Basic Authorization header",
    };
    let answer = refusal(401, "unauthorized_client", why, now);
    match agent.challenge() {
        Ok(path) => Err(answer.header("WWW-Authenticate", format!("Basic realm={}", path.display()))),
        Err(error) => Err(refusal(500, "server_error", &format!("The key file cannot be written: {error}"), now)),
    }
}

fn refusal(status: u16, error: &str, description: &str, now: u64) -> Response {
    let members = [
        ("error", json::text(error)),
        ("error_description", json::text(description)),
        ("error_codes", format!("[{status}]")),
        ("timestamp", json::text(&clock::entra(now))),
        ("trace_id", json::text("")),
        ("correlation_id", json::text(&token::guid())),
    ];
    Response::json(status, json::object(members))
}

const VERSIONS: [&str; 3] = ["2019-11-01", "2020-06-01", "2021-02-01"];
/// `mi_res_id` is not among them: the agent passes over it.
const ID_PARAMETERS: [Parameter; 3] = [selector::CLIENT_ID, selector::OBJECT_ID, selector::MSI_RES_ID];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Service;
    use super::super::endpoints::Endpoints;
    use super::super::folder::Folder;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    const ARM: &str = "api-version=2020-06-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
    const WORKER: &str = "11112222-bbbb-3333-cccc-000000000001";

    fn machine(users: &[&str]) -> (World, Folder) {
        let folder = Folder::new().unwrap();
        let mut world = world(true, users);
        world.endpoints = Endpoints::new(folder.path());
        fs::create_dir_all(&world.endpoints.arc.directory).unwrap();
        (world, folder)
    }

    fn ask(world: &World, query: &str, headers: &str) -> Response {
        let line = format!("GET /metadata/identity/oauth2/token?{query} HTTP/1.1\nHost: a\nMetadata: true{headers}");
        answer(world, &received(Service::AzureArc, &line))
    }

    fn realm(answer: &Response) -> PathBuf {
        assert_eq!(answer.status, 401);
        let value = answer.headers.iter().find(|(name, _)| name == "WWW-Authenticate").unwrap();
        PathBuf::from(value.1.strip_prefix("Basic realm=").unwrap())
    }

    fn both_legs(world: &World, query: &str) -> (u16, String) {
        let key = fs::read_to_string(realm(&ask(world, query, ""))).unwrap();
        let answer = ask(world, query, &format!("\nAuthorization: Basic {key}"));
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn a_key_opens_once() {
        let (world, folder) = machine(&[]);
        let first = ask(&world, ARM, "");
        let path = realm(&first);
        assert_eq!(path.parent(), Some(folder.path().join("tokens").as_path()));
        assert_eq!(path.extension().unwrap(), "key");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        let body = String::from_utf8(first.body).unwrap();
        let expected = r#"{"error":"unauthorized_client","error_description":"Missing Basic Authorization header","error_codes":[401],"#;
        assert!(body.starts_with(expected), "{body}");

        let key = format!("\nAuthorization: Basic {}", fs::read_to_string(&path).unwrap());
        let second = realm(&ask(&world, ARM, "\nAuthorization: Basic x"));
        assert_ne!(second, path);
        assert_eq!(ask(&world, ARM, &key).status, 200);
        assert!(!path.exists() && second.exists());
        realm(&ask(&world, ARM, &key));
    }

    #[test]
    fn the_answer_names_who_was_asked_for() {
        let (mut world, _folder) = machine(&["worker"]);
        let mirid = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourcegroups/DevTest/providers\
                     /Microsoft.ManagedIdentity/userAssignedIdentities/worker";
        for (id, echo) in [
            (String::new(), String::new()),
            (format!("&client_id={WORKER}"), format!(r#","client_id":"{WORKER}""#)),
            (
                "&object_id=22223333-CCCC-4444-dddd-000000000001".to_owned(),
                r#","object_id":"22223333-CCCC-4444-dddd-000000000001""#.to_owned(),
            ),
            (format!("&msi_res_id={mirid}"), format!(r#","msi_res_id":"{mirid}""#)),
            (format!("&mi_res_id={mirid}"), String::new()),
        ] {
            for legacy in [false, true] {
                world.endpoints.arc.legacy = legacy;
                let (status, body) = both_legs(&world, &format!("{ARM}{id}"));
                assert_eq!(status, 200, "{id}: {body}");
                let end = if legacy { "" } else { &echo };
                assert!(body.ends_with(&format!(r#""token_type":"Bearer"{end}}}"#)), "{id}: {body}");
                assert!(
                    body.contains(r#""refresh_token":"","expires_in":"86400","expires_on":"1506570573""#),
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn refusals_after_the_challenge() {
        let (mut world, _folder) = machine(&["worker"]);
        for (query, status, expected) in [
            (format!("{ARM}&client_id=x"), 404, r#"{"error":"identity_not_found","#),
            (format!("{ARM}&client_id=x&object_id=y"), 404, "identity_not_found"),
            ("api-version=2021-02-01&resource=x".to_owned(), 400, "AADSTS500011"),
        ] {
            let (got, body) = both_legs(&world, &query);
            assert_eq!(got, status, "{query}: {body}");
            assert!(body.contains(expected), "{query}: {body}");
        }
        world.identities.retain(|identity| identity.name.is_some());
        assert!(both_legs(&world, ARM).1.contains("Identity not found"));
    }

    #[test]
    fn refusals_before_any_challenge() {
        let (world, _folder) = machine(&[]);
        let path = "/metadata/identity/oauth2/token";
        for (head, status, expected) in [
            (format!("GET {path}?{ARM} HTTP/1.1\nHost: a"), 400, "Required metadata header not specified"),
            (format!("POST {path}?{ARM} HTTP/1.1\nHost: a\nMetadata: true"), 405, "Method not allowed"),
            ("GET /metadata/instance HTTP/1.1\nHost: a\nMetadata: true".to_owned(), 404, "Not found"),
            (
                format!("GET {path}?api-version=2018-02-01&resource=https://a HTTP/1.1\nHost: a\nMetadata: true"),
                400,
                "2018",
            ),
            (format!("GET {path}?api-version=2019-11-01 HTTP/1.1\nHost: a\nMetadata: true"), 400, "'resource'"),
        ] {
            let answer = answer(&world, &received(Service::AzureArc, &head));
            assert_eq!(answer.status, status, "{head}");
            assert!(String::from_utf8(answer.body).unwrap().contains(expected), "{head}");
        }
        assert_eq!(fs::read_dir(&world.endpoints.arc.directory).unwrap().count(), 0);
    }
}
