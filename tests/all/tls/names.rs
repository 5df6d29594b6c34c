//! Whom a certificate is for.

use azmin::arm::Client;
use rcgen::{CertificateParams, DnType, SanType};

use super::Wanted::{self, Accepted, Untrusted};
use super::authority::{Edit, Party, dns, ip, plain};
use super::host::{Host, config};
use super::{Caller, Place, Server, each};

/// The host in the URL, and the certificate.
type Row = (&'static str, &'static str, &'static str, Edit, Wanted);

fn meet(rows: Vec<Row>) {
    let caller = Caller::new();
    each(rows, |(id, origin, host, edit, wanted)| {
        let root = Party::root();
        let chain = root.leaf(edit).shows(&[], &root);
        let server = Host::tls(config(&chain, rustls::ALL_VERSIONS));
        let id = format!("{id} ({origin})");
        let wrong = caller.meets(&Place { id: &id, host, server: &server }, &chain.trusted, wanted);
        // RFC 6066, section 3: an address is no name to ask for.
        let asked =
            host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_err().then(|| host.to_ascii_lowercase());
        let names = &server.heard().names;
        let right = names.iter().all(|name| *name == asked) && names.is_empty() != matches!(wanted, Accepted);
        wrong.or_else(|| (!right).then(|| format!("{id}: asked for {names:?}")))
    });
}

fn names<const N: usize>(params: &mut CertificateParams, names: [&str; N]) {
    params.subject_alt_names = dns(names);
}

fn is_for(words: &'static str) -> Wanted {
    Untrusted(words, "")
}

const NO_NAME: &str = "its certificate names no host (as a common name it would not count)";
const VAULT: &str = "vault.azure.test";

#[test]
fn of_hosts() {
    meet(vec![
        ("its own", "RFC 6125, 6.4.1", "localhost", plain, Accepted),
        ("in upper case", "RFC 6125, 6.4.1", "localhost", |p| names(p, ["LOCALHOST"]), Accepted),
        ("the URL in upper case", "RFC 6125, 6.4.1", "Vault.Azure.TEST", |p| names(p, [VAULT]), Accepted),
        (
            "the last of a thousand",
            "badssl 1000-sans",
            "localhost",
            |p| {
                let many = (0..999).map(|number| format!("host{number}.test")).chain(["localhost".to_owned()]);
                p.subject_alt_names = many.map(|name| SanType::DnsName(name.try_into().unwrap())).collect();
            },
            Accepted,
        ),
        (
            "beside another name that cannot be read",
            "RFC 5280, 4.2.1.6",
            "localhost",
            |p| {
                names(p, ["*.*.test", "", "localhost"]);
            },
            Accepted,
        ),
        ("wildcard", "RFC 6125, 6.4.3", VAULT, |p| names(p, ["*.azure.test"]), Accepted),
        (
            "wrong.host",
            "badssl wrong.host",
            "localhost",
            |p| names(p, ["wrong.test"]),
            is_for("its certificate is for wrong.test: "),
        ),
        (
            "two others",
            "RFC 6125, 6.4.1",
            "localhost",
            |p| names(p, ["a.test", "b.test"]),
            is_for("its certificate is for a.test, b.test: "),
        ),
        (
            "six others",
            "RFC 6125, 6.4.1",
            "localhost",
            |p| {
                names(p, ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"]);
            },
            is_for("its certificate is for a.test, b.test, c.test, d.test, e.test and others: "),
        ),
        (
            "a thousand others",
            "badssl 1000-sans",
            "localhost",
            |p| {
                let many = (0..1000).map(|number| format!("host{number}.{}.test", "x".repeat(40)));
                p.subject_alt_names = many.map(|name| SanType::DnsName(name.try_into().unwrap())).collect();
            },
            is_for("its certificate is for host0.xxxx"),
        ),
        (
            "the name's beginning",
            "RFC 6125, 6.4.1",
            "localhost",
            |p| names(p, ["localhost.test"]),
            is_for("its certificate is for localhost.test"),
        ),
        (
            "the name's end",
            "RFC 6125, 6.4.1",
            VAULT,
            |p| names(p, ["azure.test"]),
            is_for("its certificate is for azure.test"),
        ),
        (
            "no-common-name's opposite",
            "RFC 6125, 6.4.4: not beside other names",
            "localhost",
            |p| {
                p.distinguished_name.push(DnType::CommonName, "localhost");
                names(p, ["other.test"]);
            },
            is_for("its certificate is for other.test"),
        ),
        (
            "in the common name only",
            "RFC 9525",
            "localhost",
            |p| {
                p.distinguished_name.push(DnType::CommonName, "localhost");
                p.subject_alt_names.clear();
            },
            is_for(NO_NAME),
        ),
        (
            "no-subject",
            "badssl no-subject",
            "localhost",
            |p| {
                p.distinguished_name.remove(DnType::CommonName);
                p.subject_alt_names.clear();
            },
            is_for(NO_NAME),
        ),
        (
            "as a mail address",
            "RFC 5280, 4.2.1.6",
            "localhost",
            |p| {
                p.subject_alt_names = vec![SanType::Rfc822Name("localhost".try_into().unwrap())];
            },
            is_for("its certificate is for 0x01: "),
        ),
        (
            "as a URI",
            "RFC 6125, 6.5.2",
            "localhost",
            |p| {
                p.subject_alt_names = vec![SanType::URI("https://localhost/".try_into().unwrap())];
            },
            is_for("its certificate is for https://localhost/"),
        ),
    ]);
}

#[test]
fn abused() {
    meet(vec![
        (
            "NUL in the name",
            "CVE-2009-2408: NSS and others read up to the NUL",
            "localhost",
            |p| {
                names(p, ["localhost\0.evil.test"]);
            },
            is_for("its certificate is for localhost\u{fffd}.evil.test"),
        ),
        (
            "a terminal's language",
            "CWE-150",
            "localhost",
            |p| {
                names(p, ["\x1b[2J\r\nazmin: done\x07"]);
            },
            is_for("its certificate is for \u{fffd}[2J  azmin: done\u{fffd}"),
        ),
        (
            "blank after the name",
            "RFC 6125, 6.4.1",
            "localhost",
            |p| names(p, ["localhost "]),
            is_for("its certificate is for localhost"),
        ),
        (
            "dot after the name",
            "RFC 5280, 4.2.1.6",
            "localhost",
            |p| names(p, ["localhost."]),
            is_for("its certificate is for localhost."),
        ),
        ("star", "RFC 6125, 6.4.3", "localhost", |p| names(p, ["*"]), is_for("its certificate is for *: ")),
        (
            "star for a top-level domain",
            "RFC 6125, 7.2",
            "vault.test",
            |p| names(p, ["*.test"]),
            is_for("its certificate is for *.test: "),
        ),
        (
            "star for two labels",
            "RFC 6125, 6.4.3",
            "a.vault.azure.test",
            |p| names(p, ["*.azure.test"]),
            is_for("its certificate is for *.azure.test: "),
        ),
        (
            "star for none",
            "RFC 6125, 6.4.3",
            "azure.test",
            |p| names(p, ["*.azure.test"]),
            is_for("its certificate is for *.azure.test: "),
        ),
        (
            "star in a label",
            "RFC 6125, 6.4.3",
            VAULT,
            |p| names(p, ["v*.azure.test"]),
            is_for("its certificate is for v*.azure.test: "),
        ),
        (
            "star after the first label",
            "RFC 6125, 6.4.3",
            VAULT,
            |p| names(p, ["vault.*.test"]),
            is_for("its certificate is for vault.*.test: "),
        ),
        (
            "two stars",
            "RFC 6125, 6.4.3",
            VAULT,
            |p| names(p, ["*.*.test"]),
            is_for("its certificate is for *.*.test: "),
        ),
        (
            "star for an address",
            "CVE-2010-3170: NSS",
            "127.0.0.1",
            |p| names(p, ["*.0.0.1"]),
            is_for("its certificate is for *.0.0.1: "),
        ),
    ]);
}

#[test]
fn of_addresses() {
    meet(vec![
        (
            "its own",
            "RFC 6125, 1.7.2; RFC 9110, 4.3.5",
            "127.0.0.1",
            |p| p.subject_alt_names = ip("127.0.0.1"),
            Accepted,
        ),
        ("beside a name", "RFC 9110, 4.3.5", "127.0.0.1", |p| p.subject_alt_names.extend(ip("127.0.0.1")), Accepted),
        ("IPv6", "RFC 9110, 4.3.5", "[2001:db8::7]", |p| p.subject_alt_names = ip("2001:db8::7"), Accepted),
        (
            "another of IPv6",
            "RFC 9110, 4.3.5",
            "[2001:db8::7]",
            |p| p.subject_alt_names = ip("2001:db8::8"),
            is_for("its certificate is for 2001:"),
        ),
        ("far from here", "RFC 9110, 4.3.5", "192.0.2.7", |p| p.subject_alt_names = ip("192.0.2.7"), Accepted),
        (
            "another",
            "RFC 9110, 4.3.5",
            "127.0.0.1",
            |p| p.subject_alt_names = ip("127.0.0.2"),
            is_for("its certificate is for 127.0.0.2: "),
        ),
        ("none", "RFC 9110, 4.3.5", "127.0.0.1", plain, is_for("its certificate is for localhost: ")),
        (
            "as a DNS name",
            "RFC 9110, 4.3.5",
            "127.0.0.1",
            |p| names(p, ["127.0.0.1"]),
            is_for("its certificate is for 127.0.0.1: "),
        ),
        (
            "in the common name",
            "RFC 9110, 4.3.5",
            "127.0.0.1",
            |p| {
                p.distinguished_name.push(DnType::CommonName, "127.0.0.1");
                p.subject_alt_names.clear();
            },
            is_for(NO_NAME),
        ),
        (
            "an address for a name",
            "RFC 6125, 6.2.1",
            "localhost",
            |p| p.subject_alt_names = ip("127.0.0.1"),
            is_for("its certificate is for 127.0.0.1: "),
        ),
        (
            "as IPv6",
            "RFC 5280, 4.2.1.6",
            "127.0.0.1",
            |p| p.subject_alt_names = ip("::ffff:127.0.0.1"),
            is_for("its certificate is for "),
        ),
    ]);
}

/// What the library's caller gets of them has nothing of a server's in the cause either.
#[test]
fn in_causes() {
    let (caller, root) = (Caller::new(), Party::root());
    let chain = root.leaf(|p| names(p, ["\x1b[2J"])).shows(&[], &root);
    let server = Host::tls(config(&chain, rustls::ALL_VERSIONS));
    let client: Client = caller.library(&chain.trusted);
    let error =
        client.get(&format!("https://localhost:{}/x", server.address().port())).resource("r").api_version("1").send();
    let shown = format!("{:?}", error.unwrap_err());
    assert!(!shown.contains(char::is_control) && shown.contains("NotValidForName"), "{shown}");
}
