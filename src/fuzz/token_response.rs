//! What must hold of token answers.

pub(crate) mod readings;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::assert_presentable;
use super::json::Json;
use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::json::Raw;
use crate::token::{self, AccessToken, Ask, Received};

/// The success answer of an identity endpoint: what is taken is a token that can go into a header, for a finite time and
/// for the identity that was asked for; neither it nor an error shows the secret; and another JSON parser reads the same, or
/// differs in a way that has a name.
pub fn token_response(data: &[u8]) {
    readings::differs(data);
    let text = std::str::from_utf8(data).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text)).unwrap_or("");
    let document = Json::read(text);
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let plain = read(data, &Identity::SystemAssigned, now);
    for identity in identities(document.as_ref()) {
        let outcome = read(data, &identity, now);
        match (&plain, &outcome) {
            (Ok(plain), Ok(token)) => assert_eq!(plain.secret(), token.secret()),
            (Ok(_), Err(error)) => assert_eq!(error.kind(), ErrorKind::IdentityRefused),
            (Err(plain), Err(error)) if plain.kind() == error.kind() => {}
            // The identity is looked at before the lifetime.
            (Err(_), Err(error)) => assert_eq!(error.kind(), ErrorKind::IdentityRefused),
            (Err(plain), Ok(_)) => panic!("taken for {identity:?}, but not without one: {plain}"),
        }
        if let (Ok(token), Some(document)) = (&outcome, &document) {
            assert_agrees(document, token, &identity);
        }
    }
    // A clock near the end of what it can tell must not overflow.
    if let Some(late) = UNIX_EPOCH.checked_add(Duration::from_secs(i64::MAX.unsigned_abs())) {
        let _ = read(data, &Identity::SystemAssigned, late);
    }
}

fn read(data: &[u8], identity: &Identity, wall: SystemTime) -> Result<AccessToken, Error> {
    let received = Received { at: Instant::now(), wall };
    let outcome =
        token::read(data, &Ask { resource: &"https://vault.azure.net".into(), identity, strict: false }, received);
    match &outcome {
        Ok(token) => assert_usable(token, received),
        Err(error) => {
            assert_presentable(error);
            assert_silent(data, error, identity);
        }
    }
    outcome
}

fn assert_usable(token: &AccessToken, received: Received) {
    let secret = token.secret();
    assert!(!secret.is_empty() && secret.len() <= 32 << 10);
    assert!(is_b64token(secret), "{secret:?}");
    let lifetime = token.ends_at() - received.at;
    assert!(!lifetime.is_zero() && lifetime <= Duration::from_secs(30 * 86_400), "{lifetime:?}");
    assert!(received.at <= token.refresh_at() && token.refresh_at() <= token.ends_at());
    // A service is free to call an identity what it calls the token; only that may show it.
    let known = format!("AccessToken {:?} {:?} {:?}", token.resource(), token.client_id(), token.expires_on());
    let shown = format!("{token:?}");
    assert!(secret.len() < 8 || !shown.contains(secret) || known.contains(secret), "{shown}");
    assert_eq!(token.claim("no such claim"), None);
}

/// No error shows a token that can be found in the answer. Short ones, and words, turn up by chance.
fn assert_silent(data: &[u8], error: &Error, identity: &Identity) {
    let text = String::from_utf8_lossy(data);
    let member = Raw::document(&text).and_then(|document| document.get("access_token"));
    let Some(secret) = member.and_then(Raw::string) else { return };
    let chance =
        identity.id().is_some_and(|(_, id)| id.contains(&*secret)) || !secret.contains(|c: char| c.is_ascii_digit());
    if secret.len() < 8 || !is_b64token(&secret) || chance {
        return;
    }
    for shown in [error.to_string(), format!("{error:?}")].into_iter().chain(error.details().map(ToString::to_string)) {
        assert!(!shown.contains(&*secret), "{shown}");
    }
}

/// RFC 6750, section 2.1, but with `=` anywhere.
fn is_b64token(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'='))
}

/// Ids that the dictionary has, and those that the answer itself names, in another case.
fn identities(document: Option<&Json>) -> Vec<Identity> {
    let named = |name: &str| document?.last(name)?.text().filter(|id| (1..=200).contains(&id.len())).map(swap_case);
    let mut identities = vec![
        Identity::ClientId("8a9b0c1d-2e3f".to_owned()),
        Identity::ObjectId("0b1c2d3e-4f50".to_owned()),
        Identity::ResourceId("/subscriptions/s/x".to_owned()),
    ];
    identities.extend(named("client_id").map(Identity::ClientId));
    identities.extend(named("object_id").map(Identity::ObjectId));
    identities.extend(named("mi_res_id").map(Identity::ResourceId));
    identities
}

fn swap_case(id: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    id.chars().map(swap).collect()
}

/// Whom the answer names, in a field or in the token, is whom it was asked for.
fn assert_agrees(document: &Json, token: &AccessToken, identity: &Identity) {
    let (fields, claim): (&[&str], _) = match identity {
        Identity::SystemAssigned => return,
        Identity::ClientId(_) => (&["client_id"], "appid"),
        Identity::ObjectId(_) => (&["object_id"], "oid"),
        Identity::ResourceId(_) => (&["msi_res_id", "mi_res_id"], "xms_mirid"),
    };
    let echo = fields.iter().find_map(|name| document.last(name)?.text().filter(|echo| !echo.is_empty()));
    let named = echo.map(str::to_owned).or_else(|| token.claim(claim));
    let (_, id) = identity.id().unwrap();
    assert!(named.as_ref().is_none_or(|named| named.eq_ignore_ascii_case(id)), "{named:?} instead of {id:?}");
}
