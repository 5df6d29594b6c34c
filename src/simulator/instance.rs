//! The metadata of the virtual machine, as a tree that can be walked by path.

use super::json;
use super::world::{LOCATION, RESOURCE_GROUP, SUBSCRIPTION, VM_ID, VM_NAME, World, lock, vm_resource_id};

/// A part of the document. The service knows no other scalar than strings.
pub(super) enum Node {
    Leaf(String),
    Map(Vec<(&'static str, Self)>),
    List(Vec<Self>),
}

impl Node {
    /// The member of that name, in any case, or the item of that index.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Leaf(_) => None,
            Self::Map(members) => members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, node)| node),
            Self::List(items) => items.iter().enumerate().find(|(at, _)| at.to_string() == name).map(|(_, node)| node),
        }
    }

    pub(super) fn json(&self) -> String {
        match self {
            Self::Leaf(text) => json::text(text),
            Self::Map(members) => json::object(members.iter().map(|(name, node)| (*name, node.json()))),
            Self::List(items) => json::array(items.iter().map(Self::json)),
        }
    }

    /// A leaf's value; otherwise the names beneath, those with more beneath them marked by a slash.
    pub(super) fn text(&self) -> String {
        let entry = |name: String, node: &Self| if matches!(node, Self::Leaf(_)) { name } else { name + "/" };
        let entries: Vec<String> = match self {
            Self::Leaf(text) => return text.clone(),
            Self::Map(members) => members.iter().map(|(name, node)| entry((*name).to_owned(), node)).collect(),
            Self::List(items) => items.iter().enumerate().map(|(at, node)| entry(at.to_string(), node)).collect(),
        };
        entries.join("\n")
    }
}

/// The whole document:
/// <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#instance-metadata>.
pub(super) fn document(world: &World) -> Node {
    let home = lock(&world.estate).group(RESOURCE_GROUP).and_then(|group| group.location.clone());
    let location = home.as_deref().unwrap_or(LOCATION);
    Node::Map(vec![("compute", compute(location, &world.environment)), ("network", network())])
}

fn compute(location: &str, environment: &str) -> Node {
    Node::Map(vec![
        ("azEnvironment", leaf(environment)),
        ("customData", leaf("")),
        ("isHostCompatibilityLayerVm", leaf("false")),
        ("licenseType", leaf("")),
        ("location", leaf(location)),
        ("name", leaf(VM_NAME)),
        ("offer", leaf("0001-com-ubuntu-server-jammy")),
        (
            "osProfile",
            Node::Map(vec![
                ("adminUsername", leaf("azureuser")),
                ("computerName", leaf(VM_NAME)),
                ("disablePasswordAuthentication", leaf("true")),
            ]),
        ),
        ("osType", leaf("Linux")),
        ("placementGroupId", leaf("")),
        ("plan", Node::Map(vec![("name", leaf("")), ("product", leaf("")), ("publisher", leaf(""))])),
        ("platformFaultDomain", leaf("0")),
        ("platformUpdateDomain", leaf("0")),
        ("priority", leaf("")),
        ("provider", leaf("Microsoft.Compute")),
        ("publicKeys", Node::List(Vec::new())),
        ("publisher", leaf("canonical")),
        ("resourceGroupName", leaf(RESOURCE_GROUP)),
        ("resourceId", leaf(&vm_resource_id())),
        ("securityProfile", Node::Map(vec![("secureBootEnabled", leaf("true")), ("virtualTpmEnabled", leaf("true"))])),
        ("sku", leaf("22_04-lts-gen2")),
        ("subscriptionId", leaf(SUBSCRIPTION)),
        ("tags", leaf("Department:IT;Environment:Test")),
        ("tagsList", Node::List(vec![tag("Department", "IT"), tag("Environment", "Test")])),
        ("userData", leaf("")),
        ("version", leaf("22.04.202401010")),
        ("vmId", leaf(VM_ID)),
        ("vmScaleSetName", leaf("")),
        ("vmSize", leaf("Standard_B1s")),
        ("zone", leaf("")),
    ])
}

fn network() -> Node {
    let address = Node::Map(vec![("privateIpAddress", leaf("10.0.0.4")), ("publicIpAddress", leaf(""))]);
    let subnet = Node::Map(vec![("address", leaf("10.0.0.0")), ("prefix", leaf("24"))]);
    let ipv4 = Node::Map(vec![("ipAddress", Node::List(vec![address])), ("subnet", Node::List(vec![subnet]))]);
    let ipv6 = Node::Map(vec![("ipAddress", Node::List(Vec::new()))]);
    let interface = Node::Map(vec![("ipv4", ipv4), ("ipv6", ipv6), ("macAddress", leaf("000D3A000004"))]);
    Node::Map(vec![("interface", Node::List(vec![interface]))])
}

fn tag(name: &str, value: &str) -> Node {
    Node::Map(vec![("name", leaf(name)), ("value", leaf(value))])
}

fn leaf(text: &str) -> Node {
    Node::Leaf(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_as_json_and_as_text() {
        let tree = Node::Map(vec![("a", leaf("x")), ("b", Node::List(vec![leaf("y"), Node::Map(vec![])]))]);
        assert_eq!(tree.json(), r#"{"a":"x","b":["y",{}]}"#);
        assert_eq!(tree.text(), "a\nb/");
        let list = tree.child("B").map(Node::text);
        assert_eq!(list.as_deref(), Some("0\n1/"));
        assert!(tree.child("b").is_some_and(|list| list.child("2").is_none() && list.child("+1").is_none()));
    }
}
