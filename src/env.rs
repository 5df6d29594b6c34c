//! The environment as the house sees it: read when a credential or a client is made, never later, and replaceable in
//! tests.

/// Variables: those that were set here, then those of the process.
#[derive(Clone, Debug)]
pub(crate) struct Env {
    ours: Vec<(&'static str, String)>,
    process: bool,
}

impl Env {
    pub(crate) fn process() -> Self {
        Self { ours: Vec::new(), process: true }
    }

    /// An environment of just these variables.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn fixed(pairs: &[(&'static str, &str)]) -> Self {
        Self { ours: pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), process: false }
    }

    /// Overrides a variable for this credential alone.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.ours.retain(|(known, _)| *known != name);
        self.ours.push((name, value.to_owned()));
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

/// Replaces scheme, host and port of the VM's metadata endpoint, as in the Azure SDKs.
pub(crate) const AUTHORITY_HOST_OF_IMDS: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
/// The user-assigned identity to use when none is named.
pub(crate) const CLIENT_ID: &str = "AZURE_CLIENT_ID";
