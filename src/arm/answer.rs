//! Answers, and what a refusal says.

use std::fmt;
use std::time::SystemTime;

use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Plain};
use crate::http::retry_after;
use crate::trace::redact_url;

/// A success answer.
///
/// # Example
///
/// ```no_run
/// # fn main() -> Result<(), azmin::Error> {
/// # let arm = azmin::arm::Client::new(azmin::Credential::detect()?);
/// let answer = arm.get("/subscriptions").api_version("2022-12-01").send()?;
/// println!("{} {:?}", answer.status(), answer.header("x-ms-request-id"));
/// println!("{}", answer.text());
/// # Ok(()) }
/// ```
#[non_exhaustive]
pub struct Answer {
    pub(super) status: u16,
    pub(super) status_line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Version, status and the status's standard reason: `HTTP/1.1 200 OK`.
    pub fn status_line(&self) -> &str {
        &self.status_line
    }

    /// The first header of that name, compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The headers, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body, byte for byte.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(self) -> String {
        match String::from_utf8(self.body) {
            Ok(text) => text,
            Err(other) => String::from_utf8_lossy(other.as_bytes()).into_owned(),
        }
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Adds a piece of the body.
    pub(super) fn keep(&mut self, piece: &[u8]) -> Result<(), Error> {
        if self.body.len() + piece.len() > MAX_BODY {
            return Err(Error::new(ErrorKind::BadAnswer, "the answer is larger than 16 MiB: stream it"));
        }
        self.body.extend_from_slice(piece);
        Ok(())
    }

    /// The error that an answer other than 2xx stands for.
    #[cold]
    pub(super) fn refusal(&self, host: &str) -> Error {
        let kind = match self.status {
            401 | 403 => ErrorKind::AccessDenied,
            404 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::Conflict,
            429 => ErrorKind::Throttled,
            400..500 => ErrorKind::Rejected,
            500.. => ErrorKind::Unavailable,
            _ => return self.neither(host),
        };
        let mut failure = Failure::decode(&self.body);
        // Storage and others answer HEAD, and some errors, with the code in a header alone.
        if let Some(code) = self.header("x-ms-error-code") {
            failure.code = Some(code.to_owned());
        }
        let retry_after = retry_after(|name| self.header(name), SystemTime::now());
        Error::new(kind, format!("{host} refused"))
            .answered(self.status, failure)
            .with_request_id(self.header("x-ms-request-id"))
            .with_correlation_id(self.header("x-ms-correlation-request-id"))
            .with_retry_after(retry_after)
    }

    /// Neither success nor refusal: a redirect, or something that was not asked for, such as 304.
    fn neither(&self, host: &str) -> Error {
        let step = match self.header("location").map(redact_url) {
            Some(target) => format!("{host} answered with a redirect, which is not followed: {}", Plain(&target)),
            None => format!("{host} gave neither a result nor an error"),
        };
        Error::new(ErrorKind::BadAnswer, step).answered(self.status, Failure::default())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("body", &self.body.len()).finish_non_exhaustive()
    }
}

/// ARM drops answers over 8 MB.
const MAX_BODY: usize = 16 << 20;
