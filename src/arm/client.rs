//! The client: a credential, a cloud, and connections that are made when first needed.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::Request;
use super::rim::{Machine, Rim};
use crate::cloud::Cloud;
use crate::credential::Credential;
use crate::env::Env;
use crate::error::Error;
use crate::send::Roots;
use crate::trace::{Attempt, Trace};

/// Calls Azure Resource Manager as this machine's identity.
///
/// Cheap to clone; clones share connections. A token goes out over https only, and only to the endpoint that a request
/// names; redirects are not followed. `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured, and `SSL_CERT_FILE` adds CAs.
///
/// After a fork both processes may use it, if no other thread was in a call at that moment: the child opens connections of its
/// own, and leaves those of its parent alone.
///
/// # Example
///
/// ```no_run
/// # fn main() -> Result<(), azmin::Error> {
/// let arm = azmin::arm::Client::new(azmin::Credential::detect()?);
/// let group = arm.get("/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest")
///     .api_version("2016-06-01")
///     .send()?
///     .text();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    cloud: Cloud,
    deadline: Duration,
    trace: Trace,
    rim: Box<dyn Rim>,
}

impl Client {
    /// A client for the public cloud with default settings.
    pub fn new(credential: Credential) -> Self {
        Self::builder(credential).build()
    }

    /// Chooses cloud, extra CAs and deadline.
    pub fn builder(credential: Credential) -> Builder {
        Builder {
            credential,
            cloud: Cloud::public(),
            deadline: Duration::from_secs(120),
            trace: Trace::default(),
            roots: Roots::default(),
            env: Env::process(),
        }
    }

    /// A GET of a path on the cloud's ARM endpoint (`/subscriptions/…`), or of an absolute https URL.
    ///
    /// Paths keep their case. Blanks and other characters that a URL cannot have are percent-encoded; what is already
    /// encoded stays as it is.
    pub fn get(&self, url: &str) -> Request {
        Request::new(self.clone(), "GET", url)
    }

    /// A HEAD; see [`get`](Self::get).
    pub fn head(&self, url: &str) -> Request {
        Request::new(self.clone(), "HEAD", url)
    }

    /// A POST; see [`get`](Self::get).
    pub fn post(&self, url: &str) -> Request {
        Request::new(self.clone(), "POST", url)
    }

    /// A PUT; see [`get`](Self::get).
    ///
    /// # Example
    ///
    /// ```no_run
    /// # fn main() -> Result<(), azmin::Error> {
    /// # let arm = azmin::arm::Client::new(azmin::Credential::detect()?);
    /// let group = arm.put("/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest")
    ///     .api_version("2021-04-01")
    ///     .body(r#"{"location":"westus"}"#)
    ///     .send()?
    ///     .wait()?;
    /// # Ok(()) }
    /// ```
    pub fn put(&self, url: &str) -> Request {
        Request::new(self.clone(), "PUT", url)
    }

    /// A PATCH; see [`get`](Self::get).
    pub fn patch(&self, url: &str) -> Request {
        Request::new(self.clone(), "PATCH", url)
    }

    /// A DELETE; see [`get`](Self::get).
    pub fn delete(&self, url: &str) -> Request {
        Request::new(self.clone(), "DELETE", url)
    }

    /// The method by name, in any case; see [`get`](Self::get). Another one than the six is an error of the request.
    pub fn request(&self, method: &str, url: &str) -> Request {
        Request::new(self.clone(), method, url)
    }

    /// Reads the CA files and the proxy settings that calls will use, and sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) and [`ErrorKind::Local`](crate::ErrorKind::Local) for what
    /// cannot be used: the first call would fail with the same.
    pub fn check(&self) -> Result<(), Error> {
        self.rim().check()
    }

    pub(super) fn cloud(&self) -> &Cloud {
        &self.0.cloud
    }

    /// When a call ends that begins now.
    pub(super) fn end_of(&self, deadline: Option<Duration>) -> Instant {
        let now = self.rim().now();
        now.checked_add(deadline.unwrap_or(self.0.deadline)).unwrap_or(now)
    }

    pub(super) fn trace(&self) -> &Trace {
        &self.0.trace
    }

    pub(super) fn rim(&self) -> &dyn Rim {
        &*self.0.rim
    }

    /// A client in a world of its own.
    #[cfg(test)]
    pub(super) fn within(rim: Box<dyn Rim>, cloud: Cloud, deadline: Duration, trace: Trace) -> Self {
        Self(Arc::new(Inner { cloud, deadline, trace, rim }))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("cloud", &self.0.cloud).finish_non_exhaustive()
    }
}

/// Settings of a [`Client`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), azmin::Error> {
/// let arm = azmin::arm::Client::builder(azmin::Credential::detect()?).cloud(azmin::Cloud::named("usgov")?).build();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    credential: Credential,
    cloud: Cloud,
    deadline: Duration,
    trace: Trace,
    roots: Roots,
    env: Env,
}

impl Builder {
    /// The cloud. Default: the public one.
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// Trusts the CAs of this PEM file as well as the bundled ones. The file is read with the first call. Default: none.
    pub fn ca_file(mut self, path: &str) -> Self {
        self.roots.add_file(path);
        self
    }

    /// Trusts these CAs, in PEM, as well as the bundled ones. Default: none.
    pub fn ca_pem(mut self, pem: &[u8]) -> Self {
        self.roots.add_pem(pem);
        self
    }

    /// How long one call may take, the token included. Default: 120 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Told of each request and what came of it, without its secrets. Default: nobody.
    pub fn on_attempt(mut self, observer: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        self.trace = Trace(Some(Arc::new(observer)));
        self
    }

    /// Makes the client. Settings that cannot be used are reported by the first call.
    pub fn build(self) -> Client {
        let Self { credential, cloud, deadline, trace, roots, env } = self;
        let rim = Box::new(Machine { credential, roots, env, sender: OnceLock::new() });
        Client(Arc::new(Inner { cloud, deadline, trace, rim }))
    }
}
