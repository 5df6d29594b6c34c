//! TLS servers that are right, wrong, old or hostile, each met by the command and by the library: which are accepted, and in
//! which words the others are refused. No server that is refused ever gets a request or a token.
//!
//! A row begins with its name, badssl.com's where that has one, and the origin of what must hold: a section of RFC 5280
//! (certificates), 6125 (names), 5246 and 8446 (TLS 1.2 and 1.3), or another client's fault.

mod authority;
mod certificates;
mod chains;
mod foreign;
mod host;
mod names;
mod pins;
mod sessions;
mod streams;
mod versions;

use std::error::Error as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use azmin::arm::Client;
use azmin::simulator::{Azure, Fault, Service};
use azmin::{Credential, Error, ErrorKind};

use crate::relay::{Manner, Relay};
use crate::support::{ARM_AUDIENCE, Run, Scratch, azmin, guarded};
use host::BODY;

const TOKEN: &str = "c4n4ry-t0k3n";

/// What becomes of a call.
#[derive(Clone, Copy)]
enum Wanted {
    Accepted,
    /// In these words, after the server's name; and with this advice, or none if that is empty.
    Untrusted(&'static str, &'static str),
    /// No connection, in these words.
    Failed(&'static str),
}

const CLOCK: &str = "if the clock is wrong, set it; if it is right, the server needs another certificate";
const CA_FILE: &str = "if a private CA did, pass --ca-file; if a public one did, the server leaves out a certificate that belongs between";
const MISFIT_WORDS: &str = "a signature does not fit its key, or that key is too short";
const MISFIT: Wanted = Wanted::Untrusted(MISFIT_WORDS, "if its CA has a new key, pass the new CA with --ca-file");
const UNKNOWN: Wanted = Wanted::Untrusted("no CA that is known here signed its certificate", CA_FILE);

/// Whoever calls: a machine with an identity, and some CAs in files.
struct Caller {
    azure: Azure,
    scratch: Scratch,
}

impl Caller {
    fn new() -> Self {
        let azure = Azure::start().unwrap();
        let body = format!(r#"{{"access_token":"{TOKEN}","expires_in":"3599"}}"#);
        azure.on(Service::Imds, Fault::status(200).body(body).times(10_000));
        Self { azure, scratch: Scratch::new() }
    }

    fn ca_file(&self, name: &str, pem: &str) -> PathBuf {
        let path = self.scratch.path(&format!("{}.pem", name.replace(|c: char| !c.is_alphanumeric(), "-")));
        fs::write(&path, pem).unwrap();
        path
    }

    /// By the command. A host that is not loopback is reached through a proxy that leads to the server, whatever it is called.
    fn command(&self, place: &Place<'_>, trusted: &str, more: &[&str]) -> Run {
        let url = place.url();
        let ca = self.ca_file(place.id, trusted);
        let arguments = ["get", &url, "--resource", ARM_AUDIENCE, "--ca-file", ca.to_str().unwrap()];
        let arguments = [&arguments[..], more].concat();
        if place.is_loopback() {
            return azmin(arguments).on(&self.azure).env("SSLKEYLOGFILE", self.scratch.path("key log")).run();
        }
        let proxy = Relay::start(Manner::Tunnel("HTTP/1.1 200 OK\r\n\r\n", place.server.address()));
        guarded(arguments).on(&self.azure).env("HTTPS_PROXY", proxy.address().to_string()).run()
    }

    fn library(&self, trusted: &str) -> Client {
        let credential = Credential::builder().metadata_endpoint(&self.azure.imds()).build().unwrap();
        Client::builder(credential).ca_pem(trusted.as_bytes()).deadline(Duration::from_secs(60)).build()
    }

    /// What does not go as it must, if anything.
    fn meets(&self, place: &Place<'_>, trusted: &str, wanted: Wanted) -> Option<String> {
        let mut wrong = Vec::new();
        let run = self.command(place, trusted, &["--deadline", "60s"]);
        let mut must = |what: &str, holds: bool| wrong.extend((!holds).then(|| what.to_owned()));
        presentable(&run, &mut must);
        let mut calls = 1;
        match wanted {
            Wanted::Accepted => must("accepted", (run.code, run.out.as_str()) == (0, BODY)),
            _ => {
                must("refused", (run.code, run.out.as_str()) == (7, ""));
                refused(&place.name(), wanted, &run.err, &mut must);
            }
        }
        if place.is_loopback() {
            calls += 1;
            let outcome = self.library(trusted).get(&place.url()).resource(ARM_AUDIENCE).send();
            match &outcome {
                Ok(answer) => {
                    let good = matches!(wanted, Wanted::Accepted) && answer.bytes() == BODY.as_bytes();
                    must("accepted by the library", good);
                }
                Err(error) => must("refused by the library", explained(error, wanted)),
            }
        }
        let text = place.server.text();
        match wanted {
            Wanted::Accepted => must("asked with a token", text.matches(TOKEN).count() == calls),
            _ => must("no token, no request", !text.contains(TOKEN) && !text.contains("GET /")),
        }
        // What is refused for good is not tried again.
        must("one connection each", place.server.accepted() == calls);
        (!wrong.is_empty()).then(|| format!("{}: not {}: {run:?}", place.id, wrong.join(", not ")))
    }
}

/// A server on loopback.
trait Server {
    fn address(&self) -> SocketAddr;

    /// How many connections there were.
    fn accepted(&self) -> usize;

    /// What it was asked.
    fn text(&self) -> String;
}

/// A server under a name.
struct Place<'a> {
    id: &'a str,
    host: &'a str,
    server: &'a dyn Server,
}

impl Place<'_> {
    fn name(&self) -> String {
        let port = if self.is_loopback() { self.server.address().port() } else { 443 };
        if port == 443 { self.host.to_owned() } else { format!("{}:{port}", self.host) }
    }

    fn url(&self) -> String {
        format!("https://{}/x?api-version=1", self.name())
    }

    fn is_loopback(&self) -> bool {
        matches!(self.host, "localhost" | "127.0.0.1")
    }
}

/// One line and indented ones, short, in letters and no secret among them.
fn presentable(run: &Run, must: &mut impl FnMut(&str, bool)) {
    must("without the token", !run.err.contains(TOKEN));
    must("without control characters", !run.err.contains(|c: char| c.is_control() && c != '\n'));
    must("short", run.err.len() < 1200);
    let rest = run.err.split_once('\n').map_or("", |(_, rest)| rest);
    must("in one line", rest.lines().all(|line| line.starts_with("  ")));
}

fn refused(name: &str, wanted: Wanted, err: &str, must: &mut impl FnMut(&str, bool)) {
    let line = err.lines().next().unwrap_or_default();
    let advice = err.lines().find_map(|line| line.strip_prefix("  what to do: ")).unwrap_or_default();
    let (words, wanted_advice) = match wanted {
        Wanted::Untrusted(words, advice) => (format!("azmin: {name} is not trusted: {words}"), advice),
        Wanted::Failed(words) => (format!("azmin: no TLS connection to {name}: {words}"), ""),
        Wanted::Accepted => return,
    };
    must("in these words", line.starts_with(&words));
    must("with this advice", advice == wanted_advice);
}

fn explained(error: &Error, wanted: Wanted) -> bool {
    let words = match wanted {
        Wanted::Untrusted(words, _) | Wanted::Failed(words) => words,
        Wanted::Accepted => return false,
    };
    let Some(cause) = error.source().filter(|cause| cause.is::<rustls::Error>()) else { return false };
    error.kind() == ErrorKind::Connection && format!("{error}: {cause}").contains(words)
}

/// Each row in a thread of its own, a few at a time; all that is wrong with any.
fn each<T: Send>(rows: Vec<T>, check: impl Fn(T) -> Option<String> + Sync) {
    let rows = std::sync::Mutex::new(rows.into_iter());
    let wrong = std::sync::Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(row) = host::lock(&rows).next() else { return };
                    host::lock(&wrong).extend(check(row));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
