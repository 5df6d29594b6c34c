//! Which of a machine's identities to act as.

use crate::error::Error;

/// Which managed identity a token is wanted for.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), azmin::Error> {
/// let identity = azmin::Identity::ClientId("8a9b0c1d-2e3f-4a5b-8c7d-9e0f1a2b3c4d".to_owned());
/// let credential = azmin::Credential::builder().identity(identity).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// The identity whose life is the machine's. On a VM without one, its only user-assigned identity.
    SystemAssigned,
    /// A user-assigned identity by its client id (application id).
    ClientId(String),
    /// A user-assigned identity by its object id (principal id).
    ObjectId(String),
    /// A user-assigned identity by its Azure resource id, `/subscriptions/…/userAssignedIdentities/NAME`.
    ResourceId(String),
}

impl Identity {
    /// The kind of id in words, and the id.
    pub(crate) fn id(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::SystemAssigned => None,
            Self::ClientId(id) => Some(("client id", id)),
            Self::ObjectId(id) => Some(("object id", id)),
            Self::ResourceId(id) => Some(("resource id", id)),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.id() {
            Some((kind, id)) if id.is_empty() || !id.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) => {
                Err(Error::invalid(format!("{kind} {id:?} is empty or has blanks in it")))
            }
            Some(("resource id", id)) if !id.starts_with('/') => {
                Err(Error::invalid(format!("resource id {id:?} does not start with /subscriptions/")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked() {
        assert!(Identity::SystemAssigned.check().is_ok());
        assert!(Identity::ResourceId("/subscriptions/x".to_owned()).check().is_ok());
        for identity in [
            Identity::ClientId(String::new()),
            Identity::ObjectId("a b".to_owned()),
            Identity::ClientId("a\r\nb".to_owned()),
            Identity::ResourceId("subscriptions/x".to_owned()),
        ] {
            assert!(identity.check().is_err(), "{identity:?}");
        }
    }
}
