//! What must hold of error bodies.

use std::time::{Duration, Instant};

use super::json::Json;
use super::{assert_plain, assert_presentable};
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::json::Raw;

/// The decoder of error bodies: bounded in size, number and time, fit to be shown, and of a plain ARM error exactly what
/// another JSON parser selects.
pub fn arm_error(data: &[u8]) {
    let failure = Failure::decode(data);
    let within = |text: &Option<String>, most: usize| text.as_ref().is_none_or(|text| text.len() <= most);
    assert!(within(&failure.code, MAX_CODE) && within(&failure.message, MAX_MESSAGE));
    assert!(within(&failure.correlation_id, MAX_CODE) && within(&failure.trace_id, MAX_CODE));
    assert!(failure.details.len() <= 50);
    for detail in failure.details.iter().map(ToString::to_string) {
        assert_plain(&detail);
        assert!(detail.len() <= MAX_CODE + 4 * 4000 + 16, "{} bytes", detail.len());
    }
    let body = std::str::from_utf8(data).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    if let Ok((text, Some(document))) = body.map(|text| (text, Json::read(text))) {
        assert_same_members(text, &document);
        assert_same_words(&document, &failure);
    }
    assert_presentable(&Error::new(ErrorKind::Rejected, "the call failed").answered(400, failure));
    // One input in sixteen, so that the rest stays fast.
    if (1..=64).contains(&data.len()) && data.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) % 16 == 0 {
        assert_linear(data);
    }
}

const MAX_CODE: usize = 4096;
const MAX_MESSAGE: usize = 8192;

/// Valid JSON is never taken for anything else, and its members are found where they are.
fn assert_same_members(text: &str, document: &Json) {
    let raw = Raw::document(text).unwrap_or_else(|| panic!("valid JSON was refused: {text:?}"));
    assert_eq!(raw.is_object(), matches!(document, Json::Object(_)));
    let found: Vec<_> = raw.members().filter_map(|(key, value)| Some((key.string()?, value))).collect();
    assert_eq!(found.len(), document.members().len());
    for ((found, raw), (key, value)) in found.iter().zip(document.members()) {
        assert_eq!(found, key);
        assert_eq!(raw.string().as_deref(), value.text());
    }
}

/// Where `error` is an object, and no name stands twice in whatever case.
fn assert_same_words(document: &Json, failure: &Failure) {
    let Some(error @ Json::Object(_)) = only(document, "error").flatten() else { return };
    let (Some(code), Some(message)) = (only(error, "code"), only(error, "message")) else { return };
    let message = match message {
        Some(wrapped @ Json::Object(_)) => match only(wrapped, "value") {
            Some(value) => value,
            None => return,
        },
        message => message,
    };
    // A number is kept as it is spelled, which the other parser does not tell.
    if matches!(code, Some(Json::Scalar)) || matches!(message, Some(Json::Scalar)) {
        return;
    }
    let code = code.and_then(Json::text).filter(|code| !code.is_empty());
    let message = message.and_then(Json::text);
    if code.is_some() || message.is_some() {
        assert_eq!(failure.code.as_deref(), code.map(|code| start(code, MAX_CODE)));
        assert_eq!(failure.message.as_deref(), message.map(|message| start(message, MAX_MESSAGE)));
    }
}

/// The only member of that name, or none; outer `None` where there are several.
fn only<'a>(object: &'a Json, name: &str) -> Option<Option<&'a Json>> {
    let mut found = object.members().iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let first = found.next();
    found.next().is_none().then_some(first)
}

/// As many whole characters as fit.
fn start(text: &str, most: usize) -> &str {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= most).last();
    &text[..end.unwrap_or(0)]
}

/// A quarter of a megabyte of the same: a second where the work grows with the square, and then some.
fn assert_linear(data: &[u8]) {
    let many = data.repeat((1 << 18) / data.len());
    for body in [many.clone(), [br#"{"error":{"details":["#, &many[..]].concat(), [&b"<Code>"[..], &many].concat()] {
        let started = Instant::now();
        Failure::decode(&body);
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
}
