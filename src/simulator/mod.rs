//! A stand-in for Azure on loopback, for tests and examples: a virtual machine's metadata service over plain HTTP and
//! an Azure Resource Manager over TLS, which accepts the tokens that the former issues.
//!
//! Both answer in the real services' words, and can be told to [go wrong](Fault). All of it ends, threads and
//! connections included, when the [`Azure`] is dropped.
//!
//! ```
//! use std::io::{Read, Write};
//! use azmin::simulator::{Azure, Service};
//!
//! let azure = Azure::start()?;
//! let authority = azure.imds().replace("http://", "");
//! let mut stream = std::net::TcpStream::connect(&authority)?;
//! let path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
//! write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nMetadata: true\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
//!
//! let requests = azure.requests();
//! assert_eq!(requests[0].service(), Service::Imds);
//! assert_eq!(requests[0].target(), path);
//! # Ok::<(), std::io::Error>(())
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use conversation::Shared;
use pki::Pki;
use server::{Gate, Server};
use world::{Group, World, lock};

pub use fault::Fault;
pub use request::Received;
pub use world::ManagedIdentity;

mod arm;
mod clock;
mod conversation;
mod fault;
mod imds;
mod instance;
mod json;
mod pki;
mod request;
mod response;
mod server;
#[cfg(test)]
mod tests;
mod token;
mod world;

/// One of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// The Instance Metadata Service, which issues the tokens.
    Imds,
    /// Azure Resource Manager.
    Arm,
}

/// A running stand-in.
///
/// It has one tenant, `aaaabbbb-0000-cccc-1111-dddd2222eeee`, one subscription, `98f51385-2edc-4b79-bed9-7718de4cb861`,
/// and in it the resource group `DevTest` in `westus` with the virtual machine `devtest-vm`. Every identity may read all
/// of it.
pub struct Azure {
    imds: Server,
    arm: Server,
    shared: Arc<Shared>,
    ca_pem: String,
}

impl Azure {
    /// Starts with the defaults of [`Builder`].
    ///
    /// # Errors
    ///
    /// Those of [`Builder::start`].
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// What to start, step by step.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// `http://127.0.0.1:PORT`, the value for `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
    pub fn imds(&self) -> String {
        format!("http://{}", self.imds.address())
    }

    /// `https://localhost:PORT`. The certificate holds for `management.azure.com`, `127.0.0.1` and `::1` too.
    pub fn arm(&self) -> String {
        format!("https://localhost:{}", self.arm.address().port())
    }

    /// The certificate of the authority that [`arm`](Self::arm)'s clients must trust, in PEM. Each start makes another.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The virtual machine's own identity, if it has one.
    pub fn system_identity(&self) -> Option<&ManagedIdentity> {
        self.shared.world.system()
    }

    /// The [user-assigned](Builder::user_assigned) identity of that name.
    pub fn identity(&self, name: &str) -> Option<&ManagedIdentity> {
        self.shared.world.users().find(|identity| identity.name.as_deref() == Some(name))
    }

    /// Lets the next answer of a service go wrong, after those that are to go wrong already.
    pub fn on(&self, service: Service, fault: Fault) {
        lock(self.shared.faults(service)).push(fault);
    }

    /// Takes the role of the identity with that client or object id: from now on Azure Resource Manager answers it 403
    /// AuthorizationFailed. An id that is nobody's changes nothing.
    ///
    /// ```
    /// use azmin::simulator::Azure;
    ///
    /// let azure = Azure::start()?;
    /// let id = azure.system_identity().expect("there is one by default").client_id();
    /// azure.revoke_role(id);
    /// azure.grant_role(id);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn revoke_role(&self, id: &str) {
        self.shared.world.set_role(id, false);
    }

    /// Gives back what [`revoke_role`](Self::revoke_role) took.
    pub fn grant_role(&self, id: &str) {
        self.shared.world.set_role(id, true);
    }

    /// Ends the life of all tokens issued so far: Azure Resource Manager answers them 401 ExpiredAuthenticationToken,
    /// and the metadata service issues new ones.
    pub fn expire_tokens(&self) {
        lock(&self.shared.world.tokens).expire(clock::epoch(SystemTime::now()));
    }

    /// The requests so far, to both services, in the order they were complete. One that could not be read as HTTP is
    /// answered 400 and not among them.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.shared.requests).clone()
    }
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Azure").field("imds", &self.imds()).field("arm", &self.arm()).finish_non_exhaustive()
    }
}

/// What an [`Azure`] starts with.
///
/// ```
/// use std::time::Duration;
/// use azmin::simulator::Azure;
///
/// let azure = Azure::builder()
///     .system_assigned(false)
///     .user_assigned("worker")
///     .token_lifetime(Duration::from_secs(3600))
///     .resource_group("Production", "northeurope")
///     .start()?;
/// assert!(azure.system_identity().is_none());
/// assert!(azure.identity("worker").is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    system_assigned: bool,
    user_assigned: Vec<String>,
    groups: Vec<Group>,
    token_lifetime: Duration,
    imds_address: SocketAddr,
    arm_address: SocketAddr,
}

impl Builder {
    fn new() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            system_assigned: true,
            user_assigned: Vec::new(),
            groups: vec![Group { name: world::RESOURCE_GROUP.to_owned(), location: world::LOCATION.to_owned() }],
            token_lifetime: Duration::from_secs(24 * 60 * 60),
            imds_address: address,
            arm_address: address,
        }
    }

    /// Whether the virtual machine has an identity of its own. Default: yes.
    pub fn system_assigned(mut self, yes: bool) -> Self {
        self.system_assigned = yes;
        self
    }

    /// Adds a user-assigned identity; its ids follow from how many were added before it. Repeatable. Default: none.
    pub fn user_assigned(mut self, name: impl Into<String>) -> Self {
        self.user_assigned.push(name.into());
        self
    }

    /// Adds a resource group to the one there is. Repeatable.
    pub fn resource_group(mut self, name: impl Into<String>, location: impl Into<String>) -> Self {
        self.groups.push(Group { name: name.into(), location: location.into() });
        self
    }

    /// How long a token lives, in whole seconds. Default: 24 hours.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Where the metadata service listens. Another address than loopback makes sense only in a network of its own.
    /// Default: `127.0.0.1:0`, a free port.
    pub fn imds_address(mut self, address: SocketAddr) -> Self {
        self.imds_address = address;
        self
    }

    /// Where Azure Resource Manager listens. Another address than loopback makes sense only in a network of its own.
    /// Default: `127.0.0.1:0`, a free port.
    pub fn arm_address(mut self, address: SocketAddr) -> Self {
        self.arm_address = address;
        self
    }

    /// Makes the certificates and starts to listen.
    ///
    /// # Errors
    ///
    /// When an address is taken, or no thread can be had.
    pub fn start(self) -> io::Result<Azure> {
        let Pki { ca_pem, server: config } = Pki::generate()?;
        let gate = Arc::new(Gate::default());
        let shared = Arc::new(Shared {
            gate: Arc::clone(&gate),
            requests: Mutex::default(),
            imds_faults: Mutex::default(),
            arm_faults: Mutex::default(),
            world: self.world(),
        });
        let (for_imds, for_arm) = (Arc::clone(&shared), Arc::clone(&shared));
        // A connection that breaks is the client's business; the listeners go on.
        let imds = Server::start(self.imds_address, &gate, move |stream| {
            let _ = conversation::plain(&for_imds, stream);
        })?;
        let arm = Server::start(self.arm_address, &gate, move |stream| {
            let _ = conversation::tls(&for_arm, stream, &config);
        })?;
        Ok(Azure { imds, arm, shared, ca_pem })
    }

    fn world(&self) -> World {
        let system = self.system_assigned.then(ManagedIdentity::system_assigned);
        let numbered = self.user_assigned.iter().zip(1..);
        let users = numbered.map(|(name, number)| ManagedIdentity::user_assigned(name, number));
        World {
            identities: system.into_iter().chain(users).collect(),
            groups: self.groups.clone(),
            token_lifetime: self.token_lifetime,
            tokens: Mutex::default(),
            without_role: Mutex::default(),
        }
    }
}
