//! Bodies with and without a token, and the other statuses of an identity endpoint.

use azmin::simulator::{Azure, Fault, Service};
use azmin::{Credential, Error, ErrorKind, Identity};

use super::framing::may_pass;
use super::{J, TOKEN, called, each_in_a_thread, family, none, presentable, token};
use crate::support::ARM_AUDIENCE;

fn found(outcome: &Result<azmin::AccessToken, Error>) -> String {
    match outcome {
        Ok(token) if token.secret() == TOKEN => "token".to_owned(),
        Ok(token) => format!("{} bytes", token.secret().len()),
        Err(error) => called(error),
    }
}

#[test]
fn bodies_of_the_identity_endpoint() {
    let azure = Azure::start().unwrap();
    let rows = family("tokens.txt", Vec::new());
    let (mut wrong, count) = (Vec::new(), rows.len());
    for row in rows {
        let outcome = token(&azure, Fault::raw(whole(row.bytes())));
        if let Err(error) = &outcome {
            presentable(&row.name, error);
        }
        if found(&outcome) != row.outcome {
            wrong.push(format!("{}: {outcome:?}", row.name));
        }
    }
    none(&wrong);
    assert_eq!(azure.requests().len(), count, "no row is asked for twice");
}

#[test]
fn statuses_of_the_identity_endpoint() {
    let azure = Azure::start().unwrap();
    let (passing, lasting): (Vec<_>, Vec<_>) =
        family("statuses.txt", Vec::new()).into_iter().partition(|row| row.outcome.starts_with("again "));
    let (mut wrong, count) = (Vec::new(), lasting.len());
    for row in lasting {
        let outcome = token(&azure, Fault::raw(row.bytes()));
        if let Err(error) = &outcome {
            presentable(&row.name, error);
        }
        if found(&outcome) != row.outcome {
            wrong.push(format!("{}: {outcome:?}", row.name));
        }
    }
    none(&wrong);
    assert_eq!(azure.requests().len(), count, "no row is asked for twice");
    each_in_a_thread(passing, |row| {
        let kind = match row.outcome.as_str() {
            "again IdentityRefused" => ErrorKind::IdentityRefused,
            "again Unavailable" => ErrorKind::Unavailable,
            "again Throttled" => ErrorKind::Throttled,
            other => panic!("{}: {other}", row.name),
        };
        may_pass(&row, kind);
    });
}

fn whole(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn the_answer_is_checked_against_the_identity() {
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
        azure.on(Service::Imds, Fault::raw(whole(body.as_bytes())));
        let builder = Credential::builder().metadata_endpoint(&azure.imds());
        let outcome = builder.identity(Identity::ClientId(client.to_owned())).build().unwrap().token(ARM_AUDIENCE);
        let kind = outcome.as_ref().err().map(Error::kind);
        assert_eq!(kind, (!good).then_some(ErrorKind::IdentityRefused), "{name}: {outcome:?}");
    }
}
