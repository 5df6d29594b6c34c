//! The endpoint of the Azure Cloud Shell: tokens of the person who is signed in, for a fixed list of audiences.

use super::clock;
use super::json;
use super::request::Received;
use super::response::{Outcome, Response};
use super::token;
use super::world::{ManagedIdentity, World};

/// Answers as the service does: <https://learn.microsoft.com/azure/cloud-shell/msi-authorization>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    response.dated(request)
}

fn route(world: &World, request: &Received) -> Outcome {
    let segments: Vec<String> = request.segments().iter().map(|segment| segment.to_ascii_lowercase()).collect();
    if segments != ["oauth2", "token"] {
        return Err(error(404, "NotFound", "Not found."));
    }
    if request.method() != "POST" {
        return Err(error(405, "MethodNotAllowed", "Method not allowed.").header("Allow", "POST"));
    }
    if !request.has_metadata() {
        return Err(error(400, "BadRequest", "Required metadata header not specified"));
    }
    let resource = request.field("resource").filter(|_| request.is_form());
    let resource = resource.ok_or_else(|| error(400, "BadRequest", "The parameter 'resource' is missing."))?;
    if !AUDIENCES.iter().any(|audience| bare(audience).eq_ignore_ascii_case(bare(&resource))) {
        let message = format!(
            "Audience {resource} is not a supported MSI token audience. Supported audiences: {}",
            AUDIENCES.join(",")
        );
        return Err(error(400, "AudienceNotSupported", &message));
    }
    let now = clock::epoch(request.at);
    let issued = token::obtain(world, &ManagedIdentity::signed_in(), &resource, now, false);
    let members = [
        ("access_token", issued.token.as_str()),
        ("refresh_token", ""),
        ("expires_in", &issued.expires_on.saturating_sub(now).to_string()),
        ("expires_on", &issued.expires_on.to_string()),
        ("not_before", &issued.not_before.to_string()),
        ("resource", &issued.audience),
        ("token_type", "Bearer"),
    ];
    Ok(Response::json(200, json::object(members.map(|(name, value)| (name, json::text(value))))))
}

/// The list itself is of two minds about slashes.
fn bare(audience: &str) -> &str {
    audience.strip_suffix('/').unwrap_or(audience)
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let error = json::object([("code", json::text(code)), ("message", json::text(message))]);
    Response::json(status, json::object([("error", error)]))
}

/// As in the service's own message, <https://github.com/Azure/CloudShell/issues/155> and later ones.
const AUDIENCES: [&str; 29] = [
    "https://management.core.windows.net/",
    "https://management.azure.com/",
    "https://graph.windows.net/",
    "https://vault.azure.net",
    "https://datalake.azure.net/",
    "https://outlook.office365.com/",
    "https://graph.microsoft.com/",
    "https://batch.core.windows.net/",
    "https://analysis.windows.net/powerbi/api",
    "https://storage.azure.com/",
    "https://rest.media.azure.net",
    "https://api.loganalytics.io",
    "https://ossrdbms-aad.database.windows.net",
    "https://www.yammer.com",
    "https://digitaltwins.azure.net",
    "0b07f429-9f4b-4714-9392-cc5e8e80c8b0",
    "822c8694-ad95-4735-9c55-256f7db2f9b4",
    "https://dev.azuresynapse.net",
    "https://database.windows.net",
    "https://quantum.microsoft.com",
    "https://iothubs.azure.net",
    "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d",
    "https://azuredatabricks.net/",
    "ce34e7e5-485f-4d76-964f-b3d2b16d1e4f",
    "https://azure-devices-provisioning.net",
    "https://managedhsm.azure.net",
    "499b84ac-1321-427f-aa17-267ca6975798",
    "https://api.adu.microsoft.com/",
    "https://purview.azure.net/",
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Service;
    use super::super::request::{posted, received};
    use super::super::world::world;
    use super::*;

    const HEAD: &str = "POST /oauth2/token HTTP/1.1\nHost: a\nMetadata: true";

    fn text(answer: Response) -> (u16, String) {
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn every_value_is_a_string() {
        let world = world(false, &[]);
        for resource in ["https://management.azure.com/", "https://management.azure.com", AUDIENCES[15]] {
            let request = posted(Service::CloudShell, HEAD, &format!("resource={resource}"));
            let (status, body) = text(answer(&world, &request));
            assert_eq!(status, 200, "{body}");
            let rest = body.split_once(r#"","refresh_token":"#).unwrap().1;
            let expected = format!(
                r#""","expires_in":"86400","expires_on":"1506570573","not_before":"1506483873","resource":"{resource}","token_type":"Bearer"}}"#
            );
            assert_eq!(rest, expected);
        }
    }

    #[test]
    fn refusals() {
        let world = world(true, &[]);
        let form = "resource=https%3A%2F%2Fmanagement.azure.com%2F";
        let unsupported = r#"{"error":{"code":"AudienceNotSupported","message":"Audience https://ai.azure.com is not a supported MSI token audience. Supported audiences: https://management.core.windows.net/,https://management.azure.com/,"#;
        for (request, status, expected) in [
            (posted(Service::CloudShell, HEAD, "resource=https://ai.azure.com"), 400, unsupported),
            (posted(Service::CloudShell, HEAD, ""), 400, "'resource' is missing"),
            (posted(Service::CloudShell, &HEAD.replace("/oauth2", "/msi"), form), 404, "NotFound"),
            (posted(Service::CloudShell, &HEAD.replace("Metadata", "X"), form), 400, "Required metadata header"),
            (posted(Service::CloudShell, &HEAD.replace("POST", "GET"), form), 405, "MethodNotAllowed"),
            (
                Received { body: form.as_bytes().to_vec(), ..received(Service::CloudShell, HEAD) },
                400,
                "'resource' is missing",
            ),
        ] {
            let (got, body) = text(answer(&world, &request));
            assert_eq!(got, status, "{body}");
            assert!(body.contains(expected), "{body}");
        }
    }
}
