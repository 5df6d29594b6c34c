//! The library as a program links it, through its public interface alone.

use std::error::Error as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use azmin::arm::{self, Client};
use azmin::simulator::{Azure, Fault, Service};
use azmin::{Cloud, Credential, Error, ErrorKind, Identity};

use crate::relay::{Manner, Relay, arm_address};
use crate::support::{ARM_AUDIENCE, GROUP, GROUP_BODY, closed_port, received};

fn credential(azure: &Azure) -> Credential {
    Credential::builder().metadata_endpoint(&azure.imds()).identity(Identity::SystemAssigned).build().unwrap()
}

fn builder(azure: &Azure, endpoint: &str) -> arm::Builder {
    let builder = Client::builder(credential(azure)).cloud(Cloud::named(endpoint).unwrap());
    builder.ca_pem(azure.ca_pem().as_bytes()).deadline(Duration::from_secs(20))
}

fn client(azure: &Azure) -> Client {
    builder(azure, &azure.arm()).build()
}

fn get(client: &Client) -> arm::Request {
    client.get(GROUP).api_version("2016-06-01").resource(ARM_AUDIENCE)
}

#[test]
fn the_tutorial() {
    let azure = Azure::start().unwrap();
    let credential = credential(&azure);
    let token = credential.token(ARM_AUDIENCE).unwrap();
    assert_eq!((token.secret().split('.').count(), token.resource()), (3, ARM_AUDIENCE));
    let identity = azure.system_identity().unwrap();
    assert_eq!(token.client_id(), Some(identity.client_id()));
    assert_eq!(token.claim("oid").as_deref(), Some(identity.object_id()));
    let life = token.expires_on().duration_since(SystemTime::now()).unwrap().as_secs();
    assert!((86_000..=86_400).contains(&life), "{life}");

    let answer = get(&client(&azure)).header("x-mine", "1").query("$top", "1").send().unwrap();
    assert_eq!((answer.status(), answer.status_line()), (200, "HTTP/1.1 200 OK"));
    assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"));
    assert!(answer.headers().any(|(name, value)| name == "x-ms-request-id" && value.len() == 36));
    assert_eq!((answer.bytes(), answer.header("x-none")), (GROUP_BODY.as_bytes(), None));
    assert_eq!(answer.text(), GROUP_BODY);
    let request = received(&azure, Service::Arm).pop().unwrap();
    assert_eq!(request.target(), format!("{GROUP}?api-version=2016-06-01&$top=1"));
    assert_eq!(request.header("x-mine"), Some("1"));
}

#[test]
fn a_token_and_a_connection_serve_many_calls() {
    let azure = Azure::start().unwrap();
    let relay = Relay::start(Manner::Forward(arm_address(&azure)));
    let client = builder(&azure, &relay.as_arm()).build();
    for _ in 0..5 {
        assert_eq!(get(&client.clone()).send().unwrap().text(), GROUP_BODY);
    }
    // Neither a refusal nor a streamed body is a reason for another connection.
    azure.on(Service::Arm, Fault::status(404).body("{}"));
    assert_eq!(get(&client).send().unwrap_err().kind(), ErrorKind::NotFound);
    let mut streamed = Vec::new();
    get(&client).send_to(&mut streamed).unwrap();
    assert_eq!(streamed, GROUP_BODY.as_bytes());
    assert_eq!(relay.accepted(), 1);
    assert_eq!((received(&azure, Service::Imds).len(), received(&azure, Service::Arm).len()), (1, 7));
}

#[test]
fn a_connection_that_the_service_closed_is_replaced() {
    let azure = Azure::start().unwrap();
    let relay = Relay::start(Manner::Forward(arm_address(&azure)));
    let client = builder(&azure, &relay.as_arm()).build();
    for round in 1..=3 {
        azure.on(Service::Arm, Fault::delay(Duration::ZERO).header("Connection", "close"));
        assert_eq!(get(&client).send().unwrap().text(), GROUP_BODY);
        assert_eq!(relay.accepted(), round);
    }
}

#[test]
fn refusals_are_typed() {
    let azure = Azure::start().unwrap();
    // Shorter than the wait that the service asks for: nothing is tried again.
    let client = builder(&azure, &azure.arm()).deadline(Duration::from_secs(10)).build();
    let body = r#"{"error":{"code":"Outer","message":"words","details":[
        {"code":"A","target":"/x","message":"one","details":[{"code":"B","message":"two"}]},{"message":"three"}]}}"#;
    for (status, kind, transient) in [
        (400, ErrorKind::Rejected, false),
        (401, ErrorKind::AccessDenied, false),
        (403, ErrorKind::AccessDenied, false),
        (404, ErrorKind::NotFound, false),
        (409, ErrorKind::Conflict, false),
        (412, ErrorKind::Conflict, false),
        (418, ErrorKind::Rejected, false),
        (429, ErrorKind::Throttled, true),
        (500, ErrorKind::Unavailable, true),
        (503, ErrorKind::Unavailable, true),
    ] {
        // A 401 is answered with a fresh token.
        let times = if status == 401 { 2 } else { 1 };
        let fault = Fault::status(status).body(body).header("Retry-After", "17").times(times);
        azure.on(Service::Arm, fault.header("x-ms-request-id", "r-1").header("x-ms-correlation-request-id", "c-1"));
        let error = get(&client).send().unwrap_err();
        assert_eq!((error.kind(), error.status(), error.is_transient()), (kind, Some(status), transient));
        assert_eq!((error.code(), error.message()), (Some("Outer"), Some("words")));
        let details: Vec<_> = error.details().map(ToString::to_string).collect();
        assert_eq!(details, ["A @ /x: one", "B: two", "-: three"]);
        assert_eq!((error.request_id(), error.correlation_id()), (Some("r-1"), Some("c-1")));
        assert_eq!((error.trace_id(), error.retry_after()), (None, Some(Duration::from_secs(17))));
        assert!(error.source().is_none() && error.to_string().contains("words"), "{error}");
    }
}

#[test]
fn refusals_of_the_identity_endpoint_come_through_a_client() {
    let azure = Azure::start().unwrap();
    let body = r#"{"error":"invalid_resource","error_description":"AADSTS500011: no","correlation_id":"c-2","trace_id":"t-2"}"#;
    azure.on(Service::Imds, Fault::status(400).body(body).header("x-ms-request-id", "r-2"));
    let error = get(&client(&azure)).send().unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::IdentityRefused, Some(400)));
    assert_eq!((error.code(), error.message()), (Some("invalid_resource"), Some("AADSTS500011: no")));
    assert_eq!((error.correlation_id(), error.trace_id()), (Some("c-2"), Some("t-2")));
    assert_eq!(error.request_id(), Some("r-2"));
    assert!(error.advice().is_some_and(|advice| advice.contains("trailing slash")), "{error}");
    assert_eq!(received(&azure, Service::Arm).len(), 0);
}

#[test]
fn errors_have_their_causes() {
    let azure = Azure::start().unwrap();
    let closed = builder(&azure, &format!("https://localhost:{}", closed_port())).deadline(Duration::from_millis(300));
    let error = get(&closed.build()).send().unwrap_err();
    assert_eq!((error.kind(), error.status(), error.is_transient()), (ErrorKind::Connection, None, true));
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    assert!(!error.to_string().contains(&cause.to_string()), "the cause stands in source() alone: {error}");

    let stranger = Client::builder(credential(&azure)).cloud(Cloud::named(&azure.arm()).unwrap()).build();
    let error = get(&stranger).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.source().is_some_and(|cause| cause.to_string().contains("UnknownIssuer")), "{error:?}");

    let nobody =
        Credential::builder().metadata_endpoint(&format!("http://127.0.0.1:{}", closed_port())).build().unwrap();
    let error = nobody.token(ARM_AUDIENCE).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::NoEndpoint, true));
    assert!(error.source().is_some_and(|cause| cause.is::<io::Error>()), "{error:?}");
}

#[test]
fn a_ca_that_is_none_is_an_error_of_every_call() {
    let azure = Azure::start().unwrap();
    for pem in [&b""[..], b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let client = builder(&azure, &azure.arm()).ca_pem(pem).build();
        for _ in 0..2 {
            assert_eq!(get(&client).send().unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
    let client = builder(&azure, &azure.arm()).ca_file("/nonexistent/ca.pem").build();
    let error = get(&client).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
    assert!(error.to_string().contains("/nonexistent/ca.pem") && error.source().is_some(), "{error:?}");
    assert_eq!(azure.requests().len(), 0);
}

#[test]
fn requests_that_cannot_be_sent_are_not() {
    let azure = Azure::start().unwrap();
    let client = client(&azure);
    let refused = |request: arm::Request| {
        let preview = request.preview().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(request.send().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(preview, Err(ErrorKind::InvalidInput));
    };
    refused(client.get(GROUP));
    refused(client.get("http://localhost/x").resource(ARM_AUDIENCE));
    refused(client.get("https://user@localhost/x").resource(ARM_AUDIENCE));
    refused(client.get("https://localhost:99999/x").resource(ARM_AUDIENCE));
    refused(client.get("https://localhost/x#y").resource(ARM_AUDIENCE));
    refused(get(&client).header("Authorization", "Bearer mine"));
    refused(get(&client).header("X", "a\r\nY: b"));
    refused(get(&client).header("X Y", "b"));
    assert_eq!(get(&client).resource("").send().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(azure.requests().len(), 0);
}

#[test]
fn only_a_redirect_is_called_one() {
    let azure = Azure::start().unwrap();
    let client = client(&azure);
    let call = |fault: Fault| {
        azure.on(Service::Arm, fault);
        get(&client).send().unwrap_err().to_string()
    };
    let redirect = call(Fault::status(307).header("Location", "https://localhost:1/x?sig=s3cr3t"));
    assert!(redirect.contains("redirect") && redirect.contains("https://localhost:1/x?sig=REDACTED"), "{redirect}");
    for status in [300, 304] {
        let other = call(Fault::status(status));
        assert!(!other.contains("redirect") && other.contains(&format!("HTTP {status}")), "{other}");
    }
}

/// Counts what it is given and how.
#[derive(Default)]
struct Meter {
    bytes: usize,
    pieces: usize,
    largest: usize,
}

impl Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        self.pieces += 1;
        self.largest = self.largest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn memory_is_bounded_and_streams_are_not() {
    let azure = Azure::start().unwrap();
    let client = client(&azure);
    let large = 17 << 20;
    azure.on(Service::Arm, Fault::status(200).body("x".repeat(large)));
    let error = get(&client).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadAnswer);
    assert!(error.to_string().contains("16 MiB"), "{error}");

    azure.on(Service::Arm, Fault::status(200).body("x".repeat(large)));
    let mut meter = Meter::default();
    let answer = get(&client).send_to(&mut meter).unwrap();
    assert_eq!((answer.status(), answer.bytes().len(), meter.bytes), (200, 0, large));
    assert!(meter.pieces > 200 && meter.largest <= 64 << 10, "{} pieces, up to {}", meter.pieces, meter.largest);

    azure.on(Service::Arm, Fault::status(200).body("x".repeat(16 << 20)));
    assert_eq!(get(&client).send().unwrap().bytes().len(), 16 << 20);
}

#[test]
fn a_sink_that_fails_ends_the_call() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let azure = Azure::start().unwrap();
    let client = client(&azure);
    let error = get(&client).send_to(&mut Full).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
    assert!(error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).is_some());
    // The half-read connection is not used again.
    assert_eq!(get(&client).send().unwrap().text(), GROUP_BODY);
    azure.on(Service::Arm, Fault::status(403).body(r#"{"error":{"code":"X","message":"m"}}"#));
    let mut meter = Meter::default();
    let error = get(&client).send_to(&mut meter).unwrap_err();
    assert_eq!((error.code(), meter.bytes), (Some("X"), 0), "an error's body is not what was asked for");
}

/// Neither the token nor any piece of it that is long enough to tell.
#[track_caller]
fn without(token: &str, shown: &str) {
    let piece = token.as_bytes().windows(12).find(|piece| shown.contains(std::str::from_utf8(piece).unwrap()));
    assert!(piece.is_none(), "{shown}");
}

#[test]
fn what_is_shown_has_no_secret_in_it() {
    let azure = Azure::start().unwrap();
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let note = {
        let lines = Arc::clone(&lines);
        move |attempt: &azmin::Attempt<'_>| {
            let mut text = format!("{attempt} {attempt:?} {} {:?}", attempt.url(), attempt.error());
            for (name, value) in attempt.sent_headers().chain(attempt.received_headers()) {
                text.push_str(&format!("\n{name}: {value}"));
            }
            assert!(!attempt.elapsed().is_zero() && attempt.method() == "GET");
            lines.lock().unwrap().push(text);
        }
    };
    let settings = Credential::builder()
        .metadata_endpoint(&azure.imds())
        .identity(Identity::SystemAssigned)
        .on_attempt(note.clone());
    let credential = settings.clone().build().unwrap();
    let token = credential.token(ARM_AUDIENCE).unwrap();
    let builder = Client::builder(credential.clone())
        .cloud(Cloud::named(&azure.arm()).unwrap())
        .ca_pem(azure.ca_pem().as_bytes())
        .on_attempt(note);
    let client = builder.clone().build();
    let request = get(&client).query("sig", "s3cr3t").header("x-key", "s3cr3t");
    let shown = [
        format!("{settings:?} {settings:#?}"),
        format!("{credential:?} {credential:#?}"),
        format!("{token:?} {token:#?}"),
        format!("{builder:?} {client:?} {client:#?}"),
        format!("{request:?} {request:#?} {}", request.preview().unwrap()),
    ];
    // A service that hands everything back.
    azure.on(Service::Arm, Fault::delay(Duration::ZERO).header("Set-Cookie", token.secret()));
    let answer = request.send().unwrap();
    let challenge = format!("Bearer {}", token.secret());
    azure.on(Service::Arm, Fault::status(401).header("WWW-Authenticate", challenge).times(2));
    let refusal = get(&client).query("sig", "s3cr3t").send().unwrap_err();
    azure.on(Service::Arm, Fault::status(302).header("Location", format!("https://localhost:1/?t={}", token.secret())));
    let redirect = get(&client).send().unwrap_err();
    azure.on(Service::Arm, Fault::raw(token.secret()));
    let garbage = get(&client).send().unwrap_err();
    let attempts = lines.lock().unwrap().clone();
    assert_eq!(attempts.len(), 7, "a token and four calls, one of them twice with a token of its own: {attempts:#?}");
    assert!(attempts[1].contains("sig=REDACTED") && attempts[1].contains("\nx-key: REDACTED"), "{}", attempts[1]);
    let errors = [&refusal, &redirect, &garbage].map(|error| format!("{error} {error:?} {:?}", error.source()));
    for text in shown.iter().chain(&attempts).chain(&errors).chain([&format!("{answer:?}")]) {
        without(token.secret(), text);
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    without(token.secret(), &format!("{azure:?} {:?}", azure.requests()));
}

#[test]
fn parts_outlive_what_they_came_from() {
    let azure = Azure::start().unwrap();
    let (token, answer, client) = {
        let credential = credential(&azure);
        let client = client(&azure);
        (credential.token(ARM_AUDIENCE).unwrap(), get(&client).send().unwrap(), client.clone())
    };
    assert_eq!(token.clone().secret(), token.secret());
    assert_eq!(answer.text(), GROUP_BODY);
    let error = client.get("/x").send().unwrap_err();
    assert_eq!(get(&client).send().unwrap().text(), GROUP_BODY);
    drop((client, azure));
    assert_eq!(error.clone().kind(), ErrorKind::InvalidInput);
}

#[test]
fn many_threads_share_one_client_and_one_token() {
    let azure = Azure::start().unwrap();
    let client = client(&azure);
    azure.on(Service::Imds, Fault::delay(Duration::from_millis(50)));
    thread::scope(|scope| {
        let calls: Vec<_> = (0..64).map(|_| scope.spawn(|| get(&client).send().map(arm::Answer::text))).collect();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap(), GROUP_BODY);
        }
    });
    assert_eq!((received(&azure, Service::Imds).len(), received(&azure, Service::Arm).len()), (1, 64));
}

#[test]
fn the_deadline_of_a_call_covers_its_token() {
    let azure = Azure::start().unwrap();
    for service in [Service::Imds, Service::Arm] {
        azure.on(service, Fault::hang());
        let client = builder(&azure, &azure.arm()).deadline(Duration::from_millis(200)).build();
        let begun = std::time::Instant::now();
        assert_eq!(get(&client).send().unwrap_err().kind(), ErrorKind::DeadlineExceeded);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

#[test]
fn public_types_cross_threads() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    crosses::<Credential>();
    crosses::<Client>();
    crosses::<azmin::AccessToken>();
    crosses::<Error>();
    fn moves<T: Send + 'static>() {}
    moves::<arm::Request>();
    moves::<arm::Answer>();
}
