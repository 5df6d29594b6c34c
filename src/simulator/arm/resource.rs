//! Resources of any type: they keep what they are given.

use super::super::estate::{Estate, Item};
use super::super::job::{self, Task, Verb};
use super::super::json;
use super::super::operation::Operation;
use super::super::paging;
use super::super::refusal::error;
use super::super::response::{Outcome, Response};
use super::super::token;
use super::super::world::{SUBSCRIPTION, lock};
use super::access::Call;
use super::{content, group, no_such_path, no_such_type, provider, version, wrong_method};
use crate::base64::encode_padded;
use miniserde::json::Value;

/// Where a path below `…/providers/` leads.
struct Place<'a> {
    group: &'a str,
    namespace: &'a str,
    /// Such as `virtualMachines/extensions`.
    kind: String,
    id: String,
    /// What stands behind the resource: an action, or the type of a list.
    last: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn new(group: &'a str, path: &[&'a str]) -> Option<Self> {
        let (namespace, rest) = path.split_first().filter(|(_, rest)| !rest.is_empty())?;
        let pairs = rest.chunks_exact(2);
        let last = pairs.remainder().first().copied();
        let kinds: Vec<&str> = pairs.clone().filter_map(|pair| pair.first().copied()).collect();
        let id: Vec<String> = pairs.map(|pair| format!("/{}", pair.join("/"))).collect();
        let id = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{namespace}{}", id.concat());
        Some(Self { group, namespace, kind: kinds.join("/"), id, last })
    }

    fn task(&self, verb: Verb, created: bool, result: Option<String>) -> Task {
        Task { verb, target: self.id.clone(), namespace: self.namespace.to_owned(), created, result }
    }
}

/// <https://learn.microsoft.com/rest/api/resources/resources/get>.
pub(super) fn answer(call: &Call<'_>, group: &str, path: &[&str]) -> Outcome {
    let request = call.request;
    let place = Place::new(group, path).ok_or_else(|| no_such_path(request))?;
    version::check_provider(request, place.namespace, &place.kind)?;
    let verb = match (request.method(), place.last) {
        ("GET", Some(_)) => return list_in(call, &place),
        ("POST", Some(action)) => format!("{action}/action"),
        ("GET" | "HEAD", None) => "read".to_owned(),
        ("PUT" | "PATCH", None) => "write".to_owned(),
        ("DELETE", None) => "delete".to_owned(),
        (_, Some(_)) => return Err(wrong_method(request, "GET, POST")),
        (_, None) => return Err(wrong_method(request, "GET, HEAD, PUT, PATCH, DELETE")),
    };
    let below = place.id.get(SUBSCRIPTION.len() + "/subscriptions/".len()..).unwrap_or_default();
    call.check(&format!("{}/{}/{verb}", place.namespace, place.kind), below)?;
    let estate = &mut lock(&call.world.estate);
    let found = estate.group(group).ok_or_else(|| group::missing(group))?;
    if verb != "read" && found.state == "Deleting" {
        return Err(group::busy(group));
    }
    let known = estate.provider(place.namespace).map(|provider| &*provider);
    match known {
        None => return Err(no_such_type(request, path)),
        known if verb == "write" => provider::check(known, place.namespace)?,
        _ => {}
    }
    if verb == "read" {
        job::look(estate, &place.id);
    }
    match (request.method(), estate.find(&place.id)) {
        ("PUT", _) => put(call, estate, &place),
        ("HEAD", found) => Ok(Response::new(if found.is_some() { 204 } else { 404 })),
        ("DELETE", None) => Ok(Response::new(204)),
        (_, None) => Err(missing(&place)),
        ("GET", Some(item)) => Ok(Response::json(200, item.json()).header("ETag", item.etag())),
        ("PATCH", Some(item)) => {
            content::precondition(request, Some(item))?;
            let patched = patched(call, item)?;
            estate.put(patched);
            Ok(job::begin(estate, request, place.task(Verb::Patch, false, None), Operation::synchronous()))
        }
        ("POST", _) => Ok(act(call, estate, &place)),
        (_, Some(item)) => {
            content::precondition(request, Some(item))?;
            Ok(job::begin(estate, request, place.task(Verb::Delete, false, None), Operation::both()))
        }
    }
}

fn patched(call: &Call<'_>, item: &Item) -> Result<Item, Response> {
    let object = content::object(call.request)?;
    let mut item = item.clone();
    item.tags = content::tags(&object)?.or(item.tags);
    if let Some(Value::Object(properties)) = object.get("properties") {
        for (name, value) in content::members(properties, &["provisioningState"]) {
            item.properties.retain(|(other, _)| *other != name);
            item.properties.push((name, value));
        }
    }
    Ok(item)
}

/// <https://learn.microsoft.com/rest/api/resources/resources/list>.
pub(super) fn list(call: &Call<'_>, group: Option<&str>) -> Outcome {
    let below = group.map(|group| format!("/resourceGroups/{group}")).unwrap_or_default();
    call.check("Microsoft.Resources/subscriptions/resources/read", &below)?;
    let estate = lock(&call.world.estate);
    if let Some(name) = group {
        estate.group(name).ok_or_else(|| group::missing(name))?;
    }
    let wanted = call.request.parameter("$filter").map(|filter| resource_type(&filter)).transpose()?;
    pages(call, &estate, |item| {
        group.is_none_or(|group| item.is_in_group(group))
            && wanted
                .as_ref()
                .is_none_or(|wanted| item.kind.as_ref().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted)))
    })
}

/// All of a type in the subscription.
pub(super) fn list_of_type(call: &Call<'_>, path: &[&str]) -> Outcome {
    let [namespace, kind] = path else { return Err(no_such_type(call.request, path)) };
    version::check_provider(call.request, namespace, kind)?;
    call.check(&format!("{namespace}/{kind}/read"), "")?;
    let mut estate = lock(&call.world.estate);
    if estate.provider(namespace).is_none() {
        return Err(no_such_type(call.request, path));
    }
    let wanted = format!("{namespace}/{kind}");
    pages(call, &estate, |item| item.kind.as_ref().is_some_and(|kind| kind.eq_ignore_ascii_case(&wanted)))
}

fn list_in(call: &Call<'_>, place: &Place<'_>) -> Outcome {
    let last = place.last.unwrap_or_default();
    call.check(&format!("{}/{}/{last}/read", place.namespace, place.kind).replace("//", "/"), "")?;
    let mut estate = lock(&call.world.estate);
    estate.group(place.group).ok_or_else(|| group::missing(place.group))?;
    if estate.provider(place.namespace).is_none() {
        return Err(no_such_type(call.request, &[place.namespace, last]));
    }
    let above = format!("{}/{last}/", place.id).to_ascii_lowercase();
    pages(call, &estate, |item| {
        item.id.to_ascii_lowercase().strip_prefix(&above).is_some_and(|name| !name.contains('/'))
    })
}

fn pages(call: &Call<'_>, estate: &Estate, wanted: impl Fn(&Item) -> bool) -> Outcome {
    let items: Vec<&Item> = estate.items.iter().filter(|item| item.kind.is_some() && wanted(item)).collect();
    let (range, next) = paging::page(estate.paging, call.request, items.len())?;
    let value = json::array(paging::cut(&items, range).iter().map(|item| item.summary()));
    let next = next.map(|next| ("nextLink", json::text(&next)));
    Ok(Response::json(200, json::object([("value", value)].into_iter().chain(next))))
}

/// `resourceType eq 'Microsoft.Compute/disks'` is the one filter that is understood.
fn resource_type(filter: &str) -> Result<String, Response> {
    let mut words = filter.split_whitespace();
    let understood = match (words.next(), words.next(), words.next(), words.next()) {
        (Some(name), Some("eq"), Some(value), None) if name.eq_ignore_ascii_case("resourceType") => {
            value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''))
        }
        _ => None,
    };
    let refused = || {
        error(400, "InvalidFilterInQueryString", &format!("Invalid $filter '{filter}' specified in the query string."))
    };
    understood.map(str::to_owned).ok_or_else(refused)
}

fn put(call: &Call<'_>, estate: &mut Estate, place: &Place<'_>) -> Outcome {
    let object = content::object(call.request)?;
    let old = estate.find(&place.id);
    content::precondition(call.request, old)?;
    let nested = place.kind.contains('/');
    let location = if nested { content::text(&object, "location") } else { Some(content::location(&object)?) };
    let before = old.and_then(|old| old.location.as_ref());
    if let (Some(old), Some(new)) = (before, &location) {
        if !old.eq_ignore_ascii_case(new) {
            let name = place.id.rsplit('/').next().unwrap_or_default();
            let message = format!(
                "The resource '{name}' already exists in location '{old}' in resource group '{}'. A resource with the same \
                 name cannot be created in location '{new}'. Please select a new resource name.",
                place.group
            );
            return Err(error(409, "InvalidResourceLocation", &message));
        }
    }
    let properties = match object.get("properties") {
        Some(Value::Object(properties)) => content::members(properties, &["provisioningState"]),
        _ => Vec::new(),
    };
    let kind = format!("{}/{}", place.namespace, place.kind);
    let known = ["id", "name", "type", "location", "tags", "properties", "etag"];
    let item = Item {
        location,
        tags: content::tags(&object)?,
        members: content::members(&object, &known),
        properties,
        ..Item::new(place.id.clone(), Some(&kind), "")
    };
    let created = estate.put(item);
    Ok(job::begin(estate, call.request, place.task(Verb::Put, created, None), Operation::azure_async_operation()))
}

/// An action: keys come at once, everything else later and mostly without a result.
fn act(call: &Call<'_>, estate: &mut Estate, place: &Place<'_>) -> Response {
    let action = place.last.unwrap_or_default();
    if action.eq_ignore_ascii_case("listKeys") {
        let key = |name| {
            json::object([
                ("keyName", json::text(name)),
                ("value", json::text(&encode_padded(&token::random::<64>()))),
                ("permissions", json::text("FULL")),
            ])
        };
        return Response::json(200, json::object([("keys", json::array(["key1", "key2"].map(key)))]));
    }
    let result = action.eq_ignore_ascii_case("runCommand").then(|| {
        let status = json::object([
            ("code", json::text("ProvisioningState/succeeded")),
            ("level", json::text("Info")),
            ("displayStatus", json::text("Provisioning succeeded")),
            ("message", json::text("Enable succeeded: \n[stdout]\nhello\n\n[stderr]\n")),
        ]);
        json::object([("value", json::array([status]))])
    });
    job::begin(estate, call.request, place.task(Verb::Post, false, result), Operation::both())
}

fn missing(place: &Place<'_>) -> Response {
    let name = place.id.rsplit('/').next().unwrap_or_default();
    let message = format!(
        "The Resource '{}/{}/{name}' under resource group '{}' was not found. For more details please go to \
         https://aka.ms/ARMResourceNotFoundFix",
        place.namespace, place.kind, place.group
    );
    error(404, "ResourceNotFound", &message)
}
