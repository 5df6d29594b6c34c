//! What lasts longer than a handshake, or comes beside it.

use std::sync::{Arc, Mutex};

use azmin::ErrorKind;
use rustls::HandshakeKind::{Full, FullWithHelloRetryRequest, Resumed};
use rustls::version::{TLS12, TLS13};

use super::authority::{Party, plain};
use super::host::{BODY, Host, config, config_of, lock};
use super::{Caller, Place, Server};
use crate::support::ARM_AUDIENCE;

/// A session that was begun with a good certificate is no way around a later bad one.
#[test]
fn a_server_that_changes_its_certificate_is_looked_at_again() {
    let caller = Caller::new();
    for version in [&TLS13, &TLS12] {
        let (root, stranger) = (Party::root(), Party::root());
        let settings = |root: &Party| Arc::new(config(&root.leaf(plain).shows(&[], root), &[version]));
        let now = Arc::new(Mutex::new(settings(&root)));
        let server = Host::changing(CLOSING, {
            let now = Arc::clone(&now);
            move || lock(&now).clone()
        });
        let client = caller.library(&root.pem());
        let url = format!("https://localhost:{}/x", server.address().port());
        let get = || client.get(&url).api_version("1").resource(ARM_AUDIENCE).send();

        assert_eq!(get().unwrap().text(), BODY);
        assert_eq!(get().unwrap().text(), BODY);
        assert_eq!(server.heard().kinds, [Full, Resumed], "there is a session to come back to");

        let asked = server.heard().bytes.len();
        *lock(&now) = settings(&stranger);
        let error = get().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.to_string().contains("no CA that is known here"), "{error}");
        assert_eq!(server.heard().bytes.len(), asked, "nothing more was sent");

        *lock(&now) = settings(&root);
        assert_eq!(get().unwrap().text(), BODY);
        assert_eq!(server.heard().kinds, [Full, Resumed, Full]);
    }
}

/// RFC 8446, section 4.1.4: a server may ask for a hello with another key share, once.
#[test]
fn a_second_hello() {
    let (caller, root) = (Caller::new(), Party::root());
    let chain = root.leaf(plain).shows(&[], &root);
    let mut provider = rustls::crypto::ring::default_provider();
    provider.kx_groups = vec![rustls::crypto::ring::kx_group::SECP384R1];
    let server = Host::tls(config_of(provider, &chain, &[&TLS13]));
    let place = Place { id: "hello", host: "localhost", server: &server };
    assert_eq!(caller.command(&place, &chain.trusted, &[]).succeeds().out, BODY);
    assert_eq!(server.heard().kinds, [FullWithHelloRetryRequest]);
}

/// Where the environment of a debugging session says so, other clients write the keys of every connection to a file.
#[test]
fn keys_are_logged_nowhere() {
    let (caller, root) = (Caller::new(), Party::root());
    let chain = root.leaf(plain).shows(&[], &root);
    let server = Host::tls(config(&chain, rustls::ALL_VERSIONS));
    let place = Place { id: "log", host: "localhost", server: &server };
    // Every row of every table runs with it too.
    assert_eq!(caller.command(&place, &chain.trusted, &[]).succeeds().out, BODY);
    assert_eq!(caller.scratch.names(), ["log.pem"]);
}

/// RFC 7301: what was not offered is not chosen. A server that speaks HTTP/2 all the same gets no answer out of it.
#[test]
fn http_2_only() {
    let (caller, root) = (Caller::new(), Party::root());
    let chain = root.leaf(plain).shows(&[], &root);
    let mut settings = config(&chain, rustls::ALL_VERSIONS);
    settings.alpn_protocols = vec![b"h2".to_vec()];
    let polite = Host::tls(settings.clone());
    let run = caller.command(&Place { id: "polite", host: "localhost", server: &polite }, &chain.trusted, &[]);
    assert_eq!(run.succeeds().out, BODY, "it falls back to what was asked for");

    let stubborn = Host::answering(&["\0\0\0\x04\0\0\0\0\0"], settings);
    let run = caller.command(&Place { id: "stubborn", host: "localhost", server: &stubborn }, &chain.trusted, &[]);
    run.fails(7).says("not proper HTTP");
}

/// However they are cut up.
#[test]
fn interim_answers_are_read_over() {
    let (caller, root) = (Caller::new(), Party::root());
    let chain = root.leaf(plain).shows(&[], &root);
    let whole = "HTTP/1.1 100 Continue\r\nServer: x\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
                 HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for pieces in [vec![whole], whole.split_inclusive('\n').collect(), whole.split("").collect()] {
        let server = Host::answering(pieces.leak(), config(&chain, rustls::ALL_VERSIONS));
        let client = caller.library(&chain.trusted);
        let url = format!("https://localhost:{}/x", server.address().port());
        for _ in 0..2 {
            let answer = client.get(&url).api_version("1").resource(ARM_AUDIENCE).send().unwrap();
            assert_eq!((answer.status(), answer.text().as_str()), (200, "hello"));
        }
        assert_eq!(server.accepted(), 1, "the connection is as good as before");
    }
}

/// What a server sends beyond its answer is no answer to the next request, also where all that was read at once is used up.
#[test]
fn an_answer_too_many() {
    let (caller, root) = (Caller::new(), Party::root());
    let chain = root.leaf(plain).shows(&[], &root);
    for total in [4095, 4096, 4097, 8192] {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: ";
        // Four digits, and the line ends.
        let length = total - head.len() - 4 - 4;
        let first = format!("{head}{length}\r\n\r\n{}", "x".repeat(length));
        assert_eq!(first.len(), total);
        let both = format!("{first}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        let server = Host::answering(vec![&*both.leak()].leak(), config(&chain, rustls::ALL_VERSIONS));
        let client = caller.library(&chain.trusted);
        let url = format!("https://localhost:{}/x", server.address().port());
        for _ in 0..3 {
            let answer = client.get(&url).api_version("1").resource(ARM_AUDIENCE).send().unwrap();
            assert_eq!(answer.bytes().len(), length, "{total}");
        }
        assert_eq!(server.accepted(), 3, "{total}");
    }
}

/// RFC 9112, section 9.3: a server need not take all of a request that it refuses.
#[test]
fn a_refusal_before_the_request_was_sent() {
    let (caller, root) = (Caller::new(), Party::root());
    let chain = root.leaf(plain).shows(&[], &root);
    let refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
    let server = Host::hasty(refusal, config(&chain, rustls::ALL_VERSIONS));
    let client = caller.library(&chain.trusted);
    let url = format!("https://localhost:{}/x", server.address().port());
    // More than the buffers of both sides hold.
    let put = client.put(&url).api_version("1").resource(ARM_AUDIENCE).body(vec![b'x'; 16 << 20]);
    let error = put.send().unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Rejected, Some(413)), "{error:?}");
    assert_eq!(server.accepted(), 1);
}

/// The next call needs a connection of its own.
const CLOSING: &[&str] = &["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{\"value\":[]}"];
