//! What must hold of environments.

use std::net::IpAddr;

use url::{Host, Url as Second};

use crate::env::{self, Env};
use crate::error::ErrorKind;
use crate::identity::Identity;
use crate::source::{Place, Transport, locate};
use crate::token::Ask;

/// Any environment, a `NAME=value` a line, and as lines of the same kind a source, an id and a resource: one source at most
/// wins, and the one that the documentation names; an endpoint in the clear is on this machine or in its network; no secret is
/// in an error, nor in a request but in its own header.
pub fn environment(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<_> = text.split('\n').filter_map(|line| line.split_once('=')).collect();
    let value = |name: &str| lines.iter().rev().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
    let pairs = VARIABLES.map(|name| (name, value(name)));
    let env = Env::fixed(&pairs);
    let secrets = [env::HEADER, env::MSI_SECRET].map(value);
    let identity = match value("kind") {
        "client" => Identity::ClientId(value("id").to_owned()),
        "object" => Identity::ObjectId(value("id").to_owned()),
        "resource" => Identity::ResourceId(value("id").to_owned()),
        _ => Identity::SystemAssigned,
    };
    let expected = winner(|name| !value(name).is_empty());
    let found = locate(&env, None);
    if let Ok(place) = &found {
        assert_eq!(place.name(), expected);
        let again = locate(&env, Some(expected)).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(again.endpoint.site(), place.endpoint.site());
    }
    let named = value("source");
    for (outcome, name) in [(found, expected), (locate(&env, Some(named)), named)] {
        match outcome {
            Ok(place) => {
                assert_eq!(place.name(), name);
                assert_site(&place);
                assert_request(&place, &identity, value("resource"), secrets);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                super::assert_plain(&format!("{error} {error:?}"));
                // The name of a source is the caller's own.
                for secret in secrets.iter().filter(|secret| is_telling(secret) && !named.contains(**secret)) {
                    assert!(!format!("{error} {error:?}").contains(secret), "{error}");
                }
            }
        }
    }
    if let Err(error) = identity.check() {
        super::assert_plain(&error.to_string());
    }
}

/// The README's table, from the first row on.
fn winner(has: impl Fn(&str) -> bool) -> &'static str {
    let rows: [(&str, &[&str]); 6] = [
        ("service-fabric", &[env::ENDPOINT, env::HEADER, env::THUMBPRINT]),
        ("app-service", &[env::ENDPOINT, env::HEADER]),
        ("azure-ml", &[env::MSI_ENDPOINT, env::MSI_SECRET]),
        ("cloud-shell", &[env::MSI_ENDPOINT]),
        ("azure-arc", &[env::ENDPOINT, env::IMDS_ENDPOINT]),
        ("workload", &[env::CLIENT_ID, env::TENANT_ID, env::FEDERATED_TOKEN_FILE]),
    ];
    rows.iter().find(|(_, names)| names.iter().all(|name| has(name))).map_or("imds", |(name, _)| name)
}

/// Text that no message of ours holds by chance.
fn is_telling(secret: &str) -> bool {
    secret.len() >= 8 && secret.contains(|c: char| c.is_ascii_digit()) && !secret.contains(char::is_whitespace)
}

/// Where it leads, in the eyes of another reader of URLs.
fn assert_site(place: &Place) {
    let url = place.url();
    // Names in Punycode that decode to nothing are none to the other reader.
    let second = Second::parse(&url);
    let Ok(second) = second else { return assert!(url.to_ascii_lowercase().contains("xn--"), "{url}") };
    assert!(second.username().is_empty() && second.password().is_none() && second.fragment().is_none(), "{url}");
    match &place.endpoint.site().transport {
        Transport::Plain(addresses) => {
            assert_eq!(second.scheme(), "http");
            assert!(!addresses.is_empty() && addresses.iter().all(|address| is_near(address.ip())), "{url}");
            assert!(addresses.iter().all(|address| address.port() == second.port_or_known_default().unwrap()), "{url}");
            let same = |ip: IpAddr| addresses.len() == 1 && addresses[0].ip() == ip;
            match second.host() {
                Some(Host::Ipv4(v4)) => assert!(same(v4.into()), "{url}"),
                Some(Host::Ipv6(v6)) => assert!(same(v6.into()), "{url}"),
                Some(Host::Domain(name)) => {
                    assert!(name == "localhost" && addresses.iter().all(|a| a.ip().is_loopback()))
                }
                None => panic!("{url} has no host"),
            }
            let loopback = addresses.iter().all(|address| address.ip().is_loopback());
            assert!(loopback || place.name() != "azure-arc", "{url}");
        }
        Transport::Tls => assert_eq!((second.scheme(), place.name()), ("https", "workload")),
        Transport::Pinned(_) => assert_eq!((second.scheme(), place.name()), ("https", "service-fabric")),
    }
}

/// RFC 1122, 1918, 3927, 4193, 4291 and 6598, by their numbers.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [10 | 127, ..] | [169, 254, ..] | [192, 168, ..] => true,
            [172, second, ..] => second >> 4 == 1,
            [100, second, ..] => second >> 6 == 1,
            _ => false,
        },
        IpAddr::V6(v6) => {
            v6.to_bits() == 1 || v6.segments()[0] >> 6 == 0xfe80 >> 6 || v6.segments()[0] >> 9 == 0xfc00 >> 9
        }
    }
}

fn assert_request(place: &Place, identity: &Identity, resource: &str, secrets: [&str; 2]) {
    if identity.check().is_err() || place.endpoint.check(identity).is_err() {
        return;
    }
    let ask = Ask { resource: &resource.into(), identity, strict: place.endpoint.is_strict() };
    let key = "azkey-0a1b2c3d";
    assert_eq!(place.endpoint.assertion_file().is_some(), place.name() == "workload");
    for key in [None, Some(key)] {
        let request = place.endpoint.request(&ask, key);
        let bytes = match request.write() {
            Ok(bytes) => bytes,
            // The platform's own secret may be anything.
            Err(part) => return assert!(part == "header" && secrets.iter().any(|secret| !is_field(secret)), "{part}"),
        };
        let (head, body) = std::str::from_utf8(&bytes).unwrap().split_once("\r\n\r\n").unwrap();
        assert!(!body.contains(['\r', '\n']) && head.split("\r\n").all(|line| !line.contains(['\r', '\n'])));
        let headers: Vec<_> = head.split("\r\n").skip(1).map(|line| line.split_once(": ").unwrap()).collect();
        assert_eq!(headers.iter().filter(|(name, _)| *name == "Host").count(), 1);
        let encoded = encoded(resource);
        assert!(resource.is_empty() || request.target.contains(&encoded) || body.contains(&encoded), "{head}");
        let own = |name: &str| ["X-IDENTITY-HEADER", "Secret"].contains(&name);
        for secret in secrets.iter().filter(|secret| is_telling(secret)) {
            let chance = |text: &str| text.contains(*secret);
            if [place.url().as_str(), resource, &encoded].into_iter().chain(identity.id().map(|(_, id)| id)).any(chance)
            {
                continue;
            }
            assert!(!request.target.contains(secret), "{head}");
            assert!(headers.iter().all(|(name, value)| own(name) || !value.contains(secret)), "{head}");
        }
    }
}

fn is_field(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_control() && c != '\t')
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

const VARIABLES: [&str; 11] = [
    env::AUTHORITY_HOST_OF_IMDS,
    env::CLIENT_ID,
    env::ENDPOINT,
    env::HEADER,
    env::THUMBPRINT,
    env::IMDS_ENDPOINT,
    env::MSI_ENDPOINT,
    env::MSI_SECRET,
    env::TENANT_ID,
    env::FEDERATED_TOKEN_FILE,
    env::AUTHORITY_HOST,
];
