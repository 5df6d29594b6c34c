//! What each attempt on the wire looked like, for a trace that may be shown to anybody: secrets are cut out here, once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;

/// One request and what came of it, without any secret: not even a prefix of a token, a key, or the query of a signed URL.
///
/// `Display` is one line for a log: method, URL, status or error, milliseconds.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), azmin::Error> {
/// let credential = azmin::Credential::builder().on_attempt(|attempt| eprintln!("{attempt}")).build()?;
/// # Ok(()) }
/// ```
pub struct Attempt<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) outcome: Result<u16, &'a Error>,
    pub(crate) elapsed: Duration,
    pub(crate) sent: &'a [(&'a str, &'a str)],
    pub(crate) received: &'a [(&'a str, &'a str)],
}

impl Attempt<'_> {
    /// The request's method.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The URL; query values are shown only for parameters that never hold a secret.
    pub fn url(&self) -> String {
        redact_url(self.url)
    }

    /// The HTTP status, when an answer came.
    pub fn status(&self) -> Option<u16> {
        self.outcome.ok()
    }

    /// Why no answer came.
    pub fn error(&self) -> Option<&Error> {
        self.outcome.err()
    }

    /// From the first packet to the whole answer, or to the error.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Request headers, values redacted unless they are known to be harmless.
    pub fn sent_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sent.iter().map(|(name, value)| (*name, redact_header(name, value)))
    }

    /// Response headers, values redacted unless they are known to be harmless.
    pub fn received_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.received.iter().map(|(name, value)| (*name, redact_header(name, value)))
    }
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> ", self.method, self.url())?;
        match self.outcome {
            Ok(status) => write!(f, "{status}")?,
            Err(error) => write!(f, "{error}")?,
        }
        let elapsed = self.elapsed.as_secs().saturating_mul(1000) + u64::from(self.elapsed.subsec_millis());
        write!(f, " in {elapsed} ms")
    }
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("method", &self.method)
            .field("url", &self.url())
            .field("outcome", &self.outcome)
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

/// Who wants to know.
#[derive(Clone, Default)]
pub(crate) struct Trace(pub(crate) Option<Arc<Observer>>);

pub(crate) type Observer = dyn Fn(&Attempt<'_>) + Send + Sync;

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Trace(on)" } else { "Trace(off)" })
    }
}

/// A URL with the values of all but a few query parameters hidden: `$skiptoken`, `sig` and the `t`, `c`, `s`, `h` of a polling
/// URL open doors by themselves.
pub(crate) fn redact_url(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let mut shown = String::with_capacity(url.len());
    shown.push_str(path);
    for (index, pair) in query.split('&').enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if !HARMLESS_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name)) => {
                shown.push_str(name);
                shown.push_str("=REDACTED");
            }
            Some(_) => shown.push_str(pair),
            None => shown.push_str("REDACTED"),
        }
    }
    shown
}

/// The value itself, or a word in its place.
pub(crate) fn redact_header<'a>(name: &str, value: &'a str) -> &'a str {
    if HARMLESS_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) { value } else { "REDACTED" }
}

const HARMLESS_PARAMETERS: [&str; 10] = [
    "api-version",
    "resource",
    "client_id",
    "object_id",
    "msi_res_id",
    "format",
    "$top",
    "$filter",
    "$expand",
    "$select",
];

const HARMLESS_HEADERS: [&str; 32] = [
    "accept",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "host",
    "if-match",
    "if-none-match",
    "last-modified",
    "metadata",
    "pragma",
    "retry-after",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "x-content-type-options",
    "x-ms-client-request-id",
    "x-ms-correlation-request-id",
    "x-ms-error-code",
    "x-ms-failure-cause",
    "x-ms-ratelimit-remaining-subscription-reads",
    "x-ms-ratelimit-remaining-subscription-writes",
    "x-ms-request-id",
    "x-ms-return-client-request-id",
    "x-ms-routing-request-id",
    "x-ms-version",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_pass() {
        for (url, shown) in [
            ("https://a/p?api-version=1&sig=x&$top=2", "https://a/p?api-version=1&sig=REDACTED&$top=2"),
            ("https://a/p?t=6&c=MII&s=x&h=y", "https://a/p?t=REDACTED&c=REDACTED&s=REDACTED&h=REDACTED"),
            ("https://a/p?token", "https://a/p?REDACTED"),
            ("https://a/p", "https://a/p"),
        ] {
            assert_eq!(redact_url(url), shown);
        }
        for name in [
            "Authorization",
            "X-IDENTITY-HEADER",
            "Secret",
            "Location",
            "WWW-Authenticate",
            "Cookie",
            "Proxy-Authorization",
        ] {
            assert_eq!(redact_header(name, "s3cr3t"), "REDACTED");
        }
        assert_eq!(redact_header("RETRY-AFTER", "5"), "5");
    }
}
