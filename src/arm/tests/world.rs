//! A world without sockets, sleep or chance: what is sent is kept, and answered by a script.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::arm::Client;
use crate::arm::rim::Rim;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorKind, Stage};
use crate::send::{Incoming, Outgoing};
use crate::token::AccessToken;
use crate::trace::Trace;

pub(super) const HOST: &str = "https://management.azure.com";
/// 2023-11-14 22:13:20.
const NOW: u64 = 1_700_000_000;

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How one exchange goes.
#[derive(Clone, Debug)]
pub(super) struct Play {
    after: Duration,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8>, cut: bool },
    Lost(Lost),
}

/// How an exchange fails without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Refused,
    Handshake,
    Untrusted,
    /// After the request was sent.
    Cut,
    Malformed,
    /// No answer for as long as anybody waits.
    Silent,
}

impl Play {
    pub(super) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if let End::Answer { headers, .. } = &mut self.end {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The connection breaks in the middle of the body.
    pub(super) fn cut(mut self) -> Self {
        if let End::Answer { cut, .. } = &mut self.end {
            *cut = true;
        }
        self
    }
}

pub(super) fn answer(status: u16, body: &(impl AsRef<[u8]> + ?Sized)) -> Play {
    let end = End::Answer { status, headers: Vec::new(), body: body.as_ref().to_owned(), cut: false };
    Play { after: Duration::ZERO, end }
}

pub(super) fn error(status: u16, code: &str) -> Play {
    answer(status, &format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#))
}

pub(super) fn lost(how: Lost) -> Play {
    Play { after: Duration::ZERO, end: End::Lost(how) }
}

/// One request, as it left.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) bearer: Option<String>,
    pub(super) body: Option<Vec<u8>>,
}

impl Sent {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

pub(super) struct World {
    base: Instant,
    state: Mutex<State>,
}

struct State {
    now: Duration,
    script: VecDeque<Play>,
    otherwise: Option<Play>,
    chance: u32,
    numbers: u128,
    tokens: usize,
    sent: Vec<Sent>,
    slept: Vec<Duration>,
    dropped: usize,
}

impl World {
    /// The exchanges in turn; after the last one, none is expected.
    pub(super) fn new(script: impl IntoIterator<Item = Play>) -> Arc<Self> {
        let state = State {
            now: Duration::ZERO,
            script: script.into_iter().collect(),
            otherwise: None,
            chance: 0,
            numbers: 0,
            tokens: 0,
            sent: Vec::new(),
            slept: Vec::new(),
            dropped: 0,
        };
        Arc::new(Self { base: Instant::now(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn otherwise(self: &Arc<Self>, play: Play) -> Arc<Self> {
        self.state().otherwise = Some(play);
        Arc::clone(self)
    }

    pub(super) fn with_chance(self: &Arc<Self>, chance: u32) -> Arc<Self> {
        self.state().chance = chance;
        Arc::clone(self)
    }

    /// A client of the public cloud with two minutes for a call.
    pub(super) fn client(self: &Arc<Self>) -> Client {
        Client::within(Box::new(Arc::clone(self)), Cloud::public(), s(120), Trace::default())
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    pub(super) fn slept(&self) -> Vec<Duration> {
        self.state().slept.clone()
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.state().now
    }

    pub(super) fn dropped(&self) -> usize {
        self.state().dropped
    }

    /// `METHOD path` of what was sent.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |sent: &Sent| format!("{} {}", sent.method, sent.url.strip_prefix(HOST).unwrap_or(&sent.url));
        self.state().sent.iter().map(line).collect()
    }
}

impl Clock for Arc<World> {
    fn now(&self) -> Instant {
        self.base + self.state().now
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + s(NOW) + self.state().now
    }

    fn sleep(&self, time: Duration) {
        let mut state = self.state();
        state.slept.push(time);
        state.now += time;
    }

    fn jitter(&self) -> u32 {
        self.state().chance
    }
}

impl Rim for Arc<World> {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The kept token is `t0`; each that is fresh has the next number.
    fn token(&self, resource: &str, fresh: bool, _: Instant) -> Result<AccessToken, Error> {
        let mut state = self.state();
        state.tokens += usize::from(fresh);
        Ok(AccessToken::scripted(&format!("t{}", state.tokens), resource, self.base))
    }

    fn send(&self, outgoing: &Outgoing<'_>, end: Instant) -> Result<Incoming, Error> {
        let mut state = self.state();
        let sent = Sent {
            method: outgoing.method.to_owned(),
            url: outgoing.url.to_owned(),
            headers: outgoing.headers.to_vec(),
            bearer: outgoing.bearer.map(str::to_owned),
            body: outgoing.body.map(<[u8]>::to_vec),
        };
        state.sent.push(sent);
        let play =
            state.script.pop_front().or_else(|| state.otherwise.clone()).expect("one exchange more than scripted");
        let left = end.saturating_duration_since(self.base + state.now);
        let late = matches!(play.end, End::Lost(Lost::Silent)) || play.after >= left;
        state.now += if late { left } else { play.after };
        let failed = |kind, what: &str| Error::new(kind, what);
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        match play.end {
            _ if late => Err(failed(ErrorKind::DeadlineExceeded, "no whole answer before the deadline")),
            End::Answer { status, headers, body, cut } => {
                let broken: Box<dyn Read> = if cut { Box::new(Broken) } else { Box::new(io::empty()) };
                let body = if cut { body[..body.len() / 2].to_vec() } else { body };
                Ok(Incoming::scripted(status, headers, Box::new(io::Cursor::new(body).chain(broken))))
            }
            End::Lost(Lost::Refused) => Err(failed(ErrorKind::Connection, "no connection")
                .because(io(io::ErrorKind::ConnectionRefused))
                .at(Stage::Unconnected)),
            End::Lost(Lost::Handshake) => Err(failed(ErrorKind::Connection, "no TLS connection")
                .because(io(io::ErrorKind::ConnectionReset))
                .at(Stage::Unsent)),
            End::Lost(Lost::Untrusted) => {
                Err(failed(ErrorKind::Connection, "not trusted").because(rustls_like()).at(Stage::Unsent))
            }
            End::Lost(Lost::Cut) => {
                Err(failed(ErrorKind::Connection, "the connection broke").because(io(io::ErrorKind::ConnectionReset)))
            }
            End::Lost(_) => Err(failed(ErrorKind::BadAnswer, "the answer is not proper HTTP")),
        }
    }

    fn drop_connections(&self) {
        self.state().dropped += 1;
    }

    fn number(&self) -> u128 {
        let mut state = self.state();
        state.numbers += 1;
        state.numbers
    }
}

/// Some error that is not the socket's.
fn rustls_like() -> std::fmt::Error {
    std::fmt::Error
}

/// The rest of a body that never comes.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}
