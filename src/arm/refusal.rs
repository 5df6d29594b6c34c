//! What a refusal says: from status, headers and body to the error. Pure.
//!
//! "Common API details: error response" and "headers" of the Resource Provider Contract; RFC 9110, section 11.6.1.

use std::time::SystemTime;

use super::advice::{Asked, advice};
use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Plain};
use crate::http::{bearer, retry_after};
use crate::trace::redact_url;
use crate::url::Url;

/// The error that an answer other than 2xx stands for.
#[cold]
pub(crate) fn refusal(status: u16, headers: &[(String, String)], body: &[u8], url: &str, wall: SystemTime) -> Error {
    let host = Url::parse(url).map(|url| url.authority()).unwrap_or_default();
    let header = |name: &str| header(headers, name);
    let kind = match status {
        401 | 403 => ErrorKind::AccessDenied,
        404 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        400..500 => ErrorKind::Rejected,
        500.. => ErrorKind::Unavailable,
        _ => return neither(status, &host, header("location")),
    };
    let mut failure = Failure::read(body);
    // Storage and others answer HEAD, and some errors, with the code in a header alone.
    if let Some(code) = header("x-ms-error-code") {
        failure.code = Some(code.to_owned());
        failure.facts.is_foreign = false;
    }
    let challenges = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"));
    let challenge = bearer(challenges.map(|(_, value)| value.as_str())).filter(|_| status == 401).unwrap_or_default();
    if failure.code.is_none() && failure.message.is_none() {
        (failure.code, failure.message) = (challenge.error.clone(), challenge.error_description.clone());
    }
    failure.facts.claims = challenge.claims.clone();
    take_headers(&mut failure, &header);
    let wait = retry_after(header, wall).or_else(|| failure.wait_in_words().filter(|_| status == 429));
    failure.facts.advice = advice(&Asked { status, failure: &failure, challenge: &challenge });
    Error::new(kind, format!("{host} refused"))
        .answered(status, failure)
        .with_request_id(header("x-ms-request-id"))
        .with_correlation_id(header("x-ms-correlation-request-id"))
        .with_retry_after(wait)
}

/// The provider's namespace as a refusal for want of its registration names it: the target of its first detail.
pub(crate) fn namespace(refusal: &Error) -> Option<String> {
    let target = refusal.details().next()?.target()?;
    // It becomes a segment of a path: `..` would lead up.
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (target.contains('.') && target.split('.').all(word)).then(|| target.to_owned())
}

/// What the headers say of whose fault it is, and where to look for it.
pub(crate) fn take_headers<'a>(failure: &mut Failure, header: &impl Fn(&str) -> Option<&'a str>) {
    let owned = |name: &str| header(name).map(str::to_owned);
    let facts = &mut failure.facts;
    facts.failure_cause = owned("x-ms-failure-cause");
    facts.client_request_id = owned("x-ms-client-request-id");
    facts.date = owned("date");
    // `EASTUS2:20210629T052336Z:<guid>`.
    let region = header("x-ms-routing-request-id").and_then(|route| route.split_once(':')).map(|(region, _)| region);
    let plain = |region: &&str| !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric());
    facts.region = region.filter(plain).map(str::to_owned);
}

/// Neither success nor refusal: a redirect, or something that was not asked for, such as 304.
fn neither(status: u16, host: &str, location: Option<&str>) -> Error {
    let step = match location.map(redact_url) {
        Some(target) => format!("{host} answered with a redirect, which is not followed: {}", Plain(&target)),
        None => format!("{host} gave neither a result nor an error"),
    };
    Error::new(ErrorKind::BadAnswer, step).answered(status, Failure::default())
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
