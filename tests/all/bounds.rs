//! How much memory the command takes, whatever it is sent: answers without an end, and documents that are small and grow
//! when they are read.

use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Fault, Service};

use crate::peak::{is_release, measured, no_time};
use crate::support::{Azmin, GROUP, Scratch, azmin};

/// Peak resident memory, in kilobytes.
const OF_A_TOKEN: u64 = 8_000;
const OF_ARM: u64 = 24_000;
/// What a build for debugging takes more, which is five times as large and slower by more than that.
const OF_DEBUGGING: u64 = 4_000;

/// Far from reached: what has no end is given up long before.
const DEADLINE: &str = "120s";

const OK: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A row: its name, the fault, and the exit code.
type Row = (&'static str, Fault, i32);

fn endless(start: &str, piece: &str) -> Fault {
    let pieces = (64 << 10) / piece.len();
    Fault::repeated(start, piece.repeat(pieces), u64::MAX, "")
}

/// What has no end in any of HTTP's dimensions.
fn answers_without_an_end() -> Vec<Row> {
    vec![
        ("a head", endless(OK, "X: y\r\n"), 7),
        ("a line of the head", endless("HTTP/1.1 200 OK\r\nX: ", "y"), 7),
        ("a name of a header", endless(OK, "y"), 7),
        ("a status line", endless("HTTP/1.1 200 ", "y"), 7),
        ("no line at all", endless("", "y"), 7),
        ("zeros", endless("", "\0"), 7),
        ("empty lines", endless("", "\r\n"), 7),
        ("a body until the end of the stream", endless("HTTP/1.1 200 OK\r\n\r\n", "x"), 7),
        ("a body of a terabyte", endless("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n", "x"), 7),
        ("blanks before the JSON", endless("HTTP/1.1 200 OK\r\n\r\n", " "), 7),
        ("small chunks", endless(CHUNKED, &format!("20\r\n{}\r\n", "x".repeat(32))), 7),
        ("large chunks", endless(CHUNKED, &format!("4000\r\n{}\r\n", "x".repeat(0x4000))), 7),
        ("one chunk", endless(&format!("{CHUNKED}fffffffffff\r\n"), "x"), 7),
        ("a chunk's extension", endless(&format!("{CHUNKED}1;"), "x"), 7),
        ("chunks with extensions", endless(CHUNKED, &format!("40;{}\r\n{}\r\n", "x".repeat(900), "x".repeat(64))), 7),
        ("a chunk's size", endless(CHUNKED, "0"), 7),
        ("interim answers", endless("", "HTTP/1.1 102 Processing\r\n\r\n"), 7),
        ("trailers", endless(&format!("{CHUNKED}1\r\nx\r\n0\r\n"), "X: y\r\n"), 7),
        ("a trailer", endless(&format!("{CHUNKED}1\r\nx\r\n0\r\nX: "), "y"), 7),
    ]
}

#[track_caller]
fn check(rows: Vec<Row>, most: u64, run: impl Fn(Fault, &Scratch) -> Azmin) {
    let (scratch, most) = (Scratch::new(), if is_release() { most } else { most + OF_DEBUGGING });
    let (mut wrong, mut worst, mut slowest) = (Vec::new(), (0, ""), (Duration::ZERO, ""));
    for (name, fault, code) in rows {
        let begun = Instant::now();
        let (run, peak) = measured(run(fault, &scratch), &scratch);
        let took = begun.elapsed();
        (worst, slowest) = (worst.max((peak, name)), slowest.max((took, name)));
        if run.code != code || peak > most || took > Duration::from_secs(100) {
            let (out, err): (String, String) =
                (run.out.chars().take(80).collect(), run.err.chars().take(300).collect());
            wrong.push(format!("{name}: code {}, not {code}; {peak} kB; {took:?}; {out:?} {err}", run.code));
        }
    }
    eprintln!("peak: {} kB of {most} kB ({}); slowest: {:?} ({})", worst.0, worst.1, slowest.0, slowest.1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_tokens_answer_without_an_end() {
    if no_time() {
        return;
    }
    let azure = Azure::start().unwrap();
    let token = |fault: Fault| {
        azure.on(Service::Imds, fault);
        azmin(["token", "--deadline", DEADLINE]).on(&azure)
    };
    let mut rows = answers_without_an_end();
    rows.extend([
        ("a refusal's body", endless("HTTP/1.1 400 x\r\n\r\n", "x"), 7),
        ("a refusal's details", endless("HTTP/1.1 400 x\r\n\r\n{\"error\":{\"details\":[{}", ",{}"), 7),
    ]);
    check(rows, OF_A_TOKEN, |fault, _| token(fault));
    // As large as an answer may be.
    let whole = |piece: &str| piece.repeat(((1 << 20) - 200) / piece.len());
    let mut rows = Vec::new();
    for (name, body) in bombs(whole) {
        let says_why = name.starts_with("details") && body.ends_with("}]}}");
        rows.push((name, Fault::status(200).body(body.as_str()), if says_why { 4 } else { 7 }));
        rows.push((name, Fault::status(400).body(body), 4));
    }
    check(rows, OF_A_TOKEN, |fault, _| token(fault));
}

/// Documents that take much more room when they are read than on the wire, or have more depth than a stack.
fn bombs(whole: impl Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let error = |details: String| format!("{{\"error\":{{\"code\":\"X\",\"details\":[{{}}{details}]}}}}");
    vec![
        ("arrays in arrays", whole("[")),
        ("objects in objects", whole("{\"a\":")),
        ("arrays of nothing", format!("[{}[]]", whole("[],"))),
        ("objects of one", format!("[{}0]", whole("{\"\":0},"))),
        ("numbers", format!("[{}0]", whole("0,"))),
        ("names", format!("{{{}\"a\":0}}", whole("\"a\":0,"))),
        ("details", error(whole(",{}"))),
        ("details with words", error(whole(",{\"code\":\"a\",\"message\":\"b\"}"))),
        ("details in details", error(whole(",{\"details\":["))),
        ("escapes", format!("{{\"error\":{{\"message\":\"{}\"}}}}", whole("\\u00e9"))),
        ("inner errors", format!("{{\"error\":{{\"innererror\":{}", whole("{\"code\":\"a\",\"innererror\":"))),
    ]
}

#[test]
fn a_challenge_without_an_end() {
    if no_time() {
        return;
    }
    let azure = Azure::builder().azure_arc().start().unwrap();
    let head = "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=/x.key";
    let full = |piece: &str| format!("{head}{}\r\nContent-Length: 0\r\n\r\n", piece.repeat((60 << 10) / piece.len()));
    let rows = vec![
        ("a list", endless(head, ", Basic realm=/x.key"), 7),
        ("a realm", endless(head, "x"), 7),
        ("parameters", endless(head, ", a=b"), 7),
        ("quotes", endless("HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=\"", "\\\""), 7),
        ("a list of 60 kB", Fault::raw(full(", Basic realm=/x.key")), 7),
        ("parameters of 60 kB", Fault::raw(full(", a=b")), 7),
        ("commas of 60 kB", Fault::raw(full(",")), 7),
    ];
    check(rows, OF_A_TOKEN, |fault, _| {
        azure.on(Service::AzureArc, fault);
        let run = azmin(["token", "--deadline", DEADLINE]);
        azure.env(Service::AzureArc).into_iter().fold(run, |run, (name, value)| run.env(name, value))
    });
}

#[test]
fn an_answer_of_arm_without_an_end() {
    if no_time() {
        return;
    }
    let (azure, ca) = (Azure::start().unwrap(), Scratch::new());
    let (ca, url) = (ca.ca(&azure), format!("{GROUP}?api-version=2016-06-01"));
    let call = |fault: Fault, more: &[&str]| {
        azure.on(Service::Arm, fault);
        azmin([&["post", &url, "--deadline", DEADLINE], more].concat()).with_arm(&azure, &ca)
    };
    let size = if is_release() { 16 << 20 } else { 2 << 20 };
    let whole = |piece: &str| piece.repeat((size - 200) / piece.len());
    let mut rows = answers_without_an_end();
    rows.extend([
        ("a refusal's body", endless("HTTP/1.1 400 x\r\n\r\n", "x"), 8),
        ("a refusal's details", endless("HTTP/1.1 400 x\r\n\r\n{\"error\":{\"code\":\"X\",\"details\":[{}", ",{}"), 8),
        ("a body of 16 MiB", Fault::status(200).body("x".repeat(16 << 20)), 0),
    ]);
    rows.extend(bombs(whole).into_iter().map(|(name, body)| (name, Fault::status(409).body(body), 11)));
    check(rows, OF_ARM, |fault, _| call(fault, &[]));
    let items = format!("{{\"value\":[{}0]}}", whole("0,"));
    let rows = vec![("a list of numbers", Fault::status(200).body(items), 0)];
    check(rows, OF_ARM, |fault, _| {
        azure.on(Service::Arm, fault);
        azmin(["get", &url, "--deadline", DEADLINE, "--all", "-o", "none"]).with_arm(&azure, &ca)
    });
    let challenge = format!("Bearer a=b{}", ", Bearer error=\"x\"".repeat(3000));
    let rows = vec![("challenges", Fault::status(401).header("WWW-Authenticate", challenge).times(2), 5)];
    check(rows, OF_ARM, |fault, _| call(fault, &[]));
}
