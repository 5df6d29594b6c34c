//! What must hold of `Bearer` challenges.

use std::time::{Duration, Instant};

use crate::base64;
use crate::http::{Bearer, bearer};
use crate::json::Raw;

/// The reader of `WWW-Authenticate` takes any text in linear time, finds a challenge only where there is one, and reads back what
/// was written by the grammar of RFC 9110, section 11.6.1, between the challenges of others.
pub fn www_authenticate(data: &[u8]) {
    let value = String::from_utf8_lossy(data);
    if let Some(found) = bearer([value.as_ref()].into_iter()) {
        assert!(value.to_ascii_lowercase().contains("bearer"));
        for text in [&found.error, &found.error_description, &found.authorization_uri, &found.resource, &found.scope] {
            assert!(text.as_ref().is_none_or(|text| text.len() <= value.len()));
        }
        assert!(found.claims.is_none_or(|claims| Raw::document(&claims).is_some_and(Raw::is_object)));
    }
    reads_back(&value);
    // One input in sixteen, so that the rest stays fast.
    if (1..=64).contains(&data.len()) && data.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) % 16 == 0 {
        let many = ["Bearer ", &value.repeat((1 << 17) / value.len())].concat();
        let started = Instant::now();
        bearer([many.as_str()].into_iter());
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
}

fn reads_back(value: &str) {
    let mut parts = value.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let (error, description, claims) = (part(), part(), part());
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let header = format!(
        "Negotiate dG9rZW4=, Bearer realm=\"\", error=\"{}\", error_description=\"{}\", claims=\"{}\", Basic realm=\"x\"",
        quoted(error),
        quoted(description),
        base64::encode_padded(claims.as_bytes())
    );
    let expected = Bearer {
        error: Some(error.to_owned()),
        error_description: Some(description.to_owned()),
        claims: Raw::document(claims).is_some_and(Raw::is_object).then(|| claims.to_owned()),
        ..Bearer::default()
    };
    assert_eq!(bearer([header.as_str()].into_iter()), Some(expected), "{header:?}");
}
