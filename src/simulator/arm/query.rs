//! Lists that are asked for by POST, page by page.

use super::super::estate::Item;
use super::super::json;
use super::super::paging;
use super::super::refusal::error;
use super::super::response::{Outcome, Response};
use super::super::token;
use super::super::world::{SUBSCRIPTION, lock};
use super::access::Call;
use super::{content, version, wrong_method};

/// One row for each resource, in pages that are asked for with the same body again:
/// <https://learn.microsoft.com/rest/api/cost-management/query/usage>.
pub(super) fn costs(call: &Call<'_>) -> Outcome {
    prepare(call, "Microsoft.CostManagement", "Microsoft.CostManagement/query/action")?;
    let object = content::object(call.request)?;
    for name in ["type", "timeframe", "dataset"] {
        if !object.contains_key(name) {
            let message = format!("Invalid query definition: Missing {name}.");
            return Err(error(400, "BadRequest", &message).header("x-ms-failure-cause", "service"));
        }
    }
    let estate = lock(&call.world.estate);
    let resources: Vec<&Item> = estate.items.iter().filter(|item| item.kind.is_some()).collect();
    let (range, next) = paging::page(estate.paging, call.request, resources.len())?;
    let row = |item: &&Item| json::array(["19.545363672276512".into(), json::text(&item.id), json::text("USD")]);
    let column = |name, kind| json::object([("name", json::text(name)), ("type", json::text(kind))]);
    let columns = [column("PreTaxCost", "Number"), column("ResourceId", "String"), column("Currency", "String")];
    let properties = json::object([
        ("nextLink", next.map_or_else(|| "null".to_owned(), |next| json::text(&next))),
        ("columns", json::array(columns)),
        ("rows", json::array(paging::cut(&resources, range).iter().map(row))),
    ]);
    let name = token::guid();
    let id = format!("subscriptions/{SUBSCRIPTION}/providers/Microsoft.CostManagement/query/{name}");
    let body = json::object([
        ("id", json::text(&id)),
        ("name", json::text(&name)),
        ("type", json::text("Microsoft.CostManagement/query")),
        ("properties", properties),
    ]);
    Ok(Response::json(200, body))
}

/// One state for each resource, under the names that OData has for pages:
/// <https://learn.microsoft.com/rest/api/policyinsights/policy-states/list-query-results-for-subscription>.
pub(super) fn policy_states(call: &Call<'_>) -> Outcome {
    prepare(call, "Microsoft.PolicyInsights", "Microsoft.PolicyInsights/policyStates/queryResults/action")?;
    let estate = lock(&call.world.estate);
    let resources: Vec<&Item> = estate.items.iter().filter(|item| item.kind.is_some()).collect();
    let (range, next) = paging::page(estate.paging, call.request, resources.len())?;
    let state = |item: &&Item| {
        let compliant = ("complianceState", json::text("Compliant"));
        json::object([("resourceId", json::text(&item.id)), compliant])
    };
    let states = paging::cut(&resources, range);
    let context = format!(
        "https://management.azure.com/subscriptions/{SUBSCRIPTION}/providers/Microsoft.PolicyInsights/policyStates/\
         $metadata#latest"
    );
    let next = next.map(|next| ("@odata.nextLink", json::text(&next)));
    let members = [
        ("@odata.context", json::text(&context)),
        ("@odata.count", states.len().to_string()),
        ("value", json::array(states.iter().map(state))),
    ];
    Ok(Response::json(200, json::object(members.into_iter().chain(next))))
}

fn prepare(call: &Call<'_>, namespace: &str, action: &str) -> Result<(), Response> {
    if call.request.method() != "POST" {
        return Err(wrong_method(call.request, "POST"));
    }
    version::check_provider(call.request, namespace, "query")?;
    call.check(action, "")
}
