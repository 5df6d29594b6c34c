//! A machine's identity as a program holds it: which endpoint, which identity, and the tokens it has got so far.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::env::{self, Env};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::identity::Identity;
#[cfg(feature = "https")]
use crate::send::Roots;
use crate::source;
use crate::token::AccessToken;
use crate::trace::{Attempt, Trace};

mod fetch;
#[cfg(feature = "https")]
mod instance;
mod rim;

use fetch::Fetcher;
use rim::Machine;

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
    fetcher: Fetcher,
    deadline: Duration,
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
    /// In a row.
    failures: u32,
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
        Builder {
            env: Env::process(),
            source: None,
            identity: None,
            deadline: None,
            wait: Duration::ZERO,
            trace: Trace::default(),
            #[cfg(feature = "https")]
            roots: Roots::default(),
        }
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
        let now = self.0.fetcher.rim.now();
        self.token_before(resource, now.checked_add(self.0.deadline).unwrap_or(now))
    }

    /// A token that comes from the endpoint now, whatever is kept: after a role was granted, or when a service has refused the
    /// one before. The endpoint has a memory of its own, and may give the same token again.
    ///
    /// # Errors
    /// As [`token`](Self::token); what was kept stays.
    pub fn fresh_token(&self, resource: &str) -> Result<AccessToken, Error> {
        let now = self.0.fetcher.rim.now();
        self.fresh_token_before(resource, now.checked_add(self.0.deadline).unwrap_or(now))
    }

    pub(crate) fn fresh_token_before(&self, resource: &str, end: Instant) -> Result<AccessToken, Error> {
        let slot = self.slot(resource)?;
        self.renew(&slot, end, true)
    }

    /// The same within a deadline that is already running.
    pub(crate) fn token_before(&self, resource: &str, end: Instant) -> Result<AccessToken, Error> {
        let now = self.0.fetcher.rim.now();
        if let Some(token) = self.find(resource).and_then(|slot| slot.token_until(now, AccessToken::refresh_at)) {
            return Ok(token);
        }
        let slot = self.slot(resource)?;
        self.renew(&slot, end, false)
    }

    /// The name of the identity source, such as `imds`.
    pub fn source(&self) -> &'static str {
        self.0.fetcher.place.name()
    }

    /// By what the source was recognised, such as `IDENTITY_ENDPOINT and IDENTITY_HEADER`.
    pub fn evidence(&self) -> &'static str {
        self.0.fetcher.place.source.evidence()
    }

    /// Where the source's endpoint is, without its secrets.
    pub fn endpoint(&self) -> String {
        self.0.fetcher.place.url()
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
    fn renew(&self, slot: &Slot, end: Instant, force: bool) -> Result<AccessToken, Error> {
        let rim = &self.0.fetcher.rim;
        let mut flight = slot.flight();
        let at_first = flight.landings;
        let good = loop {
            let now = rim.now();
            let landed = flight.landings != at_first;
            if let Some(token) = slot.token_until(now, AccessToken::refresh_at).filter(|_| !force || landed) {
                return Ok(token);
            }
            let good = slot.token_until(now, AccessToken::ends_at).filter(|_| !force);
            match good {
                Some(token) if flight.busy || flight.not_before.is_some_and(|at| now < at) => return Ok(token),
                good if !flight.busy => break good.is_some(),
                _ => {}
            }
            let patience = end.saturating_duration_since(now);
            if patience.is_zero() {
                return Err(self.0.fetcher.deadline_exceeded());
            }
            let landings = flight.landings;
            flight.waiting += 1;
            flight = slot.landed.wait_timeout(flight, patience).unwrap_or_else(PoisonError::into_inner).0;
            flight.waiting -= 1;
            if let Some(error) = flight.failed.as_ref().filter(|_| flight.landings != landings) {
                return Err(error.clone());
            }
        };
        flight.busy = true;
        drop(flight);
        let mut landing = Landing { slot, credential: self, failed: None };
        let outcome = if good {
            // Whoever still has a good token is not kept waiting for a better one.
            let soon = rim.now().checked_add(REFRESH).map_or(end, |soon| soon.min(end));
            self.0.fetcher.once(&slot.resource, soon)
        } else {
            self.0.fetcher.token(&slot.resource, end)
        };
        match outcome {
            Ok(token) => {
                *slot.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                landing.failed = Some(error.clone());
                slot.token_until(rim.now(), AccessToken::ends_at).filter(|_| !force).ok_or(error)
            }
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("source", &self.source())
            .field("identity", &self.0.fetcher.identity)
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
    credential: &'a Credential,
    failed: Option<Error>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut flight = self.slot.flight();
        flight.busy = false;
        flight.landings += 1;
        flight.failures = if self.failed.is_some() { flight.failures.saturating_add(1) } else { 0 };
        let pause = AFTER_FAILURE.saturating_mul(1 << flight.failures.saturating_sub(1).min(3));
        let now = self.credential.0.fetcher.rim.now();
        flight.not_before = self.failed.as_ref().and_then(|_| now.checked_add(pause));
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
    deadline: Option<Duration>,
    wait: Duration,
    trace: Trace,
    #[cfg(feature = "https")]
    roots: Roots,
}

impl Builder {
    /// The identity source, by name: `imds`, `app-service`, `azure-arc`, `service-fabric`, `azure-ml`, `cloud-shell` or
    /// `workload`. Default: the one that the environment speaks of.
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

    /// How long one call may take, everything included. Default: 120 s, or the wait if that is longer.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long an endpoint is waited for that cannot be reached or is not ready, as while a machine boots: refused
    /// connections, 404, 410, 429, 5xx, texts in place of JSON, and an identity that has not arrived yet. Default: not at all;
    /// an endpoint that cannot be reached is given up after 3 s.
    pub fn wait_identity(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Trusts the CAs of this PEM file as well as the bundled ones, where the endpoint is one over TLS. Default: none.
    #[cfg(feature = "https")]
    pub fn ca_file(mut self, path: &str) -> Self {
        self.roots.add_file(path);
        self
    }

    /// Trusts these CAs, in PEM, as well as the bundled ones, where the endpoint is one over TLS. Default: none.
    #[cfg(feature = "https")]
    pub fn ca_pem(mut self, pem: &[u8]) -> Self {
        self.roots.add_pem(pem);
        self
    }

    /// A variable for this credential alone, in the place of the process's: for tests against the stand-in.
    #[cfg(feature = "simulator")]
    pub fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.env.set(name, value);
        self
    }

    /// Where Arc's agent keeps its keys: for tests against the stand-in.
    #[cfg(feature = "simulator")]
    pub fn arc_key_directory(mut self, directory: &std::path::Path) -> Self {
        self.env.set_key_directory(directory.to_owned());
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
        // The variable is a default for those who can choose, not a demand to those who cannot.
        let from_env =
            || self.env.get(env::CLIENT_ID).map(Identity::ClientId).filter(|id| place.endpoint.check(id).is_ok());
        let identity = self.identity.clone().or_else(from_env).unwrap_or(Identity::SystemAssigned);
        identity.check()?;
        let deadline = self.deadline.unwrap_or_else(|| DEADLINE.max(self.wait));
        #[cfg(feature = "https")]
        let rim = Machine::new(self.env, self.roots);
        #[cfg(not(feature = "https"))]
        let rim = Machine::new(self.env);
        let fetcher = Fetcher { place, identity, trace: self.trace, wait: self.wait, rim: Box::new(rim) };
        Ok(Credential(Arc::new(Inner { fetcher, deadline, slots: RwLock::default() })))
    }
}

/// The contract's default for a whole command.
const DEADLINE: Duration = Duration::from_secs(120);
/// For a refresh while the token is still good.
const REFRESH: Duration = Duration::from_secs(10);
/// Between two tries to refresh a token that is still good; doubled from failure to failure, three times.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// The longest audience seen is a tenth of it.
const MAX_RESOURCE: usize = 2048;

#[cfg(test)]
mod tests;
