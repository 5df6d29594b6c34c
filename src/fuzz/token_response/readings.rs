//! The same rules over serde_json's tree, and in what it may differ.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::is_b64token;
use crate::date;
use crate::fuzz::json::Json;
use crate::fuzz::strictness::{Named, Verdict};
use crate::identity::Identity;
use crate::token::{self, Ask, Received};

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
struct Token {
    secret: String,
    lifetime: Duration,
    /// Seconds since 1970.
    end: u64,
    client_id: Option<String>,
}

/// A token that both read alike, or why only one of them does.
pub(crate) fn differs(data: &[u8]) -> Verdict {
    let ours = ours(data);
    let tree = serde_json::from_slice::<Value>(data);
    let theirs = tree.as_ref().ok().and_then(Value::as_object).and_then(theirs);
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            assert_eq!(ours, theirs, "{}", data.escape_ascii());
            Verdict::Same
        }
        (None, None) => Verdict::Refused,
        (ours, theirs) => {
            let why = tree.err().map(|why| why.to_string()).unwrap_or_default();
            let seen = Seen { data, why: &why };
            let row = NAMED.iter().find(|row| row.ours == ours.is_some() && (row.evidence)(&seen));
            let row = row.unwrap_or_else(|| panic!("{} is {ours:?}, {theirs:?}: {why}", data.escape_ascii()));
            Verdict::Named(row.named.name)
        }
    }
}

fn ours(data: &[u8]) -> Option<Token> {
    let received = Received { at: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(WALL) };
    let ask = Ask { resource: &"r".into(), identity: &Identity::SystemAssigned, strict: false };
    let token = token::read(data, &ask, received).ok()?;
    Some(Token {
        secret: token.secret().to_owned(),
        lifetime: token.ends_at() - received.at,
        end: token.expires_on().duration_since(UNIX_EPOCH).unwrap().as_secs(),
        client_id: token.client_id().map(str::to_owned),
    })
}

fn theirs(members: &Map<String, Value>) -> Option<Token> {
    let text = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.as_str())),
        Some(_) => None,
    };
    let secret = text("access_token")??;
    if secret.is_empty() || secret.len() > 32 << 10 || !is_b64token(secret) {
        return None;
    }
    if !text("token_type")?.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return None;
    }
    for name in ["object_id", "msi_res_id", "mi_res_id"] {
        text(name)?;
    }
    let client_id = text("client_id")?.filter(|id| !id.is_empty()).map(str::to_owned);
    let (expires_in, expires_on) = (seconds(members.get("expires_in"))?, seconds(members.get("expires_on"))?);
    let end = expires_on.or_else(|| date::expiry(members.get("expires_on")?.as_str()?));
    let end = end.filter(|end| UNIX_EPOCH.checked_add(Duration::from_secs(*end)).is_some());
    let left = match (expires_in, end) {
        (Some(seconds), _) => seconds,
        (None, end) => Some(end?.saturating_sub(WALL)).map(|left| if left > 2 * DAY { 600 } else { left })?,
    };
    let left = left.min(30 * DAY);
    let lifetime = Duration::from_secs(left);
    let end = end.unwrap_or(WALL + left);
    (left > 0).then(|| Token {
        secret: secret.to_owned(),
        lifetime,
        end,
        client_id: client_id.or_else(|| app_id(secret)),
    })
}

/// `None`: not a type that a count can have. Inside: a count, if it is one.
fn seconds(value: Option<&Value>) -> Option<Option<u64>> {
    match value {
        None | Some(Value::Null) => Some(None),
        Some(Value::Number(number)) => Some(number.as_u64()),
        Some(Value::String(text)) => {
            let digits = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            Some(text.parse().ok().filter(|_| digits))
        }
        Some(_) => None,
    }
}

fn app_id(secret: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(secret.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims = serde_json::from_slice::<BTreeMap<String, &RawValue>>(&claims).ok()?;
    let id = claims.get("appid")?.get();
    match id.as_bytes().first()? {
        b'"' => serde_json::from_str(id).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(id.to_owned()),
    }
}

/// The clock of the machine that asks.
const WALL: u64 = 1_700_000_000;
const DAY: u64 = 86_400;

struct Seen<'a> {
    data: &'a [u8],
    /// Why there is no tree.
    why: &'a str,
}

struct Difference {
    named: Named,
    /// It is we who take it.
    ours: bool,
    evidence: fn(&Seen<'_>) -> bool,
}

const NAMED: &[Difference] = &[
    Difference {
        named: Named { name: "a byte order mark", why: "RFC 8259, section 8.1; services behind .NET send one" },
        ours: true,
        evidence: |it| it.data.starts_with("\u{feff}".as_bytes()),
    },
    Difference {
        named: Named {
            name: "more than 127 levels",
            why: "unused fields may hold anything; passing over them costs no stack",
        },
        ours: true,
        evidence: |it| it.why.starts_with("recursion limit"),
    },
    Difference {
        named: Named { name: "a member twice, once of another type", why: "whoever mistypes one may mean the other" },
        ours: false,
        evidence: |it| {
            let document = std::str::from_utf8(it.data).ok().and_then(Json::read);
            let mut names: Vec<_> = document.iter().flat_map(Json::members).map(|(name, _)| name).collect();
            let all = names.len();
            names.sort();
            names.dedup();
            names.len() < all
        },
    },
];

/// The differences that are meant.
#[cfg(test)]
pub(crate) fn named() -> impl Iterator<Item = &'static Named> {
    NAMED.iter().map(|row| &row.named)
}
