//! Resource groups.

use super::super::estate::{Estate, Item, SUCCEEDED, group_id};
use super::super::job::{self, Task, Verb};
use super::super::json;
use super::super::operation::Operation;
use super::super::paging;
use super::super::refusal::error;
use super::super::response::{Outcome, Response};
use super::super::world::lock;
use super::access::Call;
use super::{content, wrong_method};

/// <https://learn.microsoft.com/rest/api/resources/resource-groups/list>.
pub(super) fn list(call: &Call<'_>) -> Outcome {
    call.check("Microsoft.Resources/subscriptions/resourceGroups/read", "")?;
    let estate = lock(&call.world.estate);
    let groups: Vec<&Item> = estate.items.iter().filter(|item| item.kind.is_none()).collect();
    let (range, next) = paging::page(estate.paging, call.request, groups.len())?;
    let value = json::array(paging::cut(&groups, range).iter().map(|group| group.json()));
    let next = next.map(|next| ("nextLink", json::text(&next)));
    Ok(Response::json(200, json::object([("value", value)].into_iter().chain(next))))
}

/// <https://learn.microsoft.com/rest/api/resources/resource-groups>.
pub(super) fn answer(call: &Call<'_>, name: &str) -> Outcome {
    let method = call.request.method();
    let verb = match method {
        "GET" | "HEAD" => "read",
        "PUT" | "PATCH" => "write",
        "DELETE" => "delete",
        _ => return Err(wrong_method(call.request, "GET, HEAD, PUT, PATCH, DELETE")),
    };
    let action = format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}");
    call.check(&action, &format!("/resourceGroups/{name}"))?;
    let estate = &mut lock(&call.world.estate);
    if verb == "read" {
        job::look(estate, &group_id(name));
    }
    match (method, estate.group(name)) {
        ("PUT", _) => put(call, estate, name),
        ("HEAD", found) => Ok(Response::new(if found.is_some() { 204 } else { 404 })),
        (_, None) => Err(missing(name)),
        ("GET", Some(group)) => Ok(Response::json(200, group.json()).header("ETag", group.etag())),
        ("PATCH", Some(group)) => {
            content::precondition(call.request, Some(group))?;
            let object = content::object(call.request)?;
            let tags = content::tags(&object)?.or_else(|| group.tags.clone());
            let group = Item { tags, ..group.clone() };
            Ok(write(call, estate, group, Verb::Patch))
        }
        (_, Some(group)) => {
            content::precondition(call.request, Some(group))?;
            if group.state == "Deleting" {
                return Err(busy(name));
            }
            let task = task(Verb::Delete, group.id.clone(), false);
            Ok(job::begin(estate, call.request, task, Operation::location()))
        }
    }
}

/// What it says of a group that is not there.
pub(super) fn missing(name: &str) -> Response {
    error(404, "ResourceGroupNotFound", &format!("Resource group '{name}' could not be found."))
}

/// What it says of a group that is going.
pub(super) fn busy(name: &str) -> Response {
    let message = format!("The resource group '{name}' is in deprovisioning state and cannot perform this operation.");
    error(409, "ResourceGroupBeingDeleted", &message)
}

fn put(call: &Call<'_>, estate: &mut Estate, name: &str) -> Outcome {
    let object = content::object(call.request)?;
    let old = estate.group(name);
    content::precondition(call.request, old)?;
    let location = content::location(&object)?;
    let canonical = location.to_ascii_lowercase().replace(' ', "");
    if !LOCATIONS.contains(&canonical.as_str()) {
        let message = format!(
            "The provided location '{location}' is not available for resource group. List of available regions is '{}'.",
            LOCATIONS.join(",")
        );
        return Err(error(400, "LocationNotAvailableForResourceGroup", &message));
    }
    let changed = |group: &Item| group.location.as_ref().filter(|old| **old != canonical).cloned();
    if let Some(old) = old.and_then(changed) {
        let message = format!(
            "Invalid resource group location '{location}'. The Resource group already exists in location '{old}'."
        );
        return Err(error(409, "InvalidResourceGroupLocation", &message));
    }
    if old.is_some_and(|group| group.state == "Deleting") {
        return Err(busy(name));
    }
    if name.len() > 90 || name.ends_with('.') || name.contains(['<', '>', '%', '&', '\\', '?', '/', ' ']) {
        let message = format!(
            "The provided resource group name '{name}' has these invalid characters: '{}'. The name can only be a letter, \
             digit, '-', '.', '(', ')' or '_'.",
            name.replace(|c: char| c.is_alphanumeric() || "-.()_".contains(c), "")
        );
        return Err(error(400, "InvalidResourceGroup", &message));
    }
    let group = Item { tags: content::tags(&object)?, ..Item::group(name, &canonical) };
    Ok(write(call, estate, group, Verb::Put))
}

fn write(call: &Call<'_>, estate: &mut Estate, mut group: Item, verb: Verb) -> Response {
    group.state = SUCCEEDED;
    let id = group.id.clone();
    let created = estate.put(group);
    job::begin(estate, call.request, task(verb, id, created), Operation::synchronous())
}

fn task(verb: Verb, target: String, created: bool) -> Task {
    Task { verb, target, namespace: "Microsoft.Resources".to_owned(), created, result: None }
}

/// Some of those there are.
const LOCATIONS: [&str; 12] = [
    "eastus",
    "eastus2",
    "westus",
    "westus2",
    "westus3",
    "centralus",
    "northeurope",
    "westeurope",
    "uksouth",
    "germanywestcentral",
    "southeastasia",
    "japaneast",
];
