//! A world without sockets, sleep or chance: time passes only where the script says so, and what is sent is kept.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::*;
use crate::clock::Clock;
use crate::credential::rim::{Call, Rim};
use crate::dial::Lost;
use crate::error::ErrorKind;
use crate::http::{Limits, Response, parse};
use crate::source::KeyFile;

/// What the wall clock shows at first.
pub(super) const NOW: u64 = 1_700_000_000;
pub(super) const RESOURCE: &str = "https://management.azure.com/";

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// How one exchange goes.
#[derive(Clone, Debug)]
pub(super) struct Play {
    after: Duration,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Bytes(String),
    Refused,
    Unanswered,
    Broken,
    Silent,
}

impl Play {
    pub(super) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

fn play(end: End) -> Play {
    Play { after: Duration::ZERO, end }
}

/// Any bytes at all.
pub(super) fn bytes(text: &str) -> Play {
    play(End::Bytes(text.to_owned()))
}

pub(super) fn answer_with(status: u16, headers: &[&str], body: &str) -> Play {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    bytes(&format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

pub(super) fn answer(status: u16, body: &str) -> Play {
    answer_with(status, &[], body)
}

/// A token of a name and a lifetime.
pub(super) fn token(name: &str, lifetime: u64) -> Play {
    answer(200, &format!(r#"{{"access_token":"{name}","expires_in":{lifetime}}}"#))
}

/// The connection is refused.
pub(super) fn refused() -> Play {
    play(End::Refused)
}

/// The connection is not answered for as long as anybody waits.
pub(super) fn unanswered() -> Play {
    play(End::Unanswered)
}

/// The connection breaks after it stood.
pub(super) fn broken() -> Play {
    play(End::Broken)
}

/// The connection stands, and nothing comes.
pub(super) fn silent() -> Play {
    play(End::Silent)
}

/// One request, as it left.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Since the beginning.
    pub(super) at: Duration,
    pub(super) text: String,
    pub(super) patience: Duration,
    /// How long the answer was waited for at most.
    pub(super) allowed: Duration,
}

pub(super) struct World {
    base: Instant,
    state: Mutex<State>,
}

struct State {
    now: Duration,
    wall: SystemTime,
    script: VecDeque<Play>,
    otherwise: Option<Play>,
    chances: VecDeque<u32>,
    chance: u32,
    keys: HashMap<PathBuf, Result<String, Error>>,
    assertions: VecDeque<String>,
    sent: Vec<Sent>,
    slept: Vec<Duration>,
    keys_read: usize,
}

impl World {
    /// The exchanges in turn; after the last one, none is expected.
    pub(super) fn new(script: Vec<Play>) -> Arc<Self> {
        let state = State {
            now: Duration::ZERO,
            wall: UNIX_EPOCH + s(NOW),
            script: script.into(),
            otherwise: None,
            chances: VecDeque::new(),
            chance: 0,
            keys: HashMap::new(),
            assertions: VecDeque::new(),
            sent: Vec::new(),
            slept: Vec::new(),
            keys_read: 0,
        };
        Arc::new(Self { base: Instant::now(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn then(&self, play: Play) {
        self.state().script.push_back(play);
    }

    /// For every exchange after the scripted ones.
    pub(super) fn otherwise(&self, play: Play) {
        self.state().otherwise = Some(play);
    }

    /// Of jitter, once the scripted ones are used up.
    pub(super) fn set_chance(&self, chance: u32) {
        self.state().chance = chance;
    }

    pub(super) fn script_chances(&self, chances: &[u32]) {
        self.state().chances = chances.iter().copied().collect();
    }

    pub(super) fn put_key(&self, path: &str, content: Result<&str, Error>) {
        self.state().keys.insert(path.into(), content.map(str::to_owned));
    }

    /// What the assertion file holds, read by read; the last one stays.
    pub(super) fn put_assertions(&self, contents: &[&str]) {
        self.state().assertions = contents.iter().map(|content| (*content).to_owned()).collect();
    }

    pub(super) fn set_wall(&self, seconds: u64) {
        self.state().wall = UNIX_EPOCH + s(seconds);
    }

    pub(super) fn pass(&self, time: Duration) {
        let mut state = self.state();
        state.now += time;
        state.wall += time;
    }

    /// Since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.state().now
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// When each request left.
    pub(super) fn times(&self) -> Vec<Duration> {
        self.state().sent.iter().map(|sent| sent.at).collect()
    }

    pub(super) fn slept(&self) -> Vec<Duration> {
        self.state().slept.clone()
    }

    pub(super) fn keys_read(&self) -> usize {
        self.state().keys_read
    }

    pub(super) fn credential(self: &Arc<Self>, setup: Setup<'_>) -> Credential {
        let place = source::locate(&Env::fixed(setup.env), None).unwrap();
        setup.identity.check().unwrap();
        let rim = Box::new(Arc::clone(self));
        let fetcher = Fetcher { place, identity: setup.identity, trace: Trace::default(), wait: setup.wait, rim };
        Credential(Arc::new(Inner { fetcher, deadline: setup.deadline, slots: Slots::new() }))
    }
}

/// What a credential is made of.
pub(super) struct Setup<'a> {
    pub(super) env: &'a [(&'static str, &'a str)],
    pub(super) identity: Identity,
    pub(super) deadline: Duration,
    pub(super) wait: Duration,
}

impl Default for Setup<'_> {
    /// A virtual machine.
    fn default() -> Self {
        Self { env: &[], identity: Identity::SystemAssigned, deadline: DEADLINE, wait: Duration::ZERO }
    }
}

impl Clock for Arc<World> {
    fn now(&self) -> Instant {
        self.base + self.state().now
    }

    fn wall(&self) -> SystemTime {
        self.state().wall
    }

    fn sleep(&self, time: Duration) {
        self.state().slept.push(time);
        self.pass(time);
    }

    fn jitter(&self) -> u32 {
        let mut state = self.state();
        state.chances.pop_front().unwrap_or(state.chance)
    }
}

impl Rim for Arc<World> {
    fn exchange(&self, call: &Call<'_>) -> Result<Response, Lost> {
        let text = call.request.write().map_err(|part| Lost::Failed(Error::invalid(format!("bad {part}"))))?;
        let text = String::from_utf8(text.to_vec()).unwrap();
        let allowed = call.deadline.saturating_duration_since(self.now());
        let play = {
            let mut state = self.state();
            let sent = Sent { at: state.now, text, patience: call.patience, allowed };
            state.sent.push(sent);
            state.script.pop_front().or_else(|| state.otherwise.clone()).expect("one exchange more than scripted")
        };
        let takes = match play.end {
            End::Unanswered => call.patience,
            End::Silent => Duration::MAX,
            _ => play.after,
        };
        self.pass(takes.min(allowed));
        if takes >= allowed {
            return Err(Lost::Deadline);
        }
        match play.end {
            End::Bytes(text) => parse(text.as_bytes(), Limits::default()).map_err(Lost::Answer),
            End::Refused => Err(Lost::Connect(Io::ConnectionRefused.into())),
            End::Unanswered => Err(Lost::Connect(Io::TimedOut.into())),
            End::Broken => Err(Lost::Broken(io::Error::from(Io::ConnectionReset))),
            End::Silent => Err(Lost::Deadline),
        }
    }

    fn read_key(&self, file: &KeyFile) -> Result<Zeroizing<String>, Error> {
        assert!(file.path.starts_with(&file.directory), "{file:?}");
        let mut state = self.state();
        state.keys_read += 1;
        let absent = || Err(Error::new(ErrorKind::Local, "no such key file"));
        state.keys.get(&file.path).cloned().unwrap_or_else(absent).map(Zeroizing::new)
    }

    fn read_assertion(&self, path: &Path) -> Result<Zeroizing<String>, Error> {
        let mut state = self.state();
        let next =
            if state.assertions.len() > 1 { state.assertions.pop_front() } else { state.assertions.front().cloned() };
        next.map(Zeroizing::new)
            .ok_or_else(|| Error::new(ErrorKind::Local, format!("no such file: {}", path.display())))
    }
}
