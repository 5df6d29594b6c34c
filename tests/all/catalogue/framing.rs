//! HTTP framing: at the identity endpoint in the clear, which our own parser reads, and at Resource Manager over TLS, where it
//! reads beside ureq.

use azmin::arm::Answer;
use azmin::simulator::{Azure, Fault, Service};
use azmin::{Error, ErrorKind};

use super::{J, none};
use super::{Row, TOKEN, arm, credential, each_in_a_thread, family, good, last_word, post, presentable, token};
use crate::support::{ARM_AUDIENCE, received};

/// What an outcome of the parser is to somebody who wants a token: the token, or which error, and whether that passes.
fn wanted(outcome: &str) -> (Option<ErrorKind>, bool) {
    match outcome.split_once(' ').unwrap_or((outcome, "")) {
        ("200", J) => (None, false),
        ("nothing", _) => (Some(ErrorKind::Connection), true),
        ("cut", _) => (Some(ErrorKind::BadAnswer), true),
        ("malformed" | "too" | "200" | "204" | "205" | "300" | "302" | "304", _) => (Some(ErrorKind::BadAnswer), false),
        _ => panic!("what is {outcome:.100} to the identity endpoint?"),
    }
}

#[test]
fn framing_of_the_identity_endpoint() {
    let azure = Azure::start().unwrap();
    let (passing, lasting): (Vec<_>, Vec<_>) =
        family("framing.txt", Vec::new()).into_iter().partition(|row| wanted(&row.outcome).1);
    let (mut wrong, count) = (Vec::new(), lasting.len());
    for row in lasting {
        let (kind, _) = wanted(&row.outcome);
        let outcome = token(&azure, Fault::raw(row.bytes()));
        if let Err(error) = &outcome {
            presentable(&row.name, error);
        }
        if outcome.as_ref().err().map(Error::kind) != kind
            || outcome.as_ref().is_ok_and(|token| token.secret() != TOKEN)
        {
            wrong.push(format!("{}: {outcome:?}, not {kind:?}", row.name));
        }
    }
    none(&wrong);
    assert_eq!(azure.requests().len(), count, "no row is asked for twice");
    assert!(passing.len() > 8, "{} rows that may pass", passing.len());
    each_in_a_thread(passing, |row| {
        let kind = wanted(&row.outcome).0.unwrap();
        may_pass(&row, kind);
    });
}

/// An answer that is asked for again: it stays as it is, and the last word is what the caller hears; or it does not.
pub(super) fn may_pass(row: &Row, kind: ErrorKind) {
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::raw(row.bytes()).times(1000));
    let error = last_word(&azure.imds()).unwrap_err();
    presentable(&row.name, &error);
    assert_eq!(error.kind(), kind, "{}: {error:?}", row.name);

    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::raw(row.bytes()));
    azure.on(Service::Imds, Fault::raw(good()));
    let outcome = credential(&azure).token(ARM_AUDIENCE);
    assert!(outcome.as_ref().is_ok_and(|token| token.secret() == TOKEN), "{}: {outcome:?}", row.name);
    assert_eq!(azure.requests().len(), 2, "{}", row.name);
}

/// The outcome of an answer of Resource Manager in the words of the files: a success and its body, or the status of a refusal,
/// or that it could not be read.
fn over_tls(outcome: &Result<Answer, Error>) -> String {
    match outcome {
        Ok(answer) => {
            let text = String::from_utf8_lossy(answer.bytes());
            format!("{} {text}", answer.status()).trim_end_matches(' ').to_owned()
        }
        Err(error) => match (error.kind(), error.status()) {
            (ErrorKind::BadAnswer, None) => "broken".to_owned(),
            (_, Some(status)) => status.to_string(),
            (kind, None) => format!("{kind:?}"),
        },
    }
}

fn wanted_over_tls(row: &Row) -> String {
    let outcome = row.other.as_ref().unwrap_or(&row.outcome);
    match outcome.split_once(' ').unwrap_or((outcome, "")) {
        ("malformed" | "too" | "cut" | "nothing", _) => "broken".to_owned(),
        // Of refusals only the status is compared: what their bodies say is another family.
        (status, _) if !status.starts_with('2') => status.to_owned(),
        _ => outcome.clone(),
    }
}

#[test]
fn framing_of_resource_manager() {
    over_tls_as_they_say(&["framing.txt"]);
}

#[test]
fn cases_of_other_parsers_at_resource_manager() {
    over_tls_as_they_say(&["llhttp.txt", "picohttpparser.txt", "hyper.txt", "go.txt", "cpython.txt", "curl.txt"]);
}

fn over_tls_as_they_say(files: &[&str]) {
    let azure = Azure::start().unwrap();
    let credential = credential(&azure);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in files.iter().flat_map(|file| family(file, Vec::new())) {
        azure.on(Service::Arm, Fault::raw(row.bytes()));
        let outcome = post(&arm(&azure, &credential, &azure.arm())).send();
        if let Err(error) = &outcome {
            presentable(&row.name, error);
        }
        let (found, wanted) = (over_tls(&outcome), wanted_over_tls(&row));
        if found != wanted {
            wrong.push(format!("{}: {found:.200} instead of {wanted:.200}", row.name));
        }
        count += 1;
    }
    none(&wrong);
    assert_eq!(received(&azure, Service::Arm).len(), count, "no row is asked for twice");
}
