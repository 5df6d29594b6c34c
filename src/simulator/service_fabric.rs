//! The endpoint of Service Fabric, api-version 2019-07-01-preview.

use super::aadsts;
use super::clock;
use super::json;
use super::request::Received;
use super::response::{Outcome, Response};
use super::token;
use super::world::World;

/// Answers as the service does:
/// <https://learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    response.header("Server", "Kestrel").dated(request)
}

fn route(world: &World, request: &Received) -> Outcome {
    let segments: Vec<String> = request.segments().iter().map(|segment| segment.to_ascii_lowercase()).collect();
    if segments != ["metadata", "identity", "oauth2", "token"] {
        return Err(Response::new(404));
    }
    if request.method() != "GET" {
        return Err(Response::new(405).header("Allow", "GET"));
    }
    let Some(secret) = request.header("secret").filter(|secret| !secret.is_empty()) else {
        return Err(error(400, "SecretHeaderNotFound", "Secret is not found in the request headers."));
    };
    let version = request.parameter("api-version").unwrap_or_default();
    if version != VERSION {
        let message = format!("The api-version '{version}' is not supported. Supported version is '{VERSION}'.");
        return Err(error(400, "InvalidApiVersion", &message));
    }
    let Some(resource) = request.parameter("resource") else {
        let message = "The parameter 'resource' should not be null or empty string.";
        return Err(error(400, "ArgumentNullOrEmpty", message));
    };
    // The identity is the application manifest's choice; no parameter of the request has a say.
    let identity = world.default().filter(|_| secret == world.endpoints.service_fabric_secret);
    let Some(identity) = identity else {
        let message = "Managed identity not found for the specified application host.";
        return Err(error(404, "ManagedIdentityNotFound", message));
    };
    if !aadsts::knows(&resource) {
        return Err(error(500, "InternalServerError", "An error occurred."));
    }
    let issued = token::obtain(world, identity, &resource, clock::epoch(request.at), false);
    let members = [
        ("token_type", json::text("Bearer")),
        ("access_token", json::text(&issued.token)),
        ("expires_on", issued.expires_on.to_string()),
        ("resource", json::text(&issued.audience)),
    ];
    Ok(Response::json(200, json::object(members)))
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let members =
        [("correlationId", json::text(&token::guid())), ("code", json::text(code)), ("message", json::text(message))];
    Response::json(status, json::object([("error", json::object(members))]))
}

const VERSION: &str = "2019-07-01-preview";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Service;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    fn ask(world: &World, line: &str, header: &str) -> (u16, String) {
        let header = header.replace("GUID", &world.endpoints.service_fabric_secret);
        let answer = answer(world, &received(Service::ServiceFabric, &format!("{line} HTTP/1.1\nHost: a{header}")));
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    const GOOD: &str = "\nSecret: GUID";
    const PATH: &str = "GET /metadata/identity/oauth2/token?api-version=2019-07-01-preview";

    #[test]
    fn the_expiry_is_a_number() {
        for world in [world(true, &["a"]), world(false, &["a", "b"])] {
            let (status, body) = ask(&world, &format!("{PATH}&resource=https://vault.azure.net"), GOOD);
            assert_eq!(status, 200, "{body}");
            assert!(body.starts_with(r#"{"token_type":"Bearer","access_token":"ey"#), "{body}");
            assert!(body.ends_with(r#"","expires_on":1506570573,"resource":"https://vault.azure.net"}"#), "{body}");
        }
    }

    #[test]
    fn refusals() {
        let (both, none) = (world(true, &["a"]), world(false, &[]));
        let token = format!("{PATH}&resource=https://vault.azure.net");
        for (world, line, header, status, code) in [
            (&both, token.clone(), "", 400, "SecretHeaderNotFound"),
            (&both, token.clone(), "\nSecret:", 400, "SecretHeaderNotFound"),
            (&both, token.clone(), "\nSecret: no", 404, "ManagedIdentityNotFound"),
            (&none, token.clone(), GOOD, 404, "ManagedIdentityNotFound"),
            (&both, PATH.to_owned(), GOOD, 400, "ArgumentNullOrEmpty"),
            (&both, token.replace("2019-07-01-preview", "2018-02-01"), GOOD, 400, "InvalidApiVersion"),
            (&both, format!("{PATH}&resource=x"), GOOD, 500, "InternalServerError"),
            (&both, token.replace("GET", "POST"), GOOD, 405, ""),
            (&both, "GET /".to_owned(), GOOD, 404, ""),
        ] {
            let (got, body) = ask(world, &line, header);
            assert_eq!(got, status, "{line}: {body}");
            let expected = if code.is_empty() { String::new() } else { format!(r#"","code":"{code}","message":""#) };
            assert!(body.contains(&expected), "{line}: {body}");
        }
        assert!(ask(&both, &token, "").1.starts_with(r#"{"error":{"correlationId":""#));
    }
}
