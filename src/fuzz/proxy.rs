//! What must hold of proxies.

use std::net::IpAddr;

use url::Url as Second;

use crate::base64::decode;
use crate::env::Env;
use crate::error::ErrorKind;
use crate::proxy::{Proxies, Proxy};
use crate::url::Url;

/// Lines: the proxy, what it is not for, and a URL. A proxy is the one that another reader of URLs sees there, with the
/// credentials that were written and shown to nobody; who goes around it is who a second reading of the list says.
pub fn proxy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (value, list, target) = (line(), line(), line());
    let alone = Proxies::from_env(&Env::fixed(&[("https_proxy", value), ("HTTP_PROXY", "http://other:1")]));
    let both = Proxies::from_env(&Env::fixed(&[("ALL_PROXY", value), ("NO_PROXY", list)]));
    let user =
        value.trim().rsplit_once('@').map_or("", |(user, _)| user.split_once("://").map_or(user, |(_, user)| user));
    for error in alone.as_ref().err().into_iter().chain(both.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        super::assert_plain(&error.to_string());
        assert!(user.len() < 8 || list.contains(user) || !error.to_string().contains(user), "{error}");
    }
    let Ok(alone) = alone else { return assert!(both.is_err()) };
    let Ok(url) = Url::parse("https://a.example") else { return };
    let shown = format!("{alone:?}");
    match alone.for_url(&url) {
        Some(proxy) => {
            assert_reads(value, user, proxy);
            assert!(proxy.authorization.as_ref().is_none_or(|sent| !shown.contains(sent.as_str())), "{shown}");
        }
        None => assert!(value.is_empty()),
    }
    assert!(user.len() < 8 || value.matches(user).count() > 1 || !shown.contains(user), "{shown}");
    let (Ok(both), Ok(url)) = (both, Url::parse(target)) else { return };
    let direct =
        value.is_empty() || is_loopback(&url) || list.split([',', ' ', '\t']).any(|entry| is_exempt(entry, &url));
    assert_eq!(both.for_url(&url).is_none(), direct, "{list:?} {target}");
}

fn assert_reads(value: &str, user: &str, proxy: &Proxy) {
    let url = Url::parse(&proxy.url).unwrap();
    assert!(!url.https && url.rest.is_empty());
    let value = value.trim();
    let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    if let Ok(second) = Second::parse(&whole) {
        assert_eq!((second.scheme(), second.path(), second.query(), second.fragment()), ("http", "/", None, None));
        assert_eq!(second.port().unwrap_or(80), url.port);
        let host = second.host_str().unwrap_or_default();
        assert!(host.eq_ignore_ascii_case(url.host) || address(host) == address(url.host), "{value:?}");
        assert_eq!(address(host).is_some(), address(url.host).is_some(), "{value:?}");
    }
    let sent = proxy.authorization.as_ref().map(|value| decode(value.strip_prefix("Basic ").unwrap()).unwrap());
    assert_eq!(sent, value.contains('@').then(|| unescaped(user)), "{value:?}");
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}

fn is_loopback(url: &Url<'_>) -> bool {
    url.host.eq_ignore_ascii_case("localhost") || address(url.host).is_some_and(|address| address.is_loopback())
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Of an entry that was accepted.
fn is_exempt(entry: &str, url: &Url<'_>) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets().iter().map(|byte| format!("{byte:08b}")).collect::<String>(),
        IpAddr::V6(v6) => v6.octets().iter().map(|byte| format!("{byte:08b}")).collect(),
    };
    if let (Some((network, length)), Some(host)) = (entry.split_once('/'), address(url.host)) {
        let (network, host) = (bits(network.parse().unwrap()), bits(host));
        let length = length.parse().unwrap();
        return network.len() == host.len() && network[..length] == host[..length];
    }
    if let Some(literal) = address(entry) {
        return address(url.host) == Some(literal);
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.trim_start_matches('0').to_owned())),
        None => (entry, None),
    };
    if port.is_some_and(|port| port != url.port.to_string()) {
        return false;
    }
    let name = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let host = url.host.to_ascii_lowercase();
    entry == "*" || host == name || !name.is_empty() && address(&host).is_none() && host.ends_with(&format!(".{name}"))
}
