//! Resource providers, and the subscription's registration to use them.

use super::super::estate::{Provider, Registration};
use super::super::json;
use super::super::refusal::{error, error_with};
use super::super::response::{Outcome, Response};
use super::super::world::{SUBSCRIPTION, lock};
use super::access::Call;
use super::wrong_method;

/// <https://learn.microsoft.com/rest/api/resources/providers/list>.
pub(super) fn list(call: &Call<'_>) -> Outcome {
    call.check("Microsoft.Resources/subscriptions/providers/read", "")?;
    let mut estate = lock(&call.world.estate);
    let providers = estate.providers.iter_mut().map(provider);
    Ok(Response::json(200, json::object([("value", json::array(providers))])))
}

/// <https://learn.microsoft.com/rest/api/resources/providers/get>.
pub(super) fn get(call: &Call<'_>, namespace: &str) -> Outcome {
    call.check("Microsoft.Resources/subscriptions/providers/read", "")?;
    let mut estate = lock(&call.world.estate);
    let found = estate.provider(namespace).ok_or_else(|| unknown(namespace))?;
    Ok(Response::json(200, provider(found)))
}

/// <https://learn.microsoft.com/rest/api/resources/providers/register>.
pub(super) fn register(call: &Call<'_>, namespace: &str) -> Outcome {
    if call.request.method() != "POST" {
        return Err(wrong_method(call.request, "POST"));
    }
    call.check(&format!("{namespace}/register/action"), "")?;
    let mut estate = lock(&call.world.estate);
    let found = estate.provider(namespace).ok_or_else(|| unknown(namespace))?;
    if found.registration == Registration::Registered {
        return Ok(Response::json(200, provider(found)));
    }
    found.registration = Registration::Registering(found.looks);
    Ok(Response::json(200, written(&found.namespace, "Registering")))
}

/// The refusal of a namespace that is not there, or that the subscription is not registered to use:
/// <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider>.
pub(super) fn check(found: Option<&Provider>, namespace: &str) -> Result<(), Response> {
    let found = found.ok_or_else(|| unknown(namespace))?;
    if found.registration == Registration::Registered {
        return Ok(());
    }
    let name = &found.namespace;
    let message = format!(
        "The subscription is not registered to use namespace '{name}'. \
         See https://aka.ms/rps-not-found for how to register subscriptions."
    );
    let code = "MissingSubscriptionRegistration";
    let detail =
        json::object([("code", json::text(code)), ("target", json::text(name)), ("message", json::text(&message))]);
    Err(error_with(409, code, &message, [("details", json::array([detail]))]))
}

fn unknown(namespace: &str) -> Response {
    error(404, "InvalidResourceNamespace", &format!("The resource namespace '{namespace}' is invalid."))
}

fn provider(provider: &mut Provider) -> String {
    let state = provider.look();
    written(&provider.namespace, state)
}

fn written(namespace: &str, state: &str) -> String {
    json::object([
        ("id", json::text(&format!("/subscriptions/{SUBSCRIPTION}/providers/{namespace}"))),
        ("namespace", json::text(namespace)),
        ("resourceTypes", json::array([])),
        ("registrationState", json::text(state)),
        ("registrationPolicy", json::text("RegistrationRequired")),
    ])
}
