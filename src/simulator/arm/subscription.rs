//! Subscriptions: there is one.

use super::super::json;
use super::super::response::{Outcome, Response};
use super::super::world::{SUBSCRIPTION, TENANT};
use super::access::Call;

/// <https://learn.microsoft.com/rest/api/resources/subscriptions/get>.
pub(super) fn get(call: &Call<'_>) -> Outcome {
    call.check("Microsoft.Resources/subscriptions/read", "")?;
    Ok(Response::json(200, subscription()))
}

/// The list is empty for a caller without a role; it is not an error.
pub(super) fn list(call: &Call<'_>) -> Response {
    let seen: Vec<String> = call.world.may_act(&call.caller).then(subscription).into_iter().collect();
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
