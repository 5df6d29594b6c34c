//! The environment as the house sees it: read when a credential or a client is made, never later, and replaceable in
//! tests.

use std::fmt;
use std::path::{Path, PathBuf};

/// Variables: those that were set here, then those of the process.
#[derive(Clone)]
pub(crate) struct Env {
    ours: Vec<(&'static str, String)>,
    process: bool,
    /// Where Arc's agent keeps its keys, in tests: never from a variable, which would choose whose file is read.
    keys: Option<PathBuf>,
}

impl Env {
    pub(crate) fn process() -> Self {
        Self { ours: Vec::new(), process: true, keys: None }
    }

    /// An environment of just these variables.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn fixed(pairs: &[(&'static str, &str)]) -> Self {
        let ours = pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { ours, process: false, keys: None }
    }

    /// Overrides a variable for this credential alone.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.ours.retain(|(known, _)| *known != name);
        self.ours.push((name, value.to_owned()));
    }

    #[cfg(feature = "simulator")]
    pub(crate) fn set_key_directory(&mut self, directory: PathBuf) {
        self.keys = Some(directory);
    }

    pub(crate) fn key_directory(&self) -> Option<PathBuf> {
        self.keys.clone()
    }

    /// Whether there is such a file on this machine; a fixed environment has none.
    pub(crate) fn has_file(&self, path: &Path) -> bool {
        self.process && path.is_file()
    }

    /// The value of a variable. An empty one counts as unset, as in every Azure SDK that documents it.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let ours = self.ours.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let value = match ours {
            None if self.process => {
                // A value that is not Unicode can be no URL, id or name: it is kept readable for the error it will cause.
                std::env::var_os(name)?.into_string().unwrap_or_else(|value| value.to_string_lossy().into_owned())
            }
            ours => ours?,
        };
        Some(value).filter(|value| !value.is_empty())
    }
}

/// Without values: some are secrets.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ours.iter().map(|(name, _)| name)).finish()
    }
}

/// Replaces scheme, host and port of the VM's metadata endpoint, as in the Azure SDKs.
pub(crate) const AUTHORITY_HOST_OF_IMDS: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
/// The user-assigned identity to use when none is named; of workload identity, the one that there is.
pub(crate) const CLIENT_ID: &str = "AZURE_CLIENT_ID";
pub(crate) const ENDPOINT: &str = "IDENTITY_ENDPOINT";
pub(crate) const HEADER: &str = "IDENTITY_HEADER";
pub(crate) const THUMBPRINT: &str = "IDENTITY_SERVER_THUMBPRINT";
pub(crate) const IMDS_ENDPOINT: &str = "IMDS_ENDPOINT";
pub(crate) const MSI_ENDPOINT: &str = "MSI_ENDPOINT";
pub(crate) const MSI_SECRET: &str = "MSI_SECRET";
pub(crate) const TENANT_ID: &str = "AZURE_TENANT_ID";
pub(crate) const FEDERATED_TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
/// Entra's own authority, not the metadata service's.
pub(crate) const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";
