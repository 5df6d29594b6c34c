//! Hostile and odd answers on real sockets: one table for the identity endpoint in the clear, one for Resource Manager over
//! TLS. A row starts with the number of the case in the catalogue that it comes from.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use azmin::ErrorKind::{
    AccessDenied, BadAnswer, Conflict, IdentityRefused, NotFound, Rejected, Throttled, Unavailable,
};
use azmin::arm::{Answer, Client, Request};
use azmin::simulator::{Azure, Fault, Service};
use azmin::{AccessToken, Cloud, Credential, Error, ErrorKind, Identity};

use crate::relay::{Manner, Relay, arm_address};
use crate::support::{ARM_AUDIENCE, GROUP, received};

const TOKEN: &str = "c4n4ry-t0k3n.that_no~text/may+show==";
const J: &str = r#"{"access_token":"c4n4ry-t0k3n.that_no~text/may+show==","expires_in":"3599"}"#;

type Row<W> = (&'static str, Vec<u8>, W);

fn ok(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", headers, body)
}

fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body.as_ref());
    bytes
}

fn sized(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    answer(status, &format!("Content-Length: {}\r\n", body.as_ref().len()), body)
}

/// `J` in one chunk of that spelling.
fn chunk(size_line: &str, end: &str) -> Vec<u8> {
    ok("Transfer-Encoding: chunked\r\n", format!("{size_line}{J}{end}"))
}

fn chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    ok("Transfer-Encoding: chunked\r\n", body)
}

fn size() -> String {
    format!("{:x}", J.len())
}

fn length() -> String {
    format!("Content-Length: {}\r\n", J.len())
}

fn credential(azure: &Azure) -> Credential {
    let builder = Credential::builder().metadata_endpoint(&azure.imds()).identity(Identity::SystemAssigned);
    builder.deadline(Duration::from_secs(20)).build().unwrap()
}

fn token(azure: &Azure, fault: Fault) -> Result<AccessToken, Error> {
    azure.on(Service::Imds, fault);
    credential(azure).token(ARM_AUDIENCE)
}

/// One line, short, and no secret in it.
#[track_caller]
fn presentable(name: &str, error: &Error) {
    for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
        assert!(!text.contains("c4n4ry"), "{name}: {text}");
        assert!(text.len() < 10_000, "{name}: {} bytes", text.len());
        assert!(!text.contains(char::is_control), "{name}: {text:?}");
    }
}

/// Each row in an exchange of its own; `None` is a token.
fn identity_rows(rows: Vec<Row<Option<ErrorKind>>>) {
    let azure = Azure::start().unwrap();
    let mut wrong = Vec::new();
    let count = rows.len();
    for (name, bytes, wanted) in rows {
        let outcome = token(&azure, Fault::raw(bytes));
        if let Err(error) = &outcome {
            presentable(name, error);
        }
        let got = outcome.as_ref().err().map(Error::kind);
        if got != wanted || outcome.as_ref().is_ok_and(|token| token.secret() != TOKEN) {
            wrong.push(format!("{name}: {outcome:?}, not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(azure.requests().len(), count, "no row is asked for twice");
}

/// Rows that are asked for again: the answer stays as it is, and the last one is what the caller hears of.
fn identity_rows_that_may_pass(rows: Vec<Row<ErrorKind>>) {
    each_in_a_thread(rows, |(name, bytes, wanted)| {
        let azure = Azure::start().unwrap();
        azure.on(Service::Imds, Fault::raw(bytes.clone()).times(1000));
        let error = last_word(&azure.imds()).unwrap_err();
        presentable(name, &error);
        assert_eq!(error.kind(), wanted, "{name}: {error:?}");

        let azure = Azure::start().unwrap();
        azure.on(Service::Imds, Fault::raw(bytes));
        azure.on(Service::Imds, Fault::raw(ok(&length(), J)));
        let outcome = credential(&azure).token(ARM_AUDIENCE);
        assert!(outcome.as_ref().is_ok_and(|token| token.secret() == TOKEN), "{name}: {outcome:?}");
        assert_eq!(azure.requests().len(), 2, "{name}");
    });
}

/// What answers that stay as they are come to. A try that begins just before the deadline ends with it, which says nothing of
/// the answer: then all of it is done again.
fn last_word(endpoint: &str) -> Result<AccessToken, Error> {
    let call = || {
        let builder = Credential::builder().metadata_endpoint(endpoint).identity(Identity::SystemAssigned);
        builder.deadline(SOON).build().unwrap().token(ARM_AUDIENCE)
    };
    let no_verdict = |outcome: &Result<AccessToken, Error>| {
        outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::DeadlineExceeded)
    };
    (0..10).map(|_| call()).find(|outcome| !no_verdict(outcome)).unwrap_or_else(call)
}

/// Most of a row's time is a pause.
fn each_in_a_thread<T: Send>(rows: Vec<T>, check: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        let threads: Vec<_> = rows.into_iter().map(|row| scope.spawn(|| check(row))).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// Long enough for an answer, too short for many tries: the first pause is up to a second.
const SOON: Duration = Duration::from_millis(400);
const BAD: Option<ErrorKind> = Some(BadAnswer);

#[test]
fn identity_heads() {
    let n = length();
    let n = n.as_str();
    identity_rows(vec![
        ("F01 plain", ok(n, J), None),
        ("F02 lower case", ok(&n.to_ascii_lowercase(), J), None),
        ("F03 until the end of the stream", ok("", J), None),
        ("F04 HTTP/1.0", format!("HTTP/1.0 200 OK\r\n{n}\r\n{J}").into(), None),
        (
            "F05 HTTP/1.0 with chunks",
            format!("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n{J}\r\n0\r\n\r\n", size()).into(),
            BAD,
        ),
        ("F06 HTTP/1.2", format!("HTTP/1.2 200 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F07 HTTP/2", format!("HTTP/2 200 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F09 no reason", format!("HTTP/1.1 200 \r\n{n}\r\n{J}").into(), None),
        ("F10 no reason, no blank", format!("HTTP/1.1 200\r\n{n}\r\n{J}").into(), None),
        ("F11 two digits", format!("HTTP/1.1 20 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F12 four digits", format!("HTTP/1.1 2000 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F13 status 000", format!("HTTP/1.1 000 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F14 status 999", format!("HTTP/1.1 999 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F15 signed status", format!("HTTP/1.1 +200 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F16 Arabic digits", format!("HTTP/1.1 ٢٠٠ OK\r\n{n}\r\n{J}").into(), BAD),
        ("F17 a blank line first", format!("\r\nHTTP/1.1 200 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F18 a blank first", format!(" HTTP/1.1 200 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F19 lower case version", format!("http/1.1 200 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F20 ICY", format!("ICY 200 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F21 two blanks", format!("HTTP/1.1  200 OK\r\n{n}\r\n{J}").into(), BAD),
        ("F22 tab", format!("HTTP/1.1\t200\tOK\r\n{n}\r\n{J}").into(), BAD),
        ("F23 NUL in the reason", format!("HTTP/1.1 200 O\0K\r\n{n}\r\n{J}").into(), BAD),
        ("F24 a reason beyond ASCII", format!("HTTP/1.1 200 Bäh\r\n{n}\r\n{J}").into(), None),
        ("F25 reason of 1 MB", format!("HTTP/1.1 200 {}\r\n{n}\r\n{J}", "x".repeat(1 << 20)).into(), BAD),
        ("F26 LF alone", ok(n, J).into_iter().filter(|byte| *byte != b'\r').collect(), BAD),
        ("F27 LF alone after one header", ok(&format!("X: y\n{n}"), J), BAD),
        ("F28 CR alone", ok(&format!("X: y\r{n}"), J), BAD),
        ("F29 CR CR LF", ok(&format!("X: y\r\r\n{n}"), J), BAD),
        ("F30 folded line", ok(&format!("X: y\r\n z\r\n{n}"), J), BAD),
        ("F31 folded length", ok(&n.replace(": ", ":\r\n "), J), BAD),
        ("F32 fold first", ok(&format!(" X: y\r\n{n}"), J), BAD),
        ("F33 blank before the colon", ok(&n.replace(':', " :"), J), BAD),
        ("F34 no colon", ok(&n.replace(':', ""), J), BAD),
        ("F35 empty name", ok(&format!(": y\r\n{n}"), J), BAD),
        ("F36 NUL in a value", ok(&format!("X: \0\r\n{n}"), J), BAD),
        ("F37 control in a name", ok(&format!("X\u{1}: y\r\n{n}"), J), BAD),
        (
            "F38 bytes beyond ASCII in a value",
            [b"HTTP/1.1 200 OK\r\nX: \xe9\r\n", n.as_bytes(), b"\r\n", J.as_bytes()].concat(),
            None,
        ),
        ("F39 a thousand headers", ok(&("X: y\r\n".repeat(1000) + n), J), BAD),
        ("F40 a hundred headers", ok(&("X: y\r\n".repeat(100) + n), J), None),
        ("F41 a header of 20 KB", ok(&format!("X: {}\r\n{n}", "y".repeat(20_000)), J), None),
        ("F42 a header of 70 KB", ok(&format!("X: {}\r\n{n}", "y".repeat(70_000)), J), BAD),
        ("F43 a header of 400 KB", ok(&format!("X: {}\r\n{n}", "y".repeat(400_000)), J), BAD),
        ("N14 a head without an end", ok(&"X: y\r\n".repeat(1 << 19), ""), BAD),
        ("N14 a header line without an end", ok(&format!("X: {}", "y".repeat(4 << 20)), ""), BAD),
    ]);
}

#[test]
fn identity_lengths_and_codings() {
    let n = length();
    let digits = J.len().to_string();
    let with = |value: &str| ok(&format!("Content-Length: {value}\r\n"), J);
    let coded = |value: &str| ok(&format!("Transfer-Encoding: {value}\r\n"), format!("{}\r\n{J}\r\n0\r\n\r\n", size()));
    identity_rows(vec![
        ("F44 the same length twice", ok(&n.repeat(2), J), None),
        ("F45 two lengths", ok(&format!("{n}Content-Length: 3\r\n"), J), BAD),
        ("F45 two lengths, the longer last", ok(&format!("Content-Length: 3\r\n{n}"), J), BAD),
        ("F46 the same length twice in a list", with(&format!("{digits}, {digits}")), None),
        ("F47 two lengths in a list", with(&format!("{digits}, 3")), BAD),
        ("F48 +", with(&format!("+{digits}")), BAD),
        ("F49 -", with(&format!("-{digits}")), BAD),
        ("F50 hexadecimal", with(&format!("0x{}", size())), BAD),
        ("F51 underscore", with("7_5"), BAD),
        ("F52 empty", with(""), BAD),
        ("F53 junk", with(&format!("{digits} bytes")), BAD),
        ("F54 2^64 and more", with("18446744073709551691"), BAD),
        ("F55 100 GB", with("100000000000"), BAD),
        ("F56 leading zeros", with(&format!("000{digits}")), None),
        ("F57 blank inside", with("7 5"), BAD),
        ("F58 vertical tab", with(&format!("\u{b}{digits}")), BAD),
        ("F60 bytes after the body", ok(&n, format!("{J}junk")), None),
        ("F61 length 0", with("0"), BAD),
        ("F62 length and chunks", ok(&format!("{n}Transfer-Encoding: chunked\r\n"), J), BAD),
        ("F62 chunks and length", ok(&format!("Transfer-Encoding: chunked\r\n{n}"), chunk("", "")), BAD),
        ("F63 gzip, chunked", coded("gzip, chunked"), BAD),
        ("F64 chunked, gzip", coded("chunked, gzip"), BAD),
        ("F65 chunked, chunked", coded("chunked, chunked"), BAD),
        ("F66 chunked in two headers", coded("chunked\r\nTransfer-Encoding: chunked"), BAD),
        ("F67 identity", ok("Transfer-Encoding: identity\r\n", J), BAD),
        ("F68 xchunked", coded("xchunked"), BAD),
        ("F69 chunkedX", coded("chunkedX"), BAD),
        ("F70 CHUNKED", coded("CHUNKED"), None),
        ("F71 quoted", coded("\"chunked\""), BAD),
        ("F72 vertical tab", coded("\u{b}chunked"), BAD),
        ("F73 empty", coded(""), BAD),
        ("F74 parameters", coded("chunked;a=b"), BAD),
        ("S08 a coding that was not asked for", ok(&format!("Content-Encoding: gzip\r\n{n}"), J), BAD),
        ("S08 identity", ok(&format!("Content-Encoding: identity\r\n{n}"), J), None),
    ]);
}

#[test]
fn identity_chunks() {
    let n = size();
    let n = n.as_str();
    let end = "\r\n0\r\n\r\n";
    let bytewise: String = J.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    identity_rows(vec![
        ("K01 one", chunk(&format!("{n}\r\n"), end), None),
        ("K02 a byte each", chunked(bytewise + "0\r\n\r\n"), None),
        ("K03 sixteen digits with leading zeros", chunk(&format!("{n:0>16}\r\n"), end), None),
        ("K03 seventeen digits with leading zeros", chunk(&format!("{n:0>17}\r\n"), end), BAD),
        ("K04 all of 64 bits", chunk("ffffffffffffffff\r\n", end), BAD),
        ("K05 2^64 and the size", chunk(&format!("1{n:0>16}\r\n"), end), BAD),
        ("K06 0x", chunk(&format!("0x{n}\r\n"), end), BAD),
        ("K07 +", chunk(&format!("+{n}\r\n"), end), BAD),
        ("K08 -", chunk(&format!("-{n}\r\n"), end), BAD),
        ("K09 blank before", chunk(&format!(" {n}\r\n"), end), BAD),
        ("K10 blank after", chunk(&format!("{n} \r\n"), end), BAD),
        ("K11 underscore", chunk(&format!("0_{n}\r\n"), end), BAD),
        ("K12 extension", chunk(&format!("{n};a=b;c=\"d\"\r\n"), end), None),
        ("K13 quoted CR LF in an extension", chunk(&format!("{n};a=\"\r\n\"\r\n"), end), BAD),
        ("K14 LF in an extension", chunk(&format!("{n};a\nb\r\n"), end), BAD),
        ("K15 extension of 64 KB", chunk(&format!("{n};{}\r\n", "x".repeat(65_536)), end), BAD),
        ("K16 LF after the size", chunk(&format!("{n}\n"), end), BAD),
        ("K17 LF after the data", chunk(&format!("{n}\r\n"), "\n0\r\n\r\n"), BAD),
        ("K18 CR after the size", chunk(&format!("{n}\r"), end), BAD),
        ("K20 data too long", chunk("5\r\n", end), BAD),
        ("K21 other bytes after the data", chunk(&format!("{n}\r\n"), "xx0\r\n\r\n"), BAD),
        ("K24 trailer", chunk(&format!("{n}\r\n"), "\r\n0\r\nX: y\r\n\r\n"), None),
        ("K25 a length as trailer", chunk(&format!("{n}\r\n"), "\r\n0\r\nContent-Length: 3\r\n\r\n"), None),
        ("K26 junk as trailer", chunk(&format!("{n}\r\n"), "\r\n0\r\njunk\r\n\r\n"), BAD),
        (
            "K27 trailers of 1 MB",
            chunk(&format!("{n}\r\n"), &format!("\r\n0\r\n{}\r\n", "X: y\r\n".repeat(1 << 18))),
            BAD,
        ),
        ("K28 empty size", chunk("\r\n", end), BAD),
        ("K29 semicolon alone", chunk(";\r\n", end), BAD),
        ("K30 padded last chunk", chunk(&format!("{n}\r\n"), "\r\n000\r\n\r\n"), None),
        ("K31 a million chunks", chunked("1\r\nx\r\n".repeat(1_000_000) + "0\r\n\r\n"), BAD),
        ("K32 fullwidth digit", chunk("４b\r\n", end), BAD),
        ("K33 no-break blank", chunk(&format!("\u{a0}{n}\r\n"), end), BAD),
        ("N14 chunks without an end", chunked(format!("40000\r\n{}\r\n", "x".repeat(0x40000)).repeat(8)), BAD),
        ("N14 a body without an end", ok("", "x".repeat(2 << 20)), BAD),
    ]);
}

#[test]
fn identity_interim_and_other_statuses() {
    let n = length();
    let n = n.as_str();
    let after = |interim: String| [interim.into_bytes(), ok(n, J)].concat();
    identity_rows(vec![
        ("I01 100, then 200", after("HTTP/1.1 100 Continue\r\n\r\n".to_owned()), None),
        ("I02 100 with headers", after("HTTP/1.1 100 Continue\r\nX: y\r\nServer: z\r\n\r\n".to_owned()), None),
        ("I03 103", after("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n".to_owned()), None),
        ("I04 eight interim answers", after("HTTP/1.1 102 Processing\r\n\r\n".repeat(8)), None),
        ("I04 fifty interim answers", after("HTTP/1.1 102 Processing\r\n\r\n".repeat(50)), BAD),
        ("I05 100 with a body", after("HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nab".to_owned()), BAD),
        ("I06 101", after("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_owned()), BAD),
        ("I07 199", after("HTTP/1.1 199 Odd\r\n\r\n".to_owned()), None),
        ("S01 204 with a length", answer("204 No Content", n, J), BAD),
        ("S02 204 with chunks", answer("204 No Content", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), BAD),
        ("S03 304", answer("304 Not Modified", n, ""), BAD),
        ("S04 205 with a token", answer("205 Reset Content", n, J), BAD),
        ("S05 302", answer("302 Found", &format!("Location: http://127.0.0.1:1/\r\n{n}"), J), BAD),
        ("S07 300", answer("300 Multiple Choices", n, J), BAD),
        ("S11 a head alone", ok("", ""), BAD),
        ("S12 a TLS alert", b"\x15\x03\x01\x00\x02\x02\x0a".to_vec(), BAD),
        ("S13 ssh", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), BAD),
        ("S15 two answers", [ok(n, J), ok("Content-Length: 2\r\n", "{}")].concat(), None),
        ("S16 keep-alive and junk", ok(&format!("Connection: keep-alive\r\nKeep-Alive: junk\r\n{n}"), J), None),
        (
            "J39 400",
            sized("400 Bad Request", r#"{"error":"invalid_request","error_description":"Identity not found"}"#),
            Some(IdentityRefused),
        ),
        ("J41 403 of a guest proxy agent", sized("403 Forbidden", ""), Some(IdentityRefused)),
        ("J42 405", sized("405 Method Not Allowed", ""), Some(IdentityRefused)),
        ("J42 421", sized("421 Misdirected Request", ""), Some(IdentityRefused)),
        ("J43 202 with a token", sized("202 Accepted", J), BAD),
        ("J44 307", answer("307 Temporary Redirect", &format!("Location: //127.0.0.1:1\r\n{n}"), J), BAD),
    ]);
}

#[test]
fn identity_answers_that_may_pass() {
    let n = size();
    let n = n.as_str();
    let end = "\r\n0\r\n\r\n";
    identity_rows_that_may_pass(vec![
        ("F08 HTTP/0.9", J.into(), BadAnswer),
        ("K19 data too short", chunk("ff\r\n", end), BadAnswer),
        ("K22 no last chunk", chunk(&format!("{n}\r\n"), "\r\n"), BadAnswer),
        ("K23 no blank line at the end", chunk(&format!("{n}\r\n"), "\r\n0\r\n"), BadAnswer),
        ("F59 body too short", ok("Content-Length: 9999\r\n", J), BadAnswer),
        ("S06 302 in pieces", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n".into(), BadAnswer),
        ("S09 end in the head", "HTTP/1.1 200 OK\r\nContent-Le".into(), BadAnswer),
        ("S10 nothing", Vec::new(), ErrorKind::Connection),
        ("S14 HTTP/2 settings", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec(), BadAnswer),
        ("J40 404", sized("404 Not Found", ""), IdentityRefused),
        ("J40 408", sized("408 Request Timeout", ""), Unavailable),
        ("J40 410", sized("410 Gone", ""), Unavailable),
        ("J40 429", sized("429 Too Many Requests", ""), Throttled),
        ("J40 500", sized("500 Internal Server Error", "<html>c4n4r\u{1b}[31m</html>"), Unavailable),
        ("J40 503", sized("503 Service Unavailable", ""), Unavailable),
        ("J40 599", sized("599 Odd", ""), Unavailable),
    ]);
}

#[test]
fn identity_bodies() {
    let row = |name, body: &str, wanted| (name, sized("200 OK", body), wanted);
    let t = |rest: &str| format!("{{\"access_token\":\"{TOKEN}\"{rest}}}");
    let secret = |secret: &str| format!("{{\"access_token\":{secret},\"expires_in\":\"3599\"}}");
    let lifetime = |value: &str| t(&format!(",\"expires_in\":{value}"));
    let beside = |members: &str| t(&format!(",\"expires_in\":\"3599\",{members}"));
    let limit = 1 << 20;
    let refused = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    identity_rows(vec![
        row("J01 strings", &beside(r#""expires_on":"4102444800","token_type":"Bearer","resource":"x""#), None),
        row("J02 integers", &lifetime("3599"), None),
        row("J03 expires_on as an integer", &t(r#","expires_on":4102444800"#), None),
        row("J04 a date beside expires_in", &beside(r#""expires_on":"06/19/2019 23:42:01 +00:00""#), None),
        row("J04 a date alone", &t(r#","expires_on":"06/19/2019 23:42:01 +00:00""#), BAD),
        row("J05 a date of Windows beside expires_in", &beside(r#""expires_on":"1/16/2020 5:24:12 AM +00:00""#), None),
        row("J06 an empty not_before", &beside(r#""not_before":"""#), None),
        row("J07 expires_in alone", J, None),
        row("J08 expires_on alone", &t(r#","expires_on":"4102444800""#), None),
        row("J09 neither", &t(""), BAD),
        row("J10 both, which disagree", &beside(r#""expires_on":"4102444800""#), None),
        row("J11 expires_on in the past", &beside(r#""expires_on":"1000000000""#), None),
        row("J11 expires_on in the past alone", &t(r#","expires_on":"1000000000""#), BAD),
        row("J12 0", &lifetime("\"0\""), BAD),
        row("J12 negative", &lifetime("-1"), BAD),
        row("J12 negative in quotes", &lifetime("\"-1\""), BAD),
        row("J13 beyond 64 bits", &lifetime("\"99999999999999999999\""), BAD),
        row("J13 a number beyond 64 bits", &lifetime("99999999999999999999"), BAD),
        row("J13 the largest that is read", &lifetime("\"9999999999999999999\""), None),
        row("J14 1e3", &lifetime("1e3"), BAD),
        row("J14 3599.0", &lifetime("3599.0"), BAD),
        row("J15 blank", &lifetime("\" 3599\""), BAD),
        row("J15 sign", &lifetime("\"+3599\""), BAD),
        row("J15 underscore", &lifetime("\"3_599\""), BAD),
        row("J15 Arabic digit", &lifetime("\"٣\""), BAD),
        row("J16 no access_token", r#"{"expires_in":"3599"}"#, BAD),
        row("J17 null", &secret("null"), BAD),
        row("J17 number", &secret("42"), BAD),
        row("J17 object", &secret("{}"), BAD),
        row("J17 empty", &secret("\"\""), BAD),
        row("J17 blanks", &secret("\"   \""), BAD),
        row("J18 CR LF", &secret(r#""c4n4ry\r\nX: y""#), BAD),
        row("J18 NUL", &secret(r#""c4n4ry\u0000""#), BAD),
        row("J18 blank", &secret("\"c4n4ry c4n4ry\""), BAD),
        row("J18 beyond ASCII", &secret("\"c4n4ryé\""), BAD),
        row("J18 quote", &secret(r#""c4n4ry\"""#), BAD),
        row("J19 64 KiB", &secret(&format!("\"{}\"", "a".repeat(64 << 10))), BAD),
        row("J19 300 KiB", &secret(&format!("\"{}\"", "a".repeat(300 << 10))), BAD),
        row("J21 an escape in the name", &J.replace("s_t", r"s\u005ft"), None),
        row("J22 another case", &J.replace("access", "Access"), BAD),
        row("J23 bearer", &beside(r#""token_type":"bearer""#), None),
        row("J24 PoP", &beside(r#""token_type":"PoP""#), BAD),
        row("J24 mtls_pop", &beside(r#""token_type":"mtls_pop""#), BAD),
        row("J25 another resource", &beside(r#""resource":"https://management.azure.com""#), None),
        row("J28 a byte order mark", &format!("\u{feff}{J}"), None),
        row("J28 two byte order marks", &format!("\u{feff}\u{feff}{J}"), BAD),
        ("J29 UTF-16", sized("200 OK", J.bytes().flat_map(|byte| [byte, 0]).collect::<Vec<u8>>()), BAD),
        ("J29 not UTF-8", sized("200 OK", [&J.as_bytes()[..J.len() - 1], b",\"x\":\"\xff\"}"].concat()), BAD),
        row("J30 something after it", &format!("{J}x"), BAD),
        row("J30 NUL after it", &format!("{J}\0"), BAD),
        row("J30 a second document", &format!("{J}{J}"), BAD),
        row("J31 half of it", &J[..J.len() / 2], BAD),
        row(
            "J32 300,000 levels in an unknown field",
            &beside(&format!("\"x\":{}{}", "[".repeat(300_000), "]".repeat(300_000))),
            None,
        ),
        row("J33 1e400 in an unknown field", &beside("\"x\":1e400"), BAD),
        row("J33 a lone surrogate in an unknown field", &beside(r#""x":"\ud800""#), BAD),
        row("J34 blanks up to the limit", &(" ".repeat(limit - J.len()) + J), None),
        row("J34 one more", &(" ".repeat(limit + 1 - J.len()) + J), BAD),
        row("J35 a sign-in page", "<html><body>c4n4ry \u{1b}[2J sign in</body></html>", BAD),
        row("J36 empty", "", BAD),
        row("J37 []", "[]", BAD),
        row("J37 a string", "\"c4n4ry\"", BAD),
        row("J37 null", "null", BAD),
        row("J37 true", "true", BAD),
        row("J37 42", "42", BAD),
        row("J38 an error with status 200", refused, Some(IdentityRefused)),
        row(
            "J38 an error of ARM's form with status 200",
            r#"{"error":{"code":"X","message":"m"}}"#,
            Some(IdentityRefused),
        ),
        row("J17 a token beside a broken lifetime", &lifetime("{}"), BAD),
    ]);
}

#[test]
fn of_two_tokens_the_last_counts() {
    let azure = Azure::start().unwrap();
    let body = r#"{"access_token":"first","expires_in":"60","access_token":"last"}"#;
    assert_eq!(token(&azure, Fault::raw(sized("200 OK", body))).unwrap().secret(), "last", "J20");
}

#[test]
fn a_token_may_have_32_kib() {
    let azure = Azure::start().unwrap();
    for (length, good) in [(32 << 10, true), ((32 << 10) + 1, false)] {
        let body = format!(r#"{{"access_token":"{}","expires_in":"60"}}"#, "a".repeat(length));
        let outcome = token(&azure, Fault::raw(sized("200 OK", body)));
        assert_eq!(outcome.map(|token| token.secret().len()).ok(), good.then_some(length), "J19");
    }
}

#[test]
fn another_identitys_token_is_refused() {
    let azure = Azure::start().unwrap();
    let client = "8a9b0c1d-2e3f-4a5b-8c7d-9e0f1a2b3c4d";
    for (name, echo, good) in [
        ("J26 the same", format!(",\"client_id\":\"{client}\""), true),
        ("J26 in upper case", format!(",\"client_id\":\"{}\"", client.to_uppercase()), true),
        ("J26 another", r#","client_id":"00000000-2e3f-4a5b-8c7d-9e0f1a2b3c4d""#.to_owned(), false),
        ("J26 a part of it", format!(",\"client_id\":\"{}\"", &client[..8]), false),
        ("J27 no echo from IMDS", String::new(), true),
    ] {
        let body = J.replace('}', &format!("{echo}}}"));
        azure.on(Service::Imds, Fault::raw(sized("200 OK", body)));
        let builder = Credential::builder().metadata_endpoint(&azure.imds());
        let outcome = builder.identity(Identity::ClientId(client.to_owned())).build().unwrap().token(ARM_AUDIENCE);
        let kind = outcome.as_ref().err().map(Error::kind);
        assert_eq!(kind, (!good).then_some(IdentityRefused), "{name}: {outcome:?}");
    }
}

#[test]
fn no_cut_answer_passes_for_a_token() {
    for (name, bytes) in [("J31 length", ok(&length(), J)), ("J31 until the end of the stream", ok("", J))] {
        let ends: Vec<usize> = (0..bytes.len()).collect();
        each_in_a_thread(ends.chunks(8).collect(), |ends| {
            for &end in ends {
                let azure = Azure::start().unwrap();
                azure.on(Service::Imds, Fault::raw(&bytes[..end]).times(1000));
                let outcome = last_word(&azure.imds());
                let wanted = if end == 0 { Some(ErrorKind::Connection) } else { BAD };
                assert_eq!(outcome.as_ref().err().map(Error::kind), wanted, "{name}, {end} bytes: {outcome:?}");
            }
        });
        assert!(token(&Azure::start().unwrap(), Fault::raw(bytes)).is_ok());
    }
}

/// Closing a socket with unread bytes in it resets the connection.
#[test]
fn a_reset_is_no_end_of_a_body() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let server = thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let mut served = 0;
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                if over.load(Ordering::SeqCst) {
                    return served;
                }
                served += 1;
                stream.peek(&mut [0]).unwrap();
                stream.write_all(&ok("", J)).unwrap();
            }
        }
    });
    let outcome = last_word(&endpoint);
    over.store(true, Ordering::SeqCst);
    drop(TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap());
    assert!(server.join().unwrap() > 0);
    assert_eq!(outcome.as_ref().err().map(Error::kind), Some(ErrorKind::Connection), "N10: {outcome:?}");
}

/// RFC 9112 allows an answer before the request has been read whole.
#[test]
fn an_answer_may_come_before_the_request() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&ok(&length(), J)).unwrap();
        let mut request = Vec::new();
        let _ = stream.read_to_end(&mut request);
        request.ends_with(b"\r\n\r\n")
    });
    let outcome = Credential::builder().metadata_endpoint(&endpoint).build().unwrap().token(ARM_AUDIENCE);
    assert_eq!(outcome.unwrap().secret(), TOKEN, "N12");
    assert!(server.join().unwrap());
}

/// What an answer of Resource Manager over TLS comes to: status and body, or kind, status, code and message.
type Verdict = Result<(u16, &'static str), (ErrorKind, Option<u16>, Option<&'static str>, Option<&'static str>)>;

const B: &str = r#"{"id":"/x","name":"a body from Resource Manager"}"#;
const GOOD: Verdict = Ok((200, B));
const BROKEN: Verdict = Err((BadAnswer, None, None, None));

fn arm(azure: &Azure, credential: &Credential, endpoint: &str) -> Client {
    let builder = Client::builder(credential.clone()).cloud(Cloud::named(endpoint).unwrap());
    builder.ca_pem(azure.ca_pem().as_bytes()).deadline(Duration::from_secs(20)).build()
}

/// A POST without a token is sent once, whatever comes back but 429: these tests are about what is read from one answer.
fn post(client: &Client) -> Request {
    client.post(GROUP).api_version("2016-06-01").no_token()
}

fn arm_rows(rows: Vec<Row<Verdict>>) {
    let azure = Azure::start().unwrap();
    let credential = credential(&azure);
    let count = rows.len();
    let mut wrong = Vec::new();
    for (name, bytes, wanted) in rows {
        azure.on(Service::Arm, Fault::raw(bytes));
        let begun = Instant::now();
        let outcome = post(&arm(&azure, &credential, &azure.arm())).send();
        if let Err(error) = &outcome {
            presentable(name, error);
        }
        if !agrees(&outcome, &wanted) {
            wrong.push(format!("{name}: {:?}, not {wanted:?}", outcome.map(|answer| (answer.status(), answer.text()))));
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{name}: {:?}", begun.elapsed());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(received(&azure, Service::Arm).len(), count, "no row is asked for twice");
}

fn agrees(outcome: &Result<Answer, Error>, wanted: &Verdict) -> bool {
    match (outcome, wanted) {
        (Ok(answer), Ok((status, body))) => answer.status() == *status && answer.bytes() == body.as_bytes(),
        (Err(error), Err((kind, status, code, message))) => {
            error.kind() == *kind
                && (status.is_none() || error.status() == *status)
                && error.code() == *code
                && (message.is_none() || error.message() == *message)
        }
        _ => false,
    }
}

#[test]
fn arm_framing() {
    let n = format!("Content-Length: {}\r\n", B.len());
    let n = n.as_str();
    let size = format!("{:x}", B.len());
    let chunks = format!("{size}\r\n{B}\r\n0\r\n\r\n");
    let coded = |value: &str| ok(&format!("Transfer-Encoding: {value}\r\n"), &chunks);
    let with = |value: &str| ok(&format!("Content-Length: {value}\r\n"), B);
    let chunk = |size_line: &str, end: &str| chunked(format!("{size_line}{B}{end}"));
    let after = |interim: &str| [interim.as_bytes(), &ok(n, B)].concat();
    arm_rows(vec![
        ("F01 plain", ok(n, B), GOOD),
        ("F03 until the announced end of the stream", ok("", B), GOOD),
        ("F04 HTTP/1.0", format!("HTTP/1.0 200 OK\r\n{n}\r\n{B}").into(), GOOD),
        (
            "F05 HTTP/1.0 with chunks",
            format!("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}").into(),
            BROKEN,
        ),
        ("F06 HTTP/1.2", format!("HTTP/1.2 200 OK\r\n{n}\r\n{B}").into(), BROKEN),
        ("F08 HTTP/0.9", B.into(), BROKEN),
        ("F23 NUL in the reason", format!("HTTP/1.1 200 O\0K\r\n{n}\r\n{B}").into(), BROKEN),
        ("F30 folded line", ok(&format!("X: y\r\n z\r\n{n}"), B), BROKEN),
        ("F33 blank before the colon", ok(&n.replace(':', " :"), B), BROKEN),
        ("F36 NUL in a value", ok(&format!("X: \0\r\n{n}"), B), BROKEN),
        ("F39 a thousand headers", ok(&("X: y\r\n".repeat(1000) + n), B), BROKEN),
        ("F40 a hundred headers", ok(&("X: y\r\n".repeat(100) + n), B), GOOD),
        ("F41 a header of 20 KB", ok(&format!("X: {}\r\n{n}", "y".repeat(20_000)), B), GOOD),
        ("F42 a header of 70 KB", ok(&format!("X: {}\r\n{n}", "y".repeat(70_000)), B), BROKEN),
        ("F43 a header of 400 KB", ok(&format!("X: {}\r\n{n}", "y".repeat(400_000)), B), BROKEN),
        ("N14 a head without an end", ok(&"X: y\r\n".repeat(1 << 19), ""), BROKEN),
        ("F45 two lengths", ok(&format!("{n}Content-Length: 3\r\n"), B), BROKEN),
        ("F45 two lengths, the longer last", ok(&format!("Content-Length: 3\r\n{n}"), B), BROKEN),
        ("F47 two lengths in a list", with("48, 3"), BROKEN),
        ("F48 +", with(&format!("+{}", B.len())), BROKEN),
        ("F49 -", with("-5"), BROKEN),
        ("F52 empty length", with(""), BROKEN),
        ("F54 2^64 and more", with("18446744073709551664"), BROKEN),
        ("F59 body too short", ok("Content-Length: 9999\r\n", B), BROKEN),
        ("F62 length and chunks", ok(&format!("{n}Transfer-Encoding: chunked\r\n"), &chunks), BROKEN),
        ("F63 gzip, chunked", coded("gzip, chunked"), BROKEN),
        ("F64 chunked, gzip", coded("chunked, gzip"), BROKEN),
        ("F65 chunked, chunked", coded("chunked, chunked"), BROKEN),
        ("F66 chunked in two headers", coded("chunked\r\nTransfer-Encoding: chunked"), BROKEN),
        ("F67 identity", ok("Transfer-Encoding: identity\r\n", B), BROKEN),
        ("F68 xchunked", coded("xchunked"), BROKEN),
        ("F70 CHUNKED", coded("CHUNKED"), GOOD),
        ("F73 empty", coded(""), BROKEN),
        ("K01 one", coded("chunked"), GOOD),
        ("K05 2^64 and the size", chunk(&format!("1{size:0>16}\r\n"), "\r\n0\r\n\r\n"), BROKEN),
        ("K06 0x", chunk(&format!("0x{size}\r\n"), "\r\n0\r\n\r\n"), BROKEN),
        ("K12 extension", chunk(&format!("{size};a=b\r\n"), "\r\n0\r\n\r\n"), GOOD),
        ("K21 other bytes after the data", chunk(&format!("{size}\r\n"), "xx0\r\n\r\n"), BROKEN),
        ("K22 no last chunk", chunk(&format!("{size}\r\n"), "\r\n"), BROKEN),
        ("K24 trailer", chunk(&format!("{size}\r\n"), "\r\n0\r\nX: y\r\n\r\n"), GOOD),
        ("K28 empty size", chunk("\r\n", "\r\n0\r\n\r\n"), BROKEN),
        ("I01 100, then 200", after("HTTP/1.1 100 Continue\r\n\r\n"), GOOD),
        ("I03 103", after("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"), GOOD),
        ("I06 101", after("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), BROKEN),
        ("S08 a coding that was not asked for", ok(&format!("Content-Encoding: gzip\r\n{n}"), B), BROKEN),
        ("S09 end in the head", "HTTP/1.1 200 OK\r\nContent-Le".into(), BROKEN),
        ("S10 nothing", Vec::new(), BROKEN),
        ("S13 ssh", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), BROKEN),
        ("S14 HTTP/2 settings", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec(), BROKEN),
        ("S15 two answers", [ok(n, B), ok("Content-Length: 2\r\n", "{}")].concat(), GOOD),
        ("E30 204", answer("204 No Content", "", ""), Ok((204, ""))),
        ("E31 304", answer("304 Not Modified", "", ""), Err((BadAnswer, Some(304), None, None))),
        (
            "E33 302",
            answer("302 Found", "Location: https://localhost:1/?sig=c4n4ry\r\nContent-Length: 0\r\n", ""),
            Err((BadAnswer, Some(302), None, None)),
        ),
        (
            "E33 308 without a place",
            answer("308 Permanent Redirect", "Content-Length: 0\r\n", ""),
            Err((BadAnswer, Some(308), None, None)),
        ),
    ]);
}

/// The rules that ureq itself does not have: our own parser reads the same bytes beside it.
#[test]
fn arm_framing_that_ureq_would_take() {
    let n = format!("Content-Length: {}\r\n", B.len());
    let n = n.as_str();
    let size = format!("{:x}", B.len());
    let end = "\r\n0\r\n\r\n";
    let chunk = |size_line: &str, end: &str| chunked(format!("{size_line}{B}{end}"));
    let after = |interim: &str| [interim.as_bytes(), &ok(n, B)].concat();
    let bytewise: String = B.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    arm_rows(vec![
        ("F14 status 999", format!("HTTP/1.1 999 OK\r\n{n}\r\n{B}").into(), BROKEN),
        ("F26 LF alone", ok(n, B).into_iter().filter(|byte| *byte != b'\r').collect(), BROKEN),
        ("F27 LF alone after one header", ok(&format!("X: y\n{n}"), B), BROKEN),
        ("K02 a byte each", chunked(bytewise + "0\r\n\r\n"), GOOD),
        ("K07 +", chunk(&format!("+{size}\r\n"), end), BROKEN),
        ("K09 blank before", chunk(&format!(" {size}\r\n"), end), BROKEN),
        ("K10 blank after", chunk(&format!("{size} \r\n"), end), BROKEN),
        ("K14 LF in an extension", chunk(&format!("{size};a\nb\r\n"), end), BROKEN),
        ("K15 extension of 64 KB", chunk(&format!("{size};{}\r\n", "x".repeat(65_536)), end), BROKEN),
        ("K16 LF after the size", chunk(&format!("{size}\n"), end), BROKEN),
        ("K23 no blank line at the end", chunk(&format!("{size}\r\n"), "\r\n0\r\n"), BROKEN),
        ("K26 junk as trailer", chunk(&format!("{size}\r\n"), "\r\n0\r\njunk\r\n\r\n"), BROKEN),
        (
            "K27 trailers of 1 MB",
            chunk(&format!("{size}\r\n"), &format!("\r\n0\r\n{}\r\n", "X: y\r\n".repeat(1 << 18))),
            BROKEN,
        ),
        ("K30 padded last chunk", chunk(&format!("{size}\r\n"), "\r\n000\r\n\r\n"), GOOD),
        ("K33 no-break blank", chunk(&format!("\u{a0}{size}\r\n"), end), BROKEN),
        ("I02 100 with headers", after("HTTP/1.1 100 Continue\r\nX: y\r\nServer: z\r\n\r\n"), GOOD),
        ("I04 eight interim answers", after(&"HTTP/1.1 102 Processing\r\n\r\n".repeat(8)), GOOD),
        ("I04 fifty interim answers", after(&"HTTP/1.1 102 Processing\r\n\r\n".repeat(50)), BROKEN),
        ("I05 100 with a body", after("HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nab"), BROKEN),
    ]);
}

#[test]
fn arm_error_bodies() {
    let row = |name, body: &str, kind, status, code, message| {
        (name, sized(&format!("{status} x"), body), Err((kind, Some(status), code, message)))
    };
    let headed = |name, header: &str, body: &str, code, message| {
        let headers = format!("{header}\r\nContent-Length: {}\r\n", body.len());
        (name, answer("400 x", &headers, body), Err((Rejected, Some(400), code, message)))
    };
    let (x, m) = (Some("X"), Some("m"));
    let deep = r#"{"error":{"code":"X","message":"m","details":["#.to_owned()
        + &r#"{"details":["#.repeat(30_000)
        + &"]}".repeat(30_001)
        + "}";
    arm_rows(vec![
        row("E01 ARM", r#"{"error":{"code":"X","message":"m"}}"#, Rejected, 400, x, m),
        row("E02 at the root", r#"{"code":"X","message":"m"}"#, Rejected, 400, x, m),
        row("E03 OData 3", r#"{"odata.error":{"code":"X","message":{"lang":"en","value":"m"}}}"#, Rejected, 400, x, m),
        headed("E04 code in a header", "x-ms-error-code: X", r#"{"error":{"code":"Y","message":"m"}}"#, x, m),
        headed("E04 code in a header alone", "x-ms-error-code: X", "", x, None),
        row("E05 ASP.NET", r#"{"Message":"m"}"#, Rejected, 405, None, m),
        row(
            "E06 Entra",
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: no","error_codes":[7000215]}"#,
            AccessDenied,
            401,
            Some("invalid_client"),
            Some("AADSTS7000215: no"),
        ),
        row("E07 null", r#"{"error":null}"#, Rejected, 400, None, Some(r#"{"error":null}"#)),
        row("E07 []", r#"{"error":[]}"#, Rejected, 400, None, Some(r#"{"error":[]}"#)),
        row("E07 {}", r#"{"error":{}}"#, Rejected, 400, None, Some(r#"{"error":{}}"#)),
        row("E07 42", r#"{"error":42}"#, Rejected, 400, Some("42"), None),
        row("E08 code as a number", r#"{"error":{"code":404,"message":"m"}}"#, NotFound, 404, Some("404"), m),
        row("E09 XML", "<?xml version=\"1.0\"?><Error><Code>X</Code><Message>m</Message></Error>", Conflict, 409, x, m),
        row("E10 HTML", "<html>bad gateway</html>", Unavailable, 502, None, Some("<html>bad gateway</html>")),
        row("E11 empty", "", Unavailable, 503, None, None),
        row("E11 empty 404", "", NotFound, 404, None, None),
        row(
            "E12 details, innererror, additionalInfo",
            r#"{"error":{"code":"X","message":"m","details":[{"code":"a","details":[{"code":"b","details":[]}]}],"innererror":{"a":[1]},"additionalInfo":[{"type":"t","info":7}]}}"#,
            Conflict,
            412,
            x,
            m,
        ),
        row("E13 30,000 levels", &deep, Rejected, 400, x, m),
        row(
            "E14 a terminal's language",
            "{\"error\":{\"code\":\"\\u001b[31m\",\"message\":\"\\r\\n\\u202e\\u009b2J\"}}",
            Rejected,
            422,
            Some("\u{1b}[31m"),
            None,
        ),
        row(
            "E15 2 MB",
            &format!(r#"{{"error":{{"code":"X","message":"{}"}}}}"#, "m".repeat(2 << 20)),
            Rejected,
            400,
            x,
            None,
        ),
        (
            "E16 the body is cut",
            answer("403 x", "Content-Length: 999\r\n", r#"{"error":{"code":"X","#),
            Err((AccessDenied, Some(403), None, None)),
        ),
        (
            "E16 the body is cut between chunks",
            answer("500 x", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
            Err((Unavailable, Some(500), None, Some("hello"))),
        ),
        row("E17 401", "", AccessDenied, 401, None, None),
        row("E17 409", "", Conflict, 409, None, None),
        row("E17 412", "", Conflict, 412, None, None),
        row("E17 504", "", Unavailable, 504, None, None),
        (
            "C38 a challenge that cannot be read",
            answer(
                "401 x",
                "WWW-Authenticate: Foo bar=can't parse this, error=\"my bad, Bearer claims=\\\r\nContent-Length: 0\r\n",
                "",
            ),
            Err((AccessDenied, Some(401), None, None)),
        ),
    ]);
}

#[test]
fn waits_that_a_service_asks_for() {
    let azure = Azure::start().unwrap();
    let (credential, endpoint) = (credential(&azure), azure.arm());
    let (ms, x_ms) = ("retry-after-ms", "x-ms-retry-after-ms");
    for (name, headers, wait) in [
        ("E18 seconds", &[("Retry-After", "5")][..], Some(5_000)),
        ("E19 two in one", &[("Retry-After", "81,120")], None),
        ("E20 a date that is over", &[("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")], Some(0)),
        ("E20 a date of another form", &[("Retry-After", "2015-10-21T07:28:00Z")], None),
        ("E21 negative", &[("Retry-After", "-1")], None),
        ("E21 0", &[("Retry-After", "0")], Some(0)),
        ("E21 beyond 64 bits", &[("Retry-After", "99999999999999999999")], None),
        ("E22 milliseconds", &[(ms, "1500")], Some(1_500)),
        ("E22 milliseconds of the older name", &[(x_ms, "1500")], Some(1_500)),
        ("E22 both names", &[(x_ms, "1"), (ms, "2")], Some(2)),
        ("E22 milliseconds beside seconds", &[("Retry-After", "5"), (ms, "1500")], Some(1_500)),
        ("E22 unreadable milliseconds beside seconds", &[("Retry-After", "5"), (ms, "1.5")], Some(5_000)),
    ] {
        let fault = headers.iter().fold(Fault::status(500), |fault, (name, value)| fault.header(*name, *value));
        azure.on(Service::Arm, fault);
        let error = post(&arm(&azure, &credential, &endpoint)).send().unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (Unavailable, wait.map(Duration::from_millis)), "{name}");
    }
    azure.on(Service::Arm, Fault::status(500).header("Retry-After", "Fri, 01 Jan 2100 00:00:00 GMT"));
    let wait = post(&arm(&azure, &credential, &endpoint)).send().unwrap_err().retry_after().unwrap();
    let wanted = Duration::from_secs(4_102_444_800).saturating_sub(UNIX_EPOCH.elapsed().unwrap());
    assert!(wait.abs_diff(wanted) < Duration::from_secs(5), "E20 a date: {wait:?}");
}

#[test]
fn only_an_announced_end_is_the_end_of_a_body() {
    let azure = Azure::start().unwrap();
    let credential = credential(&azure);
    let relay = Relay::start(Manner::WithoutGoodbye(arm_address(&azure)));
    for (name, bytes, good) in [
        ("until the end of the stream", ok("", B), false),
        ("chunks that stop", ok("Transfer-Encoding: chunked\r\n", format!("{:x}\r\n{B}\r\n", B.len())), false),
        ("a length that is not reached", ok("Content-Length: 999\r\n", B), false),
        ("a length that is", ok(&format!("Content-Length: {}\r\n", B.len()), B), true),
    ] {
        azure.on(Service::Arm, Fault::raw(bytes.clone()));
        let outcome = post(&arm(&azure, &credential, &relay.as_arm())).send();
        let verdict = if good { GOOD } else { BROKEN };
        assert!(agrees(&outcome, &verdict), "{name}: {outcome:?}");
        // The same with an end that was announced, to be sure that it was the end that made the difference.
        azure.on(Service::Arm, Fault::raw(bytes));
        let outcome = post(&arm(&azure, &credential, &azure.arm())).send();
        assert_eq!(outcome.is_ok(), good || name.starts_with("until"), "{name}: {outcome:?}");
    }
    assert_eq!(relay.accepted(), 4);
}

#[test]
fn a_connection_that_is_cut_anywhere_gives_no_answer() {
    let azure = Azure::start().unwrap();
    let credential = credential(&azure);
    for bytes in [0, 1, 20, 100, 500] {
        azure.on(Service::Arm, Fault::cut(bytes));
        let outcome = post(&arm(&azure, &credential, &azure.arm())).send();
        assert!(agrees(&outcome, &BROKEN), "{bytes} bytes: {outcome:?}");
    }
}
