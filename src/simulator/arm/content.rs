//! What a write brings with it: its body, and the conditions under which it is to happen.

use std::str;

use miniserde::json::{self, Object, Value};

use super::super::estate::Item;
use super::super::refusal::error;
use super::super::request::Received;
use super::super::response::Response;

/// The body, which must be an object.
pub(super) fn object(request: &Received) -> Result<Object, Response> {
    let kind = request.header("content-type").unwrap_or("<null>");
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let message =
            format!("The content media type '{kind}' is not supported. Only 'application/json' is supported.");
        return Err(error(415, "UnsupportedMediaType", &message));
    }
    let value = str::from_utf8(request.body()).ok().and_then(|text| json::from_str(text).ok());
    let Some(Value::Object(object)) = value else {
        let first = request.body().first().map_or(' ', |byte| char::from(*byte));
        let message = format!(
            "The request content was invalid and could not be deserialized: 'Unexpected character encountered while \
             parsing value: {first}. Path '', line 0, position 0.'."
        );
        return Err(error(400, "InvalidRequestContent", &message));
    };
    Ok(object)
}

/// The `location` of the body.
pub(super) fn location(object: &Object) -> Result<String, Response> {
    let missing = || error(400, "LocationRequired", "The location property is required for this definition.");
    text(object, "location").filter(|location| !location.is_empty()).ok_or_else(missing)
}

/// The `tags` of the body as JSON; an error if they are not strings.
pub(super) fn tags(object: &Object) -> Result<Option<String>, Response> {
    match object.get("tags") {
        None | Some(Value::Null) => Ok(None),
        Some(tags @ Value::Object(members)) if members.values().all(|value| matches!(value, Value::String(_))) => {
            Ok(Some(json::to_string(tags)))
        }
        Some(_) => {
            let message = "The request content was invalid and could not be deserialized: 'Error converting value to type \
                           'System.Collections.Generic.IDictionary`2[System.String,System.String]'. Path 'tags', line 1, \
                           position 1.'.";
            Err(error(400, "InvalidRequestContent", message))
        }
    }
}

/// The string of that name.
pub(super) fn text(object: &Object, name: &str) -> Option<String> {
    if let Some(Value::String(text)) = object.get(name) { Some(text.clone()) } else { None }
}

/// All members as JSON but those of these names.
pub(super) fn members(object: &Object, without: &[&str]) -> Vec<(String, String)> {
    let kept = object.iter().filter(|(name, _)| !without.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), json::to_string(value))).collect()
}

/// Whether `If-Match` and `If-None-Match` let the write happen, as Azure's guide for resource providers has it: PUT with
/// `If-Match` on what is missing, or with `If-None-Match: *` on what is there, is 412; PATCH and DELETE of what is missing
/// do not look at them: <https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/Addendum.md>.
pub(super) fn precondition(request: &Received, item: Option<&Item>) -> Result<(), Response> {
    let etag = item.map(Item::etag);
    let listed = |name| {
        let list = request.header(name)?;
        let hit = |tag: &str| etag.as_deref().is_some_and(|etag| tag == "*" || tag.trim_start_matches("W/") == etag);
        Some(list.split(',').any(|tag| hit(tag.trim())))
    };
    let applies = item.is_some() || request.method() == "PUT";
    let lost = listed("if-match") == Some(false) || listed("if-none-match") == Some(true);
    if applies && lost {
        let message = "The precondition given in the request headers by 'If-Match' or 'If-None-Match' is not met.";
        return Err(error(412, "PreconditionFailed", message));
    }
    Ok(())
}
