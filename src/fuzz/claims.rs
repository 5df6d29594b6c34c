//! What must hold of the claims in tokens.

use std::time::{Instant, UNIX_EPOCH};

use super::json::Json;
use crate::base64::{URL_SAFE, encode};
use crate::identity::Identity;
use crate::token::{self, AccessToken, Ask, Received};

/// A payload of a JSON Web Token, signed by nobody: its claims are what another JSON parser finds, and decide whose token
/// it is where the answer itself does not say.
pub fn claims(data: &[u8]) {
    let secret = format!("e30.{}.c2ln", encode(URL_SAFE, data));
    let read = |identity, strict| read(&secret, &identity, strict);
    let Ok(token) = read(Identity::SystemAssigned, true) else {
        return assert!(secret.len() > 32 << 10, "{secret}");
    };
    let document = std::str::from_utf8(data).ok().and_then(Json::read);
    let members = document.as_ref().map(Json::members).unwrap_or_default();
    for (name, value) in members {
        let single = members.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count() == 1;
        if single && !matches!(value, Json::Scalar) {
            assert_eq!(token.claim(name).as_deref(), value.text(), "{name:?}");
        }
    }
    assert_eq!(token.client_id(), token.claim("appid").as_deref());
    for name in ["appid", "oid", "xms_mirid"] {
        let identity = match name {
            "appid" => Identity::ClientId,
            "oid" => Identity::ObjectId,
            _ => Identity::ResourceId,
        };
        let claim = token.claim(name);
        // A token that tells nothing passes where the endpoint heeds whom it was asked for, and nowhere else.
        assert_eq!(read(identity("8a9b0c1d".to_owned()), false).is_ok(), claim.as_deref().is_none_or(is_example));
        assert_eq!(read(identity("8a9b0c1d".to_owned()), true).is_ok(), claim.as_deref().is_some_and(is_example));
        if let Some(claim) = claim {
            assert!(read(identity(claim.to_ascii_uppercase()), true).is_ok());
        }
    }
    // Whatever is no base64, no text or no JSON has no claims.
    if members.is_empty() {
        assert_eq!(token.claim(""), None);
    }
}

fn is_example(claim: &str) -> bool {
    claim.eq_ignore_ascii_case("8a9b0c1d")
}

fn read(secret: &str, identity: &Identity, strict: bool) -> Result<AccessToken, crate::error::Error> {
    let body = format!(r#"{{"access_token":"{secret}","expires_in":"3599","token_type":"Bearer"}}"#);
    let received = Received { at: Instant::now(), wall: UNIX_EPOCH };
    let outcome = token::read(body.as_bytes(), &Ask { resource: &"r".into(), identity, strict }, received);
    if let Err(error) = &outcome {
        super::assert_presentable(error);
        assert!(!format!("{error:?}").contains(secret));
    }
    outcome
}
