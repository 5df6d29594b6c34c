//! Token answers, row by row: what is taken, for how long, and what is refused.

use std::sync::OnceLock;

use super::*;

const NOW: u64 = 1_700_000_000;

fn read_as(body: &str, identity: &Identity) -> Result<AccessToken, Error> {
    let received = Received { at: received_at(), wall: UNIX_EPOCH + Duration::from_secs(NOW) };
    read(body.as_bytes(), &Ask { resource: &"https://management.azure.com/".into(), identity, strict: false }, received)
}

fn read_plain(body: &str) -> Result<AccessToken, Error> {
    read_as(body, &Identity::SystemAssigned)
}

/// The same moment for all.
fn received_at() -> Instant {
    static MOMENT: OnceLock<Instant> = OnceLock::new();
    *MOMENT.get_or_init(Instant::now)
}

/// An unsigned JSON Web Token with these claims.
fn jwt(claims: &str) -> String {
    let part = |text: &str| base64::encode(base64::URL_SAFE, text.as_bytes());
    format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(claims))
}

#[test]
fn lifetimes() {
    // Fields after the token, lifetime in seconds, reported end.
    let rows: &[(&str, u64, u64)] = &[
        (r#""expires_in":"3599","expires_on":"1700003599""#, 3599, NOW + 3599),
        (r#""expires_in":3599,"expires_on":1700003599"#, 3599, NOW + 3599),
        (r#""expires_in":3599"#, 3599, NOW + 3599),
        (r#""expires_in":"3599""#, 3599, NOW + 3599),
        (r#""expires_on":"1700000060""#, 60, NOW + 60),
        (r#""expires_in":"","expires_on":"1700000060""#, 60, NOW + 60),
        (r#""expires_in":null,"expires_on":1700000060"#, 60, NOW + 60),
        (r#""expires_in":"3600","expires_on":"""#, 3600, NOW + 3600),
        (r#""expires_on":"2023-11-14T22:14:20.0000000+00:00""#, 60, NOW + 60),
        (r#""expires_on":"11/14/2023 22:14:20 +00:00""#, 60, NOW + 60),
        (r#""expires_on":"11/14/2023 10:14:20 PM +00:00""#, 60, NOW + 60),
        (r#""expires_in":"2023-11-14T22:14:20Z","expires_on":"1700000060""#, 60, NOW + 60),
        (r#""expires_on":"1700172800""#, 2 * 86_400, NOW + 2 * 86_400),
        // This machine's clock stands in the past: the token is good, but nobody knows for how long.
        (r#""expires_on":"1700172801""#, 600, NOW + 2 * 86_400 + 1),
        (r#""expires_on":"1800000000""#, 600, 1_800_000_000),
        (r#""expires_in":"3600","expires_on":"09/14/2017 00:00:00 PM +00:00""#, 3600, 1_505_347_200),
        // The wall clock is wrong by hours: only the lifetime counts.
        (r#""expires_in":"3600","expires_on":"1600000000""#, 3600, 1_600_000_000),
        (r#""expires_in":"3600","expires_on":"1800000000""#, 3600, 1_800_000_000),
        // Fields that are not used may be anything.
        (r#""expires_in":"3600","not_before":"","ext_expires_in":{"a":[1e9]},"refresh_token":null"#, 3600, NOW + 3600),
        (r#""expires_in":"9999999999""#, 30 * 86_400, NOW + 30 * 86_400),
        (r#""expires_in":1,"token_type":"bearer""#, 1, NOW + 1),
    ];
    for (fields, lifetime, end) in rows {
        let token = read_plain(&format!(r#"{{"access_token":"t0.ken",{fields}}}"#)).expect(fields);
        assert_eq!(token.ends_at() - received_at(), Duration::from_secs(*lifetime), "{fields}");
        assert_eq!(token.expires_on(), UNIX_EPOCH + Duration::from_secs(*end), "{fields}");
        assert_eq!(token.secret(), "t0.ken");
    }
}

/// A token that stands first is read by itself: nothing else may come of it than would of the whole.
#[test]
fn the_last_of_several_counts_wherever_it_stands() {
    for (body, secret) in [
        (r#"{"access_token":"a"IN}"#, Some("a")),
        (r#"{"access_token" : "a"IN}"#, Some("a")),
        (r#" {"access_token":"a"IN}"#, Some("a")),
        (r#"{"access_token":"a\/b"IN}"#, Some("a/b")),
        (r#"{"access_token":"a"IN,"access_token":"b"}"#, Some("b")),
        (r#"{"access_token":"a"IN,"access\u005ftoken":"b"}"#, Some("b")),
        (r#"{"access_token":"a"IN,"x":{"access_token":"b"}}"#, Some("a")),
        (r#"{"access_token":"a"IN,"":"b"}"#, Some("a")),
        (r#"{"access_token":"a"IN,"access_token":""}"#, None),
        (r#"{"access_token":"a"IN,"access_token":null}"#, None),
        (r#"{"access_token":"a"IN,"access_token":1}"#, None),
        (r#"{"access_token":"a"IN,"access_token":"b c"}"#, None),
        (r#"{"access_token":"a b"IN,"access_token":"b"}"#, Some("b")),
        (r#"{"access_token":"a"IN,}"#, None),
        (r#"{"access_token":"a"IN}}"#, None),
        (r#"{"access_token":"a" "x":"b"IN}"#, None),
        (r#"{"access_token":"a"#, None),
        (r#"{"access_token":"a" "#, None),
        (r#"{"access_token":""IN}"#, None),
        (r#"{"access_token":null,"x":""IN}"#, None),
    ] {
        let read = read_plain(&body.replace("IN", r#","expires_in":60"#));
        assert_eq!(read.as_ref().ok().map(AccessToken::secret), secret, "{body}");
    }
}

#[test]
fn refused() {
    let long = "x".repeat(MAX_TOKEN + 1);
    let long = format!(r#"{{"access_token":"{long}","expires_in":1}}"#);
    for body in [
        "",
        "null",
        "[]",
        "42",
        "\"str\"",
        "{}",
        "<html>sign in here</html>",
        "{\"access_token\":\"t\",\"expires_in\":1",
        r#"{"access_token":"t","expires_in":1}x"#,
        r#"{"access_token":"t","expires_in":1}{}"#,
        r#"{"expires_in":"3599"}"#,
        r#"{"access_token":null,"expires_in":1}"#,
        r#"{"access_token":7,"expires_in":1}"#,
        r#"{"access_token":{},"expires_in":1}"#,
        r#"{"access_token":"","expires_in":1}"#,
        r#"{"access_token":"   ","expires_in":1}"#,
        r#"{"access_token":"a b","expires_in":1}"#,
        r#"{"access_token":" bcdefgh","expires_in":1}"#,
        r#"{"access_token":"a cdefgh","expires_in":1}"#,
        r#"{"access_token":"ab defgh","expires_in":1}"#,
        r#"{"access_token":"abc efgh","expires_in":1}"#,
        r#"{"access_token":"abcdef h","expires_in":1}"#,
        r#"{"access_token":"a\r\nX: y","expires_in":1}"#,
        r#"{"access_token":"a\u0000","expires_in":1}"#,
        r#"{"access_token":"é","expires_in":1}"#,
        r#"{"Access_Token":"t","expires_in":1}"#,
        r#"{"access_token":"t"}"#,
        r#"{"access_token":"t","expires_in":"","expires_on":""}"#,
        r#"{"access_token":"t","expires_in":0}"#,
        r#"{"access_token":"t","expires_in":"-1"}"#,
        r#"{"access_token":"t","expires_in":-1}"#,
        r#"{"access_token":"t","expires_in":1e3}"#,
        r#"{"access_token":"t","expires_in":3599.0}"#,
        r#"{"access_token":"t","expires_in":"+3599"}"#,
        r#"{"access_token":"t","expires_in":"99999999999999999999"}"#,
        r#"{"access_token":"t","expires_on":"1699999999"}"#,
        r#"{"access_token":"t","expires_in":1,"token_type":"PoP"}"#,
        r#"{"access_token":"t","expires_in":1,"token_type":"mtls_pop"}"#,
        r#"{"access_token":"t","expires_in":[]}"#,
        r#"{"access_token":"t","expires_in":1,"other":1e400}"#,
        r#"{"access_token":"t","expires_in":1,"other":"\ud800"}"#,
        &long,
    ] {
        let error = read_plain(body).map(|_| ()).expect_err(body);
        assert_eq!(error.kind(), ErrorKind::BadAnswer, "{body}: {error}");
    }
    let whole = r#"{"access_token":"t0.ken","expires_in":"3599"}"#;
    for end in 0..whole.len() {
        let error = read_plain(&whole[..end]).map(|_| ()).expect_err("cut");
        assert!(!format!("{error:?}").contains("t0.ken"), "{error:?}");
    }
    assert!(
        read(
            &[0xff, 0xfe, b'{', 0],
            &Ask { resource: &"r".into(), identity: &Identity::SystemAssigned, strict: false },
            Received { at: Instant::now(), wall: UNIX_EPOCH }
        )
        .is_err()
    );
}

#[test]
fn accepted_spellings() {
    for body in [
        "\u{feff}{\"access_token\":\"t\",\"expires_in\":1}",
        r#"{"access\u005ftoken":"t","expires_in":1}"#,
        "  \r\n{\"access_token\":\"t\",\"expires_in\":1}\n ",
        r#"{"access_token":"old","access_token":"t","expires_in":1}"#,
        &format!(r#"{{"access_token":"t","expires_in":1,"deep":{}{}}}"#, "[".repeat(300_000), "]".repeat(300_000)),
    ] {
        assert_eq!(read_plain(body).unwrap().secret(), "t");
    }
    let longest = "x".repeat(MAX_TOKEN);
    let body = format!(r#"{{"access_token":"{longest}","expires_in":1}}"#);
    assert_eq!(read_plain(&body).unwrap().secret(), longest);
}

#[test]
fn an_error_with_status_200_keeps_the_services_words() {
    let error = read_plain(r#"{"error":"invalid_request","error_description":"Identity not found"}"#).unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.message()),
        (ErrorKind::IdentityRefused, Some("invalid_request"), Some("Identity not found"))
    );
}

#[test]
fn another_identitys_token_is_refused() {
    let ask = |claims: &str, fields: &str, identity: Identity| {
        read_as(&format!(r#"{{"access_token":"{}","expires_in":60{fields}}}"#, jwt(claims)), &identity)
            .map(|_| ())
            .map_err(|error| error.kind())
    };
    let refused = Err(ErrorKind::IdentityRefused);
    let client = || Identity::ClientId("AAAA".to_owned());
    assert_eq!(ask("{}", r#","client_id":"aaaa""#, client()), Ok(()));
    assert_eq!(ask("{}", r#","client_id":"bbbb""#, client()), refused);
    assert_eq!(ask(r#"{"appid":"bbbb"}"#, "", client()), refused);
    assert_eq!(ask(r#"{"appid":"aaaa"}"#, "", client()), Ok(()));
    assert_eq!(ask(r#"{"appid":"bbbb"}"#, r#","client_id":"""#, client()), refused);
    assert_eq!(ask("{}", "", client()), Ok(()));
    assert_eq!(ask(r#"{"oid":"bbbb"}"#, "", Identity::ObjectId("aaaa".to_owned())), refused);
    assert_eq!(ask(r#"{"oid":"aaaa"}"#, r#","client_id":"bbbb""#, Identity::ObjectId("aaaa".to_owned())), Ok(()));
    assert_eq!(ask(r#"{"xms_mirid":"/x/Y"}"#, "", Identity::ResourceId("/X/y".to_owned())), Ok(()));
    assert_eq!(ask("{}", r#","mi_res_id":"/z""#, Identity::ResourceId("/X/y".to_owned())), refused);
    assert_eq!(ask("{}", r#","msi_res_id":"","mi_res_id":"/z""#, Identity::ResourceId("/X/y".to_owned())), refused);
}

#[test]
fn no_error_repeats_the_token() {
    for fields in [
        r#","client_id":"t0.ken""#,
        r#","client_id":"x t0.ken""#,
        r#","expires_in":[],"error":"t0.ken""#,
        r#","expires_in":[],"error":"e","error_description":"t0.ken""#,
    ] {
        let body = format!(r#"{{"access_token":"t0.ken","expires_in":60{fields}}}"#);
        let error = read_as(&body, &Identity::ClientId("AAAA".to_owned())).unwrap_err();
        assert!(!format!("{error:?}").contains("t0.ken"), "{error:?}");
    }
    let shown = |length| {
        let body = format!(r#"{{"access_token":"t","expires_in":60,"client_id":"{}"}}"#, "x".repeat(length));
        read_as(&body, &Identity::ClientId("AAAA".to_owned())).unwrap_err().to_string()
    };
    assert!(shown(MAX_ID).contains(&"x".repeat(MAX_ID)));
    // Longer than any id: nothing is looked for in it.
    assert!(shown(MAX_ID + 1).contains("(not shown)"));
}

#[test]
fn claims_of_a_token() {
    let token =
        read_plain(&format!(r#"{{"access_token":"{}","expires_in":60}}"#, jwt(r#"{"tid":"T","exp":12,"roles":[]}"#)))
            .unwrap();
    assert_eq!((token.claim("tid").as_deref(), token.claim("exp").as_deref()), (Some("T"), Some("12")));
    assert_eq!((token.claim("roles"), token.claim("oid"), token.client_id()), (None, None, None));
    let opaque = read_plain(r#"{"access_token":"opaque","expires_in":60}"#).unwrap();
    assert_eq!(opaque.claim("tid"), None);
}

#[test]
fn refresh_times() {
    for (lifetime, refresh) in [(86_400, 43_200), (3600, 1800), (600, 300), (480, 180), (300, 0), (60, 0)] {
        let token = read_plain(&format!(r#"{{"access_token":"t","expires_in":{lifetime}}}"#)).unwrap();
        assert_eq!(token.refresh_at() - received_at(), Duration::from_secs(refresh), "{lifetime}");
    }
}

#[test]
fn debug_shows_no_part_of_the_secret() {
    let token = read_plain(r#"{"access_token":"s3cr3t","expires_in":60,"client_id":"c"}"#).unwrap();
    let shown = format!("{token:?}");
    assert!(
        shown.starts_with(
            r#"AccessToken { resource: "https://management.azure.com/", client_id: Some("c"), expires_on: SystemTime"#
        ),
        "{shown}"
    );
    assert!(!shown.contains("s3c"), "{shown}");
}

#[test]
fn objects_are_counted_where_an_answer_is_long() {
    let answer = |objects: usize, filling: usize| {
        let list = vec!["{}"; objects].join(",");
        format!(r#"{{"access_token":"t","expires_in":1,"l":[{list}],"f":"{}"}}"#, "x".repeat(filling))
    };
    assert!(read_plain(&answer(MAX_OBJECTS - 1, PLAIN)).is_ok());
    assert_eq!(read_plain(&answer(MAX_OBJECTS, PLAIN)).unwrap_err().kind(), ErrorKind::BadAnswer);
    assert!(read_plain(&answer(MAX_OBJECTS, 0)).is_ok());
    let long = |length| answer(MAX_OBJECTS, length - answer(MAX_OBJECTS, 0).len());
    assert!(read_plain(&long(PLAIN)).is_ok());
    assert!(read_plain(&long(PLAIN + 1)).is_err());
}
