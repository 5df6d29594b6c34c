//! A request in the making, and the one place where a token meets a URL.

use std::fmt;
use std::io::Write;
use std::time::Instant;

use super::{Answer, Client};
use crate::error::{Error, ErrorKind};
use crate::http::{is_field_text, is_token, push_query};
use crate::send::{Incoming, Outgoing};
use crate::trace::{Record, redact_header, redact_url};
use crate::url::{Url, encode_stray};

/// A request that has not been sent.
///
/// # Example
///
/// ```no_run
/// # fn main() -> Result<(), azmin::Error> {
/// # let arm = azmin::arm::Client::new(azmin::Credential::detect()?);
/// let machines = arm.get("/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resources")
///     .api_version("2021-04-01")
///     .query("$filter", "resourceType eq 'Microsoft.Compute/virtualMachines'")
///     .send()?;
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent before send()"]
pub struct Request {
    client: Client,
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    resource: Option<String>,
}

impl Request {
    pub(super) fn new(client: Client, method: &'static str, url: &str) -> Self {
        let base = if url.starts_with('/') && !url.starts_with("//") { client.cloud().arm_endpoint() } else { "" };
        let url = [base, &encode_stray(url)].concat();
        Self { client, method, url, headers: Vec::new(), resource: None }
    }

    /// The version of the API, such as `2021-04-01`. ARM wants one with every request.
    pub fn api_version(self, version: &str) -> Self {
        self.query("api-version", version)
    }

    /// A query parameter; name and value are percent-encoded. `$` in a name stays, as OData's services expect.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        match name.strip_prefix('$') {
            Some(name) => {
                self.url.push_str(if self.url.contains('?') { "&$" } else { "?$" });
                let mut pair = String::new();
                push_query(&mut pair, name, value);
                self.url.push_str(pair.trim_start_matches('?'));
            }
            None => push_query(&mut self.url, name, value),
        }
        self
    }

    /// A header. One of the same name, also one of ours, is replaced.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The audience of the token. Default: what the cloud's table says of the host.
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// What `send` would send, the token left out: for a person to look at.
    ///
    /// # Errors
    /// As [`send`](Self::send), as far as they can be known without sending.
    pub fn preview(&self) -> Result<String, Error> {
        let resource = self.check()?;
        let mut text = format!(
            "{} {}\naudience: {resource}\nauthorization: Bearer REDACTED\n",
            self.method,
            redact_url(&self.url)
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {}\n", redact_header(name, value)));
        }
        text.push_str("body: 0 bytes\n");
        Ok(text)
    }

    /// Sends the request and reads the whole answer, up to 16 MiB.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] before anything is sent; the kinds of [`Credential::token`](crate::Credential::token);
    /// [`ErrorKind::Connection`], [`ErrorKind::BadAnswer`] and [`ErrorKind::DeadlineExceeded`] on the way; and for an answer
    /// other than 2xx its kind, with the service's code, message, details and ids.
    pub fn send(self) -> Result<Answer, Error> {
        let (incoming, mut answer) = self.begin()?;
        if !answer.is_success() {
            return Err(self.refusal(incoming, answer));
        }
        incoming.read(|piece| answer.keep(piece))?;
        Ok(answer)
    }

    /// Sends the request and writes the body to `sink` as it comes, whatever its size. The answer's own body is empty.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`ErrorKind::Local`] when `sink` fails. What was written before an error is no whole body.
    pub fn send_to(self, sink: &mut dyn Write) -> Result<Answer, Error> {
        let (incoming, answer) = self.begin()?;
        if !answer.is_success() {
            return Err(self.refusal(incoming, answer));
        }
        incoming.read(|piece| {
            sink.write_all(piece).map_err(|why| Error::new(ErrorKind::Local, "could not write the body").because(why))
        })?;
        Ok(answer)
    }

    fn begin(&self) -> Result<(Incoming, Answer), Error> {
        let resource = self.check()?;
        let begun = Instant::now();
        let deadline = begun.checked_add(self.client.deadline()).unwrap_or(begun);
        // The sender first: a CA file that cannot be read should not cost a token request.
        let sender = self.client.sender()?;
        let token = self.client.credential().token_before(&resource, deadline)?;
        let sent = Instant::now();
        let outgoing = Outgoing {
            method: self.method,
            url: &self.url,
            headers: &self.headers,
            bearer: Some(token.secret()),
            form: None,
        };
        let outcome = sender.send(&outgoing, deadline);
        self.trace(&outcome, sent);
        let mut incoming = outcome?;
        let (status_line, headers) = (std::mem::take(&mut incoming.status_line), std::mem::take(&mut incoming.headers));
        let answer = Answer { status: incoming.status, status_line, headers, body: Vec::new() };
        Ok((incoming, answer))
    }

    /// A body that is cut or too large, or that never ends, does not hide what its status has said.
    #[cold]
    fn refusal(&self, incoming: Incoming, mut answer: Answer) -> Error {
        let _ = incoming.read(|piece| answer.keep(piece));
        answer.refusal(&Url::parse(&self.url).map(|url| url.authority()).unwrap_or_default())
    }

    fn trace(&self, outcome: &Result<Incoming, Error>, sent: Instant) {
        let elapsed = sent.elapsed();
        if !self.client.trace().is_on() {
            return;
        }
        let received = outcome.as_ref().map(|incoming| incoming.headers.clone()).unwrap_or_default();
        let outcome = outcome.as_ref().map(|incoming| incoming.status).map_err(Error::clone);
        let (method, url, sent) = (self.method, self.url.clone(), self.headers.clone());
        self.client.trace().tell(&Record { method, url, outcome, elapsed, sent, received }, None);
    }

    /// The audience, once everything that can be known to be wrong has been ruled out.
    fn check(&self) -> Result<String, Error> {
        let url = Url::parse(&self.url).map_err(|why| Error::invalid(format!("no usable URL: {why}")))?;
        if !url.https {
            return Err(Error::invalid("a token is sent over https only"));
        }
        for (name, value) in &self.headers {
            if !is_token(name.as_bytes()) || !is_field_text(value.as_bytes()) {
                return Err(Error::invalid(format!("{name:?} is no header that can be sent")));
            }
            if FRAMING.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
                return Err(Error::invalid(format!("the header {name} is not the caller's to set")));
            }
        }
        match &self.resource {
            Some(resource) => Ok(resource.clone()),
            None => self.client.cloud().audience_of(&self.url).map(str::to_owned),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &redact_url(&self.url))
            .finish_non_exhaustive()
    }
}

/// What frames the message or names the endpoint, and the header that holds the token.
const FRAMING: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "authorization"];
