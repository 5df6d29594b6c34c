//! When tries follow one another, and when they end. Time is virtual: an hour of waiting costs nothing here.

use super::world::{
    NOW, Play, RESOURCE, Setup, World, answer, answer_with, broken, bytes, ms, refused, s, silent, token, unanswered,
};
use super::*;
use crate::error::ErrorKind;

type Pairs = &'static [(&'static str, &'static str)];

const VM: Pairs = &[];
const APP: Pairs = &[("IDENTITY_ENDPOINT", "http://127.0.0.1:41564/MSI/token/"), ("IDENTITY_HEADER", "h")];
const ML: Pairs = &[("MSI_ENDPOINT", "http://127.0.0.1:8080/"), ("MSI_SECRET", "s")];
const SHELL: Pairs = &[("MSI_ENDPOINT", "http://localhost:50342/oauth2/token")];
const FABRIC: Pairs = &[
    ("IDENTITY_ENDPOINT", "https://localhost:2377/"),
    ("IDENTITY_HEADER", "h"),
    ("IDENTITY_SERVER_THUMBPRINT", "00112233445566778899aabbccddeeff00112233"),
];
const AKS: Pairs = &[("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t"), ("AZURE_FEDERATED_TOKEN_FILE", "/f")];
/// Every one whose first answer may be its last.
const PLAIN: [Pairs; 6] = [VM, APP, ML, SHELL, FABRIC, AKS];

/// The jitter that makes half of the span.
const HALF: u32 = 1 << 31;

fn world(script: Vec<Play>) -> Arc<World> {
    let world = World::new(script);
    world.put_assertions(&["a"]);
    world
}

fn always(play: Play) -> Arc<World> {
    let world = world(Vec::new());
    world.otherwise(play);
    world
}

fn ask(world: &Arc<World>, env: Pairs, deadline: Duration, wait: Duration) -> Result<AccessToken, Error> {
    world.credential(Setup { env, deadline, wait, ..Setup::default() }).token(RESOURCE)
}

fn not_found() -> Play {
    answer(400, r#"{"error":"invalid_request","error_description":"Identity not found"}"#)
}

#[test]
fn delays_double_up_to_a_bound() {
    for env in PLAIN {
        let world = always(answer(503, ""));
        world.set_chance(HALF);
        ask(&world, env, s(200), s(0)).unwrap_err();
        assert_eq!(world.slept()[..8], [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 22.5, 22.5].map(Duration::from_secs_f64));
    }
    let world = always(answer(429, ""));
    world.set_chance(HALF);
    ask(&world, VM, s(200), s(0)).unwrap_err();
    assert_eq!(world.slept()[..6], [2.5, 5.0, 10.0, 20.0, 22.5, 22.5].map(Duration::from_secs_f64));
}

#[test]
fn each_try_has_a_chance_of_its_own() {
    let world = world(vec![answer(500, ""), answer(500, ""), answer(500, ""), token("t", 60)]);
    world.script_chances(&[0, u32::MAX, HALF]);
    ask(&world, VM, s(120), s(0)).unwrap();
    assert_eq!(world.slept(), [s(0), ms(1999), s(2)]);
}

#[test]
fn not_found_passes_on_a_machine_and_nowhere_else() {
    for env in PLAIN {
        let world = world(vec![answer(404, ""), token("t", 60)]);
        assert_eq!(ask(&world, env, s(120), s(0)).is_ok(), env == VM, "{env:?}");
    }
}

#[test]
fn an_update_of_more_than_seventy_seconds_is_outlasted() {
    for chance in [0, HALF, u32::MAX] {
        let world = always(answer(410, "").after(ms(20)));
        world.set_chance(chance);
        let error = ask(&world, VM, DEADLINE, s(0)).unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Unavailable, Some(410)));
        // The last try may come this late.
        let last = *world.times().last().unwrap();
        assert!(last > s(70) || chance == u32::MAX && last > s(60), "{chance}: {last:?}");
        assert!(world.elapsed() <= DEADLINE);
    }
}

#[test]
fn what_the_service_asks_for_is_a_floor() {
    for env in PLAIN {
        for (header, floor) in [
            ("Retry-After: 7", s(7)),
            ("retry-after: 0", s(0)),
            ("Retry-After: Tue, 14 Nov 2023 22:13:32 GMT", s(12)),
            ("Retry-After: Tue, 14 Nov 2023 22:13:00 GMT", s(0)),
            ("Retry-After-Ms: 1500", ms(1500)),
            ("x-ms-retry-after-ms: 250", ms(250)),
            // What cannot be read counts as absent.
            ("Retry-After: -1", s(0)),
            ("Retry-After: 81,120", s(0)),
            ("Retry-After: soon", s(0)),
            ("Retry-After: 99999999999999999999", s(0)),
        ] {
            for (status, base) in [(429, s(5)), (503, s(1))] {
                for (chance, jitter) in [(0, s(0)), (HALF, base / 2)] {
                    let world = world(vec![answer_with(status, &[header], ""), token("t", 60)]);
                    world.set_chance(chance);
                    ask(&world, env, DEADLINE, s(0)).unwrap();
                    assert_eq!(world.slept(), [floor + jitter], "{env:?} {status} {header}");
                }
            }
        }
    }
}

#[test]
fn a_floor_past_the_deadline_stops_at_once() {
    for (header, wait) in [
        ("Retry-After: 120", s(120)),
        ("Retry-After: 3600", s(3600)),
        ("Retry-After: Tue, 14 Nov 2023 23:13:20 GMT", s(3600)),
        ("Retry-After: 9999999999999999999", s(9_999_999_999_999_999_999)),
    ] {
        for (status, kind) in [(429, ErrorKind::Throttled), (503, ErrorKind::Unavailable)] {
            for (env, patience) in PLAIN.into_iter().flat_map(|env| [(env, s(0)), (env, s(100))]) {
                let world = world(vec![answer_with(status, &[header], "")]);
                let error = ask(&world, env, DEADLINE, patience).unwrap_err();
                assert_eq!((error.kind(), error.retry_after()), (kind, Some(wait)), "{header}");
                assert_eq!((world.elapsed(), world.slept().len()), (s(0), 0), "{header}");
            }
        }
    }
}

#[test]
fn failure_after_failure_keeps_the_services_words() {
    for env in PLAIN {
        for chance in [1 << 20, HALF, u32::MAX] {
            let world = always(answer(500, r#"{"error":"unknown","error_description":"directory"}"#).after(ms(300)));
            world.set_chance(chance);
            let error = ask(&world, env, s(30), s(0)).unwrap_err();
            assert_eq!(
                (error.kind(), error.code(), error.message()),
                (ErrorKind::Unavailable, Some("unknown"), Some("directory")),
                "{env:?} {chance}"
            );
            assert!(world.elapsed() <= s(30), "{:?}", world.elapsed());
            assert!(world.times().len() > 3);
        }
    }
}

#[test]
fn no_call_outlasts_its_deadline() {
    let plays = [
        silent(),
        unanswered(),
        refused(),
        broken(),
        not_found(),
        answer(404, ""),
        answer(429, ""),
        answer(500, "").after(s(3)),
        answer_with(503, &["Retry-After: 4"], "").after(ms(1)),
        bytes(""),
        bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").after(s(69)),
    ];
    for play in plays {
        for env in PLAIN {
            for (deadline, wait) in [(ms(700), s(0)), (s(10), s(0)), (s(10), s(60)), (s(90), s(60)), (s(300), s(300))] {
                let world = always(play.clone());
                world.set_chance(u32::MAX / 3);
                ask(&world, env, deadline, wait).unwrap_err();
                assert!(world.elapsed() <= deadline, "{play:?} {deadline:?} {wait:?}: {:?}", world.elapsed());
                assert!(world.sent().iter().all(|sent| sent.at + sent.allowed <= deadline));
                assert!(world.times().len() < 400, "{play:?} {deadline:?}: {}", world.times().len());
            }
        }
    }
}

#[test]
fn nobody_there_is_certain_within_three_seconds() {
    let world = always(unanswered());
    world.set_chance(u32::MAX);
    let error = ask(&world, VM, DEADLINE, s(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoEndpoint);
    assert!(error.to_string().contains("run this on an Azure machine"), "{error}");
    let patience: Vec<_> = world.sent().iter().map(|sent| sent.patience).collect();
    assert_eq!(patience, [ms(500), s(1), ms(1500)]);
    assert_eq!((world.elapsed(), world.times()), (s(3), vec![s(0), ms(500), ms(1500)]));
}

#[test]
fn a_refused_connection_is_the_answer() {
    for env in [VM, APP, ML, SHELL] {
        let world = world(vec![refused()]);
        assert_eq!(ask(&world, env, DEADLINE, s(0)).unwrap_err().kind(), ErrorKind::NoEndpoint);
        assert_eq!((world.elapsed(), world.slept().len()), (s(0), 0));
    }
}

#[test]
fn a_slow_host_gets_a_second_chance() {
    let world = world(vec![unanswered(), unanswered(), token("t", 60)]);
    ask(&world, VM, DEADLINE, s(0)).unwrap();
    assert_eq!(world.elapsed(), ms(1500));
}

#[test]
fn a_machine_boots() {
    let world = world(Vec::new());
    for _ in 0..5 {
        world.then(refused().after(s(1)));
    }
    for play in [answer(503, ""), not_found(), token("t", 3600)] {
        world.then(play.after(ms(10)));
    }
    world.set_chance(HALF);
    assert_eq!(ask(&world, VM, s(120), s(60)).unwrap().secret(), "t");
    assert!(world.elapsed() < s(30), "{:?}", world.elapsed());
}

#[test]
fn every_state_of_a_boot_is_waited_for_and_the_last_error_comes_back() {
    let text = "the container's endpoint is starting";
    for (play, kind) in [
        (refused(), ErrorKind::NoEndpoint),
        (unanswered(), ErrorKind::NoEndpoint),
        (answer(404, ""), ErrorKind::IdentityRefused),
        (answer(429, ""), ErrorKind::Throttled),
        (answer(500, ""), ErrorKind::Unavailable),
        (answer(503, ""), ErrorKind::Unavailable),
        (answer(400, text), ErrorKind::IdentityRefused),
        (answer(200, text), ErrorKind::BadAnswer),
        (not_found(), ErrorKind::IdentityRefused),
    ] {
        for env in [VM, APP, ML, SHELL] {
            let story = |chance| {
                let world = world(vec![play.clone(); 6]);
                world.then(token("t", 60));
                world.set_chance(chance);
                ask(&world, env, s(60), s(60))
            };
            assert!(story(0).is_ok() && story(HALF).is_ok(), "{env:?} {play:?}");
            let world = always(play.clone().after(ms(5)));
            world.set_chance(HALF);
            let error = ask(&world, env, s(60), s(60)).unwrap_err();
            assert_eq!(error.kind(), kind, "{env:?} {play:?}: {error}");
            let last = *world.times().last().unwrap();
            // Never more than four seconds between two tries, and a connect of two.
            assert!((s(53)..=s(60)).contains(&last) || kind == ErrorKind::Throttled, "{env:?} {play:?}: {last:?}");
            assert!(world.slept().iter().all(|delay| *delay <= s(4)));
        }
    }
    let world = always(answer(410, ""));
    world.set_chance(HALF);
    assert_eq!(ask(&world, VM, s(60), s(60)).unwrap_err().status(), Some(410));
}

#[test]
fn what_no_boot_explains_is_not_waited_for() {
    for play in [
        answer(400, r#"{"error":"invalid_resource","error_description":"AADSTS50001"}"#),
        answer(403, r#"{"error":"access_denied"}"#),
        answer(200, r#"{"access_token":"t","expires_in":0}"#),
        answer(302, ""),
        bytes("SSH-2.0-x\r\n"),
    ] {
        let world = world(vec![play]);
        ask(&world, VM, s(60), s(60)).unwrap_err();
        assert_eq!(world.slept().len(), 0);
    }
}

/// The wait is over before the deadline: what passes by itself is still tried, what only a boot explains is not.
#[test]
fn the_wait_ends_before_the_deadline() {
    let world = always(refused().after(ms(5)));
    world.set_chance(HALF);
    assert_eq!(ask(&world, VM, s(60), s(20)).unwrap_err().kind(), ErrorKind::NoEndpoint);
    assert!((s(16)..=s(20)).contains(&world.elapsed()), "{:?}", world.elapsed());
    let world = always(answer(503, "").after(ms(5)));
    world.set_chance(HALF);
    ask(&world, VM, s(60), s(20)).unwrap_err();
    assert!(world.elapsed() > s(30), "{:?}", world.elapsed());
}

#[test]
fn one_try_leaves_time_for_another() {
    for env in PLAIN {
        let world = world(vec![silent(), token("t", 60)]);
        ask(&world, env, DEADLINE, s(0)).unwrap();
        assert_eq!(world.times(), [s(0), s(70)]);
        let world = always(silent());
        assert_eq!(ask(&world, env, DEADLINE, s(0)).unwrap_err().kind(), ErrorKind::DeadlineExceeded);
        assert_eq!((world.times().len(), world.elapsed()), (2, DEADLINE));
    }
}

#[test]
fn what_is_lost_on_the_way_is_asked_again() {
    for play in
        [broken(), bytes(""), bytes("HTTP/1.1 200 OK\r\nCont"), bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")]
    {
        let world = world(vec![play.clone(), play, token("t", 60)]);
        world.set_chance(HALF);
        ask(&world, VM, DEADLINE, s(0)).unwrap();
        assert_eq!(world.slept(), [ms(500), s(1)]);
    }
    for play in [bytes("HTTP/2 200 OK\r\n\r\n"), answer(200, "{}"), answer(200, &"x".repeat(2 << 20))] {
        let world = world(vec![play]);
        assert_eq!(ask(&world, VM, DEADLINE, s(0)).unwrap_err().kind(), ErrorKind::BadAnswer);
    }
}

#[test]
fn an_assertion_is_read_for_every_try() {
    let world = World::new(vec![answer(500, ""), token("t", 60), token("u", 60)]);
    world.put_assertions(&["a-1", "a-2", "a-3"]);
    let credential = world.credential(Setup { env: AKS, ..Setup::default() });
    credential.token(RESOURCE).unwrap();
    credential.fresh_token(RESOURCE).unwrap();
    let sent = world.sent();
    assert!(sent[0].text.contains("=a-1&") && sent[1].text.contains("=a-2&") && sent[2].text.contains("=a-3&"));
}

/// A credential whose token of an hour is past half of its life.
fn half_spent() -> (Arc<World>, Credential) {
    let world = world(vec![token("old", 3600)]);
    let credential = world.credential(Setup::default());
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "old");
    world.pass(ms(1_799_999));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "old");
    world.pass(ms(1));
    (world, credential)
}

#[test]
fn a_token_is_replaced_from_half_of_its_life_on() {
    let (world, credential) = half_spent();
    world.then(token("new", 3600));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "new");
    world.pass(ms(1_799_999));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "new");
    assert_eq!(world.times(), [s(0), s(1800)]);
}

#[test]
fn failing_refreshes_are_spaced_out() {
    for play in [answer(500, ""), answer(404, ""), not_found(), refused(), broken(), answer(200, "x")] {
        let (world, credential) = half_spent();
        world.otherwise(play);
        let begun = world.elapsed();
        while world.elapsed() < begun + s(900) {
            assert_eq!(credential.token(RESOURCE).unwrap().secret(), "old");
            world.pass(s(1));
        }
        let times: Vec<_> = world.times()[1..].iter().map(|time| *time - begun).collect();
        // 30, 60, 120, then 240 seconds.
        assert_eq!(times, [0, 30, 90, 210, 450, 690].map(s));
        assert_eq!(world.slept().len(), 0);
        world.then(token("new", 3600));
        world.pass(s(60));
        assert_eq!(credential.token(RESOURCE).unwrap().secret(), "new");
    }
}

#[test]
fn a_success_forgets_the_failures() {
    let (world, credential) = half_spent();
    world.then(answer(500, ""));
    world.then(token("new", 600));
    credential.token(RESOURCE).unwrap();
    world.pass(s(30));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "new");
    world.pass(s(300));
    world.otherwise(answer(500, ""));
    for _ in 0..31 {
        assert_eq!(credential.token(RESOURCE).unwrap().secret(), "new");
        world.pass(s(1));
    }
    assert_eq!(world.times().iter().rev().take(2).copied().collect::<Vec<_>>(), [s(2160), s(2130)]);
}

#[test]
fn whoever_has_a_good_token_does_not_wait_long_for_a_better_one() {
    for (play, most) in [(silent(), s(10)), (unanswered(), s(2)), (token("late", 60).after(s(11)), s(10))] {
        let (world, credential) = half_spent();
        world.then(play);
        let begun = world.elapsed();
        assert_eq!(credential.token(RESOURCE).unwrap().secret(), "old");
        assert_eq!(world.elapsed() - begun, most);
    }
}

#[test]
fn a_dead_token_is_not_handed_out() {
    let (world, credential) = half_spent();
    world.otherwise(answer(500, ""));
    world.set_chance(HALF);
    world.pass(ms(1_799_999));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "old");
    world.pass(ms(1));
    assert_eq!(credential.token(RESOURCE).unwrap_err().kind(), ErrorKind::Unavailable);
}

/// Its last seconds run out while a refresh is under way.
#[test]
fn a_token_that_ends_during_its_refresh_is_not_handed_out() {
    let (world, credential) = half_spent();
    world.pass(s(1795));
    // A refresh is one try; who has nothing left has all the tries of a first fetch.
    world.then(answer(500, "").after(s(6)));
    world.then(answer(500, ""));
    world.then(token("new", 3600));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "new");
    let (world, credential) = half_spent();
    world.pass(s(1795));
    world.then(silent());
    world.otherwise(answer(400, "{}"));
    assert_eq!(credential.token(RESOURCE).unwrap_err().kind(), ErrorKind::IdentityRefused);
    assert_eq!(world.times().len(), 3);
}

#[test]
fn a_fresh_token_is_fetched_whatever_is_kept() {
    let world = world(vec![token("one", 3600), token("two", 3600), answer(400, "{}")]);
    let credential = world.credential(Setup::default());
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "one");
    assert_eq!(credential.fresh_token(RESOURCE).unwrap().secret(), "two");
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "two");
    assert_eq!(credential.fresh_token(RESOURCE).unwrap_err().kind(), ErrorKind::IdentityRefused);
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "two");
    assert_eq!(world.times().len(), 3);
}

#[test]
fn the_wall_clock_may_jump() {
    for wall in [0, NOW + 10 * 365 * 86_400] {
        let world = world(vec![token("t", 3600), token("u", 3600)]);
        let credential = world.credential(Setup::default());
        credential.token(RESOURCE).unwrap();
        world.set_wall(wall);
        world.pass(s(1799));
        assert_eq!(credential.token(RESOURCE).unwrap().secret(), "t");
        world.pass(s(1));
        assert_eq!(credential.token(RESOURCE).unwrap().secret(), "u");
        // The jump back does not revive it either.
        world.set_wall(NOW);
        world.pass(s(3600));
        world.then(answer(400, "{}"));
        credential.token(RESOURCE).unwrap_err();
    }
}

#[test]
fn a_date_against_a_clock_of_1970_is_believed_for_minutes() {
    let dated = |end: u64| answer(200, &format!(r#"{{"access_token":"t","expires_on":"{end}"}}"#));
    let world = world(vec![dated(NOW + 86_400), token("u", 60)]);
    world.set_wall(100);
    let credential = world.credential(Setup { env: APP, ..Setup::default() });
    let taken = credential.token(RESOURCE).unwrap();
    assert_eq!(taken.expires_on(), std::time::UNIX_EPOCH + s(NOW + 86_400));
    // NTP sets the clock; nothing changes.
    world.set_wall(NOW);
    world.pass(s(299));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "t");
    world.pass(s(1));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "u");
}

#[test]
fn a_date_against_a_clock_years_ahead_is_an_error_that_says_so() {
    let world = world(vec![answer(200, &format!(r#"{{"access_token":"t","expires_on":{}}}"#, NOW + 86_400))]);
    world.set_wall(NOW + 10 * 365 * 86_400);
    let error = ask(&world, APP, DEADLINE, s(0)).unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::BadAnswer, Some("check this machine's clock")));
}
