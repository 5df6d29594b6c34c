//! Lists, page by page, and where a link to the next page may lead.

use std::io::ErrorKind::WouldBlock;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use azmin::ErrorKind;
use azmin::simulator::{Azure, Fault, Service};

use super::{Names, arm, called, credential, family, none, presentable};
use crate::support::{ARM_AUDIENCE, received};

/// An address to which no answer may lead anybody.
pub(super) struct Evil(TcpListener);

impl Evil {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(super) fn name(&self) -> (&'static str, Vec<u8>) {
        ("EVIL", format!("localhost:{}", self.0.local_addr().unwrap().port()).into_bytes())
    }

    #[track_caller]
    pub(super) fn saw_nobody(&self) {
        assert_eq!(self.0.accept().unwrap_err().kind(), WouldBlock);
    }
}

/// `${ARM}`, `${PORT}` and `${EVIL}`.
pub(super) fn places(azure: &Azure, evil: &Evil) -> Names {
    let endpoint = azure.arm().trim_end_matches('/').to_owned();
    let port = endpoint.rsplit(':').next().unwrap().to_owned();
    assert_eq!(endpoint, format!("https://localhost:{port}"));
    vec![("ARM", endpoint.into()), ("PORT", port.into()), evil.name()]
}

#[test]
fn pages_of_a_list() {
    let (azure, evil) = (Azure::start().unwrap(), Evil::new());
    let client = arm(&azure, &credential(&azure), &azure.arm());
    let (mut wrong, mut before) = (Vec::new(), 0);
    for row in family("pages.txt", places(&azure, &evil)) {
        let scripted = row.answers.len();
        row.answers.iter().for_each(|answer| azure.on(Service::Arm, Fault::raw(answer.clone())));
        let (mut items, mut end) = (0, String::new());
        for item in client.get("/x").api_version("v").resource(ARM_AUDIENCE).items() {
            match item {
                Ok(_) => items += 1,
                Err(error) => {
                    presentable(&row.name, &error);
                    end = format!(", {}", called(&error));
                }
            }
        }
        let requests = received(&azure, Service::Arm);
        let asked = requests.len() - before;
        assert!(requests[before..].iter().all(|request| request.header("authorization").is_some()), "{}", row.name);
        before = requests.len();
        let found = if row.outcome.starts_with('*') {
            assert!(items > 1 && asked <= scripted, "{}: {items} items, {asked} asked", row.name);
            format!("* items{end}")
        } else {
            format!("{items} items, {asked} asked{end}")
        };
        if found != row.outcome {
            wrong.push(format!("{}: {found:.300} instead of {}", row.name, row.outcome));
        }
        // What the row did not use must not answer the next.
        for _ in asked..scripted {
            let _ = client.post("/x").api_version("v").no_token().send();
            before += 1;
        }
        assert_eq!(received(&azure, Service::Arm).len(), before, "{}", row.name);
    }
    none(&wrong);
    evil.saw_nobody();
}

/// P11: a list that has no end ends with the call's deadline.
#[test]
fn a_list_without_an_end() {
    let azure = Azure::start().unwrap();
    let client = arm(&azure, &credential(&azure), &azure.arm());
    for page in 0..20_000 {
        let body = format!(r#"{{"value":[],"nextLink":"{}/x?p={page}"}}"#, azure.arm().trim_end_matches('/'));
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        azure.on(Service::Arm, Fault::raw(head + &body));
    }
    let outcome = client.get("/x").api_version("v").no_token().deadline(Duration::from_secs(5)).items().next();
    let error = outcome.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "P11: {error:?}");
    assert!(received(&azure, Service::Arm).len() > 1);
}
