//! What can go wrong with an answer, on request.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::refusal::Words;
use super::response::Response;

/// Something to go wrong with one answer, or with [several in a row](Self::times).
///
/// ```no_run
/// use std::time::Duration;
/// use azmin::simulator::{Azure, Fault, Service};
///
/// let azure = Azure::start()?;
/// azure.on(Service::Imds, Fault::status(410).times(3));
/// azure.on(Service::Imds, Fault::delay(Duration::from_secs(2)));
/// azure.on(Service::Arm, Fault::status(429).header("Retry-After", "5").body(r#"{"error":{"code":"TooManyRequests"}}"#));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Fault {
    pub(super) kind: Kind,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    times: usize,
}

#[derive(Clone)]
pub(super) enum Kind {
    Status(u16),
    Delay(Duration),
    Cut(usize),
    Drip(Duration),
    Raw(Vec<u8>),
    Repeated(Box<Repeated>),
    Hang,
    Words(Words),
}

/// What is too long to be held in memory.
#[derive(Clone)]
pub(super) struct Repeated {
    pub(super) start: Vec<u8>,
    pub(super) piece: Vec<u8>,
    pub(super) times: u64,
    pub(super) end: Vec<u8>,
}

impl Fault {
    /// Answers with this status instead, and with an empty body unless there is a [`body`](Self::body).
    pub fn status(status: u16) -> Self {
        Self::new(Kind::Status(status))
    }

    /// Answers as usual, but only after this time.
    pub fn delay(time: Duration) -> Self {
        Self::new(Kind::Delay(time))
    }

    /// Closes the connection after so many bytes of the usual answer, its head included; over TLS without the alert
    /// that announces the end.
    pub fn cut(bytes: usize) -> Self {
        Self::new(Kind::Cut(bytes))
    }

    /// Sends the usual answer byte by byte, with this pause after each.
    pub fn drip(pause: Duration) -> Self {
        Self::new(Kind::Drip(pause))
    }

    /// Sends exactly these bytes instead of an answer, then closes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Kind::Raw(bytes.into()))
    }

    /// Sends `start`, so many times `piece`, and `end` instead of an answer, then closes: with [`u64::MAX`] an answer
    /// without an end.
    pub fn repeated(start: impl Into<Vec<u8>>, piece: impl Into<Vec<u8>>, times: u64, end: impl Into<Vec<u8>>) -> Self {
        let repeated = Repeated { start: start.into(), piece: piece.into(), times, end: end.into() };
        Self::new(Kind::Repeated(Box::new(repeated)))
    }

    /// Reads the request and never answers; the connection stays open until the [`Azure`](super::Azure) is dropped.
    pub fn hang() -> Self {
        Self::new(Kind::Hang)
    }

    /// Adds a header to the answer, in place of the service's own of that name. [`raw`](Self::raw),
    /// [`repeated`](Self::repeated) and [`hang`](Self::hang) have no headers. Repeatable.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers with this body instead of the usual one, as JSON unless a [`header`](Self::header) says otherwise.
    /// [`raw`](Self::raw), [`repeated`](Self::repeated) and [`hang`](Self::hang) have no body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Goes wrong so many times in a row. Default: once.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, headers: Vec::new(), body: None, times: 1 }
    }

    /// The answer with what the fault has to say about headers and body.
    pub(super) fn change(&self, mut response: Response) -> Response {
        response.headers.retain(|(name, _)| !self.headers.iter().any(|(ours, _)| ours.eq_ignore_ascii_case(name)));
        response.headers.extend(self.headers.iter().cloned());
        if let Some(body) = &self.body {
            if !response.has("content-type") {
                response = response.header("Content-Type", "application/json; charset=utf-8");
            }
            response.body.clone_from(body);
        }
        response
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Status(status) => write!(f, "status({status})")?,
            Kind::Delay(time) => write!(f, "delay({time:?})")?,
            Kind::Cut(bytes) => write!(f, "cut({bytes})")?,
            Kind::Drip(pause) => write!(f, "drip({pause:?})")?,
            Kind::Raw(bytes) => write!(f, "raw({} bytes)", bytes.len())?,
            Kind::Repeated(repeated) => {
                write!(f, "repeated({} bytes, {} times)", repeated.piece.len(), repeated.times)?
            }
            Kind::Hang => write!(f, "hang()")?,
            Kind::Words(words) => write!(f, "{words:?}")?,
        }
        write!(f, " times {}", self.times)
    }
}

/// The faults that are still to come.
#[derive(Default)]
pub(super) struct Queue(VecDeque<Fault>);

impl Queue {
    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push_back(fault);
    }

    /// The fault for the next request.
    pub(super) fn take(&mut self) -> Option<Fault> {
        loop {
            let next = self.0.front_mut()?;
            if next.times > 1 {
                next.times -= 1;
                return Some(next.clone());
            }
            let last = self.0.pop_front()?;
            if last.times > 0 {
                return Some(last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumed_in_order() {
        let mut queue = Queue::default();
        queue.push(Fault::status(500).times(2));
        queue.push(Fault::hang().times(0));
        queue.push(Fault::cut(3));
        let kinds: Vec<String> = std::iter::from_fn(|| queue.take()).map(|fault| format!("{fault:?}")).collect();
        assert_eq!(kinds, ["status(500) times 1", "status(500) times 1", "cut(3) times 1"]);
    }

    #[test]
    fn replaces_headers_and_body() {
        let fault = Fault::status(429).header("retry-after", "5").header("Retry-After", "7").body("no");
        let answer = fault.change(Response::json(429, "{}").header("Retry-After", "1"));
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let json = ("Content-Type", "application/json; charset=utf-8");
        assert_eq!(headers, [json, ("retry-after", "5"), ("Retry-After", "7")]);
        assert_eq!(answer.body, b"no");
        let typed = |fault: Fault| fault.change(Response::new(502)).headers.pop().map(|header| header.1);
        assert_eq!(typed(Fault::status(502)), None);
        assert_eq!(typed(Fault::status(502).body("{}")).as_deref(), Some("application/json; charset=utf-8"));
        assert_eq!(
            typed(Fault::status(502).body("<p>").header("content-type", "text/html")).as_deref(),
            Some("text/html")
        );
    }
}
