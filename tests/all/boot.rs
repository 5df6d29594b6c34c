//! A machine that boots: an endpoint that is not there yet, then not ready, then without the identity.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Fault, Service};
use azmin::{Credential, ErrorKind, Identity};

use crate::relay::{Manner, Relay};
use crate::support::{ARM_AUDIENCE, azmin, closed_port, received, skip};

const NOT_FOUND: &str = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;

/// An address of this test's own, on which nothing listens until it says so: no other test has ports of that host.
fn address() -> Option<SocketAddr> {
    let [.., high, low] = std::process::id().to_be_bytes();
    let listener = TcpListener::bind((Ipv4Addr::new(127, 77, high, low.clamp(1, 254)), 0)).ok()?;
    listener.local_addr().ok()
}

#[test]
fn an_endpoint_that_is_absent_for_five_seconds_is_waited_for() {
    let Some(address) = address() else { return skip("this system's loopback is 127.0.0.1 alone") };
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::status(503));
    azure.on(Service::Imds, Fault::status(400).body(NOT_FOUND));
    let run = |arguments: &[&str]| {
        azmin([&["token"], arguments].concat()).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", format!("http://{address}"))
    };

    // Who does not wait is told so at once.
    let begun = Instant::now();
    run(&[]).run().fails(4).says("no identity endpoint answers");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    let mut command = run(&["--wait-identity", "60s", "-v"]).into_command();
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut refused = 0;
    // Each try is a line; the one that is over after five seconds is followed by one that finds somebody.
    while begun.elapsed() < Duration::from_secs(5) {
        let line = err.next().unwrap().unwrap();
        assert!(line.contains("no identity endpoint answers") && line.contains(", again in "), "{line}");
        refused += 1;
    }
    assert!(refused >= 3, "{refused}");
    let endpoint = azure.imds().trim_start_matches("http://").parse().unwrap();
    let _relay = Relay::start_on(TcpListener::bind(address).unwrap(), Manner::Forward(endpoint));
    // One more try may have been refused in between.
    let rest: Vec<_> = err.map(Result::unwrap).skip_while(|line| line.contains("no identity endpoint")).collect();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:#?}");
    assert_eq!(rest.len(), 3, "{rest:#?}");
    for (line, status) in rest.iter().zip(["-> 503 in ", "-> 400 in ", "-> 200 in "]) {
        assert!(line.contains(status), "{line}");
    }
    assert_eq!(received(&azure, Service::Imds).len(), 3);
    assert_eq!(out, azmin(["token"]).on(&azure).run().out);
}

/// What is waited out, and what is not; each in a thread of its own, since most of the time is a pause.
#[test]
fn what_a_machine_that_boots_is_told() {
    let text = |status: u16, body: &str| Fault::status(status).body(body).header("Content-Type", "text/plain");
    let rows = [
        ("404", Fault::status(404), true),
        ("410", Fault::status(410), true),
        ("429", Fault::status(429), true),
        ("500", Fault::status(500).body("{}"), true),
        ("503", Fault::status(503), true),
        ("the identity is not there yet", Fault::status(400).body(NOT_FOUND), true),
        ("a container's text", text(403, "no such host"), true),
        ("a cut answer", Fault::cut(40), true),
        ("another refusal", Fault::status(400).body(r#"{"error":"invalid_resource"}"#), false),
        ("a guest proxy agent", Fault::status(403).body(r#"{"error":"denied"}"#), false),
        ("a redirect", Fault::status(302).header("Location", "http://127.0.0.1:1/"), false),
    ];
    thread::scope(|scope| {
        for (name, fault, waited) in rows {
            scope.spawn(move || {
                let azure = Azure::start().unwrap();
                azure.on(Service::Imds, fault);
                let builder = Credential::builder().metadata_endpoint(&azure.imds()).identity(Identity::SystemAssigned);
                let outcome = builder.wait_identity(Duration::from_secs(30)).build().unwrap().token(ARM_AUDIENCE);
                assert_eq!(outcome.is_ok(), waited, "{name}: {outcome:?}");
                assert_eq!(azure.requests().len(), 1 + usize::from(waited), "{name}");
            });
        }
    });
}

#[test]
fn without_the_flag_an_identity_that_is_not_there_is_not_waited_for() {
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::status(400).body(NOT_FOUND));
    azmin(["token"]).on(&azure).run().fails(4).says("Identity not found").says("can take minutes to arrive");
    assert_eq!(azure.requests().len(), 1);
}

#[test]
fn the_wait_ends() {
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    let builder = Credential::builder().metadata_endpoint(&nobody).identity(Identity::SystemAssigned);
    let begun = Instant::now();
    let error = builder.wait_identity(Duration::from_millis(600)).build().unwrap().token(ARM_AUDIENCE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoEndpoint, "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let run = azmin(["token", "--wait-identity", "300ms"]).run();
    assert!(run.fails(4).says("no identity endpoint answers").err.lines().count() == 1, "no heart-beat so soon");
    azmin(["token", "--wait-identity", "soon"]).run().fails(2);
}
