//! The options of `azmin rest`, one by one, through the command.

use std::fs;

use azmin::simulator::{Azure, Fault, Operation, Received, Service};

use crate::support::{GROUP, GROUP_BODY, Run, Scratch, azmin, received};

const SUBSCRIPTION: &str = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861";

struct Place {
    azure: Azure,
    scratch: Scratch,
}

impl Place {
    fn new() -> Self {
        Self::with(Azure::start().unwrap())
    }

    fn with(azure: Azure) -> Self {
        Self { azure, scratch: Scratch::new() }
    }

    /// `METHOD PATH OPTION…`, of an API that the stand-in knows.
    fn run(&self, line: &[&str]) -> Run {
        let arguments = [line, &["--api-version", "2021-04-01"]].concat();
        azmin(arguments).with_arm(&self.azure, &self.scratch.ca(&self.azure)).run()
    }

    fn sent(&self) -> Vec<Received> {
        received(&self.azure, Service::Arm)
    }

    /// What the next answer of Resource Manager is.
    fn says(&self, body: &str) {
        self.azure.on(Service::Arm, Fault::status(200).body(body));
    }
}

#[test]
fn every_method_and_its_short_form() {
    let place = Place::new();
    let url = format!("{SUBSCRIPTION}/resourceGroups/new");
    let body = r#"{"location":"westus"}"#;
    place.run(&["rest", "PUT", &url, "-d", body]).succeeds();
    place.run(&["put", &url, "-d", body]).succeeds();
    place.run(&["patch", &url, "-d", r#"{"tags":{"a":"b"}}"#]).succeeds();
    let run = place.run(&["head", &url, "-i"]);
    assert!(run.succeeds().out.starts_with("HTTP/1.1 204 "), "{}", run.out);
    place.azure.operation(Operation::location().polls(2));
    place.run(&["delete", &url, "--wait"]).succeeds();
    place.run(&["get", &url]).fails(3).says("ResourceGroupNotFound");
    place.run(&["rest", "post", &format!("{SUBSCRIPTION}/providers/Microsoft.Network/register")]).succeeds();
    let methods: Vec<_> = place.sent().iter().map(|sent| sent.method().to_owned()).collect();
    assert_eq!(methods[..5], ["PUT", "PUT", "PATCH", "HEAD", "DELETE"]);
    assert_eq!(methods.last().map(String::as_str), Some("POST"));
    place.run(&["rest", "trace", &url]).fails(2).says("no method");
}

#[test]
fn bodies_byte_for_byte() {
    let place = Place::new();
    let file = place.scratch.path("body");
    fs::write(&file, b"\xff\x00\r\n{}").unwrap();
    place.says("{}");
    place.run(&["post", "/x", "-d", &format!("@{}", file.display())]).succeeds();
    assert_eq!(place.sent()[0].body(), b"\xff\x00\r\n{}");
    assert_eq!(place.sent()[0].header("content-type"), Some("application/json"));
    place.says("{}");
    let arguments = ["post", "/x", "-d", "@-", "-H", "Content-Type: text/plain"];
    let run = azmin(arguments).with_arm(&place.azure, &place.scratch.ca(&place.azure)).input(b"from a pipe\n").run();
    run.succeeds();
    assert_eq!(place.sent()[1].body(), b"from a pipe\n");
    assert_eq!(place.sent()[1].header("content-type"), Some("text/plain"));
    let requests = place.azure.requests().len();
    place.run(&["post", "/x", "-d", "@/nonexistent"]).fails(1).says("could not read /nonexistent");
    assert_eq!(place.azure.requests().len(), requests, "nothing was sent, no token was asked for");
}

#[test]
fn conditions() {
    let place = Place::new();
    let run = place.run(&["get", GROUP, "-i", "-o", "none"]);
    let etag = run.succeeds().out.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let tags = |etag: &str| place.run(&["patch", GROUP, "-d", r#"{"tags":{"a":"b"}}"#, "--if-match", etag]);
    tags(&etag).succeeds();
    tags(&etag).fails(11).says("412");
    place.run(&["put", GROUP, "-d", r#"{"location":"westus"}"#, "--if-none-match", "*"]).fails(11);
}

#[test]
fn forms_of_output() {
    let place = Place::new();
    let body = r#"{"b": 1.50, "list": [{"n":"x\ty"},{"n":null}, {"n":"z"}], "text":"a\"b"}"#;
    for (options, out) in [
        (&[][..], body),
        (&["-o", "json"], body),
        (&["-o", "none"], ""),
        (&["--query", "b"], "1.50\n"),
        (&["--query", "text"], "\"a\\\"b\"\n"),
        (&["--query", "text", "-o", "raw"], "a\"b\n"),
        (
            &["--query", "list[*].n"],
            r#"["x\ty","z"]
"#,
        ),
        (&["--query", "list[].n", "-o", "tsv"], "x\\ty\nz\n"),
        (&["--query", "list[-1]", "-o", "jsonl"], "{\"n\":\"z\"}\n"),
        (&["--query", "list", "-o", "jsonl"], "{\"n\":\"x\\ty\"}\n{\"n\":null}\n{\"n\":\"z\"}\n"),
    ] {
        place.says(body);
        let run = place.run(&[&["get", "/x"], options].concat());
        assert_eq!(run.succeeds().out, out, "{options:?}");
    }
    for query in ["nothing", "list[1].n", "list[9]", "b.c"] {
        place.says(body);
        place.run(&["get", "/x", "--query", query]).fails(10).says("found nothing");
    }
    place.says("nope");
    place.run(&["get", "/x", "--query", "a"]).fails(7).says("not JSON");
    let file = place.scratch.path("out");
    place.says(body);
    let run = place.run(&["get", "/x", "--query", "b", "-O", file.to_str().unwrap()]);
    assert_eq!((run.succeeds().out.as_str(), fs::read_to_string(&file).unwrap().as_str()), ("", "1.50\n"));
}

#[test]
fn pages_in_one_document_or_line_by_line() {
    let list = format!("{SUBSCRIPTION}/resources");
    let place = Place::with(Azure::builder().disks(5).page_size(2).empty_pages(true).start().unwrap());
    let whole = place.run(&["get", &list, "--all"]).succeeds().out.clone();
    assert!(whole.starts_with("{\"value\":[{") && whole.ends_with("]}\n") && !whole.contains("nextLink"), "{whole}");
    let lines = place.run(&["get", &list, "--all", "-o", "jsonl"]).succeeds().out.clone();
    assert_eq!(lines.lines().count(), 6);
    assert!(lines.lines().all(|line| line.starts_with('{') && whole.contains(line)));
    let ids = place.run(&["get", &list, "--all", "--query", "value[*].id", "-o", "tsv"]).succeeds().out.clone();
    assert_eq!(ids.lines().count(), 6);
    let first = place.run(&["get", &list, "--all", "--query", "value[0].id", "-o", "raw"]).succeeds().out.clone();
    assert_eq!(ids.lines().next(), first.lines().next());
    // What is whole was printed; what failed is told by the code.
    place.azure.on(Service::Arm, Fault::delay(std::time::Duration::ZERO).times(2));
    place.azure.on(Service::Arm, Fault::status(404).times(1));
    let run = place.run(&["get", &list, "--all", "-o", "jsonl"]);
    assert_eq!((run.code, run.out.lines().count()), (3, 2), "{}", run.err);
}

#[test]
fn operations_are_followed() {
    let group = format!("{SUBSCRIPTION}/resourceGroups/new");
    for variant in [
        Operation::azure_async_operation(),
        Operation::operation_location(),
        Operation::location().status(202),
        Operation::both(),
        Operation::location().status(202).moving(),
        Operation::location().status(202).relative(),
        Operation::synchronous(),
    ] {
        let place = Place::new();
        let name = format!("{variant:?}");
        place.azure.operation(variant.polls(2));
        let run =
            place.run(&["put", &group, "-d", r#"{"location":"westus"}"#, "--wait", "--query", "name", "-o", "raw"]);
        assert_eq!(run.succeeds().out, "new\n", "{name}");
    }
    let place = Place::new();
    place.azure.operation(Operation::azure_async_operation().polls(1).fails("SkuNotAvailable", "no such size"));
    place
        .run(&["put", &group, "-d", r#"{"location":"westus"}"#, "--wait"])
        .fails(9)
        .says("SkuNotAvailable: no such size");
    let place = Place::new();
    place.azure.operation(Operation::azure_async_operation().polls(9).retry_after(std::time::Duration::from_secs(60)));
    let run = place.run(&["put", &group, "-d", r#"{"location":"westus"}"#, "--wait", "--deadline", "5s"]);
    run.fails(124).says("to go on waiting: azmin get 'https://");
}

#[test]
fn refusals_with_their_body() {
    let place = Place::new();
    let body = r#"{"error":{"code":"ResourceNotFound","message":"m"},"more":1}"#;
    place.azure.on(Service::Arm, Fault::status(404).body(body).times(2));
    let run = place.run(&["get", "/x", "--fail-with-body"]);
    assert_eq!((run.code, run.out.as_str()), (3, body), "{}", run.err);
    place.run(&["get", "/x"]).fails(3);
}

#[test]
fn without_a_token() {
    let place = Place::new();
    place.says("{}");
    let arguments = ["get", &format!("{}/x", place.azure.arm()), "--no-auth", "--ca-file"].map(str::to_owned);
    let ca = place.scratch.ca(&place.azure).display().to_string();
    azmin(arguments.iter().chain([&ca])).run().succeeds();
    assert_eq!(place.azure.requests().len(), 1);
    assert!(place.sent()[0].header("authorization").is_none());
}

#[test]
fn a_role_and_a_provider_that_are_missing() {
    let place = Place::new();
    place.azure.grant_role_after(place.azure.system_identity().unwrap().client_id(), 1);
    let run = place.run(&["get", GROUP, "--retry-forbidden", "1s"]);
    run.fails(5).says("24 hours");
    assert_eq!(place.run(&["get", GROUP]).succeeds().out, GROUP_BODY);

    let azure = Azure::builder().unregistered_provider("Microsoft.Batch", 0).start().unwrap();
    let place = Place::with(azure);
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/b");
    let put = ["put", &account, "-d", r#"{"location":"westus"}"#];
    place.run(&put).fails(11).says("MissingSubscriptionRegistration");
    place.run(&[&put[..], &["--register-provider"]].concat()).succeeds();
}

#[test]
fn a_revoked_token_is_replaced_once() {
    let place = Place::new();
    place.azure.require_fresh_token();
    assert_eq!(place.run(&["get", GROUP]).code == 0, place.sent().len() == 2 || place.sent().len() == 1);
    let body = r#"{"error":{"code":"InsufficientClaims","message":"m"}}"#;
    let claims = "Bearer error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19\"";
    place.azure.on(Service::Arm, Fault::status(401).header("WWW-Authenticate", claims).body(body).times(2));
    let before = place.sent().len();
    place.run(&["get", GROUP]).fails(5).says(r#"claims: {"access_token":{"nbf":{}}}"#);
    assert_eq!(place.sent().len() - before, 2);
}

#[test]
fn a_preview_sends_nothing_and_shows_all() {
    let place = Place::new();
    let run = place.run(&["put", "/x", "-d", "12345", "--if-match", "\"7\"", "--dry-run"]);
    let out = &run.succeeds().out;
    for words in [
        "PUT https://localhost:",
        "audience: https://management.azure.com/",
        "body: 5 bytes",
        "content-type: application/json",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert_eq!(place.azure.requests().len(), 0);
}

#[test]
fn usage() {
    let place = Place::new();
    for line in [
        &["get", "/x", "-d", "{}"][..],
        &["head", "/x", "-d", "{}"],
        &["get", "/x", "--query", "a[?b]"],
        &["get", "/x", "--query", "length(a)"],
        &["get", "/x", "--query", ""],
        &["get", "/x", "-o", "yaml"],
        &["get", "/x", "--all", "--wait"],
        &["put", "/x", "--all"],
        &["get", "/x", "--no-auth"],
        &["get", "/x", "--retry-forbidden", "soon"],
        &["get", "/x", "--wait", "--wait=1"],
        &["put"],
        &["put", "/x", "/y"],
    ] {
        let arguments = [line, &["--api-version", "2021-04-01"]].concat();
        azmin(arguments).with_arm(&place.azure, &place.scratch.ca(&place.azure)).run().fails(2);
    }
    assert_eq!(place.azure.requests().len(), 0);
}
