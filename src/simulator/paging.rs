//! Lists in pages.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::estate::Paging;
use super::refusal::error;
use super::request::Received;
use super::response::Response;
use super::token;
use crate::base64::{URL_SAFE, decode, encode};

/// Which of so many items this page holds, and the link to the next one.
pub(super) fn page(
    paging: Paging,
    request: &Received,
    total: usize,
) -> Result<(Range<usize>, Option<String>), Response> {
    let digest = digest(request.body());
    let (start, filled) = match request.parameter("$skiptoken") {
        None => (0, false),
        Some(token) => {
            let (start, filled, of) = read(&token).ok_or_else(|| {
                error(400, "InvalidSkipToken", &format!("The provided skip token '{token}' is invalid."))
            })?;
            if of != digest {
                let message = "The request content must be the one of the request that the skip token was obtained by.";
                return Err(error(400, "BadRequest", message));
            }
            (start, filled)
        }
    };
    let size = match request.parameter("$top") {
        None => paging.size,
        Some(top) => top.parse().ok().filter(|top| *top > 0).ok_or_else(|| {
            error(400, "InvalidTopParameter", &format!("The value '{top}' of the query parameter '$top' is invalid."))
        })?,
    };
    if paging.empty && !filled {
        return Ok((start..start, Some(link(request, start, true, digest))));
    }
    let end = start.saturating_add(size.max(1)).min(total);
    let next = (end < total).then(|| link(request, end, false, digest));
    Ok((start.min(end)..end, next))
}

/// The items of the page.
pub(super) fn cut<T>(items: &[T], range: Range<usize>) -> &[T] {
    items.get(range).unwrap_or_default()
}

fn link(request: &Received, start: usize, filled: bool, digest: u64) -> String {
    let (path, query) = request.target().split_once('?').unwrap_or_else(|| (request.target(), ""));
    let old = |pair: &&str| pair.to_ascii_lowercase().replace("%24", "$").starts_with("$skiptoken=");
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !old(pair));
    let secret = encode(URL_SAFE, &token::random::<16>());
    let token = encode(URL_SAFE, format!("{start}!{}!{digest}!{secret}", u8::from(filled)).as_bytes());
    let query: Vec<String> = kept.map(str::to_owned).chain([format!("%24skiptoken={token}")]).collect();
    format!("{}{path}?{}", request.origin(), query.join("&"))
}

fn read(token: &str) -> Option<(usize, bool, u64)> {
    let text = String::from_utf8(decode(token)?).ok()?;
    let mut parts = text.split('!');
    Some((parts.next()?.parse().ok()?, parts.next()? == "1", parts.next()?.parse().ok()?))
}

fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}
