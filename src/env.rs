//! The environment as the house sees it: read when a credential or a client is made, never later, and replaceable in
//! tests.

/// Where variables come from.
#[derive(Clone, Debug)]
pub(crate) enum Env {
    Process,
    #[cfg(any(test, fuzzing))]
    Fixed(&'static [(&'static str, &'static str)]),
}

impl Env {
    /// The value of a variable. An empty one counts as unset, as in every Azure SDK that documents it.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = match self {
            // A value that is not Unicode can be no URL, id or name: it is kept readable for the error it will cause.
            Self::Process => std::env::var_os(name)?.to_string_lossy().into_owned(),
            #[cfg(any(test, fuzzing))]
            Self::Fixed(pairs) => pairs.iter().find(|(key, _)| *key == name)?.1.to_owned(),
        };
        Some(value).filter(|value| !value.is_empty())
    }
}

/// Replaces scheme, host and port of the VM's metadata endpoint, as in the Azure SDKs.
pub(crate) const AUTHORITY_HOST_OF_IMDS: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
/// The user-assigned identity to use when none is named.
pub(crate) const CLIENT_ID: &str = "AZURE_CLIENT_ID";
