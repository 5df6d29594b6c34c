//! A machine's identity as a program holds it: which endpoint, which identity, and the tokens it has got so far.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use crate::dial::{self, Lost};
use crate::env::{self, Env};
use crate::error::{Error, ErrorKind};
use crate::http::{Fault, Response};
use crate::identity::Identity;
use crate::source::{self, Place};
use crate::token::{AccessToken, Ask, Received};
use crate::trace::{Attempt, Trace};

/// Gets access tokens for this machine's managed identity, and keeps them while they are good.
///
/// Cheap to clone; clones share the tokens. One request at a time goes out for each resource, however many threads ask.
///
/// # Example
///
/// ```no_run
/// # fn main() -> Result<(), azmin::Error> {
/// let credential = azmin::Credential::detect()?;
/// let token = credential.token("https://management.azure.com/")?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Credential(Arc<Inner>);

struct Inner {
    place: Place,
    identity: Identity,
    deadline: Duration,
    trace: Trace,
    slots: RwLock<Vec<Arc<Slot>>>,
}

/// The token of one resource.
struct Slot {
    resource: Arc<str>,
    token: RwLock<Option<AccessToken>>,
    flight: Mutex<Flight>,
    landed: Condvar,
}

/// The one fetch that may be under way.
#[derive(Default)]
struct Flight {
    busy: bool,
    waiting: usize,
    landings: u64,
    /// How the last one failed, for those who waited for it.
    failed: Option<Error>,
    /// After a refresh that failed: not again before this.
    not_before: Option<Instant>,
}

impl Credential {
    /// The identity that the environment speaks of: `AZURE_CLIENT_ID`, if set, names a user-assigned one. Reads the
    /// environment, and sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when a variable cannot be used.
    pub fn detect() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Chooses source, identity and deadline.
    pub fn builder() -> Builder {
        Builder { env: Env::process(), source: None, identity: None, deadline: DEADLINE, trace: Trace::default() }
    }

    /// A token for `resource`, from memory while it is good.
    ///
    /// `resource` is the audience exactly as the service documents it, a trailing slash included; it is sent as it stands.
    /// From half of a token's life on, at the latest five minutes before its end, a new one is fetched; while the old one
    /// is still good, failing to do so is no error. No call lasts longer than the deadline.
    ///
    /// # Errors
    /// [`ErrorKind::NoEndpoint`] when nothing answers, [`ErrorKind::IdentityRefused`] when the endpoint refuses, with its
    /// words, [`ErrorKind::Throttled`], [`ErrorKind::Unavailable`], [`ErrorKind::BadAnswer`], [`ErrorKind::DeadlineExceeded`].
    pub fn token(&self, resource: &str) -> Result<AccessToken, Error> {
        let now = Instant::now();
        self.token_before(resource, now.checked_add(self.0.deadline).unwrap_or(now))
    }

    /// The same within a deadline that is already running.
    pub(crate) fn token_before(&self, resource: &str, end: Instant) -> Result<AccessToken, Error> {
        let now = Instant::now();
        if let Some(token) = self.find(resource).and_then(|slot| slot.token_until(now, AccessToken::refresh_at)) {
            return Ok(token);
        }
        let slot = self.slot(resource)?;
        self.renew(&slot, end)
    }

    /// The name of the identity source, such as `imds`.
    pub fn source(&self) -> &'static str {
        self.0.place.source.name()
    }

    fn find(&self, resource: &str) -> Option<Arc<Slot>> {
        let slots = self.0.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.iter().find(|slot| *slot.resource == *resource).cloned()
    }

    fn slot(&self, resource: &str) -> Result<Arc<Slot>, Error> {
        if let Some(slot) = self.find(resource) {
            return Ok(slot);
        }
        if resource.is_empty() || resource.len() > MAX_RESOURCE || resource.chars().any(char::is_control) {
            return Err(Error::invalid(format!("{resource:?} cannot be a resource")));
        }
        let mut slots = self.0.slots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.iter().find(|slot| *slot.resource == *resource) {
            return Ok(slot.clone());
        }
        let slot = Arc::new(Slot {
            resource: resource.into(),
            token: RwLock::default(),
            flight: Mutex::default(),
            landed: Condvar::new(),
        });
        slots.push(slot.clone());
        Ok(slot)
    }

    /// Fetches a token, or waits for the one who does; hands out the old one while somebody else fetches.
    fn renew(&self, slot: &Slot, end: Instant) -> Result<AccessToken, Error> {
        let mut flight = slot.flight();
        loop {
            let now = Instant::now();
            if let Some(token) = slot.token_until(now, AccessToken::refresh_at) {
                return Ok(token);
            }
            let good = slot.token_until(now, AccessToken::ends_at);
            match good {
                Some(token) if flight.busy || flight.not_before.is_some_and(|at| now < at) => return Ok(token),
                _ if !flight.busy => break,
                _ => {}
            }
            let patience = end.saturating_duration_since(now);
            if patience.is_zero() {
                return Err(self.deadline_exceeded());
            }
            let landings = flight.landings;
            flight.waiting += 1;
            flight = slot.landed.wait_timeout(flight, patience).unwrap_or_else(PoisonError::into_inner).0;
            flight.waiting -= 1;
            if let Some(error) = flight.failed.as_ref().filter(|_| flight.landings != landings) {
                return Err(error.clone());
            }
        }
        flight.busy = true;
        drop(flight);
        let mut landing = Landing { slot, failed: None };
        let outcome = self.fetch(&slot.resource, end);
        match outcome {
            Ok(token) => {
                *slot.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                landing.failed = Some(error.clone());
                slot.token_until(Instant::now(), AccessToken::ends_at).ok_or(error)
            }
        }
    }

    fn fetch(&self, resource: &Arc<str>, end: Instant) -> Result<AccessToken, Error> {
        let Inner { place, identity, .. } = &*self.0;
        let ask = Ask { resource, identity };
        let request = place.source.request(&place.endpoint, &ask)?;
        let bytes = request
            .write()
            .map_err(|part| Error::invalid(format!("the {part} of the token request cannot be sent")))?;
        let begun = Instant::now();
        let outcome = dial::exchange(&place.endpoint.addresses, &bytes, PATIENCE, end).map_err(|lost| self.lost(lost));
        let received = Received { at: Instant::now(), wall: SystemTime::now() };
        if let Some(observer) = &self.0.trace.0 {
            let url = format!("http://{}{}", request.authority, request.target);
            let sent: Vec<_> = request.headers.iter().map(|(name, value)| (*name, &**value)).collect();
            let headers: Vec<_> = outcome.iter().flat_map(Response::headers).collect();
            let (outcome, elapsed) = (outcome.as_ref().map(|response| response.status), received.at - begun);
            observer(&Attempt { method: request.method, url: &url, outcome, elapsed, sent: &sent, received: &headers });
        }
        source::reply(place.source, &outcome?, &ask, received)
    }

    #[cold]
    fn lost(&self, lost: Lost) -> Error {
        let name = self.source();
        let authority = &self.0.place.endpoint.authority;
        match lost {
            // The cure stands in the line itself: it is what most people will ever see of this program's errors.
            Lost::Connect(cause) => {
                let cure = "run this on an Azure machine, or unblock that address";
                Error::new(
                    ErrorKind::NoEndpoint,
                    format!("no identity endpoint answers at {authority} ({name}): {cure}"),
                )
                .because(cause)
            }
            Lost::Broken(cause) => {
                Error::new(ErrorKind::Connection, format!("the connection to {name} at {authority} broke"))
                    .because(cause)
            }
            Lost::Deadline => self.deadline_exceeded(),
            Lost::Answer(fault) => {
                let what = match fault {
                    Fault::Empty => "closed the connection without an answer",
                    Fault::Truncated => "closed the connection in the middle of its answer",
                    Fault::Malformed(_) => "did not answer in HTTP",
                    Fault::TooLarge(_) => "answered more than a token can be",
                };
                let detail = match fault {
                    Fault::Malformed(part) | Fault::TooLarge(part) => format!(": {part}"),
                    Fault::Empty | Fault::Truncated => String::new(),
                };
                let kind = if fault == Fault::Empty { ErrorKind::Connection } else { ErrorKind::BadAnswer };
                Error::new(kind, format!("{name} at {authority} {what}{detail}"))
            }
        }
    }

    #[cold]
    fn deadline_exceeded(&self) -> Error {
        Error::new(ErrorKind::DeadlineExceeded, format!("no token from {} before the deadline", self.source()))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("source", &self.source())
            .field("identity", &self.0.identity)
            .finish_non_exhaustive()
    }
}

impl Slot {
    /// The token, if the moment that `until` names is still to come.
    fn token_until(&self, now: Instant, until: impl Fn(&AccessToken) -> Instant) -> Option<AccessToken> {
        let token = self.token.read().unwrap_or_else(PoisonError::into_inner);
        token.as_ref().filter(|token| now < until(token)).cloned()
    }

    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a flight and wakes those who wait, also when the thread that flew it panics (in an observer, say).
struct Landing<'a> {
    slot: &'a Slot,
    failed: Option<Error>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut flight = self.slot.flight();
        flight.busy = false;
        flight.landings += 1;
        flight.not_before = self.failed.as_ref().and_then(|_| Instant::now().checked_add(AFTER_FAILURE));
        flight.failed = self.failed.take();
        // A wake is a system call also when nobody sleeps.
        if flight.waiting > 0 {
            self.slot.landed.notify_all();
        }
    }
}

/// Settings of a [`Credential`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), azmin::Error> {
/// use std::time::Duration;
/// let credential = azmin::Credential::builder()
///     .identity(azmin::Identity::SystemAssigned)
///     .deadline(Duration::from_secs(20))
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    env: Env,
    source: Option<String>,
    identity: Option<Identity>,
    deadline: Duration,
    trace: Trace,
}

impl Builder {
    /// The identity source, by name: `imds`. Default: the one that the environment speaks of.
    pub fn source(mut self, name: &str) -> Self {
        self.source = Some(name.to_owned());
        self
    }

    /// Where the metadata service of a virtual machine is, as `http://HOST:PORT`: an emulator, or
    /// the stand-in of the feature `simulator`. Like every identity endpoint on plain HTTP it must be a loopback, link-local or
    /// private address. Default: `AZURE_POD_IDENTITY_AUTHORITY_HOST`, else the service's own address.
    pub fn metadata_endpoint(mut self, url: &str) -> Self {
        self.env.set(env::AUTHORITY_HOST_OF_IMDS, url);
        self
    }

    /// The identity to act as. Default: the user-assigned one that `AZURE_CLIENT_ID` names, else the system-assigned one.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// How long one call may take, everything included. Default: 120 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Told of each request and what came of it, without its secrets. Default: nobody.
    pub fn on_attempt(mut self, observer: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        self.trace = Trace(Some(Arc::new(observer)));
        self
    }

    /// Reads the environment; sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an unknown source, an id that cannot be one, or a variable that cannot be used.
    pub fn build(self) -> Result<Credential, Error> {
        let place = source::locate(&self.env, self.source.as_deref())?;
        let identity = self.identity.or_else(|| self.env.get(env::CLIENT_ID).map(Identity::ClientId));
        let identity = identity.unwrap_or(Identity::SystemAssigned);
        identity.check()?;
        let (deadline, trace) = (self.deadline, self.trace);
        Ok(Credential(Arc::new(Inner { place, identity, deadline, trace, slots: RwLock::default() })))
    }
}

/// The contract's default for a whole command.
const DEADLINE: Duration = Duration::from_secs(120);
/// An endpoint on the machine itself that takes longer to accept a connection is not there.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two tries to refresh a token that is still good.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// The longest audience seen is a tenth of it.
const MAX_RESOURCE: usize = 2048;

#[cfg(test)]
mod tests;
