//! What stands above a certificate.

use rcgen::{
    BasicConstraints, CidrSubnet, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints,
    PKCS_ECDSA_P256_SHA256,
};

use super::Wanted::Untrusted;
use super::authority::{Chain, Edit, Party, dns, ip, key, plain, unknown_extension};
use super::certificates::{below, meet, signed};
use super::host::{Host, config};
use super::{Caller, MISFIT, Place, UNKNOWN, each};

#[test]
fn issuers() {
    let root = Party::root();
    let between = root.ca(plain);
    let alone = Party::self_signed(plain);
    let namesake = root.namesake();
    let server = root.leaf(plain);
    let of_server = server.leaf(plain);
    let no_ca = Untrusted("what signed its certificate is not allowed to: it is no CA", "");
    let a_ca = Untrusted("its certificate is a CA's own", "give the server a certificate that this CA has signed");
    let mut forged = server.shows(&[], &root);
    let mut bytes = forged.shown[0].to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    forged.shown[0] = bytes.into();
    let mut stolen = root.leaf(plain).shows(&[], &root);
    stolen.key = key(&PKCS_ECDSA_P256_SHA256).serialize_der();
    meet(vec![
        ("self-signed", "badssl self-signed", alone.shows(&[], &root), UNKNOWN),
        ("untrusted-root", "badssl untrusted-root", root.leaf(plain).shows(&[&root], &Party::root()), UNKNOWN),
        ("incomplete-chain", "badssl incomplete-chain", between.leaf(plain).shows(&[], &root), UNKNOWN),
        ("another CA of the same name", "RFC 5280, 6.1.3", root.leaf(plain).shows(&[], &namesake), MISFIT),
        ("forged", "RFC 5280, 6.1.3", forged, MISFIT),
        ("somebody else's certificate", "RFC 8446, 4.4.3; Apple's goto fail, CVE-2014-1266", stolen, MISFIT),
        (
            "signed by a server",
            "RFC 5280, 6.1.4; Internet Explorer 6, CVE-2002-0862",
            of_server.shows(&[&server], &root),
            no_ca,
        ),
        ("CA without basic constraints", "RFC 5280, 4.2.1.9", below(|params| params.is_ca = IsCa::NoCa), no_ca),
        ("CA:FALSE", "RFC 5280, 4.2.1.9", below(|params| params.is_ca = IsCa::ExplicitNoCa), no_ca),
        (
            "a CA as server",
            "RFC 5280, 4.2.1.9",
            signed(|params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
            a_ca,
        ),
        (
            "the trusted CA itself as server",
            "openssl req -x509 on a development machine",
            {
                let both = Party::self_signed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
                both.shows(&[], &both)
            },
            a_ca,
        ),
        (
            "a CA as server, unknown",
            "openssl req -x509 on a development machine",
            {
                let both = Party::self_signed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
                both.shows(&[], &root)
            },
            a_ca,
        ),
    ]);
}

#[test]
fn what_an_authority_or_a_server_may_not() {
    let purpose = Untrusted("its certificate, or its CA's, is not one for servers", "");
    let names = Untrusted("a CA above it is not allowed to sign for one of its names", "");
    let critical = Untrusted("one of its certificates has a critical extension that is not known here", "");
    let path = Untrusted("there are more CAs above it than one of them allows", "");
    let loopback = vec![GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8))];
    meet(vec![
        (
            "for clients only",
            "RFC 5280, 4.2.1.12",
            signed(|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            purpose,
        ),
        (
            "for mail only",
            "RFC 5280, 4.2.1.12",
            signed(|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
            }),
            purpose,
        ),
        (
            "a CA for clients only",
            "RFC 5280, 4.2.1.12, as every browser reads it",
            below(|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            purpose,
        ),
        ("outside the permitted names", "RFC 5280, 4.2.1.10", below_constrained(&["test"], &[]), names),
        ("among the excluded names", "RFC 5280, 4.2.1.10", below_constrained(&[], &["localhost"]), names),
        (
            "a wildcard around an excluded name",
            "RFC 5280, 4.2.1.10; Go, CVE-2025-61727",
            {
                let excluded = vec![GeneralSubtree::DnsName("secret.azure.test".to_owned())];
                constrained(NameConstraints { permitted_subtrees: vec![], excluded_subtrees: excluded }, |params| {
                    params.subject_alt_names = dns(["localhost", "*.azure.test"]);
                })
            },
            names,
        ),
        (
            "an excluded address",
            "RFC 5280, 4.2.1.10",
            {
                constrained(NameConstraints { permitted_subtrees: vec![], excluded_subtrees: loopback }, |params| {
                    params.subject_alt_names.extend(ip("127.0.0.1"));
                })
            },
            names,
        ),
        (
            "critical extension",
            "RFC 5280, 4.2",
            signed(|params| {
                params.custom_extensions = vec![unknown_extension(true)];
            }),
            critical,
        ),
        (
            "critical extension of a CA",
            "RFC 5280, 4.2",
            below(|params| {
                params.custom_extensions = vec![unknown_extension(true)];
            }),
            critical,
        ),
        ("beyond the path length", "RFC 5280, 4.2.1.9", below_path(0), path),
    ]);
}

#[test]
fn chains_that_cost() {
    let root = Party::root();
    let too_long = Untrusted("its chain of certificates is too long to be checked", "");
    let mut deep = vec![root.ca(plain)];
    for _ in 0..11 {
        deep.push(deep.last().unwrap().ca(plain));
    }
    let above: Vec<_> = deep.iter().rev().collect();
    let stranger = Party::root();
    let same: Vec<_> = (0..60).map(|_| stranger.namesake()).collect();
    let same: Vec<_> = same.iter().collect();
    let caller = Caller::new();
    each(
        vec![
            (
                "twelve CAs",
                "OpenSSL's depth; Go, CVE-2018-16875",
                deep.last().unwrap().leaf(plain).shows(&above, &root),
                too_long,
            ),
            (
                "sixty CAs of one name",
                "Go, CVE-2018-16875; NSS' path building",
                stranger.leaf(plain).shows(&same, &root),
                too_long,
            ),
        ],
        |(id, origin, chain, wanted)| {
            let server = Host::tls(config(&chain, &[&rustls::version::TLS13]));
            let id = format!("{id} ({origin})");
            caller.meets(&Place { id: &id, host: "localhost", server: &server }, &chain.trusted, wanted)
        },
    );
}

/// Below an authority that allows so many others.
pub(super) fn below_path(length: u8) -> Chain {
    let root = Party::root();
    let one = root.ca(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length)));
    let two = one.ca(plain);
    two.leaf(plain).shows(&[&two, &one], &root)
}

pub(super) fn below_constrained(permitted: &[&str], excluded: &[&str]) -> Chain {
    let names = |names: &[&str]| names.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned())).collect();
    constrained(NameConstraints { permitted_subtrees: names(permitted), excluded_subtrees: names(excluded) }, plain)
}

fn constrained(constraints: NameConstraints, edit: Edit) -> Chain {
    let root = Party::root();
    let between = root.ca(|params| params.name_constraints = Some(constraints));
    between.leaf(edit).shows(&[&between], &root)
}
