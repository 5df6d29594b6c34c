//! The catalogue of hostile and odd answers, `tests/data/catalogue`, on real sockets: what comes of each row is what the row
//! says. The rows of HTTP framing are also the response parser's own tests, at every split.

mod challenges;
mod errors;
mod framing;
mod keys;
mod lists;
mod operations;
#[path = "../../../src/http/response/tests/rows.rs"]
mod rows;
mod streams;
mod tokens;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use azmin::arm::{Client, Request};
use azmin::simulator::{Azure, Fault, Service};
use azmin::{AccessToken, Cloud, Credential, Error, ErrorKind, Identity};

use crate::support::{ARM_AUDIENCE, GROUP};
use rows::{J, Names, Row, TOKEN, names, read};

/// Every file, and the least number of rows that it has.
const FILES: [(&str, usize); 16] = [
    ("framing.txt", 150),
    ("llhttp.txt", 60),
    ("picohttpparser.txt", 35),
    ("hyper.txt", 45),
    ("go.txt", 55),
    ("cpython.txt", 28),
    ("curl.txt", 28),
    ("tokens.txt", 90),
    ("statuses.txt", 20),
    ("challenges.txt", 40),
    ("claims.txt", 15),
    ("errors.txt", 40),
    ("waits.txt", 18),
    ("pages.txt", 50),
    ("operations.txt", 30),
    ("keys.rs", 22),
];

/// The largest answers are megabytes, a byte a chunk.
const PATIENCE: Duration = Duration::from_secs(120);

/// Long enough for an answer, too short for many tries: the first pause is up to a second.
const SOON: Duration = Duration::from_millis(400);

/// The rows of a file, with names of a test's own.
fn family(file: &str, more: Names) -> Vec<Row> {
    let rows = read(file, &[more, names()].concat()).expect("the packaged crate has no integration tests");
    println!("catalogue, {file}: {} answers", rows.len());
    rows
}

#[test]
fn every_answer_has_an_id_of_its_own_and_an_origin() {
    let anything = ["ARM", "PORT", "EVIL", "AT HOME", "NEW KEY", "OUTSIDE"].map(|name| (name, b"x".to_vec())).to_vec();
    let mut ids = BTreeSet::new();
    for (file, least) in FILES {
        let found: Vec<String> = if file == "keys.rs" {
            keys::ids()
        } else {
            let rows = family(file, anything.clone());
            assert!(rows.iter().all(|row| row.origin.len() > 2), "{file}");
            rows.into_iter().map(|row| row.id).collect()
        };
        assert!(found.len() >= least, "{file} has {} rows", found.len());
        for id in found {
            assert!(ids.insert(id.clone()), "{id} twice, again in {file}");
        }
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/catalogue");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || FILES.iter().any(|(file, _)| *file == name), "{name} is read by nobody");
    }
    println!("catalogue: {} answers", ids.len());
    assert!(ids.len() >= 300, "{} answers", ids.len());
}

fn credential(azure: &Azure) -> Credential {
    credential_of(&azure.imds(), PATIENCE)
}

fn credential_of(endpoint: &str, deadline: Duration) -> Credential {
    let builder = Credential::builder().metadata_endpoint(endpoint).identity(Identity::SystemAssigned);
    builder.deadline(deadline).build().unwrap()
}

fn token(azure: &Azure, fault: Fault) -> Result<AccessToken, Error> {
    azure.on(Service::Imds, fault);
    credential(azure).token(ARM_AUDIENCE)
}

fn arm(azure: &Azure, credential: &Credential, endpoint: &str) -> Client {
    let builder = Client::builder(credential.clone()).cloud(Cloud::named(endpoint).unwrap());
    builder.ca_pem(azure.ca_pem().as_bytes()).deadline(PATIENCE).build()
}

/// A POST without a token is sent once, whatever comes back but 429: for what is read from one answer.
fn post(client: &Client) -> Request {
    client.post(GROUP).api_version("2016-06-01").no_token()
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

/// What answers that stay as they are come to. On a busy machine the deadline may end the first try, before which there is none
/// that says anything of the answer: then all of it is done again.
fn last_word(endpoint: &str) -> Result<AccessToken, Error> {
    let call = || credential_of(endpoint, SOON).token(ARM_AUDIENCE);
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

/// A kind, and the code if there is one, as the files have it.
fn called(error: &Error) -> String {
    match error.code() {
        Some(code) => format!("{:?} {code}", error.kind()),
        None => format!("{:?}", error.kind()),
    }
}

/// The answer with that token, whole.
fn good() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{J}", J.len()).into_bytes()
}

/// All that went wrong with a family's rows.
#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
