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
    record: &'a Record,
    retry_in: Option<Duration>,
}

/// What is known of a request when it is over. Of the headers, secrets have never been in it.
pub(crate) struct Record {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) outcome: Result<u16, Error>,
    pub(crate) elapsed: Duration,
    pub(crate) sent: Headers,
    pub(crate) received: Headers,
}

/// Headers that may be shown, a line each: most records are never looked at.
#[derive(Default)]
pub(crate) struct Headers(String);

impl Headers {
    pub(crate) fn shown<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut lines = String::new();
        for (name, value) in headers {
            lines.extend([name, ":", redact_header(name, value), "\n"]);
        }
        Self(lines)
    }

    /// No name has a colon in it, and no value the end of a line (RFC 9110, section 5).
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split_terminator('\n').filter_map(|line| line.split_once(':'))
    }
}

impl Attempt<'_> {
    /// The request's method.
    pub fn method(&self) -> &str {
        self.record.method
    }

    /// The URL; query values are shown only for parameters that never hold a secret.
    pub fn url(&self) -> String {
        redact_url(&self.record.url)
    }

    /// The HTTP status, when an answer came.
    pub fn status(&self) -> Option<u16> {
        self.record.outcome.as_ref().ok().copied()
    }

    /// Why no answer came.
    pub fn error(&self) -> Option<&Error> {
        self.record.outcome.as_ref().err()
    }

    /// From the first packet to the whole answer, or to the error.
    pub fn elapsed(&self) -> Duration {
        self.record.elapsed
    }

    /// The pause before the next try, where there will be one.
    pub fn retry_in(&self) -> Option<Duration> {
        self.retry_in
    }

    /// Request headers, values redacted unless they are known to be harmless.
    pub fn sent_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.record.sent.iter()
    }

    /// Response headers, values redacted unless they are known to be harmless.
    pub fn received_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.record.received.iter()
    }
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> ", self.record.method, self.url())?;
        match &self.record.outcome {
            Ok(status) => write!(f, "{status}")?,
            Err(error) => write!(f, "{error}")?,
        }
        write!(f, " in {} ms", milliseconds(self.record.elapsed))?;
        match self.retry_in {
            Some(delay) => write!(f, ", again in {} ms", milliseconds(delay)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attempt({self})")
    }
}

/// Not `as_millis`, whose 128 bits cost a kilobyte of formatting.
fn milliseconds(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1000).saturating_add(u64::from(time.subsec_millis()))
}

/// Who wants to know.
#[derive(Clone, Default)]
pub(crate) struct Trace(pub(crate) Option<Arc<Observer>>);

impl Trace {
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn tell(&self, record: &Record, retry_in: Option<Duration>) {
        if let Some(observer) = &self.0 {
            observer(&Attempt { record, retry_in });
        }
    }
}

pub(crate) type Observer = dyn Fn(&Attempt<'_>) + Send + Sync;

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Trace(on)" } else { "Trace(off)" })
    }
}

/// A URL with the values of all but a few query parameters hidden: `$skiptoken`, `sig` and the `t`, `c`, `s`, `h` of a polling
/// URL open doors by themselves. So may a fragment, which sign-in pages are handed tokens in, and a user name.
pub(crate) fn redact_url(url: &str) -> String {
    let (url, fragment) = split(url, '#');
    let (path, query) = split(url, '?');
    let mut shown = String::with_capacity(url.len());
    push_path(&mut shown, path);
    for (index, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if !HARMLESS_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name)) => {
                shown.extend([name, "=", REDACTED]);
            }
            Some(_) => shown.push_str(pair),
            None => shown.push_str(REDACTED),
        }
    }
    shown.extend(fragment.map(|_| ["#", REDACTED]).into_iter().flatten());
    shown
}

/// What stands before the first `?`. The third piece is the authority, where the second is empty.
fn push_path(shown: &mut String, path: &str) {
    let mut after_slashes = false;
    for (index, piece) in path.split('/').enumerate() {
        if index > 0 {
            shown.push('/');
        }
        let host = if index == 2 && after_slashes { piece.rsplit_once('@') } else { None };
        match host {
            Some((_, host)) => shown.extend([REDACTED, "@", host]),
            None => shown.push_str(piece),
        }
        after_slashes = piece.is_empty();
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// The value itself, or a word in its place.
pub(crate) fn redact_header<'a>(name: &str, value: &'a str) -> &'a str {
    if HARMLESS_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) { value } else { REDACTED }
}

const REDACTED: &str = "REDACTED";
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
            ("https://a/p#access_token=x", "https://a/p#REDACTED"),
            ("https://a/p?format=x#y?z=1", "https://a/p?format=x#REDACTED"),
            ("https://user:x@a/p@q", "https://REDACTED@a/p@q"),
            ("//x@a", "//REDACTED@a"),
            ("/p@q", "/p@q"),
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

    #[test]
    fn an_attempt_without_an_answer_says_why() {
        let outcome = Err(Error::new(crate::error::ErrorKind::Connection, "no connection"));
        let (elapsed, sent, received) = (Duration::from_millis(7), Headers::default(), Headers::default());
        let record = Record { method: "GET", url: "https://a".to_owned(), outcome, elapsed, sent, received };
        let attempt = Attempt { record: &record, retry_in: None };
        assert_eq!(attempt.error().map(Error::kind), Some(crate::error::ErrorKind::Connection));
        assert_eq!(attempt.status(), None);
        assert_eq!(attempt.to_string(), "GET https://a -> no connection in 7 ms");
    }

    #[test]
    fn what_an_observer_is_told() {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let observer = Arc::clone(&seen);
        let trace = Trace(Some(Arc::new(move |attempt: &Attempt<'_>| {
            let own = |(name, value): (&str, &str)| format!("{name}: {value}");
            let headers = attempt.sent_headers().chain(attempt.received_headers()).map(own);
            let told = [attempt.method().to_owned(), attempt.url(), attempt.to_string(), format!("{attempt:?}")];
            observer.lock().unwrap().extend(told.into_iter().chain(headers));
            assert_eq!((attempt.status(), attempt.error().is_none()), (Some(200), true));
            assert_eq!(
                (attempt.elapsed(), attempt.retry_in()),
                (Duration::from_millis(1500), Some(Duration::from_secs(2)))
            );
        })));
        let record = Record {
            method: "GET",
            url: "https://a/p?sig=x".to_owned(),
            outcome: Ok(200),
            elapsed: Duration::from_millis(1500),
            sent: Headers::shown([("Authorization", "s3cr3t"), ("accept", "a/b")]),
            received: Headers::shown([("etag", "e"), ("location", "s3cr3t")]),
        };
        trace.tell(&record, Some(Duration::from_secs(2)));
        assert!(trace.is_on() && !Trace::default().is_on());
        assert_eq!(format!("{trace:?} {:?}", Trace::default()), "Trace(on) Trace(off)");
        let line = "GET https://a/p?sig=REDACTED -> 200 in 1500 ms, again in 2000 ms";
        assert_eq!(
            *seen.lock().unwrap(),
            [
                "GET",
                "https://a/p?sig=REDACTED",
                line,
                &format!("Attempt({line})"),
                "Authorization: REDACTED",
                "accept: a/b",
                "etag: e",
                "location: REDACTED",
            ]
        );
    }
}
