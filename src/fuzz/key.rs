//! What must hold of key and assertion files.

use crate::http::Request;
use crate::source::{KeyFile, MAX_ASSERTION, MAX_KEY, assertion};

/// What a file holds that is sent as a proof: all of it but the blanks around, and only what can stand in a header.
pub fn key(data: &[u8]) {
    let inner = std::str::from_utf8(data).map(str::trim_ascii).unwrap_or_default();
    let fits = data.len() <= MAX_KEY && !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_graphic());
    match KeyFile::key(data) {
        Ok(key) => {
            assert!(fits && key.as_str() == inner);
            let request = Request::get("localhost", "/".to_owned()).header("Authorization", format!("Basic {inner}"));
            assert!(request.write().is_ok());
        }
        Err(why) => {
            assert!(!fits, "{why}");
            let telling = inner.len() >= 8 && inner.contains(|c: char| c.is_ascii_digit());
            assert!(!telling || !why.contains(inner), "{why}");
        }
    }
    let found = assertion(data);
    assert_eq!(found.as_ref().map(|text| text.as_str()), Some(inner).filter(|text| !text.is_empty()));
    // The limits to the byte.
    if let [first @ 0x21..=0x7e, ..] = data {
        let long = |count: usize| [*first].repeat(count);
        assert!(KeyFile::key(&long(MAX_KEY)).is_ok() && KeyFile::key(&long(MAX_KEY + 1)).is_err());
        assert!(assertion(&long(MAX_ASSERTION)).is_some() && assertion(&long(MAX_ASSERTION + 1)).is_none());
    }
}
