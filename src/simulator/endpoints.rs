//! What the endpoints outside of a virtual machine keep to themselves: secrets, key files, assertions, blobs.

use std::path::Path;

use super::arc::Agent;
use super::assertion::Assertions;
use super::key_vault::Secrets;
use super::storage::Store;
use super::token;

/// One of each, whether the endpoint listens or not.
pub(super) struct Endpoints {
    pub(super) app_service_header: String,
    pub(super) service_fabric_secret: String,
    /// In hexadecimal digits; empty until there is a certificate.
    pub(super) service_fabric_thumbprint: String,
    pub(super) azure_ml_secret: String,
    pub(super) azure_ml_dates: bool,
    pub(super) arc: Agent,
    pub(super) assertions: Assertions,
    pub(super) secrets: Secrets,
    pub(super) blobs: Store,
}

impl Endpoints {
    /// Those that need files will have them in this directory.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            app_service_header: token::guid(),
            service_fabric_secret: token::guid(),
            service_fabric_thumbprint: String::new(),
            azure_ml_secret: token::guid(),
            azure_ml_dates: false,
            arc: Agent::new(folder.join("tokens")),
            assertions: Assertions::new(folder.join("azure-identity-token")),
            secrets: Secrets::default(),
            blobs: Store::default(),
        }
    }
}
