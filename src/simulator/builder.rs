//! What to start, and starting it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use super::conversation::{self, Shared};
use super::endpoints::Endpoints;
use super::estate::{Estate, Item, Paging, Provider, Registration};
use super::folder::Folder;
use super::key_vault::Secrets;
use super::pki::{self, Pki};
use super::server::{Gate, Server};
use super::world::{ENVIRONMENT, ManagedIdentity, World, lock};
use super::{Azure, Service};

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
    groups: Vec<(String, String)>,
    disks: usize,
    paging: Paging,
    unregistered: Vec<Provider>,
    hides_subscription: bool,
    secrets: Secrets,
    blobs: Vec<(String, Vec<u8>)>,
    token_lifetime: Duration,
    environment: String,
    imds_address: SocketAddr,
    arm_address: SocketAddr,
    others: Vec<Service>,
    azure_arc_legacy: bool,
    azure_ml_dates: bool,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            system_assigned: true,
            user_assigned: Vec::new(),
            groups: Vec::new(),
            disks: 0,
            paging: Paging { size: 1000, empty: false },
            unregistered: Vec::new(),
            hides_subscription: false,
            secrets: Secrets::default(),
            blobs: Vec::new(),
            token_lifetime: Duration::from_secs(24 * 60 * 60),
            environment: ENVIRONMENT.to_owned(),
            imds_address: ANY_PORT,
            arm_address: ANY_PORT,
            others: Vec::new(),
            azure_arc_legacy: false,
            azure_ml_dates: false,
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
        self.groups.push((name.into(), location.into()));
        self
    }

    /// Adds so many managed disks, `disk-000001` and on, to the virtual machine's group. Default: none.
    pub fn disks(mut self, count: usize) -> Self {
        self.disks = count;
        self
    }

    /// How many items a page of a list holds, unless the request says so with `$top`. Default: 1000.
    pub fn page_size(mut self, items: usize) -> Self {
        self.paging.size = items;
        self
    }

    /// Whether each page of a list comes after an empty one, as pages that were filtered late do. Default: no.
    ///
    /// ```
    /// use azmin::simulator::Azure;
    ///
    /// let azure = Azure::builder().disks(1000).page_size(100).empty_pages(true).start()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn empty_pages(mut self, yes: bool) -> Self {
        self.paging.empty = yes;
        self
    }

    /// A resource provider that the subscription is not registered to use. Its registration is over when it was asked
    /// for so many times. Repeatable. Default: `Microsoft.ContainerInstance`, once.
    ///
    /// ```
    /// use azmin::simulator::Azure;
    ///
    /// let azure = Azure::builder().unregistered_provider("Microsoft.Batch", 3).start()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unregistered_provider(mut self, namespace: impl Into<String>, looks: u32) -> Self {
        let namespace = namespace.into();
        self.unregistered.push(Provider { namespace, registration: Registration::NotRegistered, looks });
        self
    }

    /// Whether Azure Resource Manager answers a caller without a role 404 SubscriptionNotFound, as it does where the
    /// caller has never had one, instead of 403 AuthorizationFailed. Default: no.
    pub fn hidden_subscription(mut self, yes: bool) -> Self {
        self.hides_subscription = yes;
        self
    }

    /// How long a token lives, in whole seconds. Default: 24 hours.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Which cloud the virtual machine says that it is in, the `azEnvironment` of its instance metadata; nothing else depends
    /// on it. Default: `AzurePublicCloud`.
    pub fn az_environment(mut self, name: impl Into<String>) -> Self {
        self.environment = name.into();
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

    /// Starts the endpoint of App Service too, api-version 2019-08-01.
    pub fn app_service(self) -> Self {
        self.and(Service::AppService)
    }

    /// Starts the agent of Azure Arc too: one that knows user-assigned identities and names in its answer the one that
    /// was asked for.
    pub fn azure_arc(self) -> Self {
        self.and(Service::AzureArc)
    }

    /// Starts the agent of Azure Arc too: one that knows only the system-assigned identity, and answers for it whoever
    /// was asked for.
    pub fn azure_arc_legacy(mut self) -> Self {
        self.azure_arc_legacy = true;
        self.and(Service::AzureArc)
    }

    /// Starts the endpoint of Service Fabric too.
    pub fn service_fabric(self) -> Self {
        self.and(Service::ServiceFabric)
    }

    /// Starts the endpoint of Azure Machine Learning too, which is that of App Service in api-version 2017-09-01.
    pub fn azure_ml(self) -> Self {
        self.and(Service::AzureMl)
    }

    /// Whether Azure Machine Learning's `expires_on` is a date such as `06/20/2019 02:57:58 +00:00`, as App Service had
    /// it. Default: no, it is the seconds since 1970.
    pub fn azure_ml_dates(mut self, yes: bool) -> Self {
        self.azure_ml_dates = yes;
        self
    }

    /// Starts the endpoint of the Azure Cloud Shell too. Its tokens are those of a person.
    pub fn cloud_shell(self) -> Self {
        self.and(Service::CloudShell)
    }

    /// Starts Entra's token endpoint too, and writes the assertion that it exchanges for tokens. The workload is the first
    /// user-assigned identity, or else the system-assigned one.
    pub fn workload(self) -> Self {
        self.and(Service::Entra)
    }

    /// Starts a Key Vault too. It holds what was [put there](Self::secret).
    pub fn key_vault(self) -> Self {
        self.and(Service::KeyVault)
    }

    /// Adds a secret to the [vault](Self::key_vault). Repeatable. Default: none.
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.set(name.into(), value.into());
        self
    }

    /// Starts the blob endpoint of a storage account too. It holds what was [put there](Self::blob).
    pub fn storage(self) -> Self {
        self.and(Service::Storage)
    }

    /// Adds a blob to the [storage account](Self::storage), with its container: `container/name`. A path without a slash
    /// is that of an empty container. Repeatable. Default: none.
    pub fn blob(mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.blobs.push((path.into(), bytes.into()));
        self
    }

    fn and(mut self, service: Service) -> Self {
        if !self.others.contains(&service) {
            self.others.push(service);
        }
        self
    }

    /// Makes the certificates and starts to listen.
    ///
    /// # Errors
    ///
    /// When an address is taken, no thread can be had, or a file cannot be written.
    pub fn start(self) -> io::Result<Azure> {
        let Pki { ca_pem, server: config } = Pki::generate()?;
        let folder = Folder::new()?;
        let mut world = self.world(&folder);
        let fabric = self.others.contains(&Service::ServiceFabric).then(pki::self_signed).transpose()?;
        let fabric = fabric.map(|(config, thumbprint)| {
            world.endpoints.service_fabric_thumbprint = thumbprint;
            config
        });
        if self.others.contains(&Service::AzureArc) {
            fs::create_dir_all(&world.endpoints.arc.directory)?;
        }
        if self.others.contains(&Service::Entra) {
            fs::create_dir_all(folder.path())?;
            world.endpoints.assertions.rotate(SystemTime::now())?;
        }
        let gate = Arc::new(Gate::default());
        let shared =
            Arc::new(Shared { gate: Arc::clone(&gate), requests: Mutex::default(), faults: Mutex::default(), world });
        let listen = |service, address| {
            let shared = Arc::clone(&shared);
            let config = match service {
                Service::Arm | Service::Entra | Service::KeyVault | Service::Storage => Some(Arc::clone(&config)),
                Service::ServiceFabric => fabric.clone(),
                _ => None,
            };
            Server::start(address, &gate, move |stream| {
                // A connection that breaks is the client's business; the listeners go on.
                let _ = match &config {
                    Some(config) => conversation::tls(&shared, service, stream, config),
                    None => conversation::plain(&shared, service, stream),
                };
            })
        };
        let imds = listen(Service::Imds, self.imds_address)?;
        let arm = listen(Service::Arm, self.arm_address)?;
        let others = self.others.iter().map(|service| Ok((*service, listen(*service, ANY_PORT)?)));
        let others = others.collect::<io::Result<_>>()?;
        Ok(Azure { imds, arm, others, shared, ca_pem, _folder: folder })
    }

    fn world(&self, folder: &Folder) -> World {
        let system = self.system_assigned.then(ManagedIdentity::system_assigned);
        let numbered = self.user_assigned.iter().zip(1..);
        let users = numbered.map(|(name, number)| ManagedIdentity::user_assigned(name, number));
        let mut endpoints = Endpoints::new(folder.path());
        endpoints.arc.legacy = self.azure_arc_legacy;
        endpoints.azure_ml_dates = self.azure_ml_dates;
        endpoints.secrets = self.secrets.clone();
        for (path, bytes) in &self.blobs {
            lock(&endpoints.blobs).add(path, bytes);
        }
        let mut estate = Estate::new();
        estate.paging = self.paging;
        estate.items.extend(self.groups.iter().map(|(name, location)| Item::group(name, location)));
        estate.items.extend((1..=self.disks).map(Item::disk));
        for provider in &self.unregistered {
            estate.providers.retain(|other| !other.namespace.eq_ignore_ascii_case(&provider.namespace));
            estate.providers.push(provider.clone());
        }
        World {
            identities: system.into_iter().chain(users).collect(),
            estate: Mutex::new(estate),
            hides_subscription: self.hides_subscription,
            token_lifetime: self.token_lifetime,
            environment: self.environment.clone(),
            tokens: Mutex::default(),
            without_role: Mutex::default(),
            endpoints,
        }
    }
}

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
