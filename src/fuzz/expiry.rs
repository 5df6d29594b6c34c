//! What must hold of a token's lifetime.

use std::time::{Duration, Instant, UNIX_EPOCH};

use super::json::Json;
use crate::date;
use crate::error::ErrorKind;
use crate::identity::Identity;
use crate::token::{self, Ask, Received};

/// The lifetime that an answer gives: more than nothing, at most thirty days, and what the rules make of the two fields. The
/// input is the two values, with a line feed between them.
pub fn expiry(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (expires_in, expires_on) = text.split_once('\n').unwrap_or((&text, ""));
    let fields = [("expires_in", expires_in), ("expires_on", expires_on)];
    let fields: String = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!(r#","{name}":{value}"#))
        .collect();
    let body = format!(r#"{{"access_token":"t"{fields}}}"#);
    // A value with more members in it is the business of another target.
    let single = Json::read(&body).is_some_and(|document| {
        document.members().len() == 1 + usize::from(!expires_in.is_empty()) + usize::from(!expires_on.is_empty())
    });
    for wall in [0, 1_700_000_000, 253_402_300_799] {
        let received = Received { at: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(wall) };
        let ask = Ask { resource: &"r".into(), identity: &Identity::SystemAssigned, strict: false };
        let outcome = token::read(body.as_bytes(), &ask, received);
        let lifetime = outcome.as_ref().ok().map(|token| token.ends_at() - received.at);
        assert!(lifetime.is_none_or(|lifetime| !lifetime.is_zero() && lifetime <= DAYS * 30), "{body}: {lifetime:?}");
        assert!(outcome.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::BadAnswer || !single));
        if single && [expires_in, expires_on].iter().all(|value| is_simple(value)) {
            assert_eq!(lifetime, wanted(expires_in, expires_on, wall), "{body} at {wall}");
        }
    }
}

/// Digits, and quoted text without escapes: what can be judged without a JSON parser.
fn is_simple(value: &str) -> bool {
    value.is_empty() || quoted(value).is_some() || number(value).is_some()
}

fn quoted(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains(['"', '\\']))
}

fn number(text: &str) -> Option<u64> {
    (text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn wanted(expires_in: &str, expires_on: &str, wall: u64) -> Option<Duration> {
    let count = |value| number(quoted(value).unwrap_or(value));
    let moment = count(expires_on).or_else(|| date::expiry(quoted(expires_on)?));
    // Beyond what the system's clock can tell, a date is none.
    let moment = moment.filter(|end| UNIX_EPOCH.checked_add(Duration::from_secs(*end)).is_some());
    let left = match (count(expires_in), moment.map(|end| Duration::from_secs(end.saturating_sub(wall)))) {
        (Some(seconds), _) => Duration::from_secs(seconds),
        (None, Some(left)) if left > DAYS * 2 => Duration::from_secs(600),
        (None, left) => left?,
    };
    (!left.is_zero()).then(|| left.min(DAYS * 30))
}

const DAYS: Duration = Duration::from_secs(86_400);
