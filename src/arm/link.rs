//! Where a link that a service wrote (`nextLink`, a polling URL, `resourceLocation`) may lead with the token of the request
//! that it answers.
//!
//! To the same origin, or from one Resource Manager host of the cloud to another: operations of a region are polled there.

use std::fmt;

use crate::cloud::Cloud;
use crate::url::{Url, encode_stray};

/// Why a link is not followed, and where it would have led. Never more of the link than its host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    why: &'static str,
    target: String,
}

/// The absolute URL to which a request with the token that `base` got may go.
///
/// A reference without scheme is resolved against `base` (RFC 3986, section 5.2). Blanks, quotes and, in the query, braces
/// are percent-encoded; nothing else of a link changes: it is signed.
///
/// # Errors
/// [`Refused`] for whatever has a second reading, is not https, or leads elsewhere.
pub(crate) fn follow(cloud: &Cloud, base: &str, link: &str) -> Result<String, Refused> {
    let base = Url::parse(base).map_err(Refused::because)?;
    let url = resolve(&base, link).map_err(Refused::because)?;
    if url.len() > MAX_LINK {
        return Err(Refused::because("it is longer than 16 KiB"));
    }
    let target = Url::parse(&url).map_err(Refused::because)?;
    let refused = |why| Refused { why, target: target.authority() };
    if !target.https || !base.https {
        return Err(refused("it is not https"));
    }
    let same = target.host.eq_ignore_ascii_case(base.host) && target.port == base.port;
    if same || cloud.is_arm(&base) && cloud.is_arm(&target) {
        return Ok(url);
    }
    Err(refused("it leads to another host"))
}

impl Refused {
    fn because(why: &'static str) -> Self {
        Self { why, target: String::new() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why)?;
        if !self.target.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.target)
    }
}

fn resolve(base: &Url<'_>, link: &str) -> Result<String, &'static str> {
    // Before anything is copied.
    if link.len() > MAX_LINK {
        return Err("it is longer than 16 KiB");
    }
    let (path, query) = link.split_at_checked(link.find('?').unwrap_or(link.len())).unwrap_or((link, ""));
    // Browsers read them as slashes.
    if path.contains('\\') {
        return Err("it has a backslash before its query");
    }
    let query = encode_stray(query).replace('{', "%7B").replace('}', "%7D");
    let path = encode_stray(path);
    let first = path.split('/').next().unwrap_or("");
    if first.contains(':') {
        return Ok(path + &query);
    }
    if path.starts_with("//") {
        return Err("it names a host without https://");
    }
    let (base_path, _) = base.rest.split_once('?').unwrap_or((base.rest, ""));
    let path = match (path.as_str(), query.as_str()) {
        ("", "") => return Err("it is empty"),
        ("", _) => base_path.to_owned(),
        (path, _) if path.starts_with('/') => without_dots(path),
        (path, _) => {
            let folder = base_path.rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dots(&[folder, "/", path].concat())
        }
    };
    Ok(["https://", &base.authority(), &path, &query].concat())
}

/// RFC 3986, section 5.2.4, of a path that starts with `/`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if last {
            kept.push("");
        }
    }
    ["/", &kept.join("/")].concat()
}

/// Signed polling URLs are longer than 3 KB.
const MAX_LINK: usize = 16 << 10;
