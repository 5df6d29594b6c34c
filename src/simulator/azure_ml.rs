//! The endpoint of Azure Machine Learning, api-version 2017-09-01. App Service once had the same.

use super::aadsts;
use super::clock;
use super::json;
use super::request::Received;
use super::response::{Outcome, Response};
use super::selector;
use super::token;
use super::world::World;

/// Answers as the service does; its wire format is that of
/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference> before 2019.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    response.dated(request)
}

fn route(world: &World, request: &Received) -> Outcome {
    let segments: Vec<String> = request.segments().iter().map(|segment| segment.to_ascii_lowercase()).collect();
    if segments != ["msi", "token"] {
        return Err(error(404, "NotFound", "Not found."));
    }
    if request.method() != "GET" {
        return Err(error(405, "MethodNotAllowed", "Method not allowed.").header("Allow", "GET"));
    }
    if request.header("secret") != Some(&world.endpoints.azure_ml_secret) {
        return Err(error(401, "Unauthorized", "The secret header is missing or wrong."));
    }
    if request.parameter("api-version").as_deref() != Some(VERSION) {
        return Err(error(400, "BadRequest", "Unsupported api-version."));
    }
    let missing = || error(400, "BadRequest", "The query parameter 'resource' is missing.");
    let resource = request.parameter("resource").ok_or_else(missing)?;
    let nobody = || error(400, "BadRequest", "No MSI found for specified ClientId/ResourceId.");
    let identity = match selector::named(world, request, &[selector::CLIENTID]) {
        Ok(Some((identity, _))) => identity,
        Ok(None) => world.default().ok_or_else(nobody)?,
        Err(_) => return Err(nobody()),
    };
    if !aadsts::knows(&resource) {
        return Err(error(500, "InternalServerError", "An unexpected error occured while fetching the AAD Token."));
    }
    let issued = token::obtain(world, identity, &resource, clock::epoch(request.at), false);
    let expiry = if world.endpoints.azure_ml_dates { clock::legacy } else { |epoch: u64| epoch.to_string() };
    let members = [
        ("access_token", issued.token.as_str()),
        ("expires_on", &expiry(issued.expires_on)),
        ("resource", &issued.audience),
        ("token_type", "Bearer"),
        ("client_id", identity.client_id()),
    ];
    Ok(Response::json(200, json::object(members.map(|(name, value)| (name, json::text(value))))))
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let error = json::object([("code", json::text(code)), ("message", json::text(message))]);
    Response::json(status, json::object([("error", error)]))
}

const VERSION: &str = "2017-09-01";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Service;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    fn ask(world: &World, line: &str, header: &str) -> (u16, String) {
        let header = header.replace("GUID", &world.endpoints.azure_ml_secret);
        let answer = answer(world, &received(Service::AzureMl, &format!("{line} HTTP/1.1\nHost: a{header}")));
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    const GOOD: &str = "\nSecret: GUID";
    const ARM: &str = "resource=https%3A%2F%2Fmanagement.azure.com%2F&api-version=2017-09-01";
    const SYSTEM: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";
    const WORKER: &str = "11112222-bbbb-3333-cccc-000000000001";

    #[test]
    fn only_a_client_id_and_only_by_its_old_name() {
        let mut world = world(true, &["worker"]);
        for (id, dates, client, expiry) in [
            (String::new(), false, SYSTEM, "1506570573"),
            ("&clientid=".to_owned(), false, SYSTEM, "1506570573"),
            (format!("&clientid={WORKER}"), false, WORKER, "1506570573"),
            (format!("&client_id={WORKER}"), true, SYSTEM, "09/28/2017 03:49:33 +00:00"),
            ("&object_id=22223333-cccc-4444-dddd-000000000001".to_owned(), true, SYSTEM, "09/28/2017 03:49:33 +00:00"),
        ] {
            world.endpoints.azure_ml_dates = dates;
            let (status, body) = ask(&world, &format!("GET /msi/token?{ARM}{id}"), GOOD);
            assert_eq!(status, 200, "{id}: {body}");
            let rest = body.split_once(r#"","expires_on":"#).unwrap().1;
            let expected = format!(
                r#""{expiry}","resource":"https://management.azure.com/","token_type":"Bearer","client_id":"{client}"}}"#
            );
            assert_eq!(rest, expected, "{id}");
        }
    }

    #[test]
    fn refusals() {
        let (both, none) = (world(true, &["a"]), world(false, &[]));
        let token = format!("GET /msi/token?{ARM}");
        for (world, line, header, status, expected) in [
            (&both, token.clone(), "", 401, r#"{"error":{"code":"Unauthorized","message":"The secret"#),
            (&both, token.clone(), "\nSecret: no", 401, "Unauthorized"),
            (&both, format!("POST /msi/token?{ARM}"), GOOD, 405, "MethodNotAllowed"),
            (&both, format!("GET /?{ARM}"), GOOD, 404, "NotFound"),
            (&both, token.replace("2017-09-01", "2019-08-01"), GOOD, 400, "api-version"),
            (&both, "GET /msi/token?api-version=2017-09-01".to_owned(), GOOD, 400, "'resource' is missing"),
            (&both, format!("{token}&clientid=x"), GOOD, 400, "No MSI found for specified ClientId/ResourceId."),
            (&none, token.clone(), GOOD, 400, "No MSI found"),
            (&both, "GET /msi/token?api-version=2017-09-01&resource=x".to_owned(), GOOD, 500, "InternalServerError"),
        ] {
            let (got, body) = ask(world, &line, header);
            assert_eq!(got, status, "{line}: {body}");
            assert!(body.contains(expected), "{line}: {body}");
        }
    }
}
