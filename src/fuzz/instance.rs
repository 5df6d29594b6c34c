//! What must hold of instance metadata, and of URLs that are filled from it.

use crate::instance::Instance;
use crate::url::{Url, encode_stray};

/// A first line that is a URL, and a document: whatever the document says, a filled URL has no braces, is as long as it must
/// be and no longer, and leads where its own host says, if that held no placeholder.
pub fn instance(data: &[u8]) {
    let (first, document) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let url = String::from_utf8_lossy(first);
    let wanted = Instance::has_placeholder(&url);
    let Ok(instance) = Instance::parse(document) else { return };
    assert!(std::str::from_utf8(document).is_ok_and(|text| text.ends_with(instance.document())));
    assert_eq!(format!("{instance:?}"), format!("Instance({} bytes)", instance.document().len()));
    assert!(instance.get("compute").is_ok_and(|compute| compute.starts_with('{')));
    let _ = instance.get(&url);
    if let Ok(cloud) = instance.cloud() {
        assert!(cloud.arm_audience().is_ok());
    }
    let filled = match (instance.fill(&url), wanted) {
        (Ok(filled), Ok(wanted)) => {
            assert!(wanted || filled == url);
            filled
        }
        (Err(error), _) => return super::assert_presentable(&error),
        (Ok(filled), Err(error)) => panic!("{filled:?} in spite of {error}"),
    };
    assert!(!filled.contains(['{', '}']));
    // What was filled in is no new text for a reader: no fragment, no query, no other host.
    for c in ['?', '#', '@', '\\', '&', '%'] {
        assert!(c == '%' || filled.matches(c).count() == url.matches(c).count(), "{c} in {filled:?}");
    }
    let (host, filled) = (url.split('{').next().unwrap_or_default(), encode_stray(&filled));
    if let (Ok(before), Ok(after)) = (Url::parse(&encode_stray(host)), Url::parse(&filled)) {
        let ended =
            !before.rest.is_empty() || url.get(host.len()..).is_some_and(|rest| rest.starts_with("{resourceId}"));
        assert!(!ended || (before.host, before.port) == (after.host, after.port), "{url:?} became {filled:?}");
    }
}
