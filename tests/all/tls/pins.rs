//! Service Fabric's endpoint, known by the thumbprint of its certificate: nothing else of it counts, and that it holds the key
//! does. The secret is sent to no other.

use rcgen::{KeyPair, date_time_ymd};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::version::{TLS12, TLS13};

use super::authority::{Chain, Party, dns, plain};
use super::foreign::{Old, OpenSsl};
use super::host::{Host, config};
use super::{MISFIT_WORDS, Server, each};
use crate::support::{Run, Scratch, azmin};

const SECRET: &str = "c4n4ry-s3cret";
const PINNED: &str = "";

fn thumbprint(certificate: &[u8]) -> String {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// With a CA that vouches for the server, which must not matter.
fn token(server: &dyn Server, thumbprint: &str, trusted: &str) -> Run {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("ca"), trusted).unwrap();
    azmin(["token", "--deadline", "60s"])
        .env("IDENTITY_ENDPOINT", format!("https://localhost:{}/x", server.address().port()))
        .env("IDENTITY_HEADER", SECRET)
        .env("IDENTITY_SERVER_THUMBPRINT", thumbprint)
        .env("SSL_CERT_FILE", scratch.path("ca"))
        .run()
}

/// The words of a refusal, or none.
fn check(id: &str, server: &dyn Server, run: &Run, refusal: &str) -> Option<String> {
    let text = server.text();
    let right = if refusal == PINNED {
        (run.code, run.out.as_str(), text.matches(SECRET).count()) == (0, "t0ken\n", 1)
    } else {
        let words = format!("azmin: localhost:{} is not trusted: {refusal}", server.address().port());
        let no_ca = refusal == MISFIT_WORDS || !run.err.contains("--ca-file");
        no_ca && run.code == 7 && run.out.is_empty() && run.err.starts_with(&words) && !text.contains(SECRET)
    };
    let right = right && server.accepted() == 1 && !run.err.contains(SECRET);
    (!right).then(|| format!("{id}: {run:?}, {text:?}"))
}

#[test]
fn what_counts() {
    let root = Party::root();
    let good = root.leaf(plain);
    let late = Party::self_signed(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = Party::self_signed(|params| params.not_before = date_time_ymd(2222, 2, 22));
    let named = Party::self_signed(|params| params.subject_alt_names = dns(["another.test"]));
    let strange = Party::root().leaf(plain);
    let impostor = Chain { key: KeyPair::generate().unwrap().serialize_der(), ..good.shows(&[], &root) };
    let another = "it has another certificate than the one that it is known by";
    let rows = vec![
        ("of a known CA", good.shows(&[], &root), good.der(), PINNED),
        ("expired", late.shows(&[], &root), late.der(), PINNED),
        ("not yet valid", early.shows(&[], &root), early.der(), PINNED),
        ("of another name", named.shows(&[], &root), named.der(), PINNED),
        ("of an unknown CA", strange.shows(&[], &root), strange.der(), PINNED),
        ("a CA's own", root.shows(&[], &root), root.der(), PINNED),
        ("another one of a known CA", root.leaf(plain).shows(&[], &root), good.der(), another),
        ("the CA's, which is not shown first", good.shows(&[&root], &root), root.der(), another),
        ("shown second", strange.shows(&[&good], &root), good.der(), another),
        ("shown by somebody else", impostor, good.der(), MISFIT_WORDS),
    ];
    each(rows, |(id, chain, pinned, refusal)| {
        let meets = |version| {
            let server = Host::answering(TOKEN_ANSWER, config(&chain, &[version]));
            check(id, &server, &token(&server, &thumbprint(&pinned), &chain.trusted), refusal)
        };
        meets(&TLS13).or_else(|| meets(&TLS12))
    });
}

/// The pin stands for the certificate, not for a protocol or a key that is not safe.
#[test]
fn what_a_pin_does_not_excuse() {
    let Some(openssl) = OpenSsl::find() else { return };
    let root = openssl.root("rsa:2048");
    let (short, good) = (openssl.leaf("rsa:1024", &root, &[]), openssl.leaf("rsa:2048", &root, &[]));
    let pin = |made: &super::foreign::Made| thumbprint(&made.shows(&[], &root).shown[0]);
    let server = Old::start(&short, "TLSv1_2", "ALL:@SECLEVEL=0", None);
    let run = token(&server, &pin(&short), &root.pem());
    assert_eq!(check("RSA 1024", &server, &run, MISFIT_WORDS), None);
    let server = Old::start(&good, "TLSv1_1", "ALL:@SECLEVEL=0", None);
    let run = token(&server, &pin(&good), &root.pem());
    run.fails(7).says("it speaks neither TLS 1.2 nor TLS 1.3");
    assert!(!server.text().contains(SECRET));
}

const TOKEN_ANSWER: &[&str] =
    &["HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n{\"access_token\":\"t0ken\",\"expires_in\":\"3599\"}"];
