//! A stand-in for Azure on loopback, for tests and examples: a virtual machine's metadata service over plain HTTP and
//! an Azure Resource Manager over TLS, which accepts the tokens that the former issues. The endpoints that other places
//! than virtual machines have, from App Service to Entra, start [when asked for](Builder::app_service), and so do a
//! [Key Vault](Builder::key_vault) and a [storage account](Builder::storage).
//!
//! Azure Resource Manager keeps resource groups and resources of any type, which can be read, listed in pages, put,
//! patched and deleted; how a write goes on after its first answer is for the test [to say](Azure::operation).
//!
//! All answer in the real services' words, and can be told to [go wrong](Fault). All of it ends, threads, connections
//! and files included, when the [`Azure`] is dropped.
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

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use std::{fmt, io};

use conversation::Shared;
use folder::Folder;
use server::Server;
use world::lock;

pub use builder::Builder;
pub use fault::Fault;
pub use operation::Operation;
pub use request::Received;
pub use world::ManagedIdentity;

mod aadsts;
mod app_service;
mod arc;
mod arm;
mod assertion;
mod azure_ml;
mod bearer;
mod builder;
mod clock;
mod cloud_shell;
mod conversation;
mod endpoints;
mod entra;
mod environment;
mod estate;
mod fault;
pub mod fleet;
mod folder;
mod imds;
mod instance;
mod job;
mod json;
mod key_vault;
mod operation;
mod paging;
mod pki;
mod refusal;
mod request;
mod response;
mod selector;
mod server;
mod service_fabric;
mod storage;
#[cfg(test)]
mod tests;
mod token;
mod world;

/// One of the services. The first two are always there, the others when the [`Builder`] was asked for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// The Instance Metadata Service, which issues the tokens.
    Imds,
    /// Azure Resource Manager.
    Arm,
    /// The endpoint that App Service, Functions and Container Apps give their applications.
    AppService,
    /// The agent of an Azure Arc-enabled server.
    AzureArc,
    /// The endpoint of Service Fabric, over TLS with a certificate that is not under [`Azure::ca_pem`].
    ServiceFabric,
    /// The endpoint of Azure Machine Learning, and of App Service once.
    AzureMl,
    /// The endpoint of the Azure Cloud Shell.
    CloudShell,
    /// Entra's token endpoint, over TLS.
    Entra,
    /// A Key Vault, over TLS.
    KeyVault,
    /// The blob endpoint of a storage account, over TLS.
    Storage,
}

/// A running stand-in.
///
/// It has one tenant, `aaaabbbb-0000-cccc-1111-dddd2222eeee`, one subscription, `98f51385-2edc-4b79-bed9-7718de4cb861`,
/// and in it the resource group `DevTest` in `westus` with the virtual machine `devtest-vm`. Every identity may do everything
/// with it.
pub struct Azure {
    imds: Server,
    arm: Server,
    others: Vec<(Service, Server)>,
    shared: Arc<Shared>,
    ca_pem: String,
    // It goes last: the servers use it.
    _folder: Folder,
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

    /// `https://localhost:PORT`. The certificate holds for `management.azure.com` and what lies below it, `127.0.0.1` and
    /// `::1` too.
    pub fn arm(&self) -> String {
        format!("https://localhost:{}", self.arm.address().port())
    }

    /// `https://localhost:PORT` of the Key Vault, if it was [asked for](Builder::key_vault); otherwise empty. The
    /// certificate holds for `*.vault.azure.net` too.
    ///
    /// ```
    /// use azmin::simulator::Azure;
    ///
    /// let azure = Azure::builder().key_vault().secret("db", "correct horse").start()?;
    /// let url = format!("{}/secrets/db?api-version=7.4", azure.key_vault());
    /// assert!(url.starts_with("https://localhost:"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn key_vault(&self) -> String {
        self.other(Service::KeyVault)
    }

    /// `https://localhost:PORT` of the storage account, if it was [asked for](Builder::storage); otherwise empty. The
    /// certificate holds for `*.blob.core.windows.net` too.
    ///
    /// ```
    /// use azmin::simulator::Azure;
    ///
    /// let azure = Azure::builder().storage().blob("config/agent.json", "{}").start()?;
    /// let url = format!("{}/config/agent.json", azure.storage());
    /// assert!(url.starts_with("https://localhost:"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn storage(&self) -> String {
        self.other(Service::Storage)
    }

    fn other(&self, service: Service) -> String {
        let server = self.others.iter().find(|(other, _)| *other == service).map(|(_, server)| server);
        server.map(|server| format!("https://localhost:{}", server.address().port())).unwrap_or_default()
    }

    /// The environment variables by which a program finds this service where Azure runs it; none if the service does not
    /// listen, and none for Azure Resource Manager, Key Vault and Storage. Those of Entra are those of a workload identity.
    ///
    /// ```
    /// use azmin::simulator::{Azure, Service};
    ///
    /// let azure = Azure::builder().app_service().start()?;
    /// let names: Vec<&str> = azure.env(Service::AppService).iter().map(|(name, _)| *name).collect();
    /// assert_eq!(names, ["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env(&self, service: Service) -> Vec<(&'static str, String)> {
        let server = match service {
            Service::Imds => Some(&self.imds),
            Service::Arm => Some(&self.arm),
            _ => self.others.iter().find(|(other, _)| *other == service).map(|(_, server)| server),
        };
        let variables = |server: &Server| environment::variables(&self.shared.world, service, server.address());
        server.map(variables).unwrap_or_default()
    }

    /// Where the agent of Azure Arc puts its key files. It exists if the agent was [asked for](Builder::azure_arc).
    pub fn arc_key_directory(&self) -> &Path {
        &self.shared.world.endpoints.arc.directory
    }

    /// Writes a new assertion into the file that `AZURE_FEDERATED_TOKEN_FILE` names, as Kubernetes does long before the
    /// old one is over. Here Entra refuses the old one from now on.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; always, unless the workload identity was [asked for](Builder::workload).
    pub fn rotate_assertion(&self) -> io::Result<()> {
        self.shared.world.endpoints.assertions.rotate(SystemTime::now())
    }

    /// The certificate of the authority that the clients of all endpoints with `https` but Service Fabric's must trust, in PEM. Each
    /// start makes another.
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
        lock(&self.shared.faults).entry(service).or_default().push(fault);
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
        self.shared.world.revoke_role(id, None);
    }

    /// Gives back what [`revoke_role`](Self::revoke_role) took.
    pub fn grant_role(&self, id: &str) {
        self.shared.world.grant_role(id);
    }

    /// Takes the role, and gives it back after so many refusals: a role assignment that is on its way. An empty list of
    /// subscriptions is a refusal too.
    ///
    /// ```
    /// use azmin::simulator::Azure;
    ///
    /// let azure = Azure::start()?;
    /// azure.grant_role_after(azure.system_identity().expect("there is one by default").object_id(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn grant_role_after(&self, id: &str, refusals: u32) {
        self.shared.world.revoke_role(id, Some(refusals));
    }

    /// Lets the next write to Azure Resource Manager go on like this, after those that were told already. Without it the
    /// deletion of a group and every write to a resource but a PATCH are followed by one poll, and the others by none.
    pub fn operation(&self, operation: Operation) {
        lock(&self.shared.world.estate).planned.push_back(operation);
    }

    /// Something has happened to the identities that only a token issued from now on accounts for: Azure Resource Manager
    /// answers the older ones 401 with a claims challenge:
    /// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>. The endpoints issue new ones.
    ///
    /// ```
    /// use azmin::simulator::Azure;
    ///
    /// let azure = Azure::start()?;
    /// azure.require_fresh_token();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn require_fresh_token(&self) {
        lock(&self.shared.world.tokens).revoke(clock::epoch(SystemTime::now()));
    }

    /// Ends the life of all tokens issued so far: Azure Resource Manager answers them 401 ExpiredAuthenticationToken,
    /// and the others issue new ones.
    pub fn expire_tokens(&self) {
        lock(&self.shared.world.tokens).expire(clock::epoch(SystemTime::now()));
    }

    /// The requests so far, to all services, in the order they were complete. One that could not be read as HTTP is
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
