//! Answers.

use std::borrow::Cow;
use std::fmt;
use std::mem::take;
use std::time::{Duration, SystemTime};

use super::plan::Plan;
use super::refusal::refusal;
use super::{Client, wait};
use crate::error::{Error, ErrorKind};
use crate::http::retry_after;
use crate::json::Raw;
use crate::send::Incoming;

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
    pub(super) replayed: bool,
    /// What it answers.
    pub(super) client: Client,
    pub(super) plan: Plan,
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

    /// Whether an earlier try of the same request broke off and may have done the work: of a DELETE that then found nothing.
    pub fn is_replay(&self) -> bool {
        self.replayed
    }

    /// Follows a long-running operation to its end, within 30 minutes: see [`wait_for`](Self::wait_for).
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub fn wait(self) -> Result<Self, Error> {
        self.wait_for(WAIT)
    }

    /// Follows the long-running operation that this answer began, if it began one, to its end, and gives its result: what the
    /// resource is then, what an action gave, or nothing for a DELETE. The answer to a GET goes on with an operation, where it
    /// is the status of one or a resource that is still being made.
    ///
    /// Every variant of "Asynchronous operations" in the Resource Provider Contract is known. Between two looks at the state
    /// passes what the service asks for, else 2, 4, 8, 15 and then 30 seconds.
    ///
    /// # Errors
    /// [`ErrorKind::OperationFailed`] with the service's words when the operation failed or was cancelled,
    /// [`ErrorKind::DeadlineExceeded`] when it goes on, and those of [`Request::send`](super::Request::send). Where it goes on,
    /// [`Error::operation_url`] says how to come back to it.
    pub fn wait_for(self, deadline: Duration) -> Result<Self, Error> {
        let end = self.client.end_of(Some(deadline));
        wait::to_the_end(self, end)
    }

    pub(super) fn new(client: &Client, plan: &Plan, incoming: &mut Incoming) -> Self {
        Self {
            status: incoming.status,
            status_line: take(&mut incoming.status_line),
            headers: take(&mut incoming.headers),
            body: Vec::new(),
            replayed: false,
            client: client.clone(),
            plan: plan.clone(),
        }
    }

    /// The text of a member of the body, where that is a JSON object.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let document = Raw::document(std::str::from_utf8(&self.body).ok()?)?;
        document.get(name)?.string().map(Cow::into_owned)
    }

    pub(super) fn is_empty_list(&self) -> bool {
        let document = std::str::from_utf8(&self.body).ok().and_then(Raw::document);
        let value = document.and_then(|document| document.get("value"));
        value.is_some_and(|value| value.is_array() && value.elements().next().is_none())
    }

    pub(super) fn retry_after(&self, wall: SystemTime) -> Option<Duration> {
        retry_after(|name| self.header(name), wall)
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
    pub(super) fn refusal(&self, url: &str, wall: SystemTime) -> Error {
        refusal(self.status, &self.headers, &self.body, url, wall)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("body", &self.body.len()).finish_non_exhaustive()
    }
}

/// What the contract gives a command that waits.
const WAIT: Duration = Duration::from_secs(30 * 60);
/// ARM drops answers over 8 MB.
const MAX_BODY: usize = 16 << 20;
