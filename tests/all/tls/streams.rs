//! What answers on a TLS port and is no handshake, or none that ends.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::Wanted::{self, Failed};
use super::authority::Party;
use super::host::Host;
use super::{Caller, Place, Server, TOKEN, each};

const NO_TLS: Wanted = Failed("what came back is not TLS: ");
const NOT_PROPER: Wanted = Failed("what came back is not proper TLS: ");
const AGAINST_RULES: Wanted = Failed("it does not keep to the protocol: ");

/// What is sent when the client has said something: these bytes once, and those until the client goes.
type Row = (&'static str, &'static str, Vec<u8>, Vec<u8>, Wanted);

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], body].concat()
}

fn alert(level: u8, description: u8) -> Vec<u8> {
    record(ALERT, &[level, description])
}

#[test]
fn that_are_not_tls() {
    let large = |length: u16, rest: usize| [&[HANDSHAKE, 3, 3], &length.to_be_bytes()[..], &vec![0; rest]].concat();
    let none = Vec::new;
    let caller = Caller::new();
    let rows: Vec<Row> = vec![
        ("http", "badssl http", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(), none(), NO_TLS),
        (
            "a page without an end",
            "a server in the clear",
            b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
            b"xxxxxxxxx\n".repeat(400),
            NO_TLS,
        ),
        ("ssh", "a server of another kind", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), none(), NO_TLS),
        ("HTTP/2", "RFC 9113, 6.5", b"\0\0\0\x04\0\0\0\0\0".to_vec(), none(), NO_TLS),
        ("garbage", "RFC 8446, 5.1", b"\xff\xfe\xfd\xfc\xfb\xfa".repeat(100), none(), NO_TLS),
        ("NULs without an end", "RFC 8446, 5.1", none(), vec![0; 4096], NO_TLS),
        ("SSL 2", "RFC 6176", b"\x80\x2e\x04\0\x01\0\x02".to_vec(), b"\0".repeat(50), NO_TLS),
        ("record beyond 2^14 + 256", "RFC 8446, 5.2", large(0xffff, 0xffff), none(), NOT_PROPER),
        ("record without content", "RFC 8446, 5.1", record(HANDSHAKE, b""), none(), NOT_PROPER),
        (
            "records without content, without an end",
            "RFC 8446, 5.1",
            none(),
            record(HANDSHAKE, b"").repeat(50),
            NOT_PROPER,
        ),
        (
            "a message of 16 MB",
            "RFC 8446, 4: rustls takes 64 KiB",
            record(HANDSHAKE, b"\x02\xff\xff\xff"),
            record(HANDSHAKE, &[0; 16384]),
            Failed("its part of the handshake is too large: "),
        ),
        ("a ServerHello that is none", "RFC 8446, 4.1.3", record(HANDSHAKE, b"\x02\0\0\x04abcd"), none(), NOT_PROPER),
        (
            "a certificate first",
            "SKIP-TLS, CVE-2014-6593",
            record(HANDSHAKE, b"\x0b\0\0\x03\0\0\0"),
            none(),
            AGAINST_RULES,
        ),
        ("data first", "RFC 8446, 5.1", record(DATA, b"HTTP/1.1 200 OK\r\n\r\n"), none(), AGAINST_RULES),
        (
            "CCS without an end",
            "RFC 8446, 5; OpenSSL, CVE-2014-0224",
            none(),
            record(CCS, b"\x01").repeat(50),
            AGAINST_RULES,
        ),
        (
            "warnings without an end",
            "RFC 8446, 6; OpenSSL, CVE-2016-8610",
            none(),
            alert(1, 90).repeat(50),
            AGAINST_RULES,
        ),
        ("fatal alert", "RFC 8446, 6.2", alert(2, 80), none(), Failed("received fatal alert: InternalError")),
        ("unrecognized_name", "RFC 6066, 3", alert(2, 112), none(), Failed("it does not serve this name: ")),
        ("TLS 1.1", "RFC 8996", hello([3, 2]), none(), Failed("it speaks neither TLS 1.2 nor TLS 1.3: ")),
        (
            "SSL 3",
            "RFC 7568; POODLE, CVE-2014-3566",
            hello([3, 0]),
            none(),
            Failed("it speaks neither TLS 1.2 nor TLS 1.3: "),
        ),
    ];
    each(rows, |(id, origin, once, forever, wanted)| {
        let server = Host::raw(move |client| {
            // The client's hello.
            client.read_exact(&mut [0; 5])?;
            client.write_all(&once)?;
            while !forever.is_empty() {
                client.write_all(&forever)?;
            }
            Ok(())
        });
        let id = format!("{id} ({origin})");
        caller.meets(&Place { id: &id, host: "localhost", server: &server }, &Party::root().pem(), wanted)
    });
}

/// A ServerHello of that version with a cipher of all versions, in which nothing else is wrong.
fn hello(version: [u8; 2]) -> Vec<u8> {
    let body = [&version[..], &[7; 32], &[0, 0, 0x2f, 0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    record(HANDSHAKE, &[&[2, 0, 0, length], &body[..]].concat())
}

/// A connection that breaks in the handshake says nothing for good: it is tried again until the deadline.
#[test]
fn that_end() {
    let caller = Caller::new();
    let whole = hello([3, 3]);
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("before anything", Vec::new()),
        ("in the first record's head", whole[..3].to_vec()),
        ("in the ServerHello", whole[..20].to_vec()),
        ("with a goodbye (RUSTSEC-2024-0336)", alert(1, 0)),
    ];
    each(rows, |(id, bytes)| {
        let server = Host::raw(move |client| {
            client.read_exact(&mut [0; 5])?;
            client.write_all(&bytes)
        });
        let place = Place { id, host: "localhost", server: &server };
        let words = format!("azmin: no TLS connection to {}: the connection broke", place.name());
        let run = caller.command(&place, &Party::root().pem(), &["--deadline", "10s"]);
        let text = server.text();
        let said = run.code == 7 && run.err.starts_with(&words);
        let right =
            said && run.out.is_empty() && server.accepted() > 1 && !text.contains(TOKEN) && !text.contains("GET /");
        (!right).then(|| format!("{id}: {} connections, {run:?}", server.accepted()))
    });
}

/// However little comes, and however slowly, the deadline holds.
#[test]
fn that_stall() {
    type Serve = fn(&mut super::host::Listening<'_>) -> io::Result<()>;
    let rows: Vec<(&str, Serve)> = vec![
        ("nothing", |client| io::copy(client, &mut io::sink()).map(|_| ())),
        ("half a ServerHello", |client| {
            client.write_all(&hello([3, 3])[..20])?;
            io::copy(client, &mut io::sink()).map(|_| ())
        }),
        ("a byte now and then", |client| {
            client.write_all(&[HANDSHAKE, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc])?;
            loop {
                client.write_all(&[0])?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }),
    ];
    let caller = Caller::new();
    each(rows, |(id, serve)| {
        let server = Host::raw(serve);
        let begun = Instant::now();
        let place = Place { id, host: "localhost", server: &server };
        let run = caller.command(&place, &Party::root().pem(), &["--deadline", "5s"]);
        let (text, took) = (server.text(), begun.elapsed());
        let right =
            run.code == 124 && took < Duration::from_secs(20) && server.accepted() == 1 && !text.contains(TOKEN);
        (!right).then(|| format!("{id}: {took:?}, {run:?}"))
    });
}

const CCS: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
