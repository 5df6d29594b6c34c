//! `azmin rest get`, and its short form `azmin get`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Fault, Received, Service};

use crate::support::{ARM_AUDIENCE, GROUP, GROUP_BODY, Run, Scratch, azmin, guarded, received, skip};

/// The tutorial's URL.
fn group() -> String {
    format!("{GROUP}?api-version=2016-06-01")
}

/// A stand-in, and its CA as a file.
struct Place {
    azure: Azure,
    scratch: Scratch,
}

impl Place {
    fn new() -> Self {
        Self { azure: Azure::start().unwrap(), scratch: Scratch::new() }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        azmin(arguments).with_arm(&self.azure, &self.scratch.ca(&self.azure)).run()
    }

    fn get(&self, more: &[&str]) -> Run {
        self.run(&[&["get", &group()], more].concat())
    }

    fn arm_requests(&self) -> Vec<Received> {
        received(&self.azure, Service::Arm)
    }

    #[track_caller]
    fn sent_nothing(&self) {
        assert_eq!(self.azure.requests().len(), 0);
    }
}

#[test]
fn prints_the_tutorials_body_byte_for_byte() {
    let place = Place::new();
    for arguments in [&["get"][..], &["rest", "get"], &["rest", "GET"], &["rest", "gEt"]] {
        let run = place.run(&[arguments, &[&group()]].concat());
        assert_eq!((run.succeeds().out.as_str(), run.err.as_str()), (GROUP_BODY, ""), "{arguments:?}");
        let request = place.arm_requests().pop().unwrap();
        assert_eq!((request.method(), request.target(), request.body()), ("GET", group().as_str(), &b""[..]));
    }
    assert_eq!(place.azure.requests().len(), 8, "one token and one GET for each");
}

#[test]
fn sends_these_headers_and_no_others() {
    let place = Place::new();
    place.get(&[]).succeeds();
    let request = place.arm_requests().pop().unwrap();
    let mut names: Vec<_> = request.headers().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "host", "user-agent", "x-ms-client-request-id"]);
    assert_eq!(request.header("x-ms-client-request-id").map(str::len), Some(36));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("user-agent"), Some(concat!("azmin/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("host"), place.azure.arm().strip_prefix("https://"));
    let token = azmin(["token"]).on(&place.azure).run().out;
    assert_eq!(request.header("authorization"), Some(format!("Bearer {}", token.trim_end()).as_str()));
}

#[test]
fn a_path_keeps_its_case() {
    let place = Place::new();
    let path = GROUP.replace("resourceGroups/DevTest", "RESOURCEgroups/dEVtEST");
    let run = place.run(&["get", &path, "--api-version", "2016-06-01"]);
    assert_eq!(run.succeeds().out, GROUP_BODY);
    assert_eq!(place.arm_requests()[0].target(), format!("{path}?api-version=2016-06-01"));
}

#[test]
fn an_absolute_url_may_name_the_same_endpoint() {
    let place = Place::new();
    let run = place.run(&["get", &(place.azure.arm().replace("localhost", "LocalHost") + &group())]);
    assert_eq!(run.succeeds().out, GROUP_BODY);
}

#[test]
fn query_parameters_are_encoded() {
    let place = Place::new();
    for (arguments, target) in [
        (&[GROUP, "--api-version", "2016-06-01"][..], group()),
        (&[GROUP, "-p", "api-version=2016-06-01", "-p", "a b=c d&e"], format!("{}&a%20b=c%20d%26e", group())),
        (&[&group(), "-p", "q=\"x\"", "-p", "é=ü"], format!("{}&q=%22x%22&%C3%A9=%C3%BC", group())),
        (
            &[&group(), "-p", "$filter=name eq 'x'", "-p", "k=a=b+c"],
            format!("{}&$filter=name%20eq%20%27x%27&k=a%3Db%2Bc", group()),
        ),
        (&[GROUP, "-p", "$top=", "--api-version=2016-06-01"], format!("{GROUP}?$top=&api-version=2016-06-01")),
        (
            &[&(group() + "&$filter=name eq 'é' \"x\"&y=%20%2f")],
            group() + "&$filter=name%20eq%20'%C3%A9'%20%22x%22&y=%20%2f",
        ),
    ] {
        place.run(&[&["get"], arguments].concat()).succeeds();
        assert_eq!(place.arm_requests().pop().unwrap().target(), target);
    }
    for bad in ["x", ""] {
        place.get(&["-p", bad]).fails(2).says("NAME=VALUE");
    }
}

#[test]
fn headers_of_the_caller() {
    let place = Place::new();
    let headers = [
        "-H",
        "X-One: 1",
        "-H",
        "x-two:  blank: and more ",
        "-H",
        "Accept: text/plain",
        "-H",
        "x-one: 2",
        "-H",
        "If-None-Match:*",
    ];
    place.get(&headers).succeeds();
    let request = place.arm_requests().pop().unwrap();
    let all = |name: &str| {
        let named = request.headers().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(all("x-one"), ["2"], "the last counts");
    assert_eq!(all("x-two"), ["blank: and more"]);
    assert_eq!(all("accept"), ["text/plain"]);
    assert_eq!(all("if-none-match"), ["*"]);
}

#[test]
fn headers_that_are_not_the_callers_are_refused() {
    let place = Place::new();
    for header in [
        "Authorization: Bearer mine",
        "authorization:",
        "Host: evil.example",
        "Content-Length: 0",
        "transfer-encoding: chunked",
        "Connection: close",
        "Upgrade: h2c",
        "Expect: 100-continue",
        "X: a\r\nY: b",
        "X: a\nY: b",
        "X: a\rY: b",
        "X\r\nY: b",
        "X: a\u{1}b",
        "X Y: b",
        "X\u{e9}: b",
        ": b",
        "no colon",
        "",
    ] {
        place.get(&["-H", header]).fails(2);
    }
    place.sent_nothing();
}

#[test]
fn status_line_and_headers_come_first_when_asked_for() {
    let place = Place::new();
    place.azure.on(Service::Arm, Fault::delay(Duration::ZERO).header("X-Mine", "a  b"));
    let out = place.get(&["-i"]).succeeds().out.clone();
    let (head, body) = out.split_once("\n\n").unwrap();
    let lines: Vec<_> = head.lines().collect();
    assert_eq!((lines[0], body), ("HTTP/1.1 200 OK", GROUP_BODY));
    assert!(lines.contains(&"content-type: application/json; charset=utf-8"), "{head}");
    assert!(lines.contains(&"x-mine: a  b"), "{head}");
    let path = place.scratch.path("group.json");
    let run = place.get(&["-i", "-O", path.to_str().unwrap()]);
    assert!(run.succeeds().out.starts_with("HTTP/1.1 200 OK\n") && run.out.ends_with("\n\n"), "{}", run.out);
    assert_eq!(fs::read_to_string(path).unwrap(), GROUP_BODY);
}

#[test]
fn an_answer_without_a_body_prints_nothing() {
    let place = Place::new();
    place.azure.on(Service::Arm, Fault::raw("HTTP/1.1 204 No Content\r\n\r\n"));
    let run = place.get(&[]);
    assert_eq!((run.succeeds().out.as_str(), run.err.as_str()), ("", ""));
}

#[test]
fn files_are_private_and_whole() {
    let place = Place::new();
    let path = place.scratch.path("group.json");
    let name = path.to_str().unwrap();
    for _ in 0..2 {
        let run = place.get(&["-O", name]);
        assert_eq!((run.succeeds().out.as_str(), run.err.as_str()), ("", ""));
        assert_eq!(fs::read_to_string(&path).unwrap(), GROUP_BODY);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        // The next round replaces a file that is longer.
        fs::write(&path, GROUP_BODY.repeat(2)).unwrap();
    }
    let mut names = place.scratch.names();
    names.sort_unstable();
    assert_eq!(names, ["ca.pem", "group.json"]);
}

#[test]
fn a_file_that_cannot_be_made_costs_no_request() {
    let place = Place::new();
    place.get(&["-O", place.scratch.path("missing/file").to_str().unwrap()]).fails(1).says("missing/file");
    place.get(&["-O", place.scratch.path("").to_str().unwrap()]).fails(1);
    place.sent_nothing();
}

#[test]
fn failures_leave_files_alone() {
    for (fault, deadline, code) in [
        (Fault::status(403).body(r#"{"error":{"code":"X","message":"m"}}"#), "20s", 5),
        (Fault::status(503), "300ms", 6),
        (Fault::status(302).header("Location", "https://localhost:1/"), "20s", 7),
        (Fault::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "300ms", 7),
        (Fault::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), "300ms", 7),
        (Fault::raw("junk"), "20s", 7),
        (Fault::cut(400), "300ms", 7),
        (Fault::hang(), "200ms", 124),
    ] {
        let place = Place::new();
        let (path, new) = (place.scratch.path("old"), place.scratch.path("new"));
        fs::write(&path, "old").unwrap();
        place.azure.on(Service::Arm, fault.times(100));
        for target in [&path, &new] {
            place.get(&["--deadline", deadline, "-O", target.to_str().unwrap()]).fails(code);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut names = place.scratch.names();
        names.sort_unstable();
        assert_eq!(names, ["ca.pem", "old"]);
    }
}

#[test]
fn a_dry_run_sends_nothing() {
    let place = Place::new();
    let url = group() + "&sig=s3cr3t&$skiptoken=s3cr3t";
    let headers = ["-H", "X-Key: s3cr3t", "-H", "If-Match: \"e\""];
    let run = place.run(&[&["get", &url, "--dry-run"], &headers[..]].concat());
    let expected = format!(
        "GET {}{}&sig=REDACTED&$skiptoken=REDACTED\naudience: {ARM_AUDIENCE}\nauthorization: Bearer REDACTED\n\
         X-Key: REDACTED\nIf-Match: \"e\"\nbody: 0 bytes\n",
        place.azure.arm(),
        group()
    );
    assert_eq!((run.succeeds().out.as_str(), run.err.as_str()), (expected.as_str(), ""));
    let inferred = guarded(["rest", "get", "https://kv.vault.azure.net/secrets", "--dry-run"]).on(&place.azure).run();
    assert!(inferred.succeeds().out.contains("\naudience: https://vault.azure.net\n"), "{}", inferred.out);
    place.run(&["get", "/x#y", "--dry-run"]).fails(2);
    place.run(&["get", "/x", "--dry-run", "-H", "Host: h"]).fails(2);
    place.sent_nothing();
}

#[test]
fn the_default_cloud_needs_no_audience() {
    let place = Place::new();
    for (arguments, origin, audience) in [
        (&[][..], "https://management.azure.com", "https://management.azure.com/"),
        (&["--cloud", "usgov"], "https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net/"),
        (&["--cloud", "china"], "https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn/"),
    ] {
        let run = guarded([&["get", &group(), "--dry-run"], arguments].concat()).on(&place.azure).run();
        let expected = format!("GET {origin}{}\naudience: {audience}\n", group());
        assert!(run.succeeds().out.starts_with(&expected), "{}", run.out);
    }
    place.sent_nothing();
}

#[test]
fn cas_may_come_from_the_environment() {
    let place = Place::new();
    let base = ["get", &group(), "--cloud", &place.azure.arm(), "--resource", ARM_AUDIENCE];
    let run = azmin(base).on(&place.azure).env("SSL_CERT_FILE", place.scratch.ca(&place.azure)).run();
    assert_eq!(run.succeeds().out, GROUP_BODY);
}

#[test]
fn a_ca_that_is_not_trusted_ends_it_before_anything_is_sent() {
    let (place, other) = (Place::new(), Place::new());
    let base = ["get", &group(), "--cloud", &place.azure.arm(), "--resource", ARM_AUDIENCE];
    let strange = other.scratch.ca(&other.azure);
    for arguments in [&base[..], &[&base[..], &["--ca-file", strange.to_str().unwrap()]].concat()] {
        azmin(arguments)
            .on(&place.azure)
            .run()
            .fails(7)
            .says("is not trusted")
            .says("--ca-file")
            .says("invalid peer certificate");
    }
    assert_eq!(place.arm_requests().len(), 0);
}

#[test]
fn a_ca_file_that_is_none_costs_no_token() {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        let path = place.scratch.path(name);
        fs::write(&path, text).unwrap();
        path
    };
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (path, code) in [
        (file("garbage", "garbage"), 2),
        (file("empty", ""), 2),
        (file("broken", broken), 2),
        (file("good and broken", &(place.azure.ca_pem().to_owned() + broken)), 2),
        (file("key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 2),
        (place.scratch.path("missing"), 1),
        (place.scratch.path(""), 1),
    ] {
        azmin(["get", &group()]).with_arm(&place.azure, &path).run().fails(code).says(path.to_str().unwrap());
        let by_variable = place.scratch.ca(&place.azure);
        azmin(["get", &group()])
            .with_arm(&place.azure, &by_variable)
            .env("SSL_CERT_FILE", &path)
            .run()
            .fails(code)
            .says(path.to_str().unwrap());
    }
    place.sent_nothing();
}

/// The certificate holds for 127.0.0.1 only.
#[test]
fn another_hosts_certificate_is_refused() {
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    let Ok(azure) = Azure::builder().arm_address(address).start() else {
        return skip("this system's loopback is 127.0.0.1 alone");
    };
    let place = Place { azure, scratch: Scratch::new() };
    let url = place.azure.arm().replace("localhost", "127.0.0.2") + &group();
    place.run(&["get", &url]).fails(7).says("is not trusted").says("127.0.0.2");
    assert_eq!(place.arm_requests().len(), 0);
}

#[test]
fn nothing_but_tls_gets_a_token() {
    let place = Place::new();
    let url = place.azure.imds().replace("http:", "https:") + &group();
    let arm_before = place.azure.requests().len();
    place.run(&["get", &url, "--deadline", "500ms"]).fails(7);
    let requests = place.azure.requests();
    assert!(requests[arm_before..].iter().all(|request| request.header("authorization").is_none()));
    let closed = format!("https://localhost:{}{}", crate::support::closed_port(), group());
    place.run(&["get", &closed, "--deadline", "500ms"]).fails(7).says("no connection to localhost:");
}

#[test]
fn refusals_have_their_exit_codes_and_keep_the_services_words() {
    for (status, code, body, words) in [
        (
            400,
            8,
            r#"{"error":{"code":"InvalidApiVersionParameter","message":"The api-version '2016' is invalid."}}"#,
            &["HTTP 400 InvalidApiVersionParameter: The api-version '2016' is invalid."][..],
        ),
        (
            401,
            5,
            r#"{"error":{"code":"ExpiredAuthenticationToken","message":"The access token expiry UTC time '9/27/2017 3:49:33 AM' is earlier than current UTC time."}}"#,
            &["HTTP 401 ExpiredAuthenticationToken: The access token expiry"],
        ),
        (
            403,
            5,
            r#"{"error":{"code":"RequestDisallowedByPolicy","message":"Resource 'x' was disallowed by policy.","target":"x","details":[{"code":"Outer","target":"a/b","message":"one","details":[{"code":"Inner","message":"two"}]}],"additionalInfo":[{"type":"PolicyViolation","info":{"policyDefinitionDisplayName":"p"}}]}}"#,
            &[
                "HTTP 403 RequestDisallowedByPolicy: Resource 'x'",
                "\n  detail: Outer @ a/b: one\n  detail: Inner: two\n",
            ],
        ),
        (
            404,
            3,
            r#"{"error":{"code":"ResourceNotFound","message":"The Resource 'Microsoft.Web/sites/x' was not found."}}"#,
            &["HTTP 404 ResourceNotFound: The Resource"],
        ),
        (
            405,
            8,
            r#"{"Message":"The requested resource does not support http method 'GET'."}"#,
            &["HTTP 405: The requested"],
        ),
        (
            409,
            11,
            r#"{"error":{"code":"MissingSubscriptionRegistration","message":"The subscription is not registered to use namespace 'Microsoft.Web'.","details":[{"code":"MissingSubscriptionRegistration","target":"Microsoft.Web","message":"see aka.ms/rps-not-found"}]}}"#,
            &[
                "HTTP 409 MissingSubscriptionRegistration: ",
                "\n  detail: MissingSubscriptionRegistration @ Microsoft.Web: see",
            ],
        ),
        (
            412,
            11,
            r#"{"error":{"code":"PreconditionFailed","message":"etag"}}"#,
            &["HTTP 412 PreconditionFailed: etag"],
        ),
        (
            429,
            6,
            r#"{"error":{"code":"SubscriptionRequestsThrottled","message":"Number of requests exceeded."}}"#,
            &["HTTP 429 SubscriptionRequestsThrottled: Number", "\n  retry after: 17 s\n"],
        ),
        (500, 6, r#"{"error":{"code":"InternalServerError","message":"m"}}"#, &["HTTP 500 InternalServerError: m"]),
        (502, 6, "<html><title>502 Bad Gateway</title></html>", &["HTTP 502: <html><title>502 Bad Gateway"]),
        (503, 6, r#"{"error":{"code":"ServiceUnavailable","message":"m"}}"#, &["HTTP 503 ServiceUnavailable: m"]),
        (504, 6, "", &["refused: HTTP 504\n"]),
    ] {
        let fault = Fault::status(status)
            .header("x-ms-request-id", "r-1")
            .header("x-ms-correlation-request-id", "c-1")
            .header("Retry-After", if status == 429 { "17" } else { "soon" })
            .times(100);
        let place = Place::new();
        place.azure.on(Service::Arm, if body.is_empty() { fault } else { fault.body(body) });
        let run = place.get(&["--deadline", if status < 500 { "10s" } else { "300ms" }]);
        run.fails(code).says("\n  request id: r-1\n").says("\n  correlation id: c-1\n");
        for words in words {
            run.says(words);
        }
        assert_eq!(run.err.contains("retry after"), status == 429, "{}", run.err);
        assert!(run.err.starts_with("azmin: localhost:"), "it says who refused: {}", run.err);
    }
}

#[test]
fn refusals_of_the_stand_in_itself() {
    let place = Place::new();
    let get = |url: &str| place.run(&["get", url]);
    get(&group().replace("DevTest", "Nope")).fails(3).says("ResourceGroupNotFound: Resource group 'Nope'");
    get(GROUP).fails(8).says("MissingApiVersionParameter");
    get(&format!("{GROUP}?api-version=1")).fails(8).says("InvalidApiVersionParameter");
    get(&group().replace("98f5", "00f5")).fails(3).says("SubscriptionNotFound");
    get(&group().replace("98f5", "x")).fails(8).says("InvalidSubscriptionId");
    let wrong = ["get", &group(), "--cloud", &place.azure.arm(), "--resource", "https://vault.azure.net", "--ca-file"];
    let ca = place.scratch.ca(&place.azure);
    let wrong = azmin([&wrong[..], &[ca.to_str().unwrap()]].concat()).on(&place.azure).run();
    wrong.fails(5).says("InvalidAuthenticationTokenAudience").says("'https://vault.azure.net'");
    let identity = place.azure.system_identity().unwrap();
    place.azure.revoke_role(identity.client_id());
    let run = get(&group());
    run.fails(5).says("HTTP 403 AuthorizationFailed: ").says(identity.object_id()).says("\n  correlation id: ");
    place.azure.grant_role(identity.client_id());
    get(&group()).succeeds();
}

#[test]
fn a_redirect_is_not_followed() {
    let target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    target.set_nonblocking(true).unwrap();
    let place = Place::new();
    for (status, scheme) in [(301, "https"), (302, "https"), (303, "http"), (307, "https"), (308, "http")] {
        let location = format!("{scheme}://localhost:{}/?sig=s3cr3t", target.local_addr().unwrap().port());
        place.azure.on(Service::Arm, Fault::status(status).header("Location", location));
        let run = place.get(&[]);
        run.fails(7).says(&format!("HTTP {status}")).says("not followed").says("sig=REDACTED");
        assert!(!run.err.contains("s3cr3t"), "{}", run.err);
    }
    assert_eq!(target.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// Nothing that could drive a terminal, or break the one line that a log expects.
#[track_caller]
fn harmless(run: &Run) {
    let forbidden = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!run.err.contains(forbidden), "{:?}", run.err);
}

#[test]
fn the_services_words_cannot_drive_a_terminal() {
    let place = Place::new();
    let evil = r"\u001b[2J\r\n  request id: forged\n\u0007\u009b31m\u202e\u2028end";
    for body in [
        format!(r#"{{"error":{{"code":"X","message":"{evil}"}}}}"#),
        format!(r#"{{"error":{{"code":"{evil}","message":"m"}}}}"#),
        format!(r#"{{"error":{{"code":"X","details":[{{"code":"{evil}","target":"{evil}","message":"{evil}"}}]}}}}"#),
        format!(r#"{{"error":{{"code":"X","correlationId":"{evil}"}},"trace_id":"{evil}"}}"#),
        "<html>\u{1b}[2J\u{9b}31m\u{202e}\r\n\u{7}</html>".to_owned(),
    ] {
        place.azure.on(Service::Arm, Fault::status(403).body(body));
        let run = place.get(&["-vv"]);
        assert_eq!((run.code, run.out.as_str()), (5, ""));
        harmless(&run);
        assert!(!run.err.contains("\n  request id: forged"), "{}", run.err);
    }
    for header in ["x-ms-request-id", "x-ms-correlation-request-id", "Location", "Server"] {
        place.azure.on(Service::Arm, Fault::status(307).header(header, "\u{9b}31m\u{202e}evil"));
        harmless(&place.get(&["-vv"]));
        place.azure.on(Service::Arm, Fault::status(404).header(header, "\u{9b}31m\u{202e}evil"));
        let run = place.get(&["-vv"]);
        assert_eq!(run.code, 3);
        harmless(&run);
    }
}

#[test]
fn what_is_no_https_url_of_a_known_host_sends_nothing() {
    let place = Place::new();
    let arm = place.azure.arm();
    let port = arm.rsplit(':').next().unwrap();
    for url in [
        "",
        "subscriptions",
        "management.azure.com/subscriptions",
        "http://management.azure.com/subscriptions",
        "//management.azure.com/subscriptions",
        "/subscriptions/{subscription}",
        "ftp://management.azure.com/",
        "https:/management.azure.com/",
        "https://",
        "https:///subscriptions",
        "https://evil.example/",
        "https://management.azure.com.evil.example/",
        "https://evilmanagement.azure.com/",
        "https://vault.azure.net/",
        "https://user@management.azure.com/",
        "https://user:s3cr3t@management.azure.com/",
        "https://management.azure.com@evil.example/",
        "https://management.azure.com:443@evil.example/",
        "https://management.azure.com\\@evil.example/",
        "https://management.azure.com:444/",
        "https://management.azure.com:/",
        "https://management.azure.com:0/",
        "https://management.azure.com:99999/",
        "https://management.azure.com:65979/",
        "https://management.azure.com:+443/",
        "https://management.azure.com:443:443/",
        "https://management.azure.com./",
        "https://management..azure.com/",
        "https://m%61nagement.azure.com/",
        "https://mänagement.azure.com/",
        "https://management.azure.com#@evil.example/",
        "https://management.azure.com/#fragment",
        "https://management.azure.com?x#y",
        "https://127.1/",
        "https://0x7f000001/",
        "https://[::1/",
        "/subscriptions#fragment",
        "/subscriptions\r\nX: y",
        "/subscriptions\u{1}",
        "\thttps://management.azure.com/",
        &format!("https://localhost:{port}/"),
        &format!("https://127.0.0.1:{port}/"),
    ] {
        // The resource would be another way to an audience: without it the host has to be known.
        let run = guarded(["get", url]).on(&place.azure).run();
        assert!(!run.fails(2).err.contains("s3cr3t"), "{}", run.err);
    }
    guarded(["get", "https://evil.example/"]).on(&place.azure).run().fails(2).says("--resource");
    for arguments in [
        &["get"][..],
        &["rest"],
        &["rest", "get"],
        &["rest", &group()],
        &["rest", "get", &group(), "more"],
        &["get", &group(), "more"],
        &["rest", "", &group()],
        &["rest", "brew", &group()],
        &["rest", "GET ", &group()],
        &["get", &group(), "--resource", ""],
        &["get", &group(), "--resource", "a\r\nb"],
        &["get", &group(), "--cloud", "http://localhost"],
        &["get", &group(), "--cloud", "https://localhost/arm"],
        &["get", &group(), "-o", "yaml"],
        &["get", &group(), "--deadline", "0"],
    ] {
        guarded(arguments).on(&place.azure).run().fails(2);
    }
    // With an audience named, the scheme still counts.
    for url in ["http://localhost:1/", &format!("{}{}", place.azure.imds(), group())] {
        place.run(&["get", url]).fails(2).says("https");
    }
    place.sent_nothing();
}

/// Neither the whole token nor any part of it that is long enough to be one's.
#[track_caller]
fn without_token(text: &str, token: &str) {
    assert!(token.len() > 500);
    let shown = token.as_bytes().windows(16).find(|part| text.contains(std::str::from_utf8(part).unwrap()));
    assert!(shown.is_none(), "{text}");
    assert!(!text.contains(&token[..8]), "{text}");
}

#[test]
fn traces_show_no_secret() {
    let place = Place::new();
    let url = group() + "&t=s3cr3t&c=s3cr3t&s=s3cr3t&h=s3cr3t&$skiptoken=s3cr3t&$top=5";
    place
        .azure
        .on(Service::Arm, Fault::delay(Duration::ZERO).header("Set-Cookie", "s3cr3t").header("Retry-After", "3"));
    let run = place.run(&["get", &url, "-vv", "-H", "X-Key: s3cr3t", "-H", "If-Match: e-1"]);
    assert_eq!(run.succeeds().out, GROUP_BODY);
    let token = place.arm_requests()[0].header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    without_token(&run.err, &token);
    assert!(!run.err.contains("s3cr3t"), "{}", run.err);
    run.says(&format!("azmin: GET {}{}&t=REDACTED&c=REDACTED", place.azure.arm(), group()))
        .says("&$top=5 -> 200 in ")
        .says("  > X-Key: REDACTED\n")
        .says("  > If-Match: e-1\n")
        .says("  < set-cookie: REDACTED\n")
        .says("  < retry-after: 3\n");
    assert_eq!(run.err.matches("azmin: GET http").count(), 2, "the token's request, and this one");
    let brief = place.run(&["get", &url, "-v"]);
    assert_eq!((brief.err.lines().count(), brief.err.contains("s3cr3t")), (2, false), "{}", brief.err);
    place.azure.on(Service::Arm, Fault::raw("junk"));
    let failed = place.run(&["get", &url, "-v"]);
    assert_eq!(failed.code, 7);
    assert!(
        failed.says(" -> the answer is not proper HTTP").err.contains("azmin: the answer is not"),
        "{}",
        failed.err
    );
    without_token(&failed.err, &token);
}

#[test]
fn the_deadline_holds_however_slowly_bytes_come() {
    let place = Place::new();
    for (service, fault) in [
        (Service::Arm, Fault::hang()),
        (Service::Arm, Fault::delay(Duration::from_secs(30))),
        (Service::Arm, Fault::drip(Duration::from_millis(20))),
        (Service::Imds, Fault::hang()),
        (Service::Imds, Fault::drip(Duration::from_millis(20))),
    ] {
        place.azure.on(service, fault);
        let begun = Instant::now();
        place.get(&["--deadline", "200ms"]).fails(124).says("before the deadline");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

/// What the service has said already is worth more than that the rest of it never came.
#[test]
fn a_refusal_whose_body_never_ends_is_still_a_refusal() {
    let place = Place::new();
    let body = r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#;
    place.azure.on(Service::Arm, Fault::status(403).body(body).header("Content-Length", "9999"));
    let run = place.get(&["--deadline", "1s"]);
    run.fails(5).says("HTTP 403 AuthorizationFailed: no");
}

/// A handshake that never goes on is bounded too.
#[test]
fn the_deadline_holds_in_the_handshake() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let place = Place::new();
    let url = format!("https://localhost:{}{}", silent.local_addr().unwrap().port(), group());
    let begun = Instant::now();
    place.run(&["get", &url, "--deadline", "300ms"]).fails(124);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn without_a_token_nothing_goes_to_arm() {
    let place = Place::new();
    for (fault, code, words) in [
        (
            Fault::status(400).body(r#"{"error":"invalid_request","error_description":"Identity not found"}"#),
            4,
            "Identity not found",
        ),
        (Fault::status(403), 4, "imds gave no token: HTTP 403"),
        (Fault::status(429).header("Retry-After", "7"), 6, "retry after: 7 s"),
        (Fault::status(500).header("Retry-After", "9"), 6, "imds"),
        (Fault::status(200).body("<html>"), 7, "no token in the answer"),
    ] {
        let place = Place::new();
        place.azure.on(Service::Imds, fault.times(1000));
        place.get(&["--deadline", "5s"]).fails(code).says(words);
        assert_eq!(place.arm_requests().len(), 0);
    }
    let ca = place.scratch.ca(&place.azure);
    let gone = azmin(["get", &group()])
        .with_arm(&place.azure, &ca)
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", format!("http://127.0.0.1:{}", crate::support::closed_port()));
    gone.run().fails(4).says("no identity endpoint answers");
    assert_eq!(place.arm_requests().len(), 0);
}

#[test]
fn identities() {
    let azure = Azure::builder().user_assigned("worker").start().unwrap();
    let place = Place { azure, scratch: Scratch::new() };
    let worker = place.azure.identity("worker").unwrap();
    place.azure.revoke_role(place.azure.system_identity().unwrap().client_id());
    place.get(&["--client-id", worker.client_id()]).succeeds();
    place.get(&["--system-assigned"]).fails(5).says("AuthorizationFailed");
}

/// The body is larger than the 16 MiB that are held in memory.
#[test]
fn a_large_body_goes_to_a_file_only() {
    let place = Place::new();
    let body = "x".repeat(17 << 20);
    place.azure.on(Service::Arm, Fault::status(200).body(body.as_str()).times(2));
    place.get(&[]).fails(7).says("larger than 16 MiB");
    let path = place.scratch.path("large");
    place.get(&["-O", path.to_str().unwrap()]).succeeds();
    assert!(fs::read(&path).unwrap() == body.as_bytes());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let place = Place::new();
    place.get(&["-O", "/dev/full"]).fails(1);
    assert!(Path::new("/dev/full").exists());
}
