//! Instance metadata on a virtual clock: what is tried again, when, and what each end is called.

use super::world::{Play, Setup, World, answer, answer_with, broken, bytes, ms, refused, s, silent, unanswered};
use super::*;
use crate::error::ErrorKind;
use crate::instance::Instance;

const DOCUMENT: &str = r#"{"compute":{"vmId":"v"}}"#;

fn good() -> Play {
    answer(200, DOCUMENT)
}

fn ask(world: &Arc<World>, deadline: Duration, wait: Duration) -> Result<Instance, Error> {
    world.credential(Setup { deadline, wait, ..Setup::default() }).instance()
}

#[test]
fn the_request_is_the_documented_one() {
    let world = World::new(vec![good()]);
    let instance = ask(&world, DEADLINE, s(0)).unwrap();
    assert_eq!((instance.document(), instance.get("compute/vmId").unwrap().as_str()), (DOCUMENT, "v"));
    assert_eq!(
        world.sent()[0].text,
        "GET /metadata/instance?api-version=2021-02-01 HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\n\
         Connection: close\r\n\r\n"
    );
}

#[test]
fn what_passes_by_itself_is_tried_again() {
    let text = |status| answer_with(status, &["Content-Type: text/plain"], "not here");
    // What comes first, then whether it is tried again without a wait for the endpoint, and with one; and what it is called.
    for (play, alone, waiting, kind) in [
        (answer(408, ""), true, true, ErrorKind::Unavailable),
        (answer(410, ""), true, true, ErrorKind::Unavailable),
        (answer(429, "{}"), true, true, ErrorKind::Throttled),
        (answer(500, "{}"), true, true, ErrorKind::Unavailable),
        (answer(503, ""), true, true, ErrorKind::Unavailable),
        (broken(), true, true, ErrorKind::Connection),
        (bytes(""), true, true, ErrorKind::Connection),
        (bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), true, true, ErrorKind::BadAnswer),
        (refused(), false, true, ErrorKind::NoEndpoint),
        (answer(404, r#"{"error":"Not found"}"#), false, true, ErrorKind::NotFound),
        (text(403), false, true, ErrorKind::AccessDenied),
        (text(200), false, true, ErrorKind::BadAnswer),
        (answer(400, r#"{"error":"Bad request. api-version is invalid"}"#), false, false, ErrorKind::Rejected),
        (answer(403, "{}"), false, false, ErrorKind::AccessDenied),
        (answer(401, "{}"), false, false, ErrorKind::AccessDenied),
        (answer(200, "{}"), false, false, ErrorKind::BadAnswer),
        (answer(200, r#"{"compute":{"#), false, false, ErrorKind::BadAnswer),
        (answer_with(302, &["Location: http://127.0.0.1:1/"], ""), false, false, ErrorKind::BadAnswer),
        (bytes("SSH-2.0-x\r\n"), false, false, ErrorKind::BadAnswer),
        (answer(200, &"x".repeat((1 << 20) + 1)), false, false, ErrorKind::BadAnswer),
    ] {
        for (wait, again) in [(s(0), alone), (s(60), waiting)] {
            let world = World::new(vec![play.clone()]);
            world.otherwise(good());
            let outcome = ask(&world, DEADLINE, wait);
            assert_eq!((outcome.is_ok(), world.sent().len()), (again, 1 + usize::from(again)), "{play:?} {wait:?}");
            let world = World::new(Vec::new());
            // Without chance there is no pause, and this clock would stand still.
            world.set_chance(1 << 31);
            world.otherwise(play.clone());
            let error = ask(&world, s(20), wait.min(s(10))).unwrap_err();
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(error.to_string().ends_with("[imds, found by the absence of all others]"), "{error}");
            assert!(world.elapsed() <= s(20), "{play:?}");
        }
    }
}

#[test]
fn what_the_service_asks_for_is_a_floor() {
    let world = World::new(vec![answer_with(429, &["Retry-After: 7"], ""), answer(503, ""), good()]);
    world.set_chance(1 << 31);
    ask(&world, DEADLINE, s(0)).unwrap();
    assert_eq!(world.slept(), [ms(9500), s(1)]);
    let world = World::new(vec![answer_with(429, &["Retry-After: 600"], "")]);
    let error = ask(&world, DEADLINE, s(0)).unwrap_err();
    assert_eq!((error.kind(), error.retry_after(), world.elapsed()), (ErrorKind::Throttled, Some(s(600)), s(0)));
}

#[test]
fn who_is_not_there_is_given_up_after_three_seconds() {
    let world = World::new(Vec::new());
    world.otherwise(unanswered());
    let error = ask(&world, DEADLINE, s(0)).unwrap_err();
    assert_eq!((error.kind(), world.sent().len(), world.elapsed()), (ErrorKind::NoEndpoint, 3, s(3)));
}

#[test]
fn the_deadline_is_the_end() {
    let world = World::new(Vec::new());
    world.otherwise(silent());
    let error = ask(&world, s(5), s(0)).unwrap_err();
    assert_eq!((error.kind(), world.elapsed()), (ErrorKind::DeadlineExceeded, s(5)));
    assert!(error.to_string().starts_with("no instance metadata before the deadline"), "{error}");
    // What came before the deadline says more.
    let world = World::new(vec![answer(500, r#"{"error":"broken"}"#), silent()]);
    assert_eq!(ask(&world, s(5), s(0)).unwrap_err().status(), Some(500));
}

#[test]
fn an_identity_that_is_not_there_does_not_matter() {
    let world = World::new(vec![good()]);
    let setup = Setup { identity: Identity::ClientId("nobody".to_owned()), ..Setup::default() };
    assert!(world.credential(setup).instance().is_ok());
}

#[test]
fn other_sources_have_none() {
    for (env, name) in [
        (&[("IDENTITY_ENDPOINT", "http://127.0.0.1:1/"), ("IDENTITY_HEADER", "h")][..], "app-service"),
        (&[("MSI_ENDPOINT", "http://127.0.0.1:1/")], "cloud-shell"),
        (&[("IDENTITY_ENDPOINT", "http://127.0.0.1:1/"), ("IMDS_ENDPOINT", "http://127.0.0.1:1/")], "azure-arc"),
        (&[("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t"), ("AZURE_FEDERATED_TOKEN_FILE", "/f")], "workload"),
    ] {
        let world = World::new(Vec::new());
        let error = world.credential(Setup { env, ..Setup::default() }).instance().unwrap_err();
        assert_eq!((error.kind(), world.sent().len()), (ErrorKind::InvalidInput, 0), "{name}");
        assert!(error.to_string().starts_with(&format!("{name} has no instance metadata")), "{error}");
    }
}
