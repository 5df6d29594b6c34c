//! What the subscription holds: resource groups, what lies below them, resource providers, and what is being done to them.

use std::collections::VecDeque;

use super::job::Job;
use super::json;
use super::operation::Operation;
use super::world::{LOCATION, RESOURCE_GROUP, SUBSCRIPTION, VM_ID, vm_resource_id};

/// A resource group, or a resource below one.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    /// Such as `Microsoft.Compute/virtualMachines`; none for a group.
    pub(super) kind: Option<String>,
    pub(super) location: Option<String>,
    /// As JSON.
    pub(super) tags: Option<String>,
    /// What else stands beside the properties, as JSON: `sku`, `kind`, `identity` and so on.
    pub(super) members: Vec<(String, String)>,
    /// Without the provisioning state, as JSON.
    pub(super) properties: Vec<(String, String)>,
    pub(super) state: &'static str,
    pub(super) revision: u64,
    /// The id of the job that is at work on it.
    pub(super) job: Option<String>,
}

impl Item {
    /// A resource group that stands ready.
    pub(super) fn group(name: &str, location: &str) -> Self {
        Self::new(group_id(name), None, location)
    }

    /// A resource that stands ready.
    pub(super) fn new(id: String, kind: Option<&str>, location: &str) -> Self {
        Self {
            id,
            kind: kind.map(str::to_owned),
            location: Some(location.to_owned()),
            tags: None,
            members: Vec::new(),
            properties: Vec::new(),
            state: SUCCEEDED,
            revision: 1,
            job: None,
        }
    }

    /// The one that the stand-in's identities belong to.
    pub(super) fn machine() -> Self {
        let profile = json::object([("vmSize", json::text("Standard_B1s"))]);
        let tags = json::object([("Department", json::text("IT")), ("Environment", json::text("Test"))]);
        Self {
            tags: Some(tags),
            properties: vec![("hardwareProfile".into(), profile), ("vmId".into(), json::text(VM_ID))],
            ..Self::new(vm_resource_id(), Some("Microsoft.Compute/virtualMachines"), LOCATION)
        }
    }

    /// A managed disk beside the virtual machine.
    pub(super) fn disk(number: usize) -> Self {
        let id = format!("{}/providers/Microsoft.Compute/disks/disk-{number:06}", group_id(RESOURCE_GROUP));
        Self {
            members: vec![("sku".into(), json::object([("name", json::text("Standard_LRS"))]))],
            properties: vec![("diskSizeGB".into(), "32".into())],
            ..Self::new(id, Some("Microsoft.Compute/disks"), LOCATION)
        }
    }

    pub(super) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn is_in_group(&self, name: &str) -> bool {
        self.kind.is_some() && self.id.split('/').nth(4).is_some_and(|group| group.eq_ignore_ascii_case(name))
    }

    pub(super) fn etag(&self) -> String {
        format!("\"0000d3f5-0000-0700-0000-{:012x}\"", self.revision)
    }

    /// All of it.
    pub(super) fn json(&self) -> String {
        let properties = self.properties.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let state = ("provisioningState", json::text(self.state));
        self.with(Some(json::object(properties.chain([state]))))
    }

    /// As a list of resources shows it.
    pub(super) fn summary(&self) -> String {
        self.with(None)
    }

    fn with(&self, properties: Option<String>) -> String {
        let mut members = vec![("id", json::text(&self.id)), ("name", json::text(self.name()))];
        members.extend(self.kind.as_ref().map(|kind| ("type", json::text(kind))));
        members.extend(self.location.as_ref().map(|location| ("location", json::text(location))));
        members.extend(self.tags.clone().map(|tags| ("tags", tags)));
        members.extend(self.members.iter().map(|(name, value)| (name.as_str(), value.clone())));
        members.extend(properties.map(|properties| ("properties", properties)));
        json::object(members)
    }
}

/// A resource provider of the subscription.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) namespace: String,
    pub(super) registration: Registration,
    /// How many looks at it a registration takes.
    pub(super) looks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registration {
    NotRegistered,
    /// Over after so many more looks.
    Registering(u32),
    Registered,
}

impl Provider {
    /// Its state, at one more look.
    pub(super) fn look(&mut self) -> &'static str {
        match self.registration {
            Registration::Registering(0) => self.registration = Registration::Registered,
            Registration::Registering(left) => {
                self.registration = Registration::Registering(left.saturating_sub(1));
                return "Registering";
            }
            _ => {}
        }
        if self.registration == Registration::Registered { "Registered" } else { "NotRegistered" }
    }
}

/// How lists come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging {
    /// How many items a page holds, unless the request says.
    pub(super) size: usize,
    /// Whether an empty page comes before each.
    pub(super) empty: bool,
}

/// All of it.
pub(super) struct Estate {
    pub(super) items: Vec<Item>,
    pub(super) providers: Vec<Provider>,
    pub(super) paging: Paging,
    /// How the next writes go on.
    pub(super) planned: VecDeque<Operation>,
    pub(super) jobs: Vec<Job>,
    /// Of the last change.
    revision: u64,
}

impl Estate {
    /// With the virtual machine in its group.
    pub(super) fn new() -> Self {
        let registered = REGISTERED.map(|namespace| (namespace, Registration::Registered));
        let providers = registered.into_iter().chain([("Microsoft.ContainerInstance", Registration::NotRegistered)]);
        let provider = |(namespace, registration): (&str, Registration)| Provider {
            namespace: namespace.to_owned(),
            registration,
            looks: 1,
        };
        Self {
            items: vec![Item::group(RESOURCE_GROUP, LOCATION), Item::machine()],
            providers: providers.map(provider).collect(),
            paging: Paging { size: 1000, empty: false },
            planned: VecDeque::new(),
            jobs: Vec::new(),
            revision: 1,
        }
    }

    /// The group of that name.
    pub(super) fn group(&self, name: &str) -> Option<&Item> {
        self.find(&group_id(name))
    }

    /// Ids have no case.
    pub(super) fn find(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id.eq_ignore_ascii_case(id))
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Item> {
        self.items.iter_mut().find(|item| item.id.eq_ignore_ascii_case(id))
    }

    /// Puts it in the place of the one with the same id, whose spelling stays; whether it is new.
    pub(super) fn put(&mut self, mut item: Item) -> bool {
        self.revision += 1;
        item.revision = self.revision;
        match self.find_mut(&item.id) {
            Some(old) => {
                item.id.clone_from(&old.id);
                *old = item;
                false
            }
            None => {
                self.items.push(item);
                true
            }
        }
    }

    /// Takes it away with all that lies below.
    pub(super) fn remove(&mut self, id: &str) {
        let below = |other: &str| {
            let (head, tail) = other.split_at_checked(id.len()).unwrap_or_default();
            head.eq_ignore_ascii_case(id) && (tail.is_empty() || tail.starts_with('/'))
        };
        self.items.retain(|item| !below(&item.id));
    }

    /// The provider of that namespace, in any case.
    pub(super) fn provider(&mut self, namespace: &str) -> Option<&mut Provider> {
        self.providers.iter_mut().find(|provider| provider.namespace.eq_ignore_ascii_case(namespace))
    }
}

/// The id of the group of that name.
pub(super) fn group_id(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}")
}

pub(super) const SUCCEEDED: &str = "Succeeded";
const REGISTERED: [&str; 9] = [
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.CostManagement",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.PolicyInsights",
    "Microsoft.Resources",
    "Microsoft.Storage",
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_no_case_and_what_lies_below_goes_with_its_group() {
        let mut estate = Estate::new();
        estate.put(Item::group("DevTest2", "westus"));
        assert!(estate.find(&vm_resource_id().to_uppercase()).is_some());
        assert!(!estate.put(Item::group("DEVTEST", "eastus")));
        assert_eq!(estate.group("devtest").map(Item::name), Some("DevTest"));
        assert!(estate.group("DevTest").unwrap().revision > 1);
        estate.remove(&group_id("DEVTEST"));
        assert_eq!(estate.items.iter().map(Item::name).collect::<Vec<_>>(), ["DevTest2"]);
    }

    #[test]
    fn a_registration_takes_its_looks() {
        let registration = Registration::Registering(2);
        let mut provider = Provider { namespace: "Microsoft.App".to_owned(), registration, looks: 2 };
        assert_eq!([(); 4].map(|()| provider.look()), ["Registering", "Registering", "Registered", "Registered"]);
    }
}
