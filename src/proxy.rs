//! The proxy that the environment names for https, read strictly: a setting that cannot be used is an error, never a
//! silent way around the proxy. `HTTP_PROXY` is not for https, and identity endpoints never see any of this.

use std::fmt;
use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::base64;
use crate::env::Env;
use crate::error::Error;
use crate::url::Url;

/// Which calls go through a proxy.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    https: Option<Proxy>,
    exempt: Vec<Exempt>,
}

/// A proxy that is asked to `CONNECT` (RFC 9110, section 9.3.6).
pub(crate) struct Proxy {
    /// `http://host:port`.
    pub(crate) url: String,
    /// The value of `Proxy-Authorization` (RFC 7617).
    pub(crate) authorization: Option<Zeroizing<String>>,
}

/// One entry of `NO_PROXY`.
#[derive(Debug, PartialEq, Eq)]
enum Exempt {
    Everything,
    /// A domain and all below it, perhaps on one port only.
    Domain(String, Option<u16>),
    Network(IpAddr, u8),
}

impl Proxies {
    /// # Errors
    /// `InvalidInput` names the variable that cannot be used; a password in it is not repeated.
    pub(crate) fn from_env(env: &Env) -> Result<Self, Error> {
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, env.get(name)?)));
        let https = first(["https_proxy", "HTTPS_PROXY"]).or_else(|| first(["all_proxy", "ALL_PROXY"]));
        let https = https.map(|(name, value)| {
            // A password may be in it.
            let value = Zeroizing::new(value);
            Proxy::parse(&value).map_err(|why| Error::invalid(format!("{name} names no usable proxy: {why}")))
        });
        let mut exempt = Vec::new();
        if let Some((name, list)) = first(["no_proxy", "NO_PROXY"]) {
            for entry in list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()) {
                let entry = Exempt::parse(entry).ok_or_else(|| {
                    Error::invalid(format!("{name} has an entry that is no host, network or *: {entry:?}"))
                })?;
                exempt.push(entry);
            }
        }
        Ok(Self { https: https.transpose()?, exempt })
    }

    /// The proxy for this URL. Loopback is never behind one: its loopback is another machine's.
    pub(crate) fn for_url(&self, url: &Url<'_>) -> Option<&Proxy> {
        let loopback = url.literal_addresses().is_some_and(|all| all.iter().all(|address| address.ip().is_loopback()));
        self.https.as_ref().filter(|_| !loopback && !self.exempt.iter().any(|exempt| exempt.covers(url)))
    }
}

impl Proxy {
    fn parse(value: &str) -> Result<Self, &'static str> {
        let value = value.trim();
        let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
        if !scheme.eq_ignore_ascii_case("http") {
            return Err("only http:// proxies are supported");
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
        let url = format!("http://{host}");
        if !Url::parse(&url)?.rest.is_empty() {
            return Err("it has a path");
        }
        let authorization = user.map(|user| -> Result<_, &'static str> {
            let user = percent_decode(user).ok_or("its user name or password is not percent-encoded properly")?;
            let credentials = Zeroizing::new(base64::encode_padded(&user));
            Ok(Zeroizing::new(["Basic ", &credentials].concat()))
        });
        Ok(Self { url, authorization: authorization.transpose()? })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Exempt {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((network, bits)) = entry.split_once('/') {
            let network: IpAddr = network.parse().ok()?;
            let most = if network.is_ipv4() { 32 } else { 128 };
            let bits = crate::json::digits(bits.as_bytes())
                .and_then(|bits| u8::try_from(bits).ok())
                .filter(|bits| *bits <= most);
            return Some(Self::Network(network, bits?));
        }
        if let Ok(address) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Self::Network(address, if address.is_ipv4() { 32 } else { 128 }));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => {
                (name, Some(crate::json::digits(port.as_bytes()).and_then(|port| u16::try_from(port).ok())?))
            }
            None => (entry, None),
        };
        let name = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
        (!name.is_empty() && !name.contains('*')).then(|| Self::Domain(name.to_ascii_lowercase(), port))
    }

    fn covers(&self, url: &Url<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Domain(domain, port) => {
                let host = url.host.to_ascii_lowercase();
                let above = host.strip_suffix(domain.as_str());
                // No domain is above an address: `7` does not stand for `192.0.2.7`.
                let covered =
                    above.is_some_and(|above| above.is_empty() || above.ends_with('.') && address_of(url).is_none());
                covered && port.is_none_or(|port| port == url.port)
            }
            Self::Network(network, bits) => {
                address_of(url).is_some_and(|address| same_network(address, *network, *bits))
            }
        }
    }
}

fn address_of(url: &Url<'_>) -> Option<IpAddr> {
    url.host.trim_matches(['[', ']']).parse().ok()
}

fn same_network(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let (one, other, width) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    (one ^ other).checked_shr(width - u32::from(bits)).unwrap_or(0) == 0
}

fn percent_decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            // To other readers the host ends here, and what follows `@` is no host.
            b'/' | b'?' | b'#' | b'\\' => return None,
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(pairs: &[(&'static str, &str)]) -> Result<Proxies, Error> {
        Proxies::from_env(&Env::fixed(pairs))
    }

    #[test]
    fn which_variable_counts() {
        let url = |pairs| proxies(pairs).unwrap().https.map(|proxy| proxy.url);
        assert_eq!(url(&[]), None);
        assert_eq!(url(&[("HTTP_PROXY", "http://p:1"), ("http_proxy", "http://p:1")]), None);
        assert_eq!(url(&[("HTTPS_PROXY", ""), ("ALL_PROXY", "p:2")]).as_deref(), Some("http://p:2"));
        assert_eq!(url(&[("HTTPS_PROXY", "http://P:1/"), ("ALL_PROXY", "p:2")]).as_deref(), Some("http://P:1"));
    }

    #[test]
    fn what_cannot_be_used_is_an_error() {
        for value in [
            "socks5://p:1",
            "https://p:1",
            "http://",
            "http://p:99999",
            "http://p/path",
            "http://a%zz@p",
            "http://p q",
            "http://p.:1",
            "http:/u@p",
            "http://p/@other",
            "http://p\\@other",
            "http://p#@other",
            "http://u:s3cr3t@",
        ] {
            let error = proxies(&[("HTTPS_PROXY", value)]).unwrap_err().to_string();
            assert!(error.starts_with("HTTPS_PROXY") && !error.contains("s3cr3t"), "{value}: {error}");
        }
        for list in ["10.0.0.0/33", "a:b", "a*b", "10.0.0.0/+8"] {
            assert!(proxies(&[("NO_PROXY", list)]).is_err(), "{list}");
        }
    }

    #[test]
    fn credentials_are_sent_but_not_shown() {
        let proxies = proxies(&[("HTTPS_PROXY", "http://us%40er:p%3Ass@proxy:3128")]).unwrap();
        let proxy = proxies.https.as_ref().unwrap();
        assert_eq!(proxy.authorization.as_ref().unwrap().as_str(), "Basic dXNAZXI6cDpzcw==");
        assert!(!format!("{proxies:?}").contains("dXNA") && !format!("{proxies:?}").contains("p:ss"));
        assert!(format!("{proxy:?}").contains("proxy:3128"));
    }

    #[test]
    fn no_proxy() {
        for (list, url, exempt) in [
            ("a.example, b.example", "https://b.example", true),
            ("b.example", "https://x.b.example", true),
            ("b.example", "https://xb.example", false),
            (".b.example", "https://b.example", true),
            ("*.b.example", "https://x.B.example", true),
            ("b.example:8443", "https://b.example", false),
            ("b.example:443", "https://b.example", true),
            ("*", "https://anything.example", true),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("0.0.0.0/0", "https://11.1.2.3", true),
            ("0.0.0.0/0", "https://[2001:db8::1]", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("192.0.2.7", "https://192.0.2.7:8443", true),
            ("192.0.2.7", "https://192.0.2.8", false),
            ("192.0.2.7:443", "https://192.0.2.7", true),
            ("192.0.2.7:443", "https://192.0.2.7:8443", false),
            ("[2001:db8::1]:443", "https://[2001:db8::1]", true),
            ("7,.2.7,2.7:443", "https://192.0.2.7", false),
            ("", "https://localhost:1", true),
            ("", "https://127.8.9.1", true),
            ("", "https://[::1]", true),
            ("", "https://localhost.example", false),
        ] {
            let proxies = proxies(&[("HTTPS_PROXY", "http://p"), ("NO_PROXY", list)]).unwrap();
            assert_eq!(proxies.for_url(&Url::parse(url).unwrap()).is_none(), exempt, "{list} {url}");
        }
    }
}
