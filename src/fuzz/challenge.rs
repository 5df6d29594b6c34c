//! What must hold of challenges.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::http::basic_realms;
use crate::source::key_file;

/// The reader of `WWW-Authenticate`: realms are pieces of the header, found in linear time, and lead to a key file only where
/// they name a direct child of the agent's directory.
pub fn challenge(data: &[u8]) {
    let value = String::from_utf8_lossy(data);
    let realms = basic_realms(&value);
    let lower = value.to_ascii_lowercase();
    assert!(realms.len() <= lower.matches("realm").count());
    assert!(realms.is_empty() || lower.contains("basic"), "{realms:?}");
    for realm in &realms {
        assert!(value.contains(realm.as_str()) || unescaped(&value).any(|text| text.contains(realm)), "{realm:?}");
        assert_child(realm);
    }
    assert_child(&value);
    let quoted = format!("Basic realm=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    assert_eq!(basic_realms(&quoted), [value.as_ref()]);
    // One input in sixteen, so that the rest stays fast.
    if (1..=64).contains(&data.len()) && data.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) % 16 == 0 {
        let many = value.repeat((1 << 17) / value.len());
        let started = Instant::now();
        basic_realms(&many);
        basic_realms(&format!("Basic realm=\"{many}"));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
}

/// The header without its escapes, whichever of two backslashes in a row counts as the first.
fn unescaped(value: &str) -> impl Iterator<Item = String> {
    [false, true].into_iter().map(|skip| {
        let (mut text, mut escaped) = (String::new(), skip);
        for c in value.chars() {
            escaped = c == '\\' && !escaped;
            if !escaped {
                text.push(c);
            }
        }
        text
    })
}

fn assert_child(realm: &str) {
    let directory = "/var/opt/azcmagent/tokens";
    let path = key_file(Path::new(directory), realm);
    let name = realm.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/'));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let wanted = name.filter(|name| name.ends_with(".key") && !name.starts_with('.') && name.chars().all(plain));
    assert_eq!(path.as_deref(), wanted.map(|name| Path::new(directory).join(name)).as_deref(), "{realm:?}");
    if let Some(path) = path {
        assert_eq!(path.parent(), Some(Path::new(directory)));
        assert_eq!(path.extension().and_then(|extension| extension.to_str()), Some("key"));
    }
}
