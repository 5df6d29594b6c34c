//! Versions of TLS, ciphers, keys and signatures.

use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};

use super::Wanted::{self, Accepted, Failed, Untrusted};
use super::authority::{Party, key, plain};
use super::foreign::{Made, Old, OpenSsl};
use super::host::{Host, config, config_that_asks};
use super::{Caller, MISFIT, Place, Server, each};

const NO_VERSION: Wanted = Failed("it speaks neither TLS 1.2 nor TLS 1.3: received fatal alert: ProtocolVersion");
const NOTHING_SAFE: Wanted = Failed(
    "it has no safe cipher, curve or signature to offer, or it wants a client certificate: received fatal alert: HandshakeFailure",
);
const NO_CERTIFICATE: &str =
    "it wants a client certificate, and there is none: received fatal alert: CertificateRequired";

#[test]
fn keys_that_are_accepted() {
    let Some(openssl) = OpenSsl::find() else { return };
    let rsa = |bits| {
        let pem = std::fs::read_to_string(openssl.key(bits)).unwrap();
        move || KeyPair::from_pem(&pem).unwrap()
    };
    let (rsa_2048, rsa_4096) = (rsa("rsa:2048"), rsa("rsa:4096"));
    let (p256, p384) = (|| key(&PKCS_ECDSA_P256_SHA256), || key(&PKCS_ECDSA_P384_SHA384));
    let caller = Caller::new();
    let rows: Vec<(&str, KeyPair, KeyPair)> = vec![
        ("ECDSA P-256", p256(), p256()),
        ("ECDSA P-384", p384(), p384()),
        ("ECDSA P-256 below P-384", p384(), p256()),
        ("ECDSA P-384 below P-256", p256(), p384()),
        ("Ed25519", key(&PKCS_ED25519), key(&PKCS_ED25519)),
        ("RSA 2048", rsa_2048(), rsa_2048()),
        ("RSA 4096", rsa_4096(), rsa_4096()),
        ("RSA 2048 below RSA 4096", rsa_4096(), rsa_2048()),
        ("ECDSA below RSA", rsa_2048(), p256()),
        ("RSA below ECDSA", p256(), rsa_2048()),
    ];
    each(rows, |(id, above, below)| {
        let root = Party::root_with(above, plain);
        let chain = root.leaf_with(below, plain).shows(&[], &root);
        let meets = |version| {
            let server = Host::tls(config(&chain, &[version]));
            caller.meets(&Place { id, host: "localhost", server: &server }, &chain.trusted, Accepted)
        };
        meets(&TLS13).or_else(|| meets(&TLS12))
    });
}

#[test]
fn signatures_and_keys_that_are_not() {
    let Some(openssl) = OpenSsl::find() else { return };
    let root = openssl.root("rsa:2048");
    let short_root = openssl.root("rsa:1024");
    let curved_root = openssl.root("P-521");
    let sha_1 = Untrusted("one of its certificates is signed with SHA-1, which is not safe", "");
    let md5 = Untrusted("one of its certificates is signed with MD5, which is not safe", "");
    let other = Untrusted("one of its certificates is signed with an algorithm that is not known here", "");
    let old = Untrusted("one of its certificates is older than X.509 version 3", "");
    let sha_1_ca = openssl.ca("P-256", &root, "-sha1");
    let ecdsa = openssl.root("P-256");
    let caller = Caller::new();
    let rows = vec![
        ("sha1-2017", "RFC 9155; badssl sha1-2017", openssl.leaf("P-256", &root, &["-sha1"]).shows(&[], &root), sha_1),
        (
            "SHA-1 above",
            "RFC 9155; badssl sha1-intermediate",
            openssl.leaf("P-256", &sha_1_ca, &["-sha256"]).shows(&[&sha_1_ca], &root),
            sha_1,
        ),
        ("SHA-1 with ECDSA", "RFC 9155", openssl.leaf("P-256", &ecdsa, &["-sha1"]).shows(&[], &ecdsa), sha_1),
        ("MD5", "RFC 6151; the rogue CA of 2008", openssl.leaf("P-256", &root, &["-md5"]).shows(&[], &root), md5),
        (
            "signed by RSA 1024",
            "NIST SP 800-131A",
            openssl.leaf("P-256", &short_root, &["-sha256"]).shows(&[], &short_root),
            MISFIT,
        ),
        (
            "signed by P-521",
            "ring knows P-256 and P-384",
            openssl.leaf("P-256", &curved_root, &["-sha512"]).shows(&[], &curved_root),
            other,
        ),
        ("X.509 version 1", "RFC 5280, 4.1.2.1", openssl.version_1("P-256", &root).shows(&[], &root), old),
        (
            "negative serial number",
            "RFC 5280, 4.1.2.2",
            openssl.leaf("P-256", &root, &["-set_serial", "-1"]).shows(&[], &root),
            Accepted,
        ),
    ];
    each(rows, |(id, origin, chain, wanted)| {
        let server = Host::tls(config(&chain, rustls::ALL_VERSIONS));
        let id = format!("{id} ({origin})");
        caller.meets(&Place { id: &id, host: "localhost", server: &server }, &chain.trusted, wanted)
    });
}

/// Against OpenSSL's own server.
#[test]
fn old_servers() {
    let Some(openssl) = OpenSsl::find() else { return };
    let root = openssl.root("rsa:2048");
    let rsa = openssl.leaf("rsa:2048", &root, &[]);
    let ecdsa = openssl.leaf("P-256", &root, &[]);
    let p521 = openssl.leaf("P-521", &root, &[]);
    let short = openssl.leaf("rsa:1024", &root, &[]);
    let all = "ALL:@SECLEVEL=0";
    let caller = Caller::new();
    let rows: Vec<(&str, &str, &Made, &str, &str, bool, Wanted)> = vec![
        ("TLS 1.3", "RFC 8446", &rsa, "TLSv1_3", "DEFAULT", false, Accepted),
        ("TLS 1.3, ECDSA", "RFC 8446", &ecdsa, "TLSv1_3", "DEFAULT", false, Accepted),
        ("TLS 1.2", "badssl tls-v1-2", &rsa, "TLSv1_2", "DEFAULT", false, Accepted),
        ("TLS 1.2, ECDSA", "RFC 5246", &ecdsa, "TLSv1_2", "DEFAULT", false, Accepted),
        ("ChaCha20-Poly1305", "RFC 7905", &ecdsa, "TLSv1_2", "ECDHE+CHACHA20", false, Accepted),
        ("tls-v1-1", "RFC 8996; badssl tls-v1-1", &rsa, "TLSv1_1", all, false, NO_VERSION),
        ("tls-v1-0", "RFC 8996; badssl tls-v1-0", &rsa, "TLSv1", all, false, NO_VERSION),
        (
            "cbc",
            "Lucky Thirteen, CVE-2013-0169; badssl cbc",
            &rsa,
            "TLSv1_2",
            "ECDHE-RSA-AES256-SHA384",
            false,
            NOTHING_SAFE,
        ),
        (
            "static-rsa",
            "ROBOT, CVE-2017-13099; badssl static-rsa",
            &rsa,
            "TLSv1_2",
            "AES128-GCM-SHA256",
            false,
            NOTHING_SAFE,
        ),
        (
            "dh2048",
            "Raccoon, CVE-2020-1968; badssl dh2048",
            &rsa,
            "TLSv1_2",
            "DHE-RSA-AES128-GCM-SHA256",
            false,
            NOTHING_SAFE,
        ),
        ("null", "RFC 9325, 4.1; badssl null", &rsa, "TLSv1_2", "NULL-SHA256:@SECLEVEL=0", false, NOTHING_SAFE),
        ("anonymous", "RFC 9325, 4.1", &rsa, "TLSv1_2", "ADH-AES128-GCM-SHA256:@SECLEVEL=0", false, NOTHING_SAFE),
        ("P-521 key", "ring knows P-256 and P-384", &p521, "TLSv1_3", "DEFAULT", false, NOTHING_SAFE),
        ("RSA 1024 key", "NIST SP 800-131A; badssl rsa1024", &short, "TLSv1_3", all, false, MISFIT),
        ("RSA 1024 key, TLS 1.2", "NIST SP 800-131A; badssl rsa1024", &short, "TLSv1_2", all, false, MISFIT),
        (
            "client-cert-missing",
            "RFC 5246, 7.4.6; badssl client-cert-missing",
            &rsa,
            "TLSv1_2",
            "DEFAULT",
            true,
            NOTHING_SAFE,
        ),
    ];
    each(rows, |(id, origin, shown, version, ciphers, client, wanted)| {
        let server = Old::start(shown, version, ciphers, client.then_some(root.certificate.as_path()));
        let id = format!("{id} ({origin})");
        caller.meets(&Place { id: &id, host: "localhost", server: &server }, &root.pem(), wanted)
    });
}

/// In TLS 1.3 a client is done before it hears that it should have shown a certificate (RFC 8446, section 4.4.2.4): the server
/// is the right one, and yet it is not asked a second time.
#[test]
fn a_client_certificate_is_wanted() {
    let (caller, root) = (Caller::new(), Party::root());
    let chain = root.leaf(plain).shows(&[], &root);
    let mut clients = RootCertStore::empty();
    clients.add(root.der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(clients.into(), provider).build().unwrap();
    for (version, words) in [
        (&TLS12, format!("azmin: no TLS connection to localhost:PORT: {NO_CERTIFICATE}\n")),
        (&TLS13, format!("azmin: the server broke off the TLS connection: {NO_CERTIFICATE}\n")),
    ] {
        let server = Host::tls(config_that_asks(&chain, &[version], clients.clone()));
        let place = Place { id: "client", host: "localhost", server: &server };
        let run = caller.command(&place, &chain.trusted, &["--deadline", "60s"]);
        run.fails(7);
        assert_eq!(run.err.replace(&server.address().port().to_string(), "PORT"), words);
        assert!(server.heard().bytes.is_empty() && server.accepted() == 1, "{}", server.text());
    }
}
