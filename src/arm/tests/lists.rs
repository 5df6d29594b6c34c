//! Lists over several pages.

use super::world::{HOST, World, answer, error, s};
use crate::error::ErrorKind;

fn page(items: &str, next: &str) -> super::world::Play {
    answer(200, &format!(r#"{{"value":[{items}],{next}}}"#))
}

#[test]
fn items_come_as_they_were_written() {
    let next = |n: u8| format!(r#""nextLink":"{HOST}/x?$skiptoken={n} z""#);
    let world = World::new([
        page(r#"{"b":1.50,"a":"\u00e9"}, [1, 2]"#, &next(1)),
        page("", &next(2)),
        page("null", r#""nextLink":null"#),
    ]);
    let items: Result<Vec<_>, _> = world.client().get("/x?api-version=v").items().collect();
    assert_eq!(items.unwrap(), [r#"{"b":1.50,"a":"\u00e9"}"#, "[1, 2]", "null"]);
    assert_eq!(world.lines(), ["GET /x?api-version=v", "GET /x?$skiptoken=1%20z", "GET /x?$skiptoken=2%20z"]);
    assert!(world.sent().iter().all(|sent| sent.bearer.is_some()));
}

#[test]
fn every_way_to_end_a_list() {
    for end in [r#""nextLink":null"#, r#""nextLink":"""#, r#""x":1"#, r#""@odata.nextLink":null"#] {
        let world = World::new([page("1", end)]);
        assert_eq!(world.client().get("/x").pages().count(), 1, "{end}");
    }
    let world = World::new([page("1", &format!(r#""@odata.nextLink":"{HOST}/y""#)), page("2", r#""x":1"#)]);
    assert_eq!(world.client().get("/x").items().count(), 2);
}

/// azure-rest-api-specs#12276: Cost Management's pages want the question again.
#[test]
fn posted_lists_are_posted_again() {
    let world =
        World::new([page("1", &format!(r#""nextLink":"{HOST}/y?$skiptoken=1""#)), page("2", r#""nextLink":null"#)]);
    assert_eq!(world.client().post("/x").body("question").items().count(), 2);
    let sent = world.sent();
    assert!(sent.iter().all(|sent| sent.method == "POST" && sent.body.as_deref() == Some(b"question")), "{sent:?}");
}

#[test]
fn links_that_are_not_followed() {
    for (link, why) in [
        (r#""https://evil.example/x""#, "host"),
        (r#""http://management.azure.com/x""#, "https"),
        (r#""https://management.azure.com.evil.example/x""#, "host"),
        (r#""//evil.example/x""#, ""),
        (r#""https://management.azure.com@evil.example/x""#, ""),
        (r#""https://management.azure.com:8443/x""#, "host"),
        ("7", "text"),
        ("{}", "text"),
    ] {
        let world = World::new([page("1", &format!(r#""nextLink":{link}"#))]);
        let outcome: Result<Vec<_>, _> = world.client().get("/x").items().collect();
        let failed = outcome.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::BadAnswer, "{link}");
        assert!(failed.to_string().contains(why), "{link}: {failed}");
        assert_eq!(world.sent().len(), 1);
    }
}

#[test]
fn circles_end() {
    let to = |n: u8| page("1", &format!(r#""nextLink":"{HOST}/x?{n}""#));
    let world = World::new([to(1), to(2)]).otherwise(to(1));
    let outcome: Result<Vec<_>, _> = world.client().get("/x").pages().collect();
    assert!(outcome.unwrap_err().to_string().contains("circle"));
    assert!(world.sent().len() < 10);
}

#[test]
fn what_is_no_list_is_an_error_and_the_last() {
    for body in ["", "[]", "{}", r#"{"value":{}}"#, r#"{"value":[1}"#, r#"{"value":[1,]}"#, r#"{"value":[01]}"#, "nope"]
    {
        let world = World::new([answer(200, body)]);
        let mut items = world.client().get("/x").items();
        assert_eq!(items.next().unwrap().unwrap_err().kind(), ErrorKind::BadAnswer, "{body}");
        assert!(items.next().is_none());
    }
    let world = World::new([page("1", &format!(r#""nextLink":"{HOST}/y""#)), error(404, "x")]);
    let mut items = world.client().get("/x").items();
    assert!(items.next().unwrap().is_ok());
    assert!(items.next().unwrap().is_err());
    assert!(items.next().is_none());
}

#[test]
fn one_deadline_for_all_pages_or_one_for_each() {
    let slow = || page("1", &format!(r#""nextLink":"{HOST}/y""#)).after(s(50));
    let last = || page("1", r#""nextLink":null"#).after(s(50));
    let pages = |world: &std::sync::Arc<World>| world.client().get("/x").pages();
    let world = World::new([slow(), last()]);
    assert!(pages(&world).all(|page| page.is_ok()));
    let world = World::new([slow(), last()]);
    let outcome: Result<Vec<_>, _> = world.client().get("/x").deadline(s(80)).pages().collect();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(world.elapsed(), s(80));
}

/// Each leads on, and none has an item.
#[test]
fn pages_of_nothing_share_the_deadline_of_one_call() {
    let empty = |n: u32| page("", &format!(r#""nextLink":"{HOST}/x?n={n}""#)).after(s(50));
    let world = World::new((0..100).map(empty));
    let outcome = world.client().get("/x").items().next().unwrap();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(world.elapsed(), s(120));
}
