//! What a virtual machine can know about itself: its instance metadata, and URLs and clouds that follow from it.
//!
//! "Azure Instance Metadata Service for virtual machines", Microsoft Learn.

use std::fmt;

use crate::cloud::Cloud;
use crate::error::{Error, ErrorKind};
use crate::http::percent_encode;
use crate::json::Raw;

/// The instance metadata of a virtual machine, as [`Credential::instance`](crate::Credential::instance) gets it: the document
/// of api-version 2021-02-01. Its values do not change while a machine runs, but for tags and user data.
///
/// # Example
///
/// ```no_run
/// # fn main() -> Result<(), azmin::Error> {
/// let credential = azmin::Credential::detect()?;
/// let instance = credential.instance()?;
/// println!("{} in {}", instance.get("compute/vmId")?, instance.get("compute/location")?);
/// let arm = azmin::arm::Client::builder(credential).cloud(instance.cloud()?).build();
/// let this_machine = arm.get(&instance.fill("{resourceId}")?).api_version("2024-07-01").send()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Instance(String);

impl Instance {
    /// Other clouds have metadata at the same address: what has no `compute` is not Azure's.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, Error> {
        let document = std::str::from_utf8(document).ok();
        let compute = document.and_then(|text| Raw::document(text)?.get("compute"));
        match document.filter(|_| compute.is_some_and(Raw::is_object)) {
            Some(text) => Ok(Self(text.trim_start_matches('\u{feff}').to_owned())),
            None => Err(Error::new(ErrorKind::BadAnswer, "what answered is not Azure's instance metadata")
                .with_advice("something else answered: another cloud's metadata service, a proxy or a sign-in page")),
        }
    }

    /// The whole document, JSON, as it came.
    pub fn document(&self) -> &str {
        &self.0
    }

    /// One value, by its path in the document, such as `compute/vmId` or
    /// `network/interface/0/ipv4/ipAddress/0/privateIpAddress`, in any case. A string comes as its text, which may be empty,
    /// anything else as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is nothing of that path.
    pub fn get(&self, path: &str) -> Result<String, Error> {
        let found = self.find(path).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the instance metadata has no {path:?}"))
                .with_advice("azmin instance, without a path, prints what there is")
        })?;
        Ok(found.string().map_or_else(|| found.text().to_owned(), String::from))
    }

    /// The cloud that this machine is in, by its `azEnvironment`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a cloud that is not known here, such as an Azure Stack's: its endpoint must be named.
    pub fn cloud(&self) -> Result<Cloud, Error> {
        let name = self.find("compute/azEnvironment").and_then(Raw::string).unwrap_or_default();
        Cloud::of_environment(&name).ok_or_else(|| {
            Error::invalid(format!("this machine's cloud is {name:?}, which is not known"))
                .with_advice("name it: --cloud with the https:// endpoint of its Resource Manager, and --resource")
        })
    }

    /// `url` with this machine's values in the place of `{subscriptionId}`, `{resourceGroupName}`, `{location}`, `{name}`,
    /// `{vmId}` and `{resourceId}`, percent-encoded, so that a value is one segment of a path; only the slashes of a resource
    /// id stay. One that follows a slash loses its own first one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] as [`has_placeholder`](Self::has_placeholder); [`ErrorKind::NotFound`] for a value that
    /// this machine does not have, and [`ErrorKind::BadAnswer`] for one that cannot be part of a path.
    pub fn fill(&self, url: &str) -> Result<String, Error> {
        let mut filled = String::with_capacity(url.len() + 128);
        for (text, name) in split(url)? {
            filled.push_str(text);
            if let Some(name) = name {
                push(&mut filled, name, &self.value(name)?)?;
            }
        }
        Ok(filled)
    }

    /// Whether [`fill`](Self::fill) has something to fill in: if not, nobody needs to be asked.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a placeholder that there is not, and for a brace without its other half.
    pub fn has_placeholder(url: &str) -> Result<bool, Error> {
        Ok(split(url)?.len() > 1)
    }

    fn find(&self, path: &str) -> Option<Raw<'_>> {
        path.trim_matches('/').split('/').try_fold(Raw::document(&self.0)?, |value, name| {
            let index = crate::json::digits(name.as_bytes()).and_then(|index| usize::try_from(index).ok());
            value.get(name).or_else(|| value.elements().nth(index?))
        })
    }

    fn value(&self, name: &str) -> Result<String, Error> {
        let path = ["compute/", name].concat();
        match self.find(&path).map(Raw::string) {
            Some(Some(value)) if !value.is_empty() => Ok(value.into_owned()),
            Some(Some(_)) => Err(Error::new(
                ErrorKind::NotFound,
                format!("{{{name}}} has no value: {path} is empty in this machine's instance metadata"),
            )),
            None => Err(Error::new(
                ErrorKind::NotFound,
                format!("{{{name}}} has no value: this machine's instance metadata has no {path}"),
            )),
            Some(None) => Err(unusable(name)),
        }
    }
}

/// Without the document: what people put into user data is theirs to show.
impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({} bytes)", self.0.len())
    }
}

/// Text, each piece with the placeholder that follows it; the last has none.
fn split(url: &str) -> Result<Vec<(&str, Option<&'static str>)>, Error> {
    let (mut pieces, mut rest) = (Vec::new(), url);
    let unpaired = || {
        Error::invalid("a brace in a URL belongs to a placeholder: write {subscriptionId}, or %7B for the character")
    };
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(unpaired)?;
        let known = PLACEHOLDERS.iter().find(|known| **known == name).ok_or_else(|| {
            let known = PLACEHOLDERS.map(|known| ["{", known, "}"].concat()).join(", ");
            Error::invalid(format!("there is no placeholder {:?}: {known}", ["{", name, "}"].concat()))
        })?;
        pieces.push((text, Some(*known)));
        rest = after;
    }
    pieces.push((rest, None));
    if pieces.iter().any(|(text, _)| text.contains('}')) { Err(unpaired()) } else { Ok(pieces) }
}

/// The values are one segment each, a resource id as many as it has. None may lead up or elsewhere.
fn push(url: &mut String, name: &'static str, value: &str) -> Result<(), Error> {
    let whole = name == RESOURCE_ID;
    let segments = if whole { value.strip_prefix('/').ok_or_else(|| unusable(name))? } else { value };
    for (at, segment) in segments.split(|c| whole && c == '/').enumerate() {
        if matches!(segment, "" | "." | "..") {
            return Err(unusable(name));
        }
        if whole && !(at == 0 && url.ends_with('/')) {
            url.push('/');
        }
        percent_encode(url, segment);
    }
    Ok(())
}

#[cold]
fn unusable(name: &str) -> Error {
    Error::new(ErrorKind::BadAnswer, format!("the instance metadata's {name} cannot be part of a URL"))
}

const RESOURCE_ID: &str = "resourceId";
/// Members of `compute`.
const PLACEHOLDERS: [&str; 6] = ["subscriptionId", "resourceGroupName", "location", "name", "vmId", RESOURCE_ID];

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "/subscriptions/s/resourceGroups/a(b) c/providers/Microsoft.Compute/virtualMachines/vm";

    fn instance() -> Instance {
        let document = format!(
            r#"{{"compute":{{"azEnvironment":"AzurePublicCloud","location":"westus","name":"v&m/é","vmId":"02aab8a4","resourceId":"{ID}",
            "resourceGroupName":"","subscriptionId":"s","tagsList":[{{"name":"Env","value":"a\"b"}}],"zone":""}},"network":{{"interface":[]}}}}"#
        );
        Instance::parse(document.as_bytes()).unwrap()
    }

    fn with(name: &str, value: &str) -> Instance {
        Instance::parse(format!(r#"{{"compute":{{"{name}":{value}}}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn values_by_path() {
        let instance = instance();
        for (path, value) in [
            ("compute/vmId", "02aab8a4"),
            ("/Compute/VMID/", "02aab8a4"),
            ("compute/zone", ""),
            ("compute/tagsList", r#"[{"name":"Env","value":"a\"b"}]"#),
            ("compute/tagsList/0/value", "a\"b"),
            ("network/interface", "[]"),
            ("network", r#"{"interface":[]}"#),
        ] {
            assert_eq!(instance.get(path).unwrap(), value, "{path}");
        }
        for path in [
            "",
            "/",
            "compute/nothing",
            "compute/vmId/x",
            "compute//vmId",
            "compute/tagsList/1",
            "compute/tagsList/-1",
            "compute/tagsList/+0",
            "compute/tagsList/99999999999999999999",
            "compute/tagsList/name",
            "vmId",
        ] {
            let error = instance.get(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{path}");
            assert!(error.to_string().contains(path), "{error}");
        }
    }

    #[test]
    fn what_is_not_azures_is_refused() {
        for document in
            [&b""[..], b"<html>", b"[]", b"{}", b"{\"compute\":1}", b"{\"compute\":{}", b"\xff", b"\"compute\""]
        {
            assert_eq!(Instance::parse(document).unwrap_err().kind(), ErrorKind::BadAnswer, "{document:?}");
        }
        let document = "\u{feff}{\"compute\":{}}\n";
        assert_eq!(Instance::parse(document.as_bytes()).unwrap().document(), "{\"compute\":{}}\n");
        assert_eq!(format!("{:?}", Instance::parse(document.as_bytes()).unwrap()), "Instance(15 bytes)");
    }

    #[test]
    fn urls_are_filled() {
        let id = "subscriptions/s/resourceGroups/a%28b%29%20c/providers/Microsoft.Compute/virtualMachines/vm";
        let instance = instance();
        for (url, filled) in [
            ("https://a/b?c=%7B", "https://a/b?c=%7B".to_owned()),
            ("{resourceId}", format!("/{id}")),
            ("/{resourceId}/x", format!("/{id}/x")),
            ("/x{resourceId}", format!("/x/{id}")),
            ("https://a{resourceId}?b", format!("https://a/{id}?b")),
            ("https://a/{resourceId}", format!("https://a/{id}")),
            ("{resourceId}{resourceId}", format!("/{id}/{id}")),
            ("/s/{subscriptionId}/l/{location}/{vmId}", "/s/s/l/westus/02aab8a4".to_owned()),
            ("/{name}?x={name}", "/v%26m%2F%C3%A9?x=v%26m%2F%C3%A9".to_owned()),
            ("https://{location}.example/", "https://westus.example/".to_owned()),
        ] {
            assert_eq!(Instance::has_placeholder(url).unwrap(), url.contains('{'), "{url}");
            assert_eq!(instance.fill(url).unwrap(), filled, "{url}");
        }
    }

    #[test]
    fn other_braces_are_refused() {
        for url in [
            "{",
            "}",
            "/a}b",
            "/{",
            "/{name",
            "/name}",
            "}{name}",
            "/{name}}",
            "/{{name}}",
            "/{Name}",
            "/{}",
            "/{ name }",
        ] {
            let error = Instance::has_placeholder(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
            assert!(error.to_string().contains("{subscriptionId}"), "{error}");
            assert!(instance().fill(url).is_err());
        }
        let error = Instance::has_placeholder("/{vmName}").unwrap_err().to_string();
        for name in PLACEHOLDERS.iter().chain(&["vmName"]) {
            assert!(error.contains(&format!("{{{name}}}")), "{error}");
        }
    }

    #[test]
    fn values_that_cannot_be_filled_in() {
        for (json, url, kind) in [
            (r#""""#, "/{name}", ErrorKind::NotFound),
            ("null", "/{name}", ErrorKind::BadAnswer),
            ("1", "/{name}", ErrorKind::BadAnswer),
            (r#"{"a":1}"#, "/{name}", ErrorKind::BadAnswer),
            (r#"".""#, "/{name}", ErrorKind::BadAnswer),
            (r#""..""#, "/{name}", ErrorKind::BadAnswer),
            (r#""x""#, "/{vmId}", ErrorKind::NotFound),
        ] {
            let error = with("name", json).fill(url).unwrap_err();
            assert_eq!(error.kind(), kind, "{json}");
        }
        for id in ["x", ".evil.example", "@evil.example/", "//evil.example", "/", "/a//b", "/a/", "/a/../b", "/./a"] {
            let error = with("resourceId", &format!("\"{id}\"")).fill("https://a{resourceId}").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadAnswer, "{id}");
        }
        let tricky = with("resourceId", r#""/a?b#c\r\n\\@%2e{name}""#);
        assert_eq!(tricky.fill("{resourceId}").unwrap(), "/a%3Fb%23c%0D%0A%5C%40%252e%7Bname%7D");
    }

    #[test]
    fn clouds() {
        for (environment, endpoint) in [
            ("AzurePublicCloud", "https://management.azure.com"),
            ("AZUREUSGOVERNMENTCLOUD", "https://management.usgovcloudapi.net"),
            ("AzureChinaCloud", "https://management.chinacloudapi.cn"),
        ] {
            let cloud = with("azEnvironment", &format!("\"{environment}\"")).cloud().unwrap();
            assert_eq!(cloud.arm_endpoint(), endpoint);
        }
        for environment in
            ["\"AzureStack\"", "\"AzureGermanCloud\"", "\"\"", "\"public\"", "\"https://evil.example\"", "7"]
        {
            let error = with("azEnvironment", environment).cloud().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{environment}");
            assert!(environment == "7" || error.to_string().contains(environment), "{error}");
        }
        assert!(with("name", "\"x\"").cloud().is_err());
    }
}
