//! Certificates and chains.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use rcgen::{CrlDistributionPoint, ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd};

use super::Wanted::{self, Accepted, Untrusted};
use super::authority::{Chain, Edit, Party, key, plain, unknown_extension};
use super::chains::{below_constrained, below_path};
use super::host::{Host, config};
use super::{CLOCK, Caller, Place, each};

pub(super) type Row = (&'static str, &'static str, Chain, Wanted);

/// Each on `localhost`, with both versions of TLS that there are.
pub(super) fn meet(rows: Vec<Row>) {
    let caller = Caller::new();
    each(rows, |(id, origin, chain, wanted)| {
        let meets = |version| {
            let server = Host::tls(config(&chain, &[version]));
            let id = format!("{id} ({origin}) {:?}", version.version);
            caller.meets(&Place { id: &id, host: "localhost", server: &server }, &chain.trusted, wanted)
        };
        meets(&rustls::version::TLS13).or_else(|| meets(&rustls::version::TLS12))
    });
}

pub(super) fn signed(edit: Edit) -> Chain {
    let root = Party::root();
    root.leaf(edit).shows(&[], &root)
}

/// A server's certificate, and that of the authority above it.
pub(super) fn below(edit: Edit) -> Chain {
    let root = Party::root();
    let between = root.ca(edit);
    between.leaf(plain).shows(&[&between], &root)
}

#[test]
fn good_ones() {
    let root = Party::root();
    let (one, two) = (root.ca(plain), Party::root());
    let lowest = one.ca(plain);
    let alone = Party::self_signed(plain);
    let old = Party::root();
    let crossed = root.again(&old, |params| params.not_after = date_time_ymd(2021, 9, 30));
    let rolled = root.namesake();
    let mut both = rolled.leaf(plain).shows(&[], &rolled);
    both.trusted = root.pem() + &both.trusted;
    meet(vec![
        ("plain", "RFC 5280, 6.1", signed(plain), Accepted),
        ("intermediate", "RFC 5280, 6.1", below(plain), Accepted),
        ("root shown too", "RFC 8446, 4.4.2", lowest.leaf(plain).shows(&[&lowest, &one, &root], &root), Accepted),
        ("reversed", "RFC 8446, 4.4.2", lowest.leaf(plain).shows(&[&root, &one, &lowest], &root), Accepted),
        ("one that does not belong", "RFC 8446, 4.4.2", one.leaf(plain).shows(&[&two, &one], &root), Accepted),
        ("each twice", "RFC 8446, 4.4.2", one.leaf(plain).shows(&[&one, &one], &root), Accepted),
        ("self-signed and pinned as a CA", "a development machine", alone.shows(&[], &alone), Accepted),
        (
            "expired cross-signature beside a good root",
            "OpenSSL 1.0.2 on 2021-09-30",
            root.leaf(plain).shows(&[&crossed], &root),
            Accepted,
        ),
        ("two CAs of one name", "a CA that changed its key", both, Accepted),
        ("until 9999", "RFC 5280, 4.1.2.5", signed(|params| params.not_after = date_time_ymd(9999, 12, 31)), Accepted),
        ("any purpose", "RFC 5280, 4.2.1.12", signed(|params| params.extended_key_usages.clear()), Accepted),
        (
            "two purposes",
            "RFC 5280, 4.2.1.12",
            signed(|params| {
                params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
            }),
            Accepted,
        ),
        ("no key usage", "RFC 5280, 4.2.1.3", signed(|params| params.key_usages.clear()), Accepted),
        (
            "unknown extension",
            "RFC 5280, 4.2",
            signed(|params| {
                params.custom_extensions = vec![unknown_extension(false)];
            }),
            Accepted,
        ),
        ("within the path length", "RFC 5280, 4.2.1.9", below_path(1), Accepted),
        ("within the name constraints", "RFC 5280, 4.2.1.10", below_constrained(&["localhost"], &["test"]), Accepted),
    ]);
}

/// What webpki does not look at. Each row is a fact to know of, not a promise.
#[test]
fn what_is_not_looked_at() {
    let root = Party::root_with(key(&rcgen::PKCS_ECDSA_P256_SHA256), |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let lists = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let uri = format!("http://{}/list.crl", lists.local_addr().unwrap());
    let above = Party::root();
    let listed = above.leaf(|params| params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![uri] }]);
    let listed = listed.shows(&[], &above);
    meet(vec![
        (
            "a CA without keyCertSign",
            "RFC 5280, 4.2.1.3",
            below(|params| {
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            }),
            Accepted,
        ),
        (
            "a server that may only sign CRLs",
            "RFC 5280, 4.2.1.3",
            signed(|params| {
                params.key_usages = vec![KeyUsagePurpose::CrlSign];
            }),
            Accepted,
        ),
        (
            "an expired root",
            "RFC 5280, 6.1.1: a trust anchor has no dates",
            root.leaf(plain).shows(&[], &root),
            Accepted,
        ),
        ("a list of what is revoked", "RFC 5280, 4.2.1.13", listed, Accepted),
    ]);
    lists.set_nonblocking(true).unwrap();
    assert_eq!(lists.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody asks for the list");
}

#[test]
fn dates() {
    let expired = Untrusted("its certificate, or its CA's, expired on 2020-01-01, and the clock here says 20", CLOCK);
    let early =
        Untrusted("its certificate, or its CA's, is not valid before 2222-02-22, and the clock here says 20", CLOCK);
    meet(vec![
        ("expired", "RFC 5280, 4.1.2.5", signed(|params| params.not_after = date_time_ymd(2020, 1, 1)), expired),
        (
            "expired intermediate",
            "RFC 5280, 6.1.3",
            below(|params| {
                params.not_after = date_time_ymd(2020, 1, 1);
            }),
            expired,
        ),
        ("not yet valid", "RFC 5280, 4.1.2.5", signed(|params| params.not_before = date_time_ymd(2222, 2, 22)), early),
        (
            "intermediate not yet valid",
            "RFC 5280, 6.1.3",
            below(|params| {
                params.not_before = date_time_ymd(2222, 2, 22);
            }),
            early,
        ),
        (
            "ends before it begins",
            "RFC 5280, 4.1.2.5",
            signed(|params| {
                (params.not_before, params.not_after) = (date_time_ymd(2222, 1, 1), date_time_ymd(2020, 1, 1));
            }),
            Untrusted("one of its certificates ends before it begins", ""),
        ),
        (
            "expired and of an unknown CA",
            "the first reason counts",
            Chain { trusted: Party::root().pem(), ..signed(|params| params.not_after = date_time_ymd(2020, 1, 1)) },
            expired,
        ),
    ]);
}

#[test]
fn what_is_no_certificate() {
    let root = Party::root();
    let with = |bytes: Vec<u8>| Chain { shown: vec![bytes.into()], ..root.leaf(plain).shows(&[], &root) };
    let whole = root.leaf(plain).der().to_vec();
    let unreadable = Untrusted("its certificate cannot be read", "");
    let mut none = root.leaf(plain).shows(&[], &root);
    none.shown.clear();
    meet(vec![
        ("garbage", "RFC 5280, 4.1", with(b"garbage".to_vec()), unreadable),
        ("empty", "RFC 5280, 4.1", with(Vec::new()), unreadable),
        ("half", "RFC 5280, 4.1", with(whole[..whole.len() / 2].to_vec()), unreadable),
        ("something after it", "X.690: DER", with([&whole[..], b"\0"].concat()), unreadable),
        ("none", "RFC 8446, 4.4.2.4", none, Wanted::Failed("peer sent no certificates")),
    ]);
}
