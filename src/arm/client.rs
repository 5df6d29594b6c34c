//! The client: a credential, a cloud, and connections that are made when first needed.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Request;
use crate::cloud::Cloud;
use crate::credential::Credential;
use crate::env::Env;
use crate::error::Error;
use crate::proxy::Proxies;
use crate::send::{Roots, Sender};
use crate::trace::{Attempt, Trace};

/// Calls Azure Resource Manager as this machine's identity.
///
/// Cheap to clone; clones share connections. A token goes out over https only, and only to the endpoint that a request
/// names; redirects are not followed. `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured, and `SSL_CERT_FILE` adds CAs.
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
    credential: Credential,
    cloud: Cloud,
    deadline: Duration,
    trace: Trace,
    roots: Roots,
    env: Env,
    /// Made with the first call, and kept also if it cannot be made.
    sender: OnceLock<Result<Sender, Error>>,
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

    pub(super) fn credential(&self) -> &Credential {
        &self.0.credential
    }

    pub(super) fn cloud(&self) -> &Cloud {
        &self.0.cloud
    }

    pub(super) fn deadline(&self) -> Duration {
        self.0.deadline
    }

    pub(super) fn observe(&self, attempt: &Attempt<'_>) {
        if let Some(observer) = &self.0.trace.0 {
            observer(attempt);
        }
    }

    pub(super) fn sender(&self) -> Result<&Sender, Error> {
        let made = self.0.sender.get_or_init(|| {
            let mut roots = self.0.roots.clone();
            if let Some(path) = self.0.env.get("SSL_CERT_FILE") {
                roots.add_file(&path);
            }
            Sender::new(&roots, Arc::new(Proxies::from_env(&self.0.env)?))
        });
        made.as_ref().map_err(Clone::clone)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("credential", &self.0.credential)
            .field("cloud", &self.0.cloud)
            .finish_non_exhaustive()
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
        Client(Arc::new(Inner { credential, cloud, deadline, trace, roots, env, sender: OnceLock::new() }))
    }
}
