//! A Key Vault, as far as reading secrets goes.

use std::collections::BTreeMap;
use std::fmt;

use super::bearer::{self, Flaw};
use super::estate::Paging;
use super::json;
use super::paging;
use super::refusal::{error, error_with};
use super::request::Received;
use super::response::{Outcome, Response};
use super::token;
use super::world::{LOCATION, ManagedIdentity, RESOURCE_GROUP, SUBSCRIPTION, TENANT, World, lock};

/// The vault's secrets by name, each with its version.
#[derive(Clone, Default)]
pub(super) struct Secrets(BTreeMap<String, (String, String)>);

impl Secrets {
    /// Sets a secret, in a version of its own.
    pub(super) fn set(&mut self, name: String, value: String) {
        self.0.insert(name, (token::guid().replace('-', ""), value));
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Answers as the service does: <https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    let response = response
        .header("Cache-Control", "no-cache")
        .header("Pragma", "no-cache")
        .header("x-ms-keyvault-region", LOCATION)
        .header("x-ms-request-id", token::guid())
        .header("x-ms-keyvault-service-version", "1.9.2164.1")
        .header("x-ms-keyvault-network-info", "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;")
        .header("X-Content-Type-Options", "nosniff")
        .header("Strict-Transport-Security", "max-age=31536000;includeSubDomains")
        .dated(request);
    match request.header("x-ms-client-request-id") {
        Some(id) => response.header("x-ms-client-request-id", id),
        None => response,
    }
}

/// What it says of a caller whose address its firewall does not know.
pub(super) fn refused_by_firewall() -> Response {
    let message = format!(
        "Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1\r\n\
         Caller: appid=*****;oid=*****;iss=https://sts.windows.net/{TENANT}/\r\nVault: {VAULT};location={LOCATION}"
    );
    forbidden(&message, "ForbiddenByFirewall")
}

fn route(world: &World, request: &Received) -> Outcome {
    let caller = authenticate(world, request)?;
    if request.parameter("api-version").is_none() {
        return Err(error(400, "BadParameter", "The request URI is missing the required parameter: api-version"));
    }
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if request.method() != "GET" {
        return Err(error(405, "MethodNotAllowed", "Method is not allowed."));
    }
    match segments.as_slice() {
        ["secrets"] => {
            check(world, &caller, "readMetadata", "")?;
            list(world, request)
        }
        ["secrets", name, version @ ..] if version.len() < 2 => {
            check(world, &caller, "getSecret", &format!("/{name}"))?;
            get(world, request, name, version.first().copied())
        }
        _ => Err(Response::new(404)),
    }
}

/// The caller, or the 401 that says where to get a token, and for which resource.
fn authenticate(world: &World, request: &Received) -> Result<ManagedIdentity, Response> {
    bearer::identify(world, request, &[AUDIENCE]).map_err(|flaw| {
        let message = match flaw {
            Flaw::Missing | Flaw::Scheme => "AKV10000: Request is missing a Bearer or PoP token.".to_owned(),
            Flaw::Unknown => "[BearerReadAccessTokenFailed] Error validating token: 'S2S12005'.".to_owned(),
            Flaw::Audience(found) => format!("AKV10022: Invalid audience. Expected {AUDIENCE}, found: {found}."),
            Flaw::Expired(_) => "[TokenExpired] Error validating token: 'S2S12086'.".to_owned(),
            Flaw::Revoked(_) => "AKV10095: The token was issued before its revocation.".to_owned(),
        };
        let challenge = format!("Bearer authorization=\"https://login.windows.net/{TENANT}\", resource=\"{AUDIENCE}\"");
        error(401, "Unauthorized", &message).header("WWW-Authenticate", challenge)
    })
}

fn check(world: &World, caller: &ManagedIdentity, action: &str, below: &str) -> Result<(), Response> {
    if world.may_act(caller) {
        return Ok(());
    }
    let resource = format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/{}/providers/microsoft.keyvault/vaults/{VAULT}/secrets{below}",
        RESOURCE_GROUP.to_ascii_lowercase()
    );
    let message = format!(
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role \
         definitions were changed recently, please observe propagation time.\r\nCaller: appid={};oid={};\
         iss=https://sts.windows.net/{TENANT}/\r\nAction: 'Microsoft.KeyVault/vaults/secrets/{action}/action'\r\n\
         Resource: '{resource}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\n\
         Vault: {VAULT};location={LOCATION}\r\n",
        caller.client_id(),
        caller.object_id()
    );
    Err(forbidden(&message, "ForbiddenByRbac"))
}

fn forbidden(message: &str, inner: &str) -> Response {
    let inner = json::object([("code", json::text(inner))]);
    error_with(403, "Forbidden", message, [("innererror", inner)])
}

fn get(world: &World, request: &Received, name: &str, version: Option<&str>) -> Outcome {
    let found = world.endpoints.secrets.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let found = found.filter(|(_, (known, _))| version.is_none_or(|version| version == known));
    let Some((name, (version, value))) = found else {
        let id = version.map_or_else(|| name.to_owned(), |version| format!("{name}/{version}"));
        let message = format!(
            "A secret with (name/id) {id} was not found in this key vault. If you recently deleted this secret you may be \
             able to recover it using the correct recovery command. For help resolving this issue, please see \
             https://go.microsoft.com/fwlink/?linkid=2125182"
        );
        return Err(error(404, "SecretNotFound", &message));
    };
    let id = format!("{}/secrets/{name}/{version}", request.origin());
    let body = [("value", json::text(value)), ("id", json::text(&id)), ("attributes", attributes())];
    Ok(Response::json(200, json::object(body)))
}

/// <https://learn.microsoft.com/rest/api/keyvault/secrets/get-secrets/get-secrets>.
fn list(world: &World, request: &Received) -> Outcome {
    let Paging { size, empty } = lock(&world.estate).paging;
    let size = request.parameter("maxresults").and_then(|most| most.parse().ok()).unwrap_or_else(|| size.min(25));
    let names: Vec<&String> = world.endpoints.secrets.0.keys().collect();
    let (range, next) = paging::page(Paging { size, empty }, request, names.len())?;
    let item = |name: &&String| {
        let id = format!("{}/secrets/{name}", request.origin());
        json::object([("id", json::text(&id)), ("attributes", attributes())])
    };
    let next = next.map_or_else(|| "null".to_owned(), |next| json::text(&next));
    let value = json::array(paging::cut(&names, range).iter().map(item));
    Ok(Response::json(200, json::object([("value", value), ("nextLink", next)])))
}

fn attributes() -> String {
    let moment = "1506484173".to_owned();
    json::object([
        ("enabled", "true".to_owned()),
        ("created", moment.clone()),
        ("updated", moment),
        ("recoveryLevel", json::text("Recoverable+Purgeable")),
        ("recoverableDays", "90".to_owned()),
    ])
}

/// Without a slash at its end.
const AUDIENCE: &str = "https://vault.azure.net";
const VAULT: &str = "devtest-vault";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Service;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    const NOW: u64 = 1_506_484_173;

    fn vault() -> World {
        let mut world = world(true, &[]);
        world.endpoints.secrets.set("db".to_owned(), "s3cret".to_owned());
        world.endpoints.secrets.set("other".to_owned(), "x".to_owned());
        world
    }

    fn ask(world: &World, line: &str, audience: Option<&str>, age: u64) -> (u16, Response, String) {
        let token = |audience| token::obtain(world, world.system().unwrap(), audience, NOW - age, true).token;
        let bearer =
            audience.map(|audience| format!("\nAuthorization: Bearer {}", token(audience))).unwrap_or_default();
        let answer = answer(world, &received(Service::KeyVault, &format!("{line} HTTP/1.1\nHost: a{bearer}")));
        let body = String::from_utf8(answer.body.clone()).unwrap();
        (answer.status, answer, body)
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", vault().endpoints.secrets);
        assert_eq!(shown, r#"{"db", "other"}"#);
    }

    #[test]
    fn a_secret() {
        let world = vault();
        let line = "GET /secrets/db?api-version=7.4";
        for (line, audience, age, status, words) in [
            (line, Some(AUDIENCE), 0, 200, r#"{"value":"s3cret","id":"https://a/secrets/db/"#),
            (line, None, 0, 401, "AKV10000: Request is missing a Bearer or PoP token."),
            (line, Some("https://management.azure.com/"), 0, 401, "found: https://management.azure.com/."),
            (line, Some(AUDIENCE), 90_000, 401, "TokenExpired"),
            ("GET /secrets/db", Some(AUDIENCE), 0, 400, "BadParameter"),
            ("GET /secrets/nope?api-version=7.4", Some(AUDIENCE), 0, 404, "A secret with (name/id) nope was not found"),
            ("GET /secrets/db/1?api-version=7.4", Some(AUDIENCE), 0, 404, "(name/id) db/1 was"),
            ("PUT /secrets/db?api-version=7.4", Some(AUDIENCE), 0, 405, ""),
            ("GET /keys/db?api-version=7.4", Some(AUDIENCE), 0, 404, ""),
            (
                "GET /secrets?api-version=7.4&maxresults=1",
                Some(AUDIENCE),
                0,
                200,
                r#""nextLink":"https://a/secrets?api-version=7.4&maxresults=1&%24skiptoken="#,
            ),
            ("GET /secrets?api-version=7.4", Some(AUDIENCE), 0, 200, r#""nextLink":null"#),
        ] {
            let (found, answer, body) = ask(&world, line, audience, age);
            assert_eq!(found, status, "{line}: {body}");
            assert!(body.contains(words), "{line}: {body}");
            let challenge = answer.headers.iter().find(|(name, _)| name == "WWW-Authenticate").map(|header| &*header.1);
            let expected = "Bearer authorization=\"https://login.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee\", \
                            resource=\"https://vault.azure.net\"";
            assert_eq!(challenge, (status == 401).then_some(expected));
        }
        world.revoke_role(world.system().unwrap().client_id(), Some(1));
        let (status, _, body) = ask(&world, line, Some(AUDIENCE), 0);
        assert_eq!(status, 403);
        assert!(body.contains("please observe propagation time."), "{body}");
        assert!(body.ends_with(r#""innererror":{"code":"ForbiddenByRbac"}}}"#), "{body}");
        let (status, _, body) = ask(&world, line, Some(AUDIENCE), 0);
        assert_eq!(status, 200);
        let id = body.split('"').nth(7).unwrap().replace("https://a", "");
        assert_eq!(ask(&world, &format!("GET {id}?api-version=7.4"), Some(AUDIENCE), 0).0, 200);
    }
}
