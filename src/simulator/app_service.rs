//! The endpoint that App Service, Functions and Container Apps give their applications, api-version 2019-08-01.

use super::aadsts;
use super::clock;
use super::json;
use super::request::Received;
use super::response::{Outcome, Response};
use super::selector::{self, Parameter};
use super::token;
use super::world::World;

/// Answers as the service does: <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    response.header("Server", "Kestrel").dated(request)
}

fn route(world: &World, request: &Received) -> Outcome {
    let segments: Vec<String> = request.segments().iter().map(|segment| segment.to_ascii_lowercase()).collect();
    if segments != ["msi", "token"] {
        return Err(Response::new(404));
    }
    if request.method() != "GET" {
        return Err(Response::new(405).header("Allow", "GET"));
    }
    if request.header("x-identity-header") != Some(&world.endpoints.app_service_header) {
        return Err(error(401, "The X-IDENTITY-HEADER header is missing or wrong."));
    }
    if request.parameter("api-version").as_deref() != Some(VERSION) {
        return Err(error(400, "Unsupported api-version."));
    }
    let resource =
        request.parameter("resource").ok_or_else(|| error(400, "The query parameter 'resource' is missing."))?;
    let identity = match selector::named(world, request, &ID_PARAMETERS) {
        Ok(Some((identity, _))) => identity,
        // A user-assigned identity is never guessed, even where it is the only one.
        Ok(None) => world.system().ok_or_else(|| error(400, "Unable to load the proper Managed Identity."))?,
        Err(_) => return Err(error(400, NOBODY)),
    };
    if !aadsts::knows(&resource) {
        return Err(error(500, "An unexpected error occured while fetching the AAD Token."));
    }
    let issued = token::obtain(world, identity, &resource, clock::epoch(request.at), false);
    let members = [
        ("access_token", issued.token.as_str()),
        ("expires_on", &issued.expires_on.to_string()),
        ("resource", &issued.audience),
        ("token_type", "Bearer"),
        ("client_id", identity.client_id()),
    ];
    Ok(Response::json(200, json::object(members.map(|(name, value)| (name, json::text(value))))))
}

fn error(status: u16, message: &str) -> Response {
    let members = [
        ("statusCode", status.to_string()),
        ("message", json::text(message)),
        ("correlationId", json::text(&token::guid())),
    ];
    Response::json(status, json::object(members))
}

const VERSION: &str = "2019-08-01";
/// `msi_res_id` is not among them: the service passes over it, and answers for the system-assigned identity.
const ID_PARAMETERS: [Parameter; 4] =
    [selector::CLIENT_ID, selector::OBJECT_ID, selector::PRINCIPAL_ID, selector::MI_RES_ID];
const NOBODY: &str =
    "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Service;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    fn ask(world: &World, line: &str, header: &str) -> (u16, String) {
        let header = header.replace("GUID", &world.endpoints.app_service_header);
        let answer = answer(world, &received(Service::AppService, &format!("{line} HTTP/1.1\nHost: a{header}")));
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    const GOOD: &str = "\nx-identity-header: GUID";
    const ARM: &str = "api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
    const SYSTEM: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";
    const WORKER: &str = "11112222-bbbb-3333-cccc-000000000001";

    #[test]
    fn an_identity_by_each_of_its_ids() {
        let world = world(true, &["worker"]);
        let mirid = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourcegroups/DevTest/providers\
                     /Microsoft.ManagedIdentity/userAssignedIdentities/worker";
        for (id, client) in [
            (String::new(), SYSTEM),
            (format!("&client_id={SYSTEM}"), SYSTEM),
            (format!("&client_id={WORKER}"), WORKER),
            ("&object_id=22223333-cccc-4444-dddd-000000000001".to_owned(), WORKER),
            ("&principal_id=22223333-cccc-4444-dddd-000000000001".to_owned(), WORKER),
            (format!("&mi_res_id={mirid}"), WORKER),
            (format!("&msi_res_id={mirid}"), SYSTEM),
            (format!("&clientid={WORKER}"), SYSTEM),
        ] {
            let (status, body) = ask(&world, &format!("GET /MSI/token/?{ARM}{id}"), GOOD);
            assert_eq!(status, 200, "{id}: {body}");
            let rest = body.split_once(r#"","expires_on":"#).unwrap().1;
            let expected = format!(
                r#""1506570573","resource":"https://management.azure.com/","token_type":"Bearer","client_id":"{client}"}}"#
            );
            assert_eq!(rest, expected, "{id}");
        }
    }

    #[test]
    fn refusals() {
        let (both, user) = (world(true, &["a"]), world(false, &["a"]));
        let token = format!("GET /msi/token?{ARM}");
        for (world, line, header, status, expected) in [
            (&both, token.clone(), "", 401, r#"{"statusCode":401,"message":"The X-IDENTITY-HEADER"#),
            (&both, token.clone(), "\nX-IDENTITY-HEADER: no", 401, "X-IDENTITY-HEADER"),
            (&both, format!("POST /msi/token?{ARM}"), GOOD, 405, ""),
            (&both, "GET /metadata/identity/oauth2/token".to_owned(), GOOD, 404, ""),
            (&both, token.replace("2019-08-01", "2017-09-01"), GOOD, 400, "api-version"),
            (&both, "GET /msi/token?api-version=2019-08-01".to_owned(), GOOD, 400, "'resource' is missing"),
            (&both, format!("{token}&client_id=x"), GOOD, 400, NOBODY),
            (&both, format!("{token}&client_id=x&object_id=y"), GOOD, 400, NOBODY),
            (&user, token.clone(), GOOD, 400, "Unable to load the proper Managed Identity."),
            (
                &both,
                "GET /msi/token?api-version=2019-08-01&resource=x".to_owned(),
                GOOD,
                500,
                r#"{"statusCode":500,"message":"An unexpected error"#,
            ),
        ] {
            let (got, body) = ask(world, &line, header);
            assert_eq!(got, status, "{line}: {body}");
            assert!(body.contains(expected), "{line}: {body}");
            assert_eq!(body.contains(r#"","correlationId":""#), !expected.is_empty(), "{body}");
        }
    }
}
