//! What exists in the stand-in Azure: identities, their roles, resource groups, tokens.

use std::collections::BTreeMap;
#[cfg(test)]
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::endpoints::Endpoints;
use super::estate::Estate;
use super::token::Tokens;

/// A managed identity of the stand-in's virtual machine. Its ids are the same in every run.
///
/// ```
/// use azmin::simulator::Azure;
///
/// let azure = Azure::builder().user_assigned("worker").start()?;
/// let worker = azure.identity("worker").expect("it was just added");
/// assert_eq!(worker.client_id(), "11112222-bbbb-3333-cccc-000000000001");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedIdentity {
    pub(super) name: Option<String>,
    client_id: String,
    object_id: String,
    resource_id: String,
}

impl ManagedIdentity {
    /// The virtual machine's own identity.
    pub(super) fn system_assigned() -> Self {
        Self {
            name: None,
            client_id: "00001111-aaaa-2222-bbbb-3333cccc4444".to_owned(),
            object_id: "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb".to_owned(),
            resource_id: vm_resource_id(),
        }
    }

    /// The user-assigned identity that was added as the `number`th, from 1.
    pub(super) fn user_assigned(name: &str, number: usize) -> Self {
        Self {
            name: Some(name.to_owned()),
            client_id: format!("11112222-bbbb-3333-cccc-{number:012x}"),
            object_id: format!("22223333-cccc-4444-dddd-{number:012x}"),
            resource_id: format!(
                "/subscriptions/{SUBSCRIPTION}/resourcegroups/{RESOURCE_GROUP}\
                 /providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
            ),
        }
    }

    /// Who is signed in to the Cloud Shell: a person, who has no resource id. The client id is the portal's.
    pub(super) fn signed_in() -> Self {
        Self {
            name: None,
            client_id: "b677c290-cf4b-4a8e-a60e-91ba650a4abe".to_owned(),
            object_id: "bbbbbbbb-1111-2222-3333-cccccccccccc".to_owned(),
            resource_id: String::new(),
        }
    }

    /// The client (application) id, a GUID.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The object (principal) id, a GUID.
    pub fn object_id(&self) -> &str {
        &self.object_id
    }

    /// The resource id: that of the virtual machine, if the identity is system-assigned.
    pub fn resource_id(&self) -> &str {
        &self.resource_id
    }
}

/// Everything that an answer depends on.
pub(super) struct World {
    pub(super) identities: Vec<ManagedIdentity>,
    pub(super) estate: Mutex<Estate>,
    pub(super) token_lifetime: Duration,
    /// Of the virtual machine's instance metadata.
    pub(super) environment: String,
    pub(super) tokens: Mutex<Tokens>,
    /// Client ids of the identities without a role, and how often each is still refused before it has one again.
    pub(super) without_role: Mutex<BTreeMap<String, Option<u32>>>,
    /// Whether they are told that there is no such subscription.
    pub(super) hides_subscription: bool,
    pub(super) endpoints: Endpoints,
}

impl World {
    /// The system-assigned identity.
    pub(super) fn system(&self) -> Option<&ManagedIdentity> {
        self.identities.iter().find(|identity| identity.name.is_none())
    }

    /// The user-assigned identities in the order they were added.
    pub(super) fn users(&self) -> impl Iterator<Item = &ManagedIdentity> {
        self.identities.iter().filter(|identity| identity.name.is_some())
    }

    /// The one that is meant where none can be named: the system-assigned one, or else the first.
    pub(super) fn default(&self) -> Option<&ManagedIdentity> {
        self.identities.first()
    }

    /// The one that a person chose for a workload: the first user-assigned one, or else the system-assigned one.
    pub(super) fn workload(&self) -> Option<&ManagedIdentity> {
        self.users().next().or_else(|| self.system())
    }

    /// Gives the identity with that client or object id, in any case, its role.
    pub(super) fn grant_role(&self, id: &str) {
        if let Some(identity) = self.named(id) {
            lock(&self.without_role).remove(&identity.client_id);
        }
    }

    /// Takes it, for good or until so many refusals later.
    pub(super) fn revoke_role(&self, id: &str, refusals: Option<u32>) {
        if let Some(identity) = self.named(id) {
            lock(&self.without_role).insert(identity.client_id.clone(), refusals);
        }
    }

    /// Whether the identity has its role. Each no counts.
    pub(super) fn may_act(&self, identity: &ManagedIdentity) -> bool {
        match lock(&self.without_role).get_mut(&identity.client_id) {
            None | Some(Some(0)) => true,
            Some(None) => false,
            Some(Some(left)) => {
                *left -= 1;
                false
            }
        }
    }

    fn named(&self, id: &str) -> Option<&ManagedIdentity> {
        let named = |identity: &&ManagedIdentity| {
            identity.client_id.eq_ignore_ascii_case(id) || identity.object_id.eq_ignore_ascii_case(id)
        };
        self.identities.iter().find(named)
    }
}

/// The virtual machine's resource id.
pub(super) fn vm_resource_id() -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/providers/Microsoft.Compute/virtualMachines/{VM_NAME}"
    )
}

/// Locks even after a panic elsewhere: a failed assertion must not hide behind a second one about a poisoned lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The subscription of the tutorial that the project grew from, as are group and location.
pub(super) const SUBSCRIPTION: &str = "98f51385-2edc-4b79-bed9-7718de4cb861";
pub(super) const RESOURCE_GROUP: &str = "DevTest";
pub(super) const LOCATION: &str = "westus";
pub(super) const VM_NAME: &str = "devtest-vm";
pub(super) const VM_ID: &str = "02aab8a4-74ef-476e-8182-f6d2ba4166a6";
pub(super) const ENVIRONMENT: &str = "AzurePublicCloud";
/// Microsoft's documentation uses this tenant in its samples.
pub(super) const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

#[cfg(test)]
pub(super) fn world(system_assigned: bool, users: &[&str]) -> World {
    let system = system_assigned.then(ManagedIdentity::system_assigned);
    let users = users.iter().enumerate().map(|(index, name)| ManagedIdentity::user_assigned(name, index + 1));
    World {
        identities: system.into_iter().chain(users).collect(),
        estate: Mutex::new(Estate::new()),
        token_lifetime: Duration::from_secs(86_400),
        environment: ENVIRONMENT.to_owned(),
        tokens: Mutex::default(),
        without_role: Mutex::default(),
        hides_subscription: false,
        endpoints: Endpoints::new(Path::new("")),
    }
}
