//! What is tried again, when, and with what.

use super::world::{HOST, Lost, Play, World, answer, error, lost, s};
use crate::arm::Request;
use crate::error::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

const PATH: &str = "/subscriptions/s/resourceGroups/g?api-version=v";

fn request(world: &Arc<World>, method: &str) -> Request {
    world.client().request(method, PATH)
}

fn ok() -> Play {
    answer(200, "{}")
}

/// The table of what may be sent again, row by row: what is answered first, and which methods are sent again.
#[test]
fn what_is_sent_again() {
    const ALL: &str = "GET HEAD PUT DELETE POST PATCH POST+etag PATCH+etag";
    const SAFE: &str = "GET HEAD PUT DELETE POST+etag PATCH+etag";
    let rows: Vec<(&str, Play, &str)> = vec![
        ("429", error(429, "TooManyRequests"), ALL),
        ("429 with a wait", error(429, "TooManyRequests").with("Retry-After", "3"), ALL),
        ("503", error(503, "ServerTimeout"), SAFE),
        ("503 with a wait: the service did not begin", error(503, "ServerTimeout").with("Retry-After", "3"), ALL),
        ("408", error(408, "RequestTimeout"), SAFE),
        ("500", error(500, "InternalServerError"), SAFE),
        ("502", answer(502, "<html>"), SAFE),
        ("504: ARM gave its provider up after 60 s", error(504, "GatewayTimeout"), SAFE),
        ("501", error(501, "NotImplemented"), ""),
        ("501 with a wait", error(501, "NotImplemented").with("Retry-After", "1"), SAFE),
        ("400", error(400, "BadRequest"), ""),
        ("400 with a wait: the contract's fourth rule", error(400, "BadRequest").with("Retry-After", "1"), SAFE),
        ("409", error(409, "Conflict"), ""),
        ("409 with a wait", error(409, "AnotherOperationInProgress").with("Retry-After", "1"), SAFE),
        ("403", error(403, "AuthorizationFailed"), ""),
        ("403 with a wait", error(403, "AuthorizationFailed").with("Retry-After", "1"), ""),
        ("404", error(404, "ResourceNotFound"), ""),
        ("412 with a wait", error(412, "PreconditionFailed").with("Retry-After", "1"), ""),
        ("a redirect", answer(307, "").with("Location", "https://elsewhere.example/"), ""),
        ("nothing listens", lost(Lost::Refused), ALL),
        ("the handshake breaks", lost(Lost::Handshake), ALL),
        ("a certificate is refused", lost(Lost::Untrusted), ""),
        ("cut after it was sent", lost(Lost::Cut), SAFE),
        ("headers that cannot be read: azure-sdk-for-java#46136 sent the PUT again", lost(Lost::Malformed), ""),
        ("a body that is cut", answer(200, "{\"a\":1}").cut(), SAFE),
    ];
    for (name, first, again) in rows {
        for method in ALL.split(' ') {
            let world = World::new([first.clone(), ok()]);
            let (verb, guarded) = method.split_once('+').map_or((method, false), |(verb, _)| (verb, true));
            let request = request(&world, verb);
            let request = if guarded { request.if_match("\"7\"") } else { request };
            let outcome = request.send();
            let sent = world.sent().len();
            let expected = again.split(' ').any(|known| known == method);
            assert_eq!((sent, outcome.is_ok()), (1 + usize::from(expected), expected), "{name}: {method}: {outcome:?}");
        }
    }
}

#[test]
fn an_etag_that_is_a_star_guards_nothing() {
    let world = World::new([lost(Lost::Cut)]);
    request(&world, "PATCH").if_match("*").send().unwrap_err();
    let world = World::new([lost(Lost::Cut), ok()]);
    request(&world, "POST").if_none_match("*").send().unwrap();
}

#[test]
fn waits_are_floors_and_jitter_comes_on_top() {
    let half = 1 << 31;
    let throttled = || error(429, "TooManyRequests");
    let world = World::new([throttled().with("Retry-After", "7"), throttled(), error(503, "x"), lost(Lost::Cut), ok()]);
    request(&world.with_chance(half), "GET").send().unwrap();
    assert_eq!(world.slept(), [Duration::from_millis(9_500), s(5), s(2), s(4)]);
    assert_eq!(world.dropped(), 2, "a connection that was throttled is not used again");
}

#[test]
fn a_wait_beyond_the_deadline_ends_the_call_at_once() {
    let world = World::new([error(429, "TooManyRequests").with("Retry-After", "120")]);
    let error = request(&world, "GET").send().unwrap_err();
    assert_eq!((error.kind(), error.retry_after(), world.elapsed()), (ErrorKind::Throttled, Some(s(120)), s(0)));
    let dated = super::world::error(503, "x").with("Retry-After", "Tue, 14 Nov 2023 22:14:20 GMT");
    let world = World::new([dated, ok()]);
    request(&world, "GET").send().unwrap();
    assert_eq!(world.slept(), [s(60)]);
}

#[test]
fn the_deadline_ends_it_and_the_services_words_stay() {
    let world = World::new([]).otherwise(error(503, "ServerBusy")).with_chance(u32::MAX);
    let failed = request(&world, "GET").send().unwrap_err();
    assert_eq!((failed.kind(), failed.code()), (ErrorKind::Unavailable, Some("ServerBusy")));
    assert!(world.elapsed() <= s(120) && world.sent().len() > 5, "{:?} {}", world.elapsed(), world.sent().len());
    // The last try is cut by the deadline, and says less than the one before.
    let world = World::new([error(429, "TooManyRequests").with("Retry-After", "100"), lost(Lost::Silent)]);
    let failed = request(&world, "GET").send().unwrap_err();
    assert_eq!((failed.kind(), world.elapsed()), (ErrorKind::Throttled, s(120)));
    let world = World::new([lost(Lost::Silent)]);
    assert_eq!(request(&world, "GET").send().unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    let world = World::new([lost(Lost::Silent)]);
    request(&world, "GET").deadline(s(7)).send().unwrap_err();
    assert_eq!(world.elapsed(), s(7));
}

#[test]
fn ids_name_a_request_and_not_a_try() {
    let world = World::new([error(503, "x"), error(401, "ExpiredAuthenticationToken"), ok()]);
    request(&world, "GET").send().unwrap();
    let ids: Vec<_> =
        world.sent().iter().map(|sent| sent.header("x-ms-client-request-id").unwrap().to_owned()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2], "ARM would repeat its 401 without looking again");
    assert_eq!(ids[0].len(), 36);
    let world = World::new([ok()]);
    request(&world, "GET").header("X-Ms-Client-Request-Id", "mine").send().unwrap();
    let ids: Vec<_> = world.sent()[0]
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-ms-client-request-id"))
        .cloned()
        .collect();
    assert_eq!(ids, [("X-Ms-Client-Request-Id".to_owned(), "mine".to_owned())]);
}

#[test]
fn a_401_is_answered_with_one_fresh_token() {
    for method in ["GET", "POST"] {
        let world = World::new([error(401, "InvalidAuthenticationToken"), ok()]);
        request(&world, method).send().unwrap();
        let bearers: Vec<_> = world.sent().iter().map(|sent| sent.bearer.clone().unwrap()).collect();
        assert_eq!((bearers, world.elapsed()), (vec!["t0".to_owned(), "t1".to_owned()], s(0)));
    }
    let refused = || error(401, "InvalidAuthenticationToken");
    let world = World::new([refused(), refused()]);
    assert_eq!(request(&world, "GET").send().unwrap_err().kind(), ErrorKind::AccessDenied);
    let world = World::new([refused()]);
    let failed = request(&world, "GET").no_token().send().unwrap_err();
    assert_eq!((failed.status(), world.sent()[0].bearer.clone()), (Some(401), None));
}

/// What waiting does not heal.
#[test]
fn a_role_on_its_way_is_waited_for_and_a_refusal_for_good_is_not() {
    let kv = |inner: &str| {
        answer(403, &format!(r#"{{"error":{{"code":"Forbidden","message":"m","innererror":{{"code":"{inner}"}}}}}}"#))
    };
    for (host, refusal, heals) in [
        (HOST, error(403, "AuthorizationFailed"), true),
        (HOST, error(403, "LinkedAuthorizationFailed"), true),
        (HOST, error(404, "SubscriptionNotFound"), true),
        (HOST, error(403, "RequestDisallowedByPolicy"), false),
        (HOST, error(403, "DisallowedByAzureFirewall"), false),
        (HOST, error(404, "ResourceGroupNotFound"), false),
        (HOST, error(409, "ScopeLocked"), false),
        ("https://kv.vault.azure.net", kv("ForbiddenByRbac"), true),
        (
            "https://kv.vault.azure.net",
            answer(
                403,
                r#"{"error":{"code":"Forbidden","message":"If role assignments were changed recently, please observe propagation time."}}"#,
            ),
            true,
        ),
        ("https://kv.vault.azure.net", kv("ForbiddenByFirewall"), false),
        ("https://kv.vault.azure.net", kv("ForbiddenByPolicy"), false),
        ("https://a.blob.core.windows.net", error(403, "AuthorizationPermissionMismatch"), true),
        ("https://a.blob.core.windows.net", error(403, "AuthorizationFailure"), false),
    ] {
        let world = World::new([refusal.clone(), refusal.clone(), ok()]);
        let outcome = world.client().get(&format!("{host}/x")).retry_forbidden(s(600)).deadline(s(600)).send();
        assert_eq!((outcome.is_ok(), world.sent().len()), (heals, if heals { 3 } else { 1 }), "{refusal:?}");
        if heals {
            let bearers: Vec<_> = world.sent().iter().map(|sent| sent.bearer.clone().unwrap()).collect();
            assert_eq!(bearers, ["t0", "t1", "t2"], "a fresh token each time");
            assert_eq!(world.slept(), [s(5), s(5)]);
        }
        let world = World::new([refusal.clone()]);
        world.client().get(&format!("{host}/x")).send().expect_err("nobody asked to wait");
    }
}

#[test]
fn the_wait_for_a_role_ends_with_its_window() {
    let world = World::new([]).otherwise(error(403, "AuthorizationFailed")).with_chance(u32::MAX);
    let failed = request(&world, "GET").retry_forbidden(s(300)).deadline(s(900)).send().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::AccessDenied);
    assert!(failed.advice().unwrap().contains("24 hours"), "{:?}", failed.advice());
    assert!(world.elapsed() <= s(300) && world.elapsed() > s(260), "{:?}", world.elapsed());
    assert!(world.slept().iter().all(|slept| (s(5)..=s(30)).contains(slept)));
}

#[test]
fn a_data_planes_401_may_be_a_role_and_arms_is_not() {
    let refused = || error(401, "Unauthorized");
    let world = World::new([refused(), refused(), ok()]);
    world
        .client()
        .get("https://x.azconfig.io/kv")
        .resource("https://azconfig.io")
        .retry_forbidden(s(60))
        .send()
        .unwrap();
    let world = World::new([refused(), refused()]);
    request(&world, "GET").retry_forbidden(s(60)).send().unwrap_err();
}

#[test]
fn an_identity_without_a_role_sees_no_subscription() {
    let world = World::new([answer(200, r#"{"value":[]}"#), answer(200, r#"{"value":[{}]}"#)]);
    let listed = world.client().get("/subscriptions?api-version=v").retry_forbidden(s(60)).send().unwrap();
    assert_eq!((listed.text(), world.slept()), (r#"{"value":[{}]}"#.to_owned(), vec![s(5)]));
    let world = World::new([]).otherwise(answer(200, r#"{"value":[]}"#));
    let listed = world.client().get("/subscriptions?api-version=v").retry_forbidden(s(60)).send().unwrap();
    assert_eq!(listed.text(), r#"{"value":[]}"#, "what the service said, when the wait is over");
    let world = World::new([answer(200, r#"{"value":[]}"#)]);
    world.client().get("/subscriptions?api-version=v").send().unwrap();
}

#[test]
fn what_our_own_replay_met_is_reported_for_what_it_is() {
    let world = World::new([lost(Lost::Cut), error(404, "ResourceGroupNotFound")]);
    let gone = request(&world, "DELETE").send().unwrap();
    assert_eq!((gone.is_replay(), gone.status()), (true, 404));
    let world = World::new([error(404, "ResourceGroupNotFound")]);
    assert_eq!(request(&world, "DELETE").send().unwrap_err().kind(), ErrorKind::NotFound);
    // 429 says that nothing was done.
    let world = World::new([error(429, "x"), error(404, "ResourceGroupNotFound")]);
    assert_eq!(request(&world, "DELETE").send().unwrap_err().kind(), ErrorKind::NotFound);
    let world = World::new([lost(Lost::Cut), error(412, "PreconditionFailed")]);
    let failed = request(&world, "PUT").if_none_match("*").send().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Conflict);
    assert!(failed.advice().is_some_and(|advice| advice.contains("earlier try")), "{:?}", failed.advice());
}

#[test]
fn a_write_that_may_have_been_done_says_so() {
    for (first, unclear) in [
        (lost(Lost::Cut), true),
        (lost(Lost::Malformed), true),
        (lost(Lost::Silent), true),
        (error(500, "x"), true),
        (error(400, "x"), false),
    ] {
        let world = World::new([first.clone()]);
        let failed = request(&world, "POST").send().unwrap_err();
        let says = failed.advice().is_some_and(|advice| advice.contains("look before it is sent again"));
        assert_eq!(says, unclear, "{first:?}: {:?}", failed.advice());
    }
}

#[test]
fn bodies_and_their_headers() {
    let world = World::new([]).otherwise(ok());
    let client = world.client();
    client.put(PATH).body(&b"\xff\0"[..]).send().unwrap();
    client.post(PATH).send().unwrap();
    client.delete(PATH).send().unwrap();
    client.patch(PATH).body("x").header("Content-Type", "application/merge-patch+json").send().unwrap();
    let sent = world.sent();
    let seen: Vec<_> = sent.iter().map(|sent| (sent.body.as_deref(), sent.header("content-type"))).collect();
    assert_eq!(
        seen,
        [
            (Some(&b"\xff\0"[..]), Some("application/json")),
            (Some(&b""[..]), None),
            (None, None),
            (Some(&b"x"[..]), Some("application/merge-patch+json")),
        ]
    );
    for method in ["GET", "HEAD"] {
        assert_eq!(client.request(method, PATH).body("x").send().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(client.request("TRACE", PATH).send().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(world.sent().len(), 4);
}

#[test]
fn a_provider_is_registered_when_that_was_asked_for() {
    let missing = || {
        answer(
            409,
            r#"{"error":{"code":"MissingSubscriptionRegistration","message":"m","details":[{"code":"MissingSubscriptionRegistration","target":"Microsoft.Network","message":"m"}]}}"#,
        )
    };
    let state =
        |state: &str| answer(200, &format!(r#"{{"namespace":"Microsoft.Network","registrationState":"{state}"}}"#));
    let world = World::new([missing(), state("Registering"), state("Registering"), state("Registered"), ok()]);
    request(&world, "PUT").register_provider().send().unwrap();
    let provider = "/subscriptions/s/providers/Microsoft.Network";
    assert_eq!(
        world.lines(),
        [
            format!("PUT {PATH}"),
            format!("POST {provider}/register?api-version=2021-04-01"),
            format!("GET {provider}?api-version=2021-04-01"),
            format!("GET {provider}?api-version=2021-04-01"),
            format!("PUT {PATH}"),
        ]
    );
    assert_eq!(world.slept(), [s(2), s(4), s(0)]);
    let ids: Vec<_> =
        world.sent().iter().map(|sent| sent.header("x-ms-client-request-id").unwrap().to_owned()).collect();
    assert_ne!(ids[0], ids[4]);
    let world = World::new([missing()]);
    request(&world, "PUT").send().expect_err("nobody asked for it");
    let world = World::new([missing(), state("Registered"), missing()]);
    request(&world, "PUT").register_provider().send().expect_err("once is enough");
    let world = World::new([missing()]).otherwise(state("Registering"));
    let failed = request(&world, "PUT").register_provider().send().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::DeadlineExceeded);
    assert!(world.elapsed() <= s(120));
}

#[test]
fn what_was_streamed_is_not_streamed_again() {
    let world = World::new([answer(200, "abcdef").cut()]);
    let mut sink = Vec::new();
    request(&world, "GET").send_to(&mut sink).unwrap_err();
    assert_eq!(sink, b"abc");
    let world = World::new([error(503, "x"), answer(200, "abcdef")]);
    let mut sink = Vec::new();
    request(&world, "GET").send_to(&mut sink).unwrap();
    assert_eq!(sink, b"abcdef");
}
