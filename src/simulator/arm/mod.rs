//! Azure Resource Manager, as far as subscriptions, resource groups, and resources without a mind of their own go.

use super::clock;
use super::json;
use super::refusal::error;
use super::request::Received;
use super::response::{Outcome, Response};
use super::token;
use super::world::{SUBSCRIPTION, World};
use access::Call;

mod access;
mod content;
mod group;
mod operation;
mod provider;
mod query;
mod resource;
mod subscription;
#[cfg(test)]
mod tests;
mod version;

/// Answers as the service does: <https://learn.microsoft.com/rest/api/resources>.
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
        .header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        .header("X-Content-Type-Options", "nosniff")
        .header("Date", clock::http(now));
    if let Some(id) = request.header("x-ms-client-request-id") {
        response = response.header("x-ms-client-request-id", id);
    }
    if failed && !response.has("x-ms-failure-cause") {
        response = response.header("x-ms-failure-cause", "gateway");
    }
    let (left, count) = match request.method() {
        "GET" | "HEAD" => ("x-ms-ratelimit-remaining-subscription-reads", "249"),
        "DELETE" => ("x-ms-ratelimit-remaining-subscription-deletes", "199"),
        _ => ("x-ms-ratelimit-remaining-subscription-writes", "199"),
    };
    if response.has(left) { response } else { response.header(left, count) }
}

fn route(world: &World, request: &Received) -> Outcome {
    let caller = access::authenticate(world, request)?;
    let call = Call { world, request, caller };
    let segments = request.segments();
    let keywords: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let keywords: Vec<&str> = keywords.iter().map(String::as_str).collect();
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    let reads = matches!(request.method(), "GET" | "HEAD");
    if let (["subscriptions", id, ..], [_, name, ..]) = (keywords.as_slice(), names.as_slice()) {
        if !is_guid(id) {
            version::check(request)?;
            let message = format!("The provided subscription identifier '{name}' is malformed or invalid.");
            return Err(error(400, "InvalidSubscriptionId", &message));
        }
        if *id != SUBSCRIPTION {
            version::check(request)?;
            return Err(access::no_such_subscription(name));
        }
    }
    match (keywords.as_slice(), names.as_slice()) {
        (["subscriptions", _, "providers", _, "locations", _, kind @ ("operations" | "operationresults"), id], _) => {
            operation::poll(&call, id, *kind == "operations")
        }
        (["subscriptions", _, "operationresults", id], _) => operation::poll(&call, id, false),
        (["subscriptions", _, "providers", "microsoft.costmanagement", "query"], _) => query::costs(&call),
        (
            ["subscriptions", _, "providers", "microsoft.policyinsights", "policystates", "latest", "queryresults"],
            _,
        ) => query::policy_states(&call),
        (["subscriptions", _, "providers", _, "register"], [_, _, _, namespace, _]) => {
            version::check(request)?;
            provider::register(&call, namespace)
        }
        (["subscriptions", _, "resourcegroups", _, "providers", ..], [_, _, _, group, _, path @ ..]) => {
            resource::answer(&call, group, path)
        }
        _ if version::check(request).is_err() => version::check(request).and_then(|()| Err(no_such_path(request))),
        (["subscriptions", _, "resourcegroups", _], [.., name]) => group::answer(&call, name),
        _ if !reads => Err(wrong_method(request, "GET, HEAD")),
        (["subscriptions"], _) => Ok(subscription::list(&call)),
        (["subscriptions", _], _) => subscription::get(&call),
        (["subscriptions", _, "resourcegroups"], _) => group::list(&call),
        (["subscriptions", _, "resources"], _) => resource::list(&call, None),
        (["subscriptions", _, "resourcegroups", _, "resources"], [_, _, _, group, _]) => {
            resource::list(&call, Some(group))
        }
        (["subscriptions", _, "providers"], _) => provider::list(&call),
        (["subscriptions", _, "providers", _], [.., namespace]) => provider::get(&call, namespace),
        (["subscriptions", _, "providers", ..], [_, _, _, path @ ..]) => resource::list_of_type(&call, path),
        (["subscriptions", ..], _) => Err(no_such_path(request)),
        _ => {
            let message = "The request did not have a subscription or a valid tenant level resource provider.";
            Err(error(404, "MissingSubscription", message))
        }
    }
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
fn wrong_method(request: &Received, allowed: &str) -> Response {
    let message = format!("The requested resource does not support http method '{}'.", request.method());
    Response::json(405, json::object([("Message", json::text(&message))])).header("Allow", allowed)
}

fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
