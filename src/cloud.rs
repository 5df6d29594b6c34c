//! Azure's clouds: where Resource Manager is, and which audience a host wants a token for.

use crate::error::Error;
use crate::url::Url;

mod table;

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
    /// A table for `table::audience`.
    audiences: &'static str,
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

    /// The cloud that instance metadata calls so.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn of_environment(name: &str) -> Option<Self> {
        CLOUDS.iter().find(|cloud| cloud.names[2].eq_ignore_ascii_case(name)).map(|known| Self(Kind::Known(known)))
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
            Kind::Endpoint(origin) => Err(unknown_audience(origin, NAME_IT)),
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
            Kind::Known(known) if parsed.port == 443 => table::audience(known.audiences, &host),
            _ => None,
        };
        match known {
            Some(table::SHARED) => Err(unknown_audience(&host, EITHER)),
            Some(audience) => Ok(audience),
            None => Err(unknown_audience(&parsed.authority(), NAME_IT)),
        }
    }
}

impl Default for Cloud {
    fn default() -> Self {
        Self::public()
    }
}

#[cold]
fn unknown_audience(host: &str, advice: &'static str) -> Error {
    Error::invalid(format!("the audience of {host} is not known: name it")).with_advice(advice)
}

const NAME_IT: &str = "pass --resource with the audience of that service";
const EITHER: &str = "pass --resource https://servicebus.azure.net/ or https://eventhubs.azure.net/";

static PUBLIC: Known = Known {
    names: ["public", "AzureCloud", "AzurePublicCloud"],
    arm: "https://management.azure.com",
    arm_audience: "https://management.azure.com/",
    audiences: table::PUBLIC,
};

static US_GOVERNMENT: Known = Known {
    names: ["usgov", "AzureUSGovernment", "AzureUSGovernmentCloud"],
    arm: "https://management.usgovcloudapi.net",
    arm_audience: "https://management.core.usgovcloudapi.net/",
    audiences: table::US_GOVERNMENT,
};

static CHINA: Known = Known {
    names: ["china", "AzureChinaCloud", "AzureChinaCloud"],
    arm: "https://management.chinacloudapi.cn",
    arm_audience: "https://management.core.chinacloudapi.cn/",
    audiences: table::CHINA,
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
    fn audiences_of_every_service_in_every_cloud() {
        let rows = [
            // Public, US Government, China.
            [
                "management.azure.com management.usgovcloudapi.net management.chinacloudapi.cn",
                "https://management.azure.com/ https://management.core.usgovcloudapi.net/ \
                 https://management.core.chinacloudapi.cn/",
            ],
            [
                "westus.management.azure.com usgovvirginia.management.usgovcloudapi.net chinaeast.management.chinacloudapi.cn",
                "https://management.azure.com/ https://management.core.usgovcloudapi.net/ \
                 https://management.core.chinacloudapi.cn/",
            ],
            [
                "graph.microsoft.com graph.microsoft.us microsoftgraph.chinacloudapi.cn",
                "https://graph.microsoft.com/ https://graph.microsoft.us/ https://microsoftgraph.chinacloudapi.cn",
            ],
            [
                "kv.vault.azure.net kv.vault.usgovcloudapi.net kv.vault.azure.cn",
                "https://vault.azure.net https://vault.usgovcloudapi.net https://vault.azure.cn",
            ],
            [
                "h.managedhsm.azure.net h.managedhsm.usgovcloudapi.net h.managedhsm.azure.cn",
                "https://managedhsm.azure.net https://managedhsm.usgovcloudapi.net https://managedhsm.azure.cn",
            ],
            [
                "a.blob.core.windows.net a.blob.core.usgovcloudapi.net a.blob.core.chinacloudapi.cn",
                "https://storage.azure.com/ https://storage.azure.com/ https://storage.azure.com/",
            ],
            [
                "a.queue.core.windows.net a.queue.core.usgovcloudapi.net a.queue.core.chinacloudapi.cn",
                "https://storage.azure.com/ https://storage.azure.com/ https://storage.azure.com/",
            ],
            [
                "a.table.core.windows.net a.table.core.usgovcloudapi.net a.table.core.chinacloudapi.cn",
                "https://storage.azure.com/ https://storage.azure.com/ https://storage.azure.com/",
            ],
            [
                "a.file.core.windows.net a.file.core.usgovcloudapi.net a.file.core.chinacloudapi.cn",
                "https://storage.azure.com/ https://storage.azure.com/ https://storage.azure.com/",
            ],
            [
                "a.dfs.core.windows.net a.dfs.core.usgovcloudapi.net a.dfs.core.chinacloudapi.cn",
                "https://storage.azure.com/ https://storage.azure.com/ https://storage.azure.com/",
            ],
            [
                "api.loganalytics.io api.loganalytics.us api.loganalytics.azure.cn",
                "https://api.loganalytics.io https://api.loganalytics.us https://api.loganalytics.azure.cn",
            ],
            [
                "api.applicationinsights.io api.applicationinsights.us api.applicationinsights.azure.cn",
                "https://api.applicationinsights.io https://api.applicationinsights.us \
                 https://api.applicationinsights.azure.cn",
            ],
            [
                "c.azconfig.io c.azconfig.azure.us c.azconfig.azure.cn",
                "https://appconfig.azure.com https://appconfig.azure.us https://appconfig.azure.cn",
            ],
            [
                "c.appconfig.azure.com c.appconfig.azure.us c.appconfig.azure.cn",
                "https://appconfig.azure.com https://appconfig.azure.us https://appconfig.azure.cn",
            ],
            [
                "s.database.windows.net s.database.usgovcloudapi.net s.database.chinacloudapi.cn",
                "https://database.windows.net/ https://database.usgovcloudapi.net/ https://database.chinacloudapi.cn/",
            ],
        ];
        let clouds = ["public", "usgov", "china"].map(|name| Cloud::named(name).unwrap());
        for [hosts, audiences] in rows {
            for (at, (host, audience)) in hosts.split_whitespace().zip(audiences.split_whitespace()).enumerate() {
                let upper = host.to_ascii_uppercase();
                for url in [format!("https://{host}"), format!("https://{host}:443/x?y"), format!("HTTPS://{upper}?x")]
                {
                    for (cloud_at, cloud) in clouds.iter().enumerate() {
                        let found = cloud.audience_of(&url).ok();
                        assert_eq!(found, (at == cloud_at).then_some(audience), "{url} in {cloud:?}");
                    }
                }
                for trick in [
                    format!("http://{host}"),
                    format!("https://{host}:444"),
                    format!("https://{host}:80"),
                    format!("https://{host}."),
                    format!("https://{host}.evil.example"),
                    format!("https://{host}@evil.example"),
                    format!("https://{host}%2eevil.example"),
                    format!("https://evil.example/{host}"),
                    format!("https://evil.example?.{host}"),
                    format!("https://evil.example\\.{host}"),
                    format!("https://evil.example#.{host}"),
                    format!("https://evil{}", host.split_once('.').unwrap().1),
                    format!("https://{}", host.replace('.', "%2e")),
                    format!("https://{}", host.replace('.', "-")),
                    format!("https://.{}", host.split_once('.').unwrap().1),
                    format!("https://user@{host}"),
                ] {
                    assert!(clouds[at].audience_of(&trick).is_err(), "{trick}");
                }
            }
        }
    }

    #[test]
    fn hosts_of_the_public_cloud_alone() {
        for (host, audience) in [
            ("acc.z1.blob.core.windows.net", Some("https://storage.azure.com/")),
            ("acc.z07.dfs.storage.azure.net", Some("https://storage.azure.com/")),
            ("api.loganalytics.azure.com", Some("https://api.loganalytics.io")),
            ("x.api.loganalytics.io", None),
            ("vault.azure.net", None),
            ("evilvault.azure.net", None),
            ("evilmanagement.azure.com", None),
            ("acc.web.core.windows.net", None),
            ("site.scm.azurewebsites.net", None),
            ("reg.azurecr.io", None),
            ("localhost", None),
            ("127.0.0.1", None),
            ("[::1]", None),
        ] {
            assert_eq!(Cloud::public().audience_of(&format!("https://{host}/x")).ok(), audience, "{host}");
        }
        let gov = Cloud::named("usgov").unwrap();
        assert_eq!(
            gov.audience_of("https://dod-graph.microsoft.us/v1.0/me").unwrap(),
            "https://dod-graph.microsoft.us/"
        );
    }

    #[test]
    fn a_suffix_of_two_services_is_not_guessed() {
        for (cloud, host) in [
            ("public", "ns.servicebus.windows.net"),
            ("usgov", "ns.servicebus.usgovcloudapi.net"),
            ("china", "ns.servicebus.chinacloudapi.cn"),
        ] {
            let error = Cloud::named(cloud).unwrap().audience_of(&format!("https://{host}/q/messages")).unwrap_err();
            assert!(error.to_string().contains(host), "{error}");
            let advice = error.advice().unwrap();
            assert!(
                advice.contains("https://servicebus.azure.net/") && advice.contains("https://eventhubs.azure.net/")
            );
        }
    }

    #[test]
    fn an_endpoint_by_url_has_no_audience_of_its_own() {
        let cloud = Cloud::named("https://localhost:8443").unwrap();
        assert!(cloud.arm_audience().is_err());
        assert!(cloud.audience_of("https://localhost:8443/x").is_err());
        // Not even for hosts that other clouds know: nobody said which cloud this is.
        assert!(cloud.audience_of("https://kv.vault.azure.net/").is_err());
        assert!(
            Cloud::named("https://management.azure.com")
                .unwrap()
                .audience_of("https://management.azure.com/x")
                .is_err()
        );
    }
}
