//! Long-running operations with their pauses, deadlines and links; the steps themselves have a table of their own.

use std::time::Duration;

use super::world::{HOST, Lost, World, answer, error, lost, s};
use crate::error::ErrorKind;

const PATH: &str = "/subscriptions/s/resourceGroups/g?api-version=v";

fn accepted(status: u16) -> super::world::Play {
    answer(status, "{}").with("Azure-AsyncOperation", &format!("{HOST}/op/1?t=secret&s=signature"))
}

#[test]
fn a_put_ends_with_its_resource() {
    let world = World::new([
        accepted(201),
        answer(200, r#"{"status":"Running"}"#).with("Retry-After", "17"),
        answer(200, r#"{"status":"Succeeded"}"#),
        answer(200, r#"{"name":"g"}"#),
    ]);
    let done = world.client().put(PATH).body("{}").if_none_match("*").send().unwrap().wait().unwrap();
    assert_eq!(done.text(), r#"{"name":"g"}"#);
    let poll = "GET /op/1?t=secret&s=signature";
    assert_eq!(world.lines(), [format!("PUT {PATH}"), poll.to_owned(), poll.to_owned(), format!("GET {PATH}")]);
    assert_eq!(world.slept(), [s(2), s(17)]);
    let reads = &world.sent()[1..];
    assert!(reads.iter().all(|sent| sent.body.is_none() && sent.header("if-none-match").is_none()), "{reads:?}");
    assert!(reads.iter().all(|sent| sent.bearer.as_deref() == Some("t0")));
}

/// Such services name no wait.
#[test]
fn a_resource_may_tell_its_own_state() {
    let state = |state: &str| answer(200, &format!(r#"{{"name":"g","properties":{{"provisioningState":"{state}"}}}}"#));
    let world = World::new([state("Creating"), state("Updating"), state("Succeeded")]);
    let done = world.client().put(PATH).body("{}").send().unwrap().wait().unwrap();
    assert!(done.text().contains("Succeeded"));
    assert_eq!(world.lines(), [format!("PUT {PATH}"), format!("GET {PATH}"), format!("GET {PATH}")]);
    assert_eq!(world.slept(), [s(2), s(4)]);
}

#[test]
fn pauses_grow_where_the_service_names_none() {
    let world = World::new([accepted(202)]).otherwise(answer(200, r#"{"status":"Running"}"#)).with_chance(u32::MAX);
    let failed = world.client().delete(PATH).send().unwrap().wait_for(s(120)).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::DeadlineExceeded);
    let whole: Vec<_> = world.slept().iter().map(|slept| slept.as_millis() / 10).collect();
    assert_eq!(whole, [150, 300, 600, 1125, 2250, 2250, 2250, 2250], "2, 4, 8, 15, 30 s less a quarter");
    let url = failed.operation_url().unwrap();
    assert_eq!(url, format!("{HOST}/op/1?t=secret&s=signature"));
    assert!(!failed.to_string().contains("signature") && !format!("{failed:?}").contains("signature"));
}

#[test]
fn a_wait_beyond_the_deadline_is_not_begun() {
    let world = World::new([accepted(202).with("Retry-After", "3600")]);
    let failed = world.client().delete(PATH).send().unwrap().wait_for(s(600)).unwrap_err();
    assert_eq!((failed.kind(), world.elapsed()), (ErrorKind::DeadlineExceeded, s(0)));
}

#[test]
fn a_service_that_says_0_is_not_asked_without_pause() {
    let world = World::new([
        accepted(202).with("Retry-After", "0"),
        answer(200, r#"{"status":"Running"}"#).with("Retry-After", "0"),
        answer(200, r#"{"status":"Succeeded"}"#),
    ]);
    world.client().delete(PATH).send().unwrap().wait().unwrap();
    assert_eq!(world.slept(), [Duration::from_millis(100); 2]);
}

#[test]
fn what_passes_while_polling_does_not_end_it() {
    let world = World::new([
        accepted(202),
        error(503, "ServerBusy"),
        lost(Lost::Cut),
        error(429, "TooManyRequests").with("Retry-After", "9"),
        error(401, "ExpiredAuthenticationToken"),
        answer(200, r#"{"status":"Succeeded"}"#),
    ]);
    let done = world.client().delete(PATH).send().unwrap().wait().unwrap();
    assert_eq!(done.text(), "", "a DELETE has no result");
    assert_eq!(world.sent().last().unwrap().bearer.as_deref(), Some("t1"));
}

#[test]
fn a_failure_has_the_services_words() {
    for (state, words) in [("Failed", "failed"), ("Canceled", "was cancelled"), ("cancelled", "was cancelled")] {
        let body = format!(
            r#"{{"status":"{state}","error":{{"code":"SkuNotAvailable","message":"no such size","details":[{{"code":"D"}}]}}}}"#
        );
        let world = World::new([accepted(201), answer(200, &body).with("x-ms-request-id", "r-1")]);
        let failed = world.client().put(PATH).send().unwrap().wait().unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::OperationFailed);
        assert_eq!(
            (failed.code(), failed.message(), failed.request_id()),
            (Some("SkuNotAvailable"), Some("no such size"), Some("r-1"))
        );
        assert!(failed.to_string().starts_with(&format!("the operation {words}")), "{failed}");
        assert_eq!(failed.details().count(), 1);
    }
}

#[test]
fn polling_urls_elsewhere_get_no_token() {
    for link in
        ["https://evil.example/op", "http://management.azure.com/op", "https://management.azure.com.evil.example/op"]
    {
        let world = World::new([answer(202, "").with("Location", link)]);
        let failed = world.client().delete(PATH).send().unwrap().wait().unwrap_err();
        assert_eq!((failed.kind(), world.sent().len()), (ErrorKind::BadAnswer, 1), "{link}");
    }
    // Operations of a region are polled there.
    let world =
        World::new([answer(202, "").with("Location", "https://westus.management.azure.com/op"), answer(204, "")]);
    world.client().delete(PATH).send().unwrap().wait().unwrap();
    let world = World::new([answer(202, "").with("Location", "/op?x"), answer(204, "")]);
    world.client().delete(PATH).send().unwrap().wait().unwrap();
    assert_eq!(world.lines()[1], "GET /op?x");
}

#[test]
fn refusals_to_tell_the_state_are_errors_that_say_where_it_stood() {
    let world = World::new([accepted(201), error(403, "AuthorizationFailed")]);
    let failed = world.client().put(PATH).send().unwrap().wait().unwrap_err();
    assert_eq!((failed.kind(), failed.code()), (ErrorKind::AccessDenied, Some("AuthorizationFailed")));
    let world = World::new([accepted(202), error(404, "NotFound")]);
    world.client().delete(PATH).send().unwrap().wait().expect("what is gone was deleted");
}

#[test]
fn what_is_done_at_once_is_not_waited_for() {
    for (method, status, body) in [
        ("GET", 200, "{}"),
        ("PUT", 200, "{}"),
        ("POST", 200, "{\"keys\":[]}"),
        ("DELETE", 204, ""),
        ("PATCH", 200, r#"{"properties":{"provisioningState":"Succeeded"}}"#),
    ] {
        let world = World::new([answer(status, body)]);
        let done = world.client().request(method, PATH).send().unwrap().wait().unwrap();
        assert_eq!((done.text().as_str(), world.sent().len()), (body, 1), "{method}");
    }
}

#[test]
fn a_get_comes_back_to_an_operation() {
    let world = World::new([answer(200, r#"{"status":"Running"}"#), answer(200, r#"{"status":"Succeeded"}"#)]);
    world.client().get("/op/1").send().unwrap().wait().unwrap();
    assert_eq!(world.lines(), ["GET /op/1", "GET /op/1"]);
}
