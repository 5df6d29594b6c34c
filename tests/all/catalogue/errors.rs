//! Refusals of Resource Manager: what is read from their bodies and headers, how long they ask to wait, and what is asked again.

use std::time::{Duration, UNIX_EPOCH};

use azmin::simulator::{Azure, Fault, Service};
use azmin::{Error, ErrorKind};

use super::lists::Evil;
use super::{arm, credential, family, none, post, presentable};
use crate::support::{GROUP, received};

fn called(error: &Error) -> String {
    let status = error.status().map_or_else(|| "-".to_owned(), |status| status.to_string());
    let (code, message) = (error.code().unwrap_or("-"), error.message().unwrap_or("-"));
    format!("{:?} {status} {code}: {message}", error.kind())
}

#[test]
fn refusals_of_resource_manager() {
    let (azure, evil) = (Azure::start().unwrap(), Evil::new());
    let credential = credential(&azure);
    let rows = family("errors.txt", vec![evil.name()]);
    let (mut wrong, count) = (Vec::new(), rows.len());
    for row in rows {
        azure.on(Service::Arm, Fault::raw(row.bytes()));
        let error = post(&arm(&azure, &credential, &azure.arm())).send().unwrap_err();
        presentable(&row.name, &error);
        let found = called(&error);
        let same = match row.outcome.strip_suffix(": *") {
            Some(start) => found.starts_with(&format!("{start}: ")),
            None => found == row.outcome,
        };
        if !same {
            wrong.push(format!("{}: {found:.300} instead of {:.300}", row.name, row.outcome));
        }
    }
    none(&wrong);
    assert_eq!(received(&azure, Service::Arm).len(), count, "no row is asked for twice");
    evil.saw_nobody();
}

#[test]
fn waits_that_a_service_asks_for() {
    let azure = Azure::start().unwrap();
    let credential = credential(&azure);
    let mut wrong = Vec::new();
    let ask = |bytes: &[u8]| {
        azure.on(Service::Arm, Fault::raw(bytes));
        post(&arm(&azure, &credential, &azure.arm())).send().unwrap_err()
    };
    for row in family("waits.txt", Vec::new()) {
        let error = ask(row.bytes());
        let found = error.retry_after().map_or_else(|| "none".to_owned(), |wait| format!("{} ms", wait.as_millis()));
        if (error.kind(), &found) != (ErrorKind::Unavailable, &row.outcome) {
            wrong.push(format!("{}: {found}, {error:?}", row.name));
        }
    }
    none(&wrong);
    let wait = ask(b"HTTP/1.1 500 x\r\nRetry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n");
    let wanted = Duration::from_secs(4_102_444_800).saturating_sub(UNIX_EPOCH.elapsed().unwrap());
    assert!(wait.retry_after().unwrap().abs_diff(wanted) < Duration::from_secs(60), "E20 a date: {wait:?}");
}

/// E23 to E27: an answer that asks to wait is no refusal, a GET is asked again, a POST is not.
#[test]
fn what_is_asked_again() {
    let azure = Azure::start().unwrap();
    let client = arm(&azure, &credential(&azure), &azure.arm());
    let asked = || received(&azure, Service::Arm).len();
    let get = || client.get(GROUP).api_version("2016-06-01").no_token().send();
    let good = "HTTP/1.1 200 OK\r\nConnection: close\r\nRetry-After: 3600\r\nContent-Length: 2\r\n\r\n{}";
    azure.on(Service::Arm, Fault::raw(good));
    assert_eq!((get().unwrap().bytes(), asked()), (&b"{}"[..], 1), "E23 a wait beside a success");

    azure.on(Service::Arm, Fault::status(503).header("Retry-After", "0").times(3));
    azure.on(Service::Arm, Fault::raw(good));
    assert_eq!((get().unwrap().status(), asked()), (200, 5), "E24 three times 503, then 200");

    azure.on(Service::Arm, Fault::status(500));
    let error = post(&client).send().unwrap_err();
    assert_eq!((error.kind(), asked()), (ErrorKind::Unavailable, 6), "E25 500 on a POST");

    azure.on(Service::Arm, Fault::cut(0));
    azure.on(Service::Arm, Fault::raw(good));
    assert_eq!((get().unwrap().status(), asked()), (200, 8), "E26 a GET that got no byte");

    azure.on(Service::Arm, Fault::cut(0));
    let error = post(&client).send().unwrap_err();
    assert_eq!((error.kind(), asked()), (ErrorKind::BadAnswer, 9), "E27 a POST that got no byte");

    azure.on(Service::Arm, Fault::raw("HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n{}"));
    let error = post(&client).send().unwrap_err();
    assert_eq!((error.kind(), asked()), (ErrorKind::BadAnswer, 10), "E32 a body that would be larger than 16 MiB");

    azure.on(
        Service::Arm,
        Fault::raw(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\n<html/>",
        ),
    );
    assert_eq!(get().unwrap().bytes(), b"<html/>", "E28 a page with 200: the body is the caller's, byte for byte");

    azure.on(Service::Arm, Fault::raw("HTTP/1.1 204 No Content\r\n\r\n"));
    let answer = get().unwrap();
    assert_eq!((answer.status(), answer.bytes()), (204, &b""[..]), "E30 204");
}
