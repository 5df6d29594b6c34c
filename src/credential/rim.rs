//! Where the house meets the world: clocks, chance, sockets and key files. Tests put a world of their own in its place.

use std::path::Path;
#[cfg(feature = "https")]
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::dial::{self, Lost};
use crate::env::Env;
use crate::error::Error;
use crate::http::{Request, Response};
#[cfg(feature = "https")]
use crate::send::{Roots, Sender};
use crate::source::{KeyFile, Site, Transport};

/// The world.
pub(super) trait Rim: Clock {
    fn exchange(&self, call: &Call<'_>) -> Result<Response, Lost>;
    fn read_key(&self, file: &KeyFile) -> Result<Zeroizing<String>, Error>;
    fn read_assertion(&self, path: &Path) -> Result<Zeroizing<String>, Error>;
}

/// One request on its way.
pub(super) struct Call<'a> {
    pub(super) site: &'a Site,
    pub(super) request: &'a Request<'a>,
    /// How long a connection is waited for.
    pub(super) patience: Duration,
    pub(super) deadline: Instant,
}

/// This machine.
pub(super) struct Machine {
    #[cfg_attr(not(feature = "https"), expect(dead_code, reason = "CAs and proxies are for TLS"))]
    env: Env,
    #[cfg(feature = "https")]
    roots: Roots,
    /// Made for the first call over TLS, and kept also if it cannot be made.
    #[cfg(feature = "https")]
    sender: OnceLock<Result<Sender, Error>>,
}

impl Machine {
    #[cfg(feature = "https")]
    pub(super) fn new(env: Env, roots: Roots) -> Self {
        Self { env, roots, sender: OnceLock::new() }
    }

    #[cfg(not(feature = "https"))]
    pub(super) fn new(env: Env) -> Self {
        Self { env }
    }

    #[cfg(feature = "https")]
    fn exchange_over_tls(&self, call: &Call<'_>) -> Result<Response, Lost> {
        let sender = self.sender.get_or_init(|| match call.site.transport {
            Transport::Pinned(pin) => Sender::pinned(pin),
            _ => Sender::from_env(&self.roots, &self.env),
        });
        let sender = sender.as_ref().map_err(|error| Lost::Failed(error.clone()))?;
        sender.exchange(call.request, call.deadline)
    }

    #[cfg(not(feature = "https"))]
    fn exchange_over_tls(&self, _: &Call<'_>) -> Result<Response, Lost> {
        Err(Lost::Failed(Error::invalid(
            "this identity endpoint needs TLS, which this build leaves out (feature https)",
        )))
    }
}

impl Clock for Machine {}

impl Rim for Machine {
    fn exchange(&self, call: &Call<'_>) -> Result<Response, Lost> {
        let Transport::Plain(addresses) = &call.site.transport else { return self.exchange_over_tls(call) };
        let bytes = call
            .request
            .write()
            .map_err(|part| Lost::Failed(Error::invalid(format!("the {part} of the token request cannot be sent"))))?;
        dial::exchange(addresses, &bytes, call.patience, call.deadline)
    }

    fn read_key(&self, file: &KeyFile) -> Result<Zeroizing<String>, Error> {
        dial::read_key(file)
    }

    fn read_assertion(&self, path: &Path) -> Result<Zeroizing<String>, Error> {
        dial::read_assertion(path)
    }
}
