//! A request in the making.

use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use super::call::Call;
use super::pages::{Items, Pages};
use super::plan::Plan;
use super::{Answer, Client};
use crate::error::Error;
use crate::http::push_query;
use crate::trace::{redact_header, redact_url};
use crate::url::encode_stray;

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
#[derive(Clone)]
#[must_use = "nothing is sent before send()"]
pub struct Request {
    client: Client,
    plan: Plan,
    deadline: Option<Duration>,
}

impl Request {
    pub(super) fn new(client: Client, method: &str, url: &str) -> Self {
        let base = if url.starts_with('/') && !url.starts_with("//") { client.cloud().arm_endpoint() } else { "" };
        let url = [base, &encode_stray(url)].concat();
        Self { client, plan: Plan::new(method, url), deadline: None }
    }

    /// The version of the API, such as `2021-04-01`. ARM wants one with every request.
    pub fn api_version(self, version: &str) -> Self {
        self.query("api-version", version)
    }

    /// A query parameter; name and value are percent-encoded. `$` in a name stays, as OData's services expect.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let url = &mut self.plan.url;
        match name.strip_prefix('$') {
            Some(name) => {
                url.push_str(if url.contains('?') { "&$" } else { "?$" });
                let mut pair = String::new();
                push_query(&mut pair, name, value);
                url.push_str(pair.trim_start_matches('?'));
            }
            None => push_query(url, name, value),
        }
        self
    }

    /// A header. One of the same name, also one of ours, is replaced.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.plan.set_header(name, value);
        self
    }

    /// The body, sent byte for byte, as `application/json` unless a header says otherwise. GET and HEAD have none.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.plan.body = Some(body.into().into());
        self
    }

    /// Only if the resource is still the one with this entity tag (RFC 9110, section 13.1.1); `*`: only if there is one.
    pub fn if_match(self, etag: &str) -> Self {
        self.header("If-Match", etag)
    }

    /// Only if the resource is no longer the one with this entity tag (RFC 9110, section 13.1.2); `*`: only if there is none.
    pub fn if_none_match(self, etag: &str) -> Self {
        self.header("If-None-Match", etag)
    }

    /// The audience of the token. Default: what the cloud's table says of the host.
    pub fn resource(mut self, resource: &str) -> Self {
        self.plan.resource = Some(resource.to_owned());
        self
    }

    /// Sent without a token.
    pub fn no_token(mut self) -> Self {
        self.plan.token = false;
        self
    }

    /// How long all that comes of this request may take: its tries, and its pages together. Default: the client's deadline,
    /// and for pages the same for each.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// For how long a refusal is taken for a role that is still on its way: it is tried again with a token that is fresh each
    /// time. Policies, locks and firewalls are not waited for. Default: not at all.
    ///
    /// A new role assignment takes up to 10 minutes to arrive; through a group or a management group, up to 24 hours ("Troubleshoot
    /// Azure RBAC", Microsoft Learn).
    pub fn retry_forbidden(mut self, wait: Duration) -> Self {
        self.plan.forbidden = wait;
        self
    }

    /// Registers the resource provider in the subscription if the service says that it is not, and tries again. The identity
    /// needs the right to (`*/register/action`). Default: no.
    pub fn register_provider(mut self) -> Self {
        self.plan.register = true;
        self
    }

    /// What `send` would send, the token left out: for a person to look at.
    ///
    /// # Errors
    /// As [`send`](Self::send), as far as they can be known without sending.
    pub fn preview(&self) -> Result<String, Error> {
        let audience = self.plan.audience(self.client.cloud())?;
        let mut text = format!("{} {}\n", self.plan.method, redact_url(&self.plan.url));
        match audience {
            Some(audience) => text.extend(["audience: ", &audience, "\nauthorization: Bearer REDACTED\n"]),
            None => text.push_str("no token\n"),
        }
        for (name, value) in self.plan.headers_to_send() {
            text.push_str(&format!("{name}: {}\n", redact_header(&name, &value)));
        }
        text.push_str(&format!("body: {} bytes\n", self.plan.body.as_ref().map_or(0, |body| body.len())));
        Ok(text)
    }

    /// Sends the request and reads the whole answer, up to 16 MiB.
    ///
    /// What may pass is tried again until the deadline, with jitter on top of the service's `Retry-After`: 429 always, other
    /// failures only where sending twice does no harm (GET, HEAD, PUT, DELETE, and everything with an entity tag). A 401 is
    /// answered once with a fresh token.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) before anything is sent; the kinds of
    /// [`Credential::token`](crate::Credential::token); [`ErrorKind::Connection`](crate::ErrorKind::Connection),
    /// [`ErrorKind::BadAnswer`](crate::ErrorKind::BadAnswer) and
    /// [`ErrorKind::DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded) on the way; and for an answer other than 2xx its
    /// kind, with the service's code, message, details and ids.
    pub fn send(self) -> Result<Answer, Error> {
        let end = self.end();
        Call { client: &self.client, plan: &self.plan, end, whatever: false }.answer()
    }

    /// Sends the request and writes the body to `sink` as it comes, whatever its size. The answer's own body is empty. Once a
    /// byte is written, nothing is tried again.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`ErrorKind::Local`](crate::ErrorKind::Local) when `sink` fails. What was written before an
    /// error is no whole body.
    pub fn send_to(self, sink: &mut dyn Write) -> Result<Answer, Error> {
        let end = self.end();
        Call { client: &self.client, plan: &self.plan, end, whatever: false }.stream(sink)
    }

    /// The answers of a list, page by page, by `nextLink` or `@odata.nextLink` and with the same method and body. Nothing is
    /// sent before the first `next()`.
    ///
    /// A link to another origin is not followed, and one that leads in a circle is an error.
    pub fn pages(self) -> Pages {
        let end = self.deadline.map(|_| self.end());
        Pages::new(self.client, self.plan, end)
    }

    /// The items of a list, page by page: each the JSON text of one element of `value`, as it came.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # fn main() -> Result<(), azmin::Error> {
    /// # let arm = azmin::arm::Client::new(azmin::Credential::detect()?);
    /// for item in arm.get("/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resources").api_version("2021-04-01").items() {
    ///     println!("{}", item?);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn items(self) -> Items {
        Items::new(self.pages())
    }

    fn end(&self) -> Instant {
        self.client.end_of(self.deadline)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("plan", &self.plan).finish_non_exhaustive()
    }
}
