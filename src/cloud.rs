//! Azure's clouds: where Resource Manager is, and which audience a host wants a token for.

use crate::error::Error;
use crate::url::Url;

/// An Azure cloud. The default is [`Cloud::public`].
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), azmin::Error> {
/// let cloud = azmin::Cloud::named("usgov")?;
/// assert_eq!(cloud.audience_of("https://secrets.vault.usgovcloudapi.net/keys")?, "https://vault.usgovcloudapi.net");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Known(&'static Known),
    /// The origin of an ARM endpoint that the caller names.
    Endpoint(String),
}

#[derive(Debug, PartialEq, Eq)]
struct Known {
    /// Our name, az's name, and the `azEnvironment` of instance metadata.
    names: [&'static str; 3],
    arm: &'static str,
    arm_audience: &'static str,
    /// Whole hosts, and suffixes that start with a dot, each with its audience.
    audiences: &'static [(&'static str, &'static str)],
}

impl Cloud {
    /// The public cloud, <https://management.azure.com>.
    pub fn public() -> Self {
        Self(Kind::Known(&PUBLIC))
    }

    /// A cloud by name (`public`, `usgov`, `china`, or the names that `az` and instance metadata use, in any case), or the
    /// `https://` origin of another ARM endpoint, such as an Azure Stack's.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for any other name, and for an endpoint with a path.
    pub fn named(name: &str) -> Result<Self, Error> {
        if let Some(known) =
            CLOUDS.iter().find(|cloud| cloud.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
        {
            return Ok(Self(Kind::Known(known)));
        }
        if !name.contains(':') {
            return Err(Error::invalid(format!(
                "no cloud is called {name:?}: use public, usgov, china, or an https:// ARM endpoint"
            )));
        }
        match Url::parse(name) {
            Ok(url) if url.https && matches!(url.rest, "" | "/") => {
                Ok(Self(Kind::Endpoint(format!("https://{}", url.authority()))))
            }
            Ok(_) => {
                Err(Error::invalid(format!("the ARM endpoint {name:?} must be https:// with a host, and no path")))
            }
            Err(why) => Err(Error::invalid(format!("the ARM endpoint {name:?} is no usable URL: {why}"))),
        }
    }

    /// The origin of Azure Resource Manager, without a trailing slash.
    pub fn arm_endpoint(&self) -> &str {
        match &self.0 {
            Kind::Known(known) => known.arm,
            Kind::Endpoint(origin) => origin,
        }
    }

    /// The audience that ARM wants in its tokens.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an endpoint given by URL: its audience must be named.
    pub fn arm_audience(&self) -> Result<&'static str, Error> {
        match &self.0 {
            Kind::Known(known) => Ok(known.arm_audience),
            Kind::Endpoint(origin) => Err(unknown_audience(origin)),
        }
    }

    /// Whether this is a Resource Manager host of the cloud, a region's own among them.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn is_arm(&self, url: &Url<'_>) -> bool {
        let Kind::Known(known) = &self.0 else { return false };
        let host = url.host.to_ascii_lowercase();
        let region = host.strip_suffix(known.arm.trim_start_matches("https://"));
        let whole = |region: &str| region.is_empty() || region.ends_with('.') && !region.contains("xn--");
        url.https && url.port == 443 && region.is_some_and(whole)
    }

    /// The audience that the service behind `url` wants in its tokens.
    ///
    /// Hosts are compared whole or by their last labels, and on port 443 only: a look-alike gets no token.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a URL that is not https, and for a host whose audience
    /// is not known.
    pub fn audience_of(&self, url: &str) -> Result<&'static str, Error> {
        let parsed = Url::parse(url).map_err(|why| Error::invalid(format!("no usable URL: {why}")))?;
        if !parsed.https {
            return Err(Error::invalid("a token is sent over https only"));
        }
        let host = parsed.host.to_ascii_lowercase();
        let known = match &self.0 {
            Kind::Known(known) if parsed.port == 443 => {
                known.audiences.iter().find(|(pattern, _)| matches(pattern, &host))
            }
            _ => None,
        };
        known.map(|(_, audience)| *audience).ok_or_else(|| unknown_audience(&parsed.authority()))
    }
}

impl Default for Cloud {
    fn default() -> Self {
        Self::public()
    }
}

/// A pattern that starts with a dot wants exactly one or more whole labels before it.
fn matches(pattern: &str, host: &str) -> bool {
    if pattern.starts_with('.') {
        host.strip_suffix(pattern).is_some_and(|label| !label.is_empty())
    } else {
        host == pattern
    }
}

#[cold]
fn unknown_audience(host: &str) -> Error {
    Error::invalid(format!("the audience of {host} is not known: name it"))
        .with_advice("pass --resource with the audience of that service")
}

// The table of arm.md 2.7, read from az's cloud definitions; audiences as those services document them.
static PUBLIC: Known = Known {
    names: ["public", "AzureCloud", "AzurePublicCloud"],
    arm: "https://management.azure.com",
    arm_audience: "https://management.azure.com/",
    audiences: &[
        ("management.azure.com", "https://management.azure.com/"),
        ("graph.microsoft.com", "https://graph.microsoft.com/"),
        (".vault.azure.net", "https://vault.azure.net"),
        (".managedhsm.azure.net", "https://managedhsm.azure.net"),
        (".blob.core.windows.net", "https://storage.azure.com/"),
        (".queue.core.windows.net", "https://storage.azure.com/"),
        (".table.core.windows.net", "https://storage.azure.com/"),
        (".file.core.windows.net", "https://storage.azure.com/"),
        (".dfs.core.windows.net", "https://storage.azure.com/"),
        ("api.loganalytics.io", "https://api.loganalytics.io"),
    ],
};

static US_GOVERNMENT: Known = Known {
    names: ["usgov", "AzureUSGovernment", "AzureUSGovernmentCloud"],
    arm: "https://management.usgovcloudapi.net",
    arm_audience: "https://management.core.usgovcloudapi.net/",
    audiences: &[
        ("management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net/"),
        ("graph.microsoft.us", "https://graph.microsoft.us/"),
        (".vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net"),
        (".managedhsm.usgovcloudapi.net", "https://managedhsm.usgovcloudapi.net"),
        (".blob.core.usgovcloudapi.net", "https://storage.azure.com/"),
        (".queue.core.usgovcloudapi.net", "https://storage.azure.com/"),
        (".table.core.usgovcloudapi.net", "https://storage.azure.com/"),
        (".file.core.usgovcloudapi.net", "https://storage.azure.com/"),
        (".dfs.core.usgovcloudapi.net", "https://storage.azure.com/"),
        ("api.loganalytics.us", "https://api.loganalytics.us"),
    ],
};

static CHINA: Known = Known {
    names: ["china", "AzureChinaCloud", "AzureChinaCloud"],
    arm: "https://management.chinacloudapi.cn",
    arm_audience: "https://management.core.chinacloudapi.cn/",
    audiences: &[
        ("management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn/"),
        ("microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
        (".vault.azure.cn", "https://vault.azure.cn"),
        (".managedhsm.azure.cn", "https://managedhsm.azure.cn"),
        (".blob.core.chinacloudapi.cn", "https://storage.azure.com/"),
        (".queue.core.chinacloudapi.cn", "https://storage.azure.com/"),
        (".table.core.chinacloudapi.cn", "https://storage.azure.com/"),
        (".file.core.chinacloudapi.cn", "https://storage.azure.com/"),
        (".dfs.core.chinacloudapi.cn", "https://storage.azure.com/"),
        ("api.loganalytics.azure.cn", "https://api.loganalytics.azure.cn"),
    ],
};

static CLOUDS: [&Known; 3] = [&PUBLIC, &US_GOVERNMENT, &CHINA];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case() {
        for (name, endpoint) in [
            ("public", "https://management.azure.com"),
            ("AZUREPUBLICCLOUD", "https://management.azure.com"),
            ("AzureUSGovernment", "https://management.usgovcloudapi.net"),
            ("china", "https://management.chinacloudapi.cn"),
            ("https://LOCALHOST:8443/", "https://LOCALHOST:8443"),
        ] {
            assert_eq!(Cloud::named(name).unwrap().arm_endpoint(), endpoint);
        }
        for name in ["", "germany", "http://localhost", "https://localhost/arm", "https://a@b"] {
            assert!(Cloud::named(name).is_err(), "{name}");
        }
    }

    #[test]
    fn audiences_by_whole_labels() {
        let cloud = Cloud::public();
        for (url, audience) in [
            ("https://management.azure.com/x", "https://management.azure.com/"),
            ("https://MANAGEMENT.azure.com:443", "https://management.azure.com/"),
            ("https://kv.vault.azure.net/secrets/db", "https://vault.azure.net"),
            ("https://acc.blob.core.windows.net/c/b", "https://storage.azure.com/"),
            ("https://acc.z1.blob.core.windows.net/", "https://storage.azure.com/"),
        ] {
            assert_eq!(cloud.audience_of(url).unwrap(), audience, "{url}");
        }
        for url in [
            "http://management.azure.com",
            "https://management.azure.com:444",
            "https://management.azure.com.evil.example",
            "https://evilmanagement.azure.com",
            "https://vault.azure.net",
            "https://.vault.azure.net",
            "https://evilvault.azure.net",
            "https://management.azure.com@evil.example",
            "https://kv.vault.usgovcloudapi.net",
        ] {
            assert!(cloud.audience_of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_endpoint_by_url_has_no_audience_of_its_own() {
        let cloud = Cloud::named("https://localhost:8443").unwrap();
        assert!(cloud.arm_audience().is_err());
        assert!(cloud.audience_of("https://localhost:8443/x").is_err());
    }
}
