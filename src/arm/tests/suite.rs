//! JSONTestSuite at every place where JSON comes in: what must be accepted is nowhere refused, and of a document that must be
//! refused nothing is believed, whatever else stands in it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::world::{World, answer, s};
use crate::arm::operation::{Operation, Reply, Step};
use crate::arm::refusal::refusal;
use crate::base64;
use crate::failure::Failure;
use crate::http::bearer;
use crate::identity::Identity;
use crate::instance::Instance;
use crate::query::Query;
use crate::token::{self, AccessToken, Ask, Received};

/// A place where JSON comes in: its name, what stands before a value of the document and after it, and whether anything is
/// taken from the whole.
type Place = (&'static str, &'static str, &'static str, fn(&[u8]) -> bool);

const PLACES: [Place; 15] = [
    ("a token", r#"{"x":"#, r#","access_token":"t","expires_in":"60"}"#, |body| {
        let ask = Ask { resource: &Arc::from("r"), identity: &Identity::SystemAssigned, strict: false };
        token::read(body, &ask, Received { at: Instant::now(), wall: UNIX_EPOCH }).is_ok()
    }),
    ("an error with the status of a token", r#"{"x":"#, r#","error":"e","error_description":"d"}"#, |body| {
        let ask = Ask { resource: &Arc::from("r"), identity: &Identity::SystemAssigned, strict: false };
        let error = token::read(body, &ask, Received { at: Instant::now(), wall: UNIX_EPOCH }).unwrap_err();
        error.code().is_some()
    }),
    ("an error of an identity endpoint", r#"{"x":"#, r#","error":"e","error_description":"d"}"#, |body| {
        Failure::decode(body).code.is_some()
    }),
    ("an error of Resource Manager", r#"{"x":"#, r#","error":{"code":"X","message":"m"}}"#, |body| {
        refusal(400, &[], body, "https://management.azure.com/x", UNIX_EPOCH).code().is_some()
    }),
    ("details of an error", r#"{"error":{"details":[{"x":"#, r#","code":"X","message":"m"}]}}"#, |body| {
        refusal(400, &[], body, "https://management.azure.com/x", UNIX_EPOCH).details().next().is_some()
    }),
    ("the status of an operation", r#"{"x":"#, r#","status":"Succeeded"}"#, |body| {
        polled("azure-asyncoperation", 202, body)
    }),
    ("the failure of an operation", r#"{"x":"#, r#","status":"Failed","error":{"code":"X"}}"#, |body| {
        polled("azure-asyncoperation", 202, body)
    }),
    ("a resource that is made", r#"{"x":"#, r#","properties":{"provisioningState":"Succeeded"}}"#, |body| {
        polled("nothing", 201, body)
    }),
    ("a resource at once", r#"{"x":"#, r#","properties":{"provisioningState":"Succeeded"}}"#, |body| {
        ended(Operation::begin("PUT", RESOURCE, &Reply { status: 201, headers: &[], body }).map(|(_, step)| step).ok())
    }),
    ("a page", r#"{"x":"#, r#","value":[]}"#, |body| {
        World::new([answer(200, body)]).client().get("/x").pages().next().is_some_and(|page| page.is_ok())
    }),
    ("an item", r#"{"value":["#, ",1]}", |body| {
        World::new([answer(200, body)]).client().get("/x").items().next().is_some_and(|item| item.is_ok())
    }),
    ("instance metadata", r#"{"x":"#, r#","compute":{}}"#, |body| Instance::parse(body).is_ok()),
    ("a query", r#"{"x":"#, r#","a":1}"#, |body| {
        let text = std::str::from_utf8(body).ok();
        let query = Query::parse("a").unwrap();
        text.is_some_and(|text| query.select(text).is_ok_and(|found| found.as_deref() == Some("1")))
    }),
    ("claims of a challenge", r#"{"x":"#, r#","a":1}"#, |body| {
        let value = format!("Bearer error=\"e\", claims=\"{}\"", base64::encode_padded(body));
        bearer([value.as_str()].into_iter()).unwrap().claims.is_some()
    }),
    ("a token's payload", r#"{"x":"#, r#","a":"1"}"#, |body| {
        let secret = format!("e30.{}.x", base64::encode(base64::URL_SAFE, body));
        AccessToken::scripted(&secret, "r", Instant::now()).claim("a").is_some()
    }),
];

const RESOURCE: &str = "https://management.azure.com/subscriptions/s/x?api-version=v";

/// Whether an operation that began with that header ends with this answer.
fn polled(header: &str, status: u16, body: &[u8]) -> bool {
    let headers = [(header.to_owned(), "https://management.azure.com/op".to_owned())];
    let begun = Reply { status, headers: &headers, body: br#"{"properties":{"provisioningState":"Creating"}}"# };
    let (mut operation, _) = Operation::begin("PUT", RESOURCE, &begun).ok().unwrap();
    ended(operation.advance(&Reply { status: 200, headers: &[], body }).ok())
}

fn ended(step: Option<Step>) -> bool {
    matches!(step, Some(Step::Done | Step::Fetch(_) | Step::Gone | Step::Failed(_)))
}

/// The suite; `None` in the packaged crate.
fn cases() -> Option<Vec<(String, Vec<u8>)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/json");
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", folder.display());
        eprintln!("skipped: the packaged crate has no tests/data");
        return None;
    }
    let suite: Map<String, Value> =
        serde_json::from_str(&fs::read_to_string(folder.join("suite.json")).unwrap()).unwrap();
    let bytes = |text: &Value| text.as_str().unwrap().as_bytes().to_vec();
    let mut cases: Vec<_> = suite.iter().map(|(name, text)| (name.clone(), bytes(text))).collect();
    cases.retain(|(_, bytes)| !String::from_utf8_lossy(bytes).contains('\u{fffd}'));
    let hexadecimal = fs::read_to_string(folder.join("not-utf-8.txt")).unwrap();
    for line in hexadecimal.lines().filter(|line| !line.starts_with('#')) {
        let (name, digits) = line.split_once(' ').unwrap();
        let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
        let bytes: Vec<u8> = pairs.collect();
        assert!(std::str::from_utf8(&bytes).is_err(), "{name} is UTF-8");
        cases.push((name.to_owned(), bytes));
    }
    cases.push(("n_structure_100000_opening_arrays".to_owned(), b"[".repeat(100_000)));
    cases.push(("n_structure_open_array_object".to_owned(), [b"[{\"\":".repeat(50_000), b"\n".to_vec()].concat()));
    let count = |first: char| cases.iter().filter(|(name, _)| name.starts_with(first)).count();
    assert_eq!((count('y'), count('n'), count('i')), (95, 188, 35));
    Some(cases)
}

/// What must be accepted is no obstacle, where it stands as a value; of what must be refused nothing is taken, where it stands
/// as a value or alone; of the rest no more is asked than an end.
#[test]
fn the_suite_at_every_entry() {
    let Some(cases) = cases() else { return };
    let mut wrong = Vec::new();
    for (place, before, after, taken) in PLACES {
        assert!(taken(format!("{before}0{after}").as_bytes()), "{place} takes nothing at all");
        for (name, document) in &cases {
            let within = [before.as_bytes(), document, after.as_bytes()].concat();
            let (alone, within) = (taken(document), taken(&within));
            match name.as_bytes()[0] {
                b'y' if !within => wrong.push(format!("{place} refuses {name}")),
                b'n' if within => wrong.push(format!("{place} takes something beside {name}")),
                b'n' if alone => wrong.push(format!("{place} takes {name}")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    println!("JSONTestSuite: {} documents at {} places", cases.len(), PLACES.len());
}

/// The frames around the documents neither break nor mend them, by another reader.
#[test]
fn frames_change_no_verdict() {
    let Some(cases) = cases() else { return };
    for (place, before, after, _) in PLACES {
        for (name, document) in cases.iter().filter(|(name, bytes)| !name.starts_with('i') && bytes.len() < 10_000) {
            let within = [before.as_bytes(), document, after.as_bytes()].concat();
            let valid = serde_json::from_slice::<Value>(&within).is_ok();
            assert_eq!(valid, name.starts_with('y'), "{name} in {place}");
        }
    }
}

/// An item comes as it stands, whichever of the suite's documents it is.
#[test]
fn items_of_the_suite_come_as_they_stand() {
    let Some(cases) = cases() else { return };
    let mut count = 0;
    for (name, document) in cases.iter().filter(|(name, _)| name.starts_with('y')) {
        let text = std::str::from_utf8(document).unwrap();
        let world = World::new([answer(200, &format!("{{\"value\":[ {text} , 1]}}"))]);
        let items: Vec<_> = world.client().get("/x").deadline(s(9)).items().map(Result::unwrap).collect();
        assert_eq!(items, [text.trim_matches([' ', '\t', '\r', '\n']), "1"], "{name}");
        let whole = Query::whole().select(text).unwrap();
        assert!(whole.is_some_and(|whole| text.contains(&whole)) || text.trim() == "null", "{name}");
        count += 1;
    }
    assert_eq!(count, 95);
}
