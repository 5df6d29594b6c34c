//! Calls over TLS, by ureq on rustls. What ureq leaves open is closed here: every setting is explicit, every URL has been
//! read by our own rules before ureq sees it, answers are read by our own parser beside it, and bounded.

mod connect;
mod guard;
mod handshake;
mod pin;
mod roots;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustls::ClientConfig;
use ureq::Timeout;
use ureq::http;
use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use zeroize::{Zeroize, Zeroizing};

use crate::dial::Lost;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Stage};
use crate::http::{Buffer, FORM, Limits, Request, Response};
use crate::proxy::Proxies;
pub(crate) use roots::Roots;

/// A pool of connections and the TLS settings that they share.
pub(crate) struct Sender {
    agent: ureq::Agent,
    /// Connections of an earlier generation are not used again.
    generation: Arc<AtomicU64>,
}

/// A request. The URL has been checked.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) bearer: Option<&'a str>,
    /// Without one, no header says how long it is.
    pub(crate) body: Option<&'a [u8]>,
}

/// An answer whose body is still to be read.
pub(crate) struct Incoming {
    pub(crate) status: u16,
    /// Version, status and reason; the reason is the standard one, ureq does not keep the server's.
    pub(crate) status_line: String,
    pub(crate) headers: Vec<(String, String)>,
    body: Box<dyn Read>,
}

impl Sender {
    /// For servers that the bundled roots, these CAs and those of `SSL_CERT_FILE` vouch for, through the proxy that the
    /// environment names.
    pub(crate) fn from_env(roots: &Roots, env: &Env) -> Result<Self, Error> {
        let mut roots = roots.clone();
        if let Some(path) = env.get("SSL_CERT_FILE") {
            roots.add_file(&path);
        }
        Ok(Self::new(roots.client_config()?, Proxies::from_env(env)?))
    }

    /// For the one server whose certificate has this SHA-1 thumbprint, never through a proxy.
    pub(crate) fn pinned(thumbprint: [u8; 20]) -> Result<Self, Error> {
        Ok(Self::new(pin::client_config(thumbprint)?, Proxies::default()))
    }

    fn new(config: Arc<ClientConfig>, proxies: Proxies) -> Self {
        let generation = Arc::default();
        let connector = connect::Connector::new(config, proxies, Arc::clone(&generation));
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .https_only(true)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            .accept("application/json")
            .max_response_header_size(MAX_HEAD)
            .max_idle_connections_per_host(1)
            .build();
        Self { agent: ureq::Agent::with_parts(config, connector, connect::NoResolver), generation }
    }

    /// The next request opens a connection of its own: it may reach another of the service's machines.
    pub(crate) fn drop_connections(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends a token request and reads its whole answer.
    pub(crate) fn exchange(&self, request: &Request<'_>, deadline: Instant) -> Result<Response, Lost> {
        self.whole(request, deadline).map_err(lost)
    }

    fn whole(&self, request: &Request<'_>, deadline: Instant) -> Result<Response, Error> {
        let url = format!("https://{}{}", request.authority, request.target);
        let mut headers: Vec<_> =
            request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
        let body = request.form.as_ref().map(|form| form.as_bytes());
        if body.is_some() {
            headers.push(("content-type".to_owned(), FORM.to_owned()));
        }
        let outgoing = Outgoing { method: request.method, url: &url, headers: &headers, bearer: None, body };
        let sent = self.send(&outgoing, deadline);
        headers.iter_mut().for_each(|(_, value)| value.zeroize());
        let mut incoming = sent?;
        let (status, headers) = (incoming.status, std::mem::take(&mut incoming.headers));
        let mut body = Buffer::default();
        incoming.read(|piece| {
            if body.len() + piece.len() > Limits::default().body {
                return Err(Error::new(ErrorKind::BadAnswer, "the answer is larger than a token can be"));
            }
            body.extend(piece);
            Ok(())
        })?;
        Ok(Response::from_parts(status, &headers, body.filled()))
    }

    /// Sends a request and reads the head of its answer.
    pub(crate) fn send(&self, outgoing: &Outgoing<'_>, deadline: Instant) -> Result<Incoming, Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(deadline_exceeded());
        }
        let request = self
            .agent
            .configure_request(outgoing.request()?)
            .timeout_global(Some(left))
            .timeout_recv_response(Some(ANSWER))
            .build();
        let outcome = match outgoing.body {
            Some(body) => self.agent.run(request.map(|()| body)),
            None => self.agent.run(request),
        };
        let (head, body) = outcome.map_err(explain)?.into_parts();
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let status_line = format!("{:?} {}", head.version, head.status);
        let body = Box::new(body.into_reader());
        Ok(Incoming { status: head.status.as_u16(), status_line, headers: headers.collect(), body })
    }
}

impl Outgoing<'_> {
    fn request(&self) -> Result<http::Request<()>, Error> {
        let unsendable = |why: http::Error| Error::invalid("the request cannot be sent").because(why);
        let request = http::Request::builder().method(self.method).uri(self.url);
        let mut request = request.body(()).map_err(unsendable)?;
        let headers = request.headers_mut();
        for (name, value) in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|why| unsendable(why.into()))?;
            headers.append(name, wiped(value.clone()).map_err(unsendable)?);
        }
        if let Some(token) = self.bearer {
            headers.insert(AUTHORIZATION, wiped(["Bearer ", token].concat()).map_err(unsendable)?);
        }
        Ok(request)
    }
}

/// A header's value that is wiped when ureq has let go of it. Any may be a secret.
fn wiped(value: String) -> Result<HeaderValue, http::Error> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Zeroizing::new(value.into_bytes())))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Incoming {
    /// An answer that came by no socket.
    #[cfg(test)]
    pub(crate) fn scripted(status: u16, headers: Vec<(String, String)>, body: Box<dyn Read>) -> Self {
        Self { status, status_line: format!("HTTP/1.1 {status}"), headers, body }
    }

    /// Hands the body out piece by piece.
    pub(crate) fn read(mut self, mut take: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut piece = [0; PIECE];
        loop {
            let count = match self.body.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(explain(error.into())),
            };
            let read = piece.get_mut(..count).unwrap_or(&mut []);
            let taken = take(read);
            // It may be the answer to a token request. Wiped here, and no more than was read: most answers are short.
            read.zeroize();
            taken?;
        }
    }
}

/// What a failure means for another try.
#[cold]
fn lost(error: Error) -> Lost {
    match error.kind() {
        ErrorKind::DeadlineExceeded => Lost::Deadline,
        ErrorKind::Connection if error.stage() == Stage::Unconnected => Lost::Unreachable(error),
        // Not what TLS or HTTP found wrong, but what the socket did.
        ErrorKind::Connection | ErrorKind::BadAnswer if error.has_cause::<io::Error>() => Lost::Cut(error),
        _ => Lost::Failed(error),
    }
}

/// The service, or something between, has lost the request: there may be time for another.
#[cold]
fn unanswered() -> Error {
    Error::new(ErrorKind::Connection, format!("no answer for {} s", ANSWER.as_secs()))
        .because(io::Error::from(io::ErrorKind::TimedOut))
}

#[cold]
fn deadline_exceeded() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "no whole answer before the deadline")
}

/// Our own error where the connector raised it, else what ureq's means to a caller.
#[cold]
fn explain(error: ureq::Error) -> Error {
    match error {
        ureq::Error::Other(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => Error::new(ErrorKind::Connection, "the call failed").because(io::Error::other(other)),
        },
        ureq::Error::Timeout(Timeout::RecvResponse) => unanswered(),
        ureq::Error::Timeout(_) => deadline_exceeded(),
        ureq::Error::Io(error) => explain_io(error),
        ureq::Error::LargeResponseHeader(..) => {
            Error::new(ErrorKind::BadAnswer, "the answer's headers are larger than 64 KiB")
        }
        error @ (ureq::Error::Protocol(_) | ureq::Error::Http(_) | ureq::Error::BodyStalled) => {
            Error::new(ErrorKind::BadAnswer, "the answer is not proper HTTP").because(error)
        }
        error => Error::new(ErrorKind::Connection, "the call failed").because(error),
    }
}

#[cold]
fn explain_io(error: io::Error) -> Error {
    // A body reader wraps ureq's error into an I/O error once more.
    if error.get_ref().is_some_and(|inner| inner.is::<ureq::Error>()) {
        return match error.into_inner().map(|inner| inner.downcast::<ureq::Error>()) {
            Some(Ok(inner)) => explain(*inner),
            _ => Error::new(ErrorKind::Connection, "the call failed"),
        };
    }
    if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
        return match error.into_inner().map(|inner| inner.downcast::<Error>()) {
            Some(Ok(ours)) => *ours,
            _ => Error::new(ErrorKind::Connection, "the call failed"),
        };
    }
    match error.kind() {
        io::ErrorKind::TimedOut => deadline_exceeded(),
        io::ErrorKind::UnexpectedEof => {
            Error::new(ErrorKind::BadAnswer, "the connection ended in the middle of the answer").because(error)
        }
        _ => Error::new(ErrorKind::Connection, "the connection broke").because(error),
    }
}

const USER_AGENT: &str = concat!("azmin/", env!("CARGO_PKG_VERSION"));
/// ARM's signed polling URLs alone push it over 8 KiB.
const MAX_HEAD: usize = 64 << 10;
const PIECE: usize = 8 << 10;
/// A server that takes longer to accept a connection is not reachable; the deadline may be nearer.
const PATIENCE: Duration = Duration::from_secs(10);
/// ARM gives its providers 60 s to answer, and answers 504 itself after that.
const ANSWER: Duration = Duration::from_secs(70);
