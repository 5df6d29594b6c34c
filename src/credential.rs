//! A machine's identity as a program holds it: which endpoint, which identity, and the tokens it has got so far.

use std::fmt;
use std::sync::Arc;
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
mod flight;
#[cfg(feature = "https")]
mod instance;
mod rim;

use fetch::Fetcher;
use flight::{Perishable, Slot, Slots, Turn};
use rim::Machine;

/// What `flight` locks with. Its models have other types of these names.
mod sync {
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, RwLock};
}

/// Gets access tokens for this machine's managed identity, and keeps them while they are good.
///
/// Cheap to clone; clones share the tokens. One request at a time goes out for each resource, however many threads ask; those
/// who wait for it share what comes of it.
///
/// After a fork both processes may use it: the tokens are there in both, and no connection is shared. As for every lock, no
/// other thread may be in a call at that moment: a child that was forked then makes a credential of its own.
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
    slots: Slots<AccessToken, Error>,
}

/// The token of one resource.
type Kept = Slot<AccessToken, Error>;

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
        self.kept(resource, now).map_or_else(|| self.renew(resource, self.end(now), false), Ok)
    }

    /// A token that comes from the endpoint now, whatever is kept: after a role was granted, or when a service has refused the
    /// one before. A request that is already under way counts as now. The endpoint has a memory of its own, and may give the
    /// same token again.
    ///
    /// # Errors
    /// As [`token`](Self::token); what was kept stays.
    pub fn fresh_token(&self, resource: &str) -> Result<AccessToken, Error> {
        self.renew(resource, self.end(self.0.fetcher.rim.now()), true)
    }

    /// The same within a deadline that is already running.
    #[cfg(feature = "https")]
    pub(crate) fn fresh_token_before(&self, resource: &str, end: Instant) -> Result<AccessToken, Error> {
        self.renew(resource, end, true)
    }

    /// As `token`, within a deadline that is already running.
    #[cfg(any(test, feature = "https"))]
    pub(crate) fn token_before(&self, resource: &str, end: Instant) -> Result<AccessToken, Error> {
        self.kept(resource, self.0.fetcher.rim.now()).map_or_else(|| self.renew(resource, end, false), Ok)
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

    /// A kept token that needs no refreshing yet. A look at the clock is a third of such a call: it is the only one.
    fn kept(&self, resource: &str, now: Instant) -> Option<AccessToken> {
        self.0.slots.find(resource)?.kept_until(now, AccessToken::refresh_at)
    }

    /// When a call ends that begins now.
    fn end(&self, now: Instant) -> Instant {
        now.checked_add(self.0.deadline).unwrap_or(now)
    }

    fn slot(&self, resource: &str) -> Result<&Kept, Error> {
        if resource.is_empty() || resource.len() > MAX_RESOURCE || resource.chars().any(char::is_control) {
            return Err(Error::invalid(format!("{resource:?} cannot be a resource")));
        }
        Ok(self.0.slots.make(resource))
    }

    /// Fetches a token, or waits for the one who does; hands out the old one while somebody else fetches.
    fn renew(&self, resource: &str, end: Instant, force: bool) -> Result<AccessToken, Error> {
        let (fetcher, slot) = (&self.0.fetcher, self.slot(resource)?);
        loop {
            let landing = match slot.turn(|| fetcher.rim.now(), end, force) {
                Turn::Kept(token) => return Ok(token),
                Turn::Failed(error) => return Err(error),
                Turn::Late => return Err(fetcher.deadline_exceeded()),
                Turn::Fetch(landing) => landing,
            };
            // Whoever still has a good token is not kept waiting for a better one.
            let refresh = landing.good;
            let soon = fetcher.rim.now().checked_add(REFRESH).map_or(end, |soon| soon.min(end));
            let (outcome, given) = if refresh {
                (fetcher.once(&slot.resource, soon), soon)
            } else {
                (fetcher.token(&slot.resource, end), end)
            };
            // What more time might have changed does not concern those who have more.
            let passing = outcome.as_ref().is_err_and(Error::is_transient);
            let until = given.checked_add(TOGETHER).filter(|_| passing);
            match landing.land(outcome, until) {
                // The old token has ended during the try that was to replace it.
                Err(_) if refresh && fetcher.rim.now() < end => {}
                landed => return landed,
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

impl Perishable for AccessToken {
    fn refresh_at(&self) -> Instant {
        self.refresh_at()
    }

    fn ends_at(&self) -> Instant {
        self.ends_at()
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
        Ok(Credential(Arc::new(Inner { fetcher, deadline, slots: Slots::new() })))
    }
}

/// The contract's default for a whole command.
const DEADLINE: Duration = Duration::from_secs(120);
/// For a refresh while the token is still good.
const REFRESH: Duration = Duration::from_secs(10);
/// Callers who came so close after one another share a failure for want of time.
const TOGETHER: Duration = Duration::from_secs(1);
/// The longest audience seen is a tenth of it.
const MAX_RESOURCE: usize = 2048;

#[cfg(test)]
mod tests;
