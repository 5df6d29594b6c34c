//! Azure Resource Manager, as far as reading subscriptions and resource groups goes.

use super::clock;
use super::json;
use super::request::Received;
use super::response::{Outcome, Response};
use super::token;
use super::world::{Group, ManagedIdentity, SUBSCRIPTION, TENANT, World, lock};

/// Answers as the service does: <https://learn.microsoft.com/rest/api/resources/resource-groups/get>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    let now = clock::epoch(request.at);
    let correlation = request.header("x-ms-correlation-request-id").map_or_else(token::guid, str::to_owned);
    let failed = response.status >= 400;
    let mut response = response
        .header("Cache-Control", "no-cache")
        .header("Pragma", "no-cache")
        .header("x-ms-request-id", token::guid())
        .header("x-ms-correlation-request-id", correlation)
        .header("x-ms-routing-request-id", format!("WESTUS:{}:{}", clock::compact(now), token::guid()))
        .header("x-ms-ratelimit-remaining-subscription-reads", "249")
        .header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        .header("X-Content-Type-Options", "nosniff")
        .header("Date", clock::http(now));
    if let Some(id) = request.header("x-ms-client-request-id") {
        response = response.header("x-ms-client-request-id", id);
    }
    if failed { response.header("x-ms-failure-cause", "gateway") } else { response }
}

fn route(world: &World, request: &Received) -> Outcome {
    let caller = authenticate(world, request)?;
    check_version(request)?;
    let segments = request.segments();
    let keywords: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let keywords: Vec<&str> = keywords.iter().map(String::as_str).collect();
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    if !matches!(request.method(), "GET" | "HEAD") {
        return Err(wrong_method(request));
    }
    let reader = Reader { world, caller: &caller };
    match (keywords.as_slice(), names.as_slice()) {
        (["subscriptions"], _) => Ok(subscriptions(world, &caller)),
        (["subscriptions", ..], [_, id, ..]) if !is_guid(id) => {
            let message = format!("The provided subscription identifier '{id}' is malformed or invalid.");
            Err(error(400, "InvalidSubscriptionId", &message))
        }
        (["subscriptions", ..], [_, id, ..]) if !id.eq_ignore_ascii_case(SUBSCRIPTION) => {
            Err(error(404, "SubscriptionNotFound", &format!("The subscription '{id}' could not be found.")))
        }
        (["subscriptions", _], _) => {
            reader.check("Microsoft.Resources/subscriptions/read", "")?;
            Ok(Response::json(200, subscription()))
        }
        (["subscriptions", _, "resourcegroups"], _) => {
            reader.check("Microsoft.Resources/subscriptions/resourceGroups/read", "")?;
            Ok(Response::json(200, json::object([("value", json::array(world.groups.iter().map(group)))])))
        }
        (["subscriptions", _, "resourcegroups", _], [.., name]) => resource_group(&reader, request, name),
        (["subscriptions", _, "providers", ..], [_, _, _, path @ ..])
        | (["subscriptions", _, "resourcegroups", _, "providers", ..], [_, _, _, _, _, path @ ..]) => {
            Err(no_such_type(request, path))
        }
        (["subscriptions", ..], _) => Err(no_such_path(request)),
        _ => {
            let message = "The request did not have a subscription or a valid tenant level resource provider.";
            Err(error(404, "MissingSubscription", message))
        }
    }
}

/// The identity behind the bearer token, or the 401 that says what is wrong with it.
fn authenticate(world: &World, request: &Received) -> Result<ManagedIdentity, Response> {
    let Some(authorization) = request.header("authorization") else {
        return Err(unauthorized(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ));
    };
    let Some(token) = authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        let message = "Authentication failed. The 'Authorization' header is provided in an invalid format.";
        return Err(unauthorized("AuthenticationFailedInvalidHeader", message));
    };
    let Some(issued) = lock(&world.tokens).find(token.1) else {
        return Err(unauthorized("InvalidAuthenticationToken", "The access token is invalid."));
    };
    if !AUDIENCES.contains(&issued.audience.as_str()) {
        let message = format!(
            "The access token has been obtained for wrong audience or resource '{}'. \
             It should exactly match with one of the allowed audiences '{}'.",
            issued.audience,
            AUDIENCES.join("','")
        );
        return Err(unauthorized("InvalidAuthenticationTokenAudience", &message));
    }
    let now = clock::epoch(request.at);
    if now >= issued.expires_on {
        let message = format!(
            "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
            clock::american(issued.expires_on),
            clock::american(now)
        );
        return Err(unauthorized("ExpiredAuthenticationToken", &message));
    }
    Ok(issued.identity)
}

fn check_version(request: &Received) -> Result<(), Response> {
    let Some(version) = request.parameter("api-version") else {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(error(400, "MissingApiVersionParameter", message));
    };
    if VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(&version)) {
        return Ok(());
    }
    let message =
        format!("The api-version '{version}' is invalid. The supported versions are '{}'.", VERSIONS.join(","));
    Err(error(400, "InvalidApiVersionParameter", &message))
}

/// Who reads.
struct Reader<'a> {
    world: &'a World,
    caller: &'a ManagedIdentity,
}

impl Reader<'_> {
    fn check(&self, action: &str, below: &str) -> Result<(), Response> {
        if self.world.may_read(self.caller) {
            return Ok(());
        }
        let message = format!(
            "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope \
             '/subscriptions/{SUBSCRIPTION}{below}' or the scope is invalid. If access was recently granted, please refresh \
             your credentials.",
            self.caller.client_id(),
            self.caller.object_id()
        );
        Err(error(403, "AuthorizationFailed", &message))
    }
}

fn resource_group(reader: &Reader<'_>, request: &Received, name: &str) -> Outcome {
    reader.check("Microsoft.Resources/subscriptions/resourceGroups/read", &format!("/resourceGroups/{name}"))?;
    let found = reader.world.group(name);
    if request.method() == "HEAD" {
        return Ok(Response::new(if found.is_some() { 204 } else { 404 }));
    }
    let missing = || error(404, "ResourceGroupNotFound", &format!("Resource group '{name}' could not be found."));
    Ok(Response::json(200, group(found.ok_or_else(missing)?)))
}

fn group(group: &Group) -> String {
    json::object([
        ("id", json::text(&format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{}", group.name))),
        ("name", json::text(&group.name)),
        ("location", json::text(&group.location)),
        ("properties", json::object([("provisioningState", json::text("Succeeded"))])),
    ])
}

/// The list is empty for a caller without a role; it is not an error.
fn subscriptions(world: &World, caller: &ManagedIdentity) -> Response {
    let seen: Vec<String> = world.may_read(caller).then(subscription).into_iter().collect();
    let count = json::object([("type", json::text("Total")), ("value", seen.len().to_string())]);
    Response::json(200, json::object([("value", json::array(seen)), ("count", count)]))
}

fn subscription() -> String {
    let policies = json::object([
        ("locationPlacementId", json::text("Public_2014-09-01")),
        ("quotaId", json::text("PayAsYouGo_2014-09-01")),
        ("spendingLimit", json::text("Off")),
    ]);
    json::object([
        ("id", json::text(&format!("/subscriptions/{SUBSCRIPTION}"))),
        ("authorizationSource", json::text("RoleBased")),
        ("managedByTenants", "[]".to_owned()),
        ("subscriptionId", json::text(SUBSCRIPTION)),
        ("tenantId", json::text(TENANT)),
        ("displayName", json::text("DevTest")),
        ("state", json::text("Enabled")),
        ("subscriptionPolicies", policies),
    ])
}

fn no_such_type(request: &Received, path: &[&str]) -> Response {
    let [namespace, kind, ..] = path else { return no_such_path(request) };
    let version = request.parameter("api-version").unwrap_or_default();
    let message = format!(
        "The resource type '{kind}' could not be found in the namespace '{namespace}' for api version '{version}'."
    );
    error(404, "InvalidResourceType", &message)
}

fn no_such_path(request: &Received) -> Response {
    let path = request.target().split('?').next().unwrap_or_default();
    error(404, "NotFound", &format!("No HTTP resource was found that matches the request URI '{path}'."))
}

/// This one comes from the web framework, hence the other form.
fn wrong_method(request: &Received) -> Response {
    let message = format!("The requested resource does not support http method '{}'.", request.method());
    Response::json(405, json::object([("Message", json::text(&message))])).header("Allow", "GET, HEAD")
}

fn unauthorized(code: &str, message: &str) -> Response {
    let challenge = format!(
        "Bearer authorization_uri=\"https://login.windows.net/{TENANT}\", error=\"invalid_token\", \
         error_description=\"{}\"",
        // The audience in it is what the client once asked for.
        message.replace(['"', '\\'], "'")
    );
    error(401, code, message).header("WWW-Authenticate", challenge)
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let error = json::object([("code", json::text(code)), ("message", json::text(message))]);
    Response::json(status, json::object([("error", error)]))
}

fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// In the order of the service's own message.
const AUDIENCES: [&str; 4] = [
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
];

/// Those of `Microsoft.Resources`, in the order of the service's own message.
const VERSIONS: [&str; 52] = [
    "2025-04-01",
    "2024-11-01",
    "2024-07-01",
    "2024-03-01",
    "2023-07-01",
    "2023-07-01-preview",
    "2023-03-01-preview",
    "2022-12-01",
    "2022-11-01-preview",
    "2022-09-01",
    "2022-06-01",
    "2022-05-01",
    "2022-03-01-preview",
    "2022-01-01",
    "2021-04-01",
    "2021-01-01",
    "2020-10-01",
    "2020-09-01",
    "2020-08-01",
    "2020-07-01",
    "2020-06-01",
    "2020-05-01",
    "2020-01-01",
    "2019-11-01",
    "2019-10-01",
    "2019-09-01",
    "2019-08-01",
    "2019-07-01",
    "2019-06-01",
    "2019-05-10",
    "2019-05-01",
    "2019-03-01",
    "2018-11-01",
    "2018-09-01",
    "2018-08-01",
    "2018-07-01",
    "2018-06-01",
    "2018-05-01",
    "2018-02-01",
    "2018-01-01",
    "2017-12-01",
    "2017-08-01",
    "2017-06-01",
    "2017-05-10",
    "2017-05-01",
    "2017-03-01",
    "2016-09-01",
    "2016-07-01",
    "2016-06-01",
    "2016-02-01",
    "2015-11-01",
    "2015-01-01",
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::str;

    use super::super::Service;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    const NOW: u64 = 1_506_484_173;
    const GROUP: &str =
        "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest?api-version=2016-06-01";

    fn ask(world: &World, line: &str, authorization: Option<&str>) -> Response {
        let authorization = authorization.map(|value| format!("\nAuthorization: {value}")).unwrap_or_default();
        answer(world, &received(Service::Arm, &format!("{line} HTTP/1.1\nHost: a{authorization}")))
    }

    fn body(response: &Response) -> &str {
        str::from_utf8(&response.body).unwrap()
    }

    fn bearer(world: &World, resource: &str, at: u64) -> String {
        format!("Bearer {}", token::obtain(world, world.system().unwrap(), resource, at, true).token)
    }

    #[test]
    fn the_resource_group_of_the_tutorial() {
        let world = world(true, &[]);
        for audience in AUDIENCES {
            let answer = ask(&world, &format!("GET {GROUP}"), Some(&bearer(&world, audience, NOW)));
            assert_eq!(answer.status, 200);
            let expected = concat!(
                r#"{"id":"/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest","#,
                r#""name":"DevTest","location":"westus","properties":{"provisioningState":"Succeeded"}}"#
            );
            assert_eq!(body(&answer), expected);
        }
    }

    #[test]
    fn refuses_a_token_in_the_services_words() {
        let world = world(true, &[]);
        let good = bearer(&world, "https://management.azure.com/", NOW);
        let vault = bearer(&world, "https://vault.azure.net", NOW);
        let old = bearer(&world, "https://management.azure.com/", NOW - 86_400);
        for (authorization, code, message) in [
            (None, "AuthenticationFailed", "The 'Authorization' header is missing."),
            (Some(good.replace("Bearer", "Basic")), "AuthenticationFailedInvalidHeader", "invalid format"),
            (Some("Bearer".to_owned()), "AuthenticationFailedInvalidHeader", "invalid format"),
            (Some("Bearer a.b.c".to_owned()), "InvalidAuthenticationToken", "The access token is invalid."),
            (Some(format!("{good}x")), "InvalidAuthenticationToken", "The access token is invalid."),
            (
                Some(vault),
                "InvalidAuthenticationTokenAudience",
                "wrong audience or resource 'https://vault.azure.net'. It should",
            ),
            (
                Some(old),
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time '9/27/2017 3:49:33 AM' is earlier than",
            ),
        ] {
            let answer = ask(&world, &format!("GET {GROUP}"), authorization.as_deref());
            assert_eq!(answer.status, 401);
            assert!(
                body(&answer).starts_with(&format!(r#"{{"error":{{"code":"{code}","message":""#)),
                "{}",
                body(&answer)
            );
            assert!(body(&answer).contains(message), "{}", body(&answer));
            let challenge = answer.headers.iter().find(|(name, _)| name == "WWW-Authenticate").unwrap();
            let start =
                r#"Bearer authorization_uri="https://login.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee", error="#;
            assert!(challenge.1.starts_with(start), "{}", challenge.1);
        }
        assert_eq!(ask(&world, &format!("GET {GROUP}"), Some(&good.replace("Bearer", "bearer"))).status, 200);
    }

    #[test]
    fn paths() {
        let world = world(true, &[]);
        let token = bearer(&world, "https://management.azure.com/", NOW);
        let s = format!("/subscriptions/{SUBSCRIPTION}");
        let v = "?api-version=2021-04-01";
        for (line, status, text) in [
            (format!("GET {}/RESOURCEGROUPS/devtest{v}", s.to_uppercase()), 200, r#""name":"DevTest""#),
            (format!("GET {s}/resourceGroups/Dev%54est/{v}"), 200, r#""name":"DevTest""#),
            (format!("GET {s}/resourceGroups/Nope{v}"), 404, "Resource group 'Nope' could not be found."),
            (format!("HEAD {s}/resourceGroups/DevTest{v}"), 204, ""),
            (format!("HEAD {s}/resourceGroups/Nope{v}"), 404, ""),
            (format!("GET {s}/resourceGroups{v}"), 200, r#"{"value":[{"id":"#),
            (format!("GET {s}{v}"), 200, r#""displayName":"DevTest""#),
            (format!("GET /subscriptions{v}"), 200, r#""count":{"type":"Total","value":1}}"#),
            (format!("GET {s}/resourceGroups/DevTest"), 400, "MissingApiVersionParameter"),
            (format!("GET {s}/resourceGroups/DevTest?api-version="), 400, "MissingApiVersionParameter"),
            (
                format!("GET {s}/resourceGroups/DevTest?api-version=2016-6-1"),
                400,
                "The api-version '2016-6-1' is invalid. The",
            ),
            (
                format!("GET /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x{v}"),
                404,
                "SubscriptionNotFound",
            ),
            (format!("GET /subscriptions/x/resourceGroups/x{v}"), 400, "InvalidSubscriptionId"),
            (
                format!("GET {s}/providers/Microsoft.Foo/bars{v}"),
                404,
                "'bars' could not be found in the namespace 'Microsoft.Foo'",
            ),
            (format!("GET {s}/resourceGroups/DevTest/providers/A/b/c{v}"), 404, "InvalidResourceType"),
            (format!("GET {s}/else{v}"), 404, "No HTTP resource"),
            (format!("GET /{v}"), 404, "MissingSubscription"),
            (format!("PUT {s}/resourceGroups/DevTest{v}"), 405, "does not support http method 'PUT'"),
        ] {
            let answer = ask(&world, &line, Some(&token));
            assert_eq!(answer.status, status, "{line}: {}", body(&answer));
            assert!(body(&answer).contains(text), "{line}: {}", body(&answer));
        }
    }

    #[test]
    fn a_role_can_be_taken_and_given_back() {
        let world = world(true, &[]);
        let token = bearer(&world, "https://management.azure.com/", NOW);
        world.set_role("AAAAAAAA-0000-1111-2222-bbbbbbbbbbbb", false);
        let answer = ask(&world, &format!("GET {GROUP}"), Some(&token));
        assert_eq!(answer.status, 403);
        let expected = concat!(
            r#"{"error":{"code":"AuthorizationFailed","message":"The client '00001111-aaaa-2222-bbbb-3333cccc4444' with object id "#,
            "'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb' does not have authorization to perform action ",
            "'Microsoft.Resources/subscriptions/resourceGroups/read' over scope ",
            "'/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest' or the scope is invalid. ",
            r#"If access was recently granted, please refresh your credentials."}}"#
        );
        assert_eq!(body(&answer), expected);
        let list = ask(&world, "GET /subscriptions?api-version=2022-12-01", Some(&token));
        assert_eq!(body(&list), r#"{"value":[],"count":{"type":"Total","value":0}}"#);
        world.set_role("00001111-aaaa-2222-bbbb-3333cccc4444", true);
        assert_eq!(ask(&world, &format!("GET {GROUP}"), Some(&token)).status, 200);
    }

    #[test]
    fn headers_of_every_answer() {
        let world = world(true, &[]);
        let head =
            format!("GET {GROUP} HTTP/1.1\nHost: a\nx-ms-client-request-id: mine\nx-ms-correlation-request-id: group");
        let answer = answer(&world, &received(Service::Arm, &head));
        let header =
            |name: &str| answer.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str()).unwrap();
        assert_eq!(header("x-ms-client-request-id"), "mine");
        assert_eq!(header("x-ms-correlation-request-id"), "group");
        assert_eq!(header("x-ms-request-id").len(), 36);
        assert!(header("x-ms-routing-request-id").starts_with("WESTUS:20170927T034933Z:"));
        assert_eq!(header("Date"), "Wed, 27 Sep 2017 03:49:33 GMT");
        assert_eq!(header("Cache-Control"), "no-cache");
    }
}
