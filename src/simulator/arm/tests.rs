//! Requests in, answers out, no socket.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::str;

use super::super::Service;
use super::super::operation::Operation;
use super::super::request::received;
use super::super::world::{lock, world};
use super::access::AUDIENCES;
use super::*;

const NOW: u64 = 1_506_484_173;
const GROUP: &str = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest?api-version=2016-06-01";

fn ask(world: &World, line: &str, authorization: Option<&str>) -> Response {
    let authorization = authorization.map(|value| format!("\nAuthorization: {value}")).unwrap_or_default();
    answer(world, &received(Service::Arm, &format!("{line} HTTP/1.1\nHost: a{authorization}")))
}

fn body(response: &Response) -> &str {
    str::from_utf8(&response.body).unwrap()
}

fn bearer(world: &World, resource: &str, at: u64) -> String {
    format!("Bearer {}", token::obtain(world, world.system().unwrap(), resource, at, true).token)
}

#[test]
fn the_resource_group_of_the_tutorial() {
    let world = world(true, &[]);
    for audience in AUDIENCES {
        let answer = ask(&world, &format!("GET {GROUP}"), Some(&bearer(&world, audience, NOW)));
        assert_eq!(answer.status, 200);
        let expected = concat!(
            r#"{"id":"/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest","#,
            r#""name":"DevTest","location":"westus","properties":{"provisioningState":"Succeeded"}}"#
        );
        assert_eq!(body(&answer), expected);
    }
}

#[test]
fn refuses_a_token_in_the_services_words() {
    let world = world(true, &[]);
    let good = bearer(&world, "https://management.azure.com/", NOW);
    let vault = bearer(&world, "https://vault.azure.net", NOW);
    let old = bearer(&world, "https://management.azure.com/", NOW - 86_400);
    for (authorization, code, message) in [
        (None, "AuthenticationFailed", "The 'Authorization' header is missing."),
        (Some(good.replace("Bearer", "Basic")), "AuthenticationFailedInvalidHeader", "invalid format"),
        (Some("Bearer".to_owned()), "AuthenticationFailedInvalidHeader", "invalid format"),
        (Some("Bearer a.b.c".to_owned()), "InvalidAuthenticationToken", "The access token is invalid."),
        (Some(format!("{good}x")), "InvalidAuthenticationToken", "The access token is invalid."),
        (
            Some(vault),
            "InvalidAuthenticationTokenAudience",
            "wrong audience or resource 'https://vault.azure.net'. It should",
        ),
        (
            Some(old),
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time '9/27/2017 3:49:33 AM' is earlier than",
        ),
    ] {
        let answer = ask(&world, &format!("GET {GROUP}"), authorization.as_deref());
        assert_eq!(answer.status, 401);
        assert!(body(&answer).starts_with(&format!(r#"{{"error":{{"code":"{code}","message":""#)), "{}", body(&answer));
        assert!(body(&answer).contains(message), "{}", body(&answer));
        let challenge = answer.headers.iter().find(|(name, _)| name == "WWW-Authenticate").unwrap();
        let start =
            r#"Bearer authorization_uri="https://login.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee", error="#;
        assert!(challenge.1.starts_with(start), "{}", challenge.1);
    }
    assert_eq!(ask(&world, &format!("GET {GROUP}"), Some(&good.replace("Bearer", "bearer"))).status, 200);
}

#[test]
fn paths() {
    let world = world(true, &[]);
    let token = bearer(&world, "https://management.azure.com/", NOW);
    let s = format!("/subscriptions/{SUBSCRIPTION}");
    let v = "?api-version=2021-04-01";
    for (line, status, text) in [
        (format!("GET {}/RESOURCEGROUPS/devtest{v}", s.to_uppercase()), 200, r#""name":"DevTest""#),
        (format!("GET {s}/resourceGroups/Dev%54est/{v}"), 200, r#""name":"DevTest""#),
        (format!("GET {s}/resourceGroups/Nope{v}"), 404, "Resource group 'Nope' could not be found."),
        (format!("HEAD {s}/resourceGroups/DevTest{v}"), 204, ""),
        (format!("HEAD {s}/resourceGroups/Nope{v}"), 404, ""),
        (format!("GET {s}/resourceGroups{v}"), 200, r#"{"value":[{"id":"#),
        (format!("GET {s}{v}"), 200, r#""displayName":"DevTest""#),
        (format!("GET /subscriptions{v}"), 200, r#""count":{"type":"Total","value":1}}"#),
        (format!("GET {s}/resourceGroups/DevTest"), 400, "MissingApiVersionParameter"),
        (format!("GET {s}/resourceGroups/DevTest?api-version="), 400, "MissingApiVersionParameter"),
        (
            format!("GET {s}/resourceGroups/DevTest?api-version=2016-6-1"),
            400,
            "The api-version '2016-6-1' is invalid. The",
        ),
        (
            format!("GET /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x{v}"),
            404,
            "SubscriptionNotFound",
        ),
        (format!("GET /subscriptions/x/resourceGroups/x{v}"), 400, "InvalidSubscriptionId"),
        (
            format!("GET {s}/providers/Microsoft.Foo/bars{v}"),
            404,
            "'bars' could not be found in the namespace 'Microsoft.Foo'",
        ),
        (format!("GET {s}/resourceGroups/DevTest/providers/A/b/c{v}"), 404, "InvalidResourceType"),
        (format!("GET {s}/else{v}"), 404, "No HTTP resource"),
        (format!("GET /{v}"), 404, "MissingSubscription"),
        (format!("PUT {s}/resourceGroups{v}"), 405, "does not support http method 'PUT'"),
    ] {
        let answer = ask(&world, &line, Some(&token));
        assert_eq!(answer.status, status, "{line}: {}", body(&answer));
        assert!(body(&answer).contains(text), "{line}: {}", body(&answer));
    }
}

#[test]
fn a_role_can_be_taken_and_given_back() {
    let world = world(true, &[]);
    let token = bearer(&world, "https://management.azure.com/", NOW);
    world.revoke_role("AAAAAAAA-0000-1111-2222-bbbbbbbbbbbb", None);
    let answer = ask(&world, &format!("GET {GROUP}"), Some(&token));
    assert_eq!(answer.status, 403);
    let expected = concat!(
        r#"{"error":{"code":"AuthorizationFailed","message":"The client '00001111-aaaa-2222-bbbb-3333cccc4444' with object id "#,
        "'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb' does not have authorization to perform action ",
        "'Microsoft.Resources/subscriptions/resourceGroups/read' over scope ",
        "'/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest' or the scope is invalid. ",
        r#"If access was recently granted, please refresh your credentials."}}"#
    );
    assert_eq!(body(&answer), expected);
    let list = ask(&world, "GET /subscriptions?api-version=2022-12-01", Some(&token));
    assert_eq!(body(&list), r#"{"value":[],"count":{"type":"Total","value":0}}"#);
    world.grant_role("00001111-aaaa-2222-bbbb-3333cccc4444");
    assert_eq!(ask(&world, &format!("GET {GROUP}"), Some(&token)).status, 200);
}

#[test]
fn headers_of_every_answer() {
    let world = world(true, &[]);
    let head =
        format!("GET {GROUP} HTTP/1.1\nHost: a\nx-ms-client-request-id: mine\nx-ms-correlation-request-id: group");
    let answer = answer(&world, &received(Service::Arm, &head));
    let header =
        |name: &str| answer.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str()).unwrap();
    assert_eq!(header("x-ms-client-request-id"), "mine");
    assert_eq!(header("x-ms-correlation-request-id"), "group");
    assert_eq!(header("x-ms-request-id").len(), 36);
    assert!(header("x-ms-routing-request-id").starts_with("WESTUS:20170927T034933Z:"));
    assert_eq!(header("Date"), "Wed, 27 Sep 2017 03:49:33 GMT");
    assert_eq!(header("Cache-Control"), "no-cache");
}

/// One session: a world, and the token of its system-assigned identity.
struct Desk {
    world: World,
    token: String,
}

impl Desk {
    fn new() -> Self {
        let world = world(true, &[]);
        let token = bearer(&world, "https://management.azure.com/", NOW);
        Self { world, token }
    }

    /// The target is a URL of the stand-in's, or a path below the subscription with the api-version to come.
    fn send(&self, method: &str, target: &str, headers: &str, body: &str) -> Response {
        let target = match target.strip_prefix("https://a") {
            Some(target) => target.to_owned(),
            None if target.starts_with("/subscriptions/") => target.to_owned(),
            None => {
                let mark = if target.contains('?') { '&' } else { '?' };
                format!("/subscriptions/{SUBSCRIPTION}{target}{mark}api-version=2021-04-01")
            }
        };
        let typed = if body.is_empty() { "" } else { "\nContent-Type: application/json" };
        let head = format!("{method} {target} HTTP/1.1\nHost: a\nAuthorization: {}{typed}{headers}", self.token);
        answer(&self.world, &Received { body: body.as_bytes().to_vec(), ..received(Service::Arm, &head) })
    }

    fn get(&self, target: &str) -> Response {
        self.send("GET", target, "", "")
    }
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1.as_str())
}

/// The string behind that name.
fn field<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    body(answer).split_once(&format!("\"{name}\":\""))?.1.split('"').next()
}

const VM: &str = "/resourceGroups/DevTest/providers/Microsoft.Compute/virtualMachines/devtest-vm";
const DISK: &str = "/resourceGroups/DevTest/providers/Microsoft.Compute/disks/d";

#[test]
fn a_resource_group_from_birth_to_death() {
    let desk = Desk::new();
    let group = "/resourceGroups/New";
    let new = desk.send("PUT", group, "", r#"{"location":"West US","tags":{"a":"b"}}"#);
    let id = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/New");
    let expected = format!(
        r#"{{"id":"{id}","name":"New","location":"westus","tags":{{"a":"b"}},"properties":{{"provisioningState":"Succeeded"}}}}"#
    );
    assert_eq!((new.status, body(&new)), (201, expected.as_str()));
    assert_eq!(header(&new, "x-ms-ratelimit-remaining-subscription-writes"), Some("199"));
    let again = desk.send("PUT", "/resourceGroups/NEW", "", r#"{"location":"westus"}"#);
    assert_eq!((again.status, field(&again, "name"), body(&again).contains("tags")), (200, Some("New"), false));
    let tagged = desk.send("PATCH", group, "", r#"{"tags":{"c":"d"}}"#);
    assert_eq!((tagged.status, body(&tagged).contains(r#""tags":{"c":"d"}"#)), (200, true));
    assert_eq!(
        desk.send("PUT", &format!("{group}/providers/Microsoft.Compute/disks/x"), "", r#"{"location":"westus"}"#)
            .status,
        201
    );

    let gone = desk.send("DELETE", group, "", "");
    assert_eq!((gone.status, gone.body.len()), (202, 0));
    let location = header(&gone, "location").unwrap();
    assert!(location.starts_with(&format!("https://a/subscriptions/{SUBSCRIPTION}/operationresults/")), "{location}");
    assert!(location.len() > 3 * 1024);
    assert_eq!(desk.send("PUT", group, "", r#"{"location":"westus"}"#).status, 409);
    let running = desk.get(location);
    assert_eq!(
        (running.status, header(&running, "location"), header(&running, "retry-after")),
        (202, Some(location), Some("0"))
    );
    assert_eq!((desk.get(location).status, desk.get(location).status), (200, 200));
    assert_eq!(desk.send("HEAD", group, "", "").status, 404);
    assert!(!body(&desk.get("/resources")).contains("/New/"));
    assert_eq!(desk.get(&location.replace("&h=", "&h=x")).status, 404);
}

#[test]
fn a_write_is_refused_in_the_services_words() {
    let desk = Desk::new();
    let etag = desk.get("/resourceGroups/DevTest");
    let etag = format!("\nIf-Match: {}", header(&etag, "etag").unwrap());
    let disk = DISK.replace("DevTest", "Nope");
    let west = r#"{"location":"westus"}"#;
    let foreign = "/resourceGroups/DevTest/providers/Microsoft.ContainerInstance/containerGroups/c";
    for (method, target, headers, sent, status, words) in [
        ("PUT", "/resourceGroups/x", "", "{}", 400, r#""code":"LocationRequired","message":"The location property is"#),
        ("PUT", "/resourceGroups/x", "", "[1]", 400, r#""code":"InvalidRequestContent""#),
        ("PUT", "/resourceGroups/x", "", "", 415, r#""code":"UnsupportedMediaType""#),
        ("PUT", "/resourceGroups/x", "", r#"{"location":"mars"}"#, 400, "LocationNotAvailableForResourceGroup"),
        ("PUT", "/resourceGroups/x.", "", west, 400, r#""code":"InvalidResourceGroup""#),
        (
            "PUT",
            "/resourceGroups/DevTest",
            "",
            r#"{"location":"eastus"}"#,
            409,
            "Invalid resource group location 'eastus'. The Resource group already exists in location 'westus'.",
        ),
        ("PUT", "/resourceGroups/x", "\nIf-Match: *", west, 412, "PreconditionFailed"),
        ("PUT", "/resourceGroups/DevTest", "\nIf-None-Match: *", west, 412, "PreconditionFailed"),
        ("PUT", "/resourceGroups/DevTest", "\nIf-Match: \"x\"", west, 412, "PreconditionFailed"),
        ("PATCH", "/resourceGroups/x", "\nIf-Match: *", "{}", 404, "ResourceGroupNotFound"),
        ("PATCH", "/resourceGroups/DevTest", "", r#"{"tags":{"a":1}}"#, 400, "InvalidRequestContent"),
        ("DELETE", "/resourceGroups/x", "", "", 404, "ResourceGroupNotFound"),
        ("DELETE", "/resourceGroups/DevTest", "\nIf-Match: \"x\"", "", 412, "PreconditionFailed"),
        ("DELETE", DISK, "\nIf-Match: *", "", 204, ""),
        (
            "GET",
            DISK,
            "",
            "",
            404,
            "The Resource 'Microsoft.Compute/disks/d' under resource group 'DevTest' was not found.",
        ),
        ("PUT", DISK, "\nIf-Match: *", west, 412, "PreconditionFailed"),
        ("PATCH", DISK, "\nIf-Match: *", "{}", 404, "ResourceNotFound"),
        ("PUT", &disk, "", west, 404, "ResourceGroupNotFound"),
        ("PUT", VM, "", r#"{"location":"eastus"}"#, 409, "InvalidResourceLocation"),
        (
            "PUT",
            foreign,
            "",
            west,
            409,
            r#""details":[{"code":"MissingSubscriptionRegistration","target":"Microsoft.ContainerInstance","#,
        ),
        ("POST", "/resourceGroups/DevTest", "", "{}", 405, "Message"),
        ("PUT", "/providers/Microsoft.ContainerInstance/register", "", "{}", 405, "Message"),
        ("GET", "/resources?$filter=name%20eq%20'x'", "", "", 400, "InvalidFilterInQueryString"),
        ("GET", "/resources?$skiptoken=x", "", "", 400, "InvalidSkipToken"),
        ("GET", "/resources?$top=0", "", "", 400, "InvalidTop"),
        ("PATCH", "/resourceGroups/DevTest", &etag, r#"{"tags":{}}"#, 200, r#""tags":{}"#),
        ("PATCH", "/resourceGroups/DevTest", &etag, r#"{"tags":{}}"#, 412, "PreconditionFailed"),
    ] {
        let answer = desk.send(method, target, headers, sent);
        assert_eq!(answer.status, status, "{method} {target}{headers}: {}", body(&answer));
        assert!(body(&answer).contains(words), "{method} {target}: {}", body(&answer));
    }
}

#[test]
fn the_machine_tags_itself() {
    let desk = Desk::new();
    let machine = desk.get(VM);
    assert!(
        body(&machine).contains(r#""tags":{"Department":"IT","Environment":"Test"},"properties":{"hardwareProfile":"#)
    );
    let condition = format!("\nIf-Match: {}", header(&machine, "etag").unwrap());
    let tags = r#"{"tags":{"booted":"yes"}}"#;
    let tagged = desk.send("PATCH", VM, &condition, tags);
    assert_eq!((tagged.status, body(&tagged).contains(r#""tags":{"booted":"yes"},"properties":{"hard"#)), (200, true));
    assert_eq!(desk.send("PATCH", VM, &condition, tags).status, 412);
    let old = desk.get(&format!("/subscriptions/{SUBSCRIPTION}{VM}?api-version=2021-04-02"));
    assert_eq!((old.status, body(&old).contains("The supported api-versions are '2015-06-15, ")), (400, true));
}

#[test]
fn long_running_puts_in_every_variant() {
    const ASYNC: &str = "Azure-AsyncOperation";
    for (operation, status, headers) in [
        (Operation::azure_async_operation(), 201, &[ASYNC][..]),
        (Operation::azure_async_operation().status(200), 200, &[ASYNC]),
        (Operation::azure_async_operation().status(202), 202, &[ASYNC]),
        (Operation::operation_location(), 201, &["Operation-Location"]),
        (Operation::location(), 202, &["Location"]),
        (Operation::both(), 201, &[ASYNC, "Location"]),
        (Operation::provisioning_state(), 201, &[]),
        (Operation::no_header(), 202, &[]),
        (Operation::synchronous(), 201, &[]),
    ] {
        let desk = Desk::new();
        let variant = format!("{operation:?}");
        let finished = operation.variant == Operation::synchronous().variant;
        lock(&desk.world.estate).planned.push_back(operation.polls(2));
        let first = desk.send("PUT", DISK, "", r#"{"location":"westus","sku":{"name":"x"},"properties":{"n":1.50}}"#);
        assert_eq!(first.status, status, "{variant}");
        for name in [ASYNC, "Location", "Operation-Location"] {
            assert_eq!(header(&first, name).is_some(), headers.contains(&name), "{variant} {name}");
        }
        assert_eq!(first.body.is_empty(), status == 202, "{variant}");
        let state = if finished { "Succeeded" } else { "Creating" };
        assert!(status == 202 || field(&first, "provisioningState") == Some(state), "{variant}");
        for (poll, running) in [true, true, false].into_iter().enumerate() {
            for name in headers {
                let url = header(&first, name).unwrap();
                assert!(url.len() > 3 * 1024 && url.contains("&t="), "{url}");
            }
            let done = finished || !running;
            match headers.first() {
                None => {
                    let word = if done { "Succeeded" } else { "Creating" };
                    assert_eq!(field(&desk.get(DISK), "provisioningState"), Some(word), "{variant} {poll}");
                }
                Some(&"Location") => {
                    let answer = desk.get(header(&first, "Location").unwrap());
                    assert_eq!(answer.status, if done { 200 } else { 202 }, "{variant} {poll}");
                }
                Some(name) => {
                    let answer = desk.get(header(&first, name).unwrap());
                    let words = if *name == ASYNC { ["InProgress", "Succeeded"] } else { ["running", "succeeded"] };
                    assert_eq!(field(&answer, "status"), Some(words[usize::from(done)]), "{variant} {poll}");
                    let place = format!("https://a/subscriptions/{SUBSCRIPTION}{DISK}?api-version=2021-04-01");
                    let place = (done && *name != ASYNC).then_some(place);
                    assert_eq!(field(&answer, "resourceLocation"), place.as_deref(), "{variant} {poll}");
                }
            }
        }
        let last = desk.get(DISK);
        assert_eq!(field(&last, "provisioningState"), Some("Succeeded"), "{variant}");
        assert!(
            body(&last).contains(
                r#""type":"Microsoft.Compute/disks","location":"westus","sku":{"name":"x"},"properties":{"n":1.5"#
            ),
            "{}",
            body(&last)
        );
    }
}

#[test]
fn operations_that_move_fail_and_are_relative() {
    let desk = Desk::new();
    let plan = |operation| lock(&desk.world.estate).planned.push_back(operation);
    let west = r#"{"location":"westus"}"#;
    plan(Operation::location().moving().polls(2).retry_after(std::time::Duration::from_secs(17)));
    let first = desk.send("PUT", DISK, "", west);
    let one = header(&first, "location").unwrap();
    let second = desk.get(one);
    let two = header(&second, "location").unwrap();
    assert_eq!((one == two, header(&second, "retry-after"), desk.get(one).status), (false, Some("17"), 404));
    let third = desk.get(two);
    assert_eq!((third.status, desk.get(header(&third, "location").unwrap()).status), (202, 200));

    plan(Operation::azure_async_operation().relative().polls(0).fails("AllocationFailed", "No room."));
    let first = desk.send("PUT", DISK, "", west);
    let path = header(&first, "azure-asyncoperation").unwrap();
    assert!(path.starts_with("/subscriptions/"), "{path}");
    let failed = desk.get(path);
    assert_eq!((failed.status, field(&failed, "status")), (200, Some("Failed")));
    assert!(
        body(&failed).ends_with(r#""error":{"code":"AllocationFailed","message":"No room."}}"#),
        "{}",
        body(&failed)
    );
    assert_eq!(field(&desk.get(DISK), "provisioningState"), Some("Failed"));

    plan(Operation::location().polls(0).canceled());
    let first = desk.send("PUT", DISK, "", west);
    assert_eq!(desk.get(header(&first, "location").unwrap()).status, 409);
    assert_eq!(field(&desk.get(DISK), "provisioningState"), Some("Canceled"));
}

#[test]
fn actions() {
    let desk = Desk::new();
    let keys = desk.send("POST", &format!("{VM}/listKeys"), "", "");
    assert_eq!((keys.status, field(&keys, "keyName")), (200, Some("key1")));
    for (action, output) in [("restart", false), ("runCommand", true)] {
        let first = desk.send("POST", &format!("{VM}/{action}"), "", "");
        assert_eq!((first.status, first.body.len()), (202, 0));
        let document = header(&first, "azure-asyncoperation").unwrap();
        assert_eq!(field(&desk.get(document), "status"), Some("InProgress"));
        let last = desk.get(document);
        assert_eq!(
            (field(&last, "status"), body(&last).contains(r#""properties":{"output":{"value":"#)),
            (Some("Succeeded"), output)
        );
        let result = desk.get(header(&first, "location").unwrap());
        assert_eq!((result.status, body(&result).contains("[stdout]")), (200, output));
    }
    assert_eq!(desk.send("POST", &format!("{DISK}/restart"), "", "").status, 404);
}

/// All that the pages hold, and how many there were.
fn follow(desk: &Desk, method: &str, target: &str, sent: &str, link: &str) -> (usize, usize) {
    let (mut pages, mut items, mut next) = (0, 0, Some(target.to_owned()));
    while let Some(target) = next {
        let answer = desk.send(method, &target, "", sent);
        assert_eq!(answer.status, 200, "{}", body(&answer));
        pages += 1;
        items += body(&answer).matches("/providers/Microsoft.Compute/disks/").count();
        next = field(&answer, link).map(str::to_owned);
    }
    (pages, items)
}

#[test]
fn lists_in_pages() {
    let desk = Desk::new();
    {
        let mut estate = lock(&desk.world.estate);
        estate.items.extend((1..=10).map(super::super::estate::Item::disk));
        estate.paging.size = 4;
    }
    let query = r#"{"type":"Usage","timeframe":"MonthToDate","dataset":{}}"#;
    let disks = "/resources?$filter=resourceType%20eq%20'Microsoft.Compute/disks'";
    let top = format!("{disks}&%24top=5");
    let group = "/resourceGroups/DevTest/providers/Microsoft.Compute/disks";
    let costs = "/providers/Microsoft.CostManagement/query";
    let states = "/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults";
    for empty in [false, true] {
        lock(&desk.world.estate).paging.empty = empty;
        for (method, target, sent, link, pages) in [
            ("GET", "/resources", "", "nextLink", 3),
            ("GET", disks, "", "nextLink", 3),
            ("GET", &top, "", "nextLink", 2),
            ("GET", "/resourceGroups/DevTest/resources", "", "nextLink", 3),
            ("GET", "/providers/Microsoft.Compute/disks", "", "nextLink", 3),
            ("GET", group, "", "nextLink", 3),
            ("POST", costs, query, "nextLink", 3),
            ("POST", states, "", "@odata.nextLink", 3),
        ] {
            let pages = pages * (1 + usize::from(empty));
            assert_eq!(follow(&desk, method, target, sent, link), (pages, 10), "{method} {target} {empty}");
        }
    }
    let first = desk.send("POST", costs, "", query);
    let next = field(&first, "nextLink").unwrap();
    let other = desk.send("POST", next, "", &query.replace("Usage", "ActualCost"));
    assert_eq!((other.status, field(&other, "code")), (400, Some("BadRequest")));
    assert!(body(&desk.get("/resourceGroups?$top=1")).starts_with(r#"{"value":[],"nextLink":"https://a/"#));
}

#[test]
fn a_provider_is_registered() {
    let desk = Desk::new();
    let provider = "/providers/microsoft.containerinstance";
    let state = |answer: &Response| field(answer, "registrationState").unwrap().to_owned();
    assert_eq!(state(&desk.get(provider)), "NotRegistered");
    assert_eq!(state(&desk.send("POST", &format!("{provider}/register"), "", "")), "Registering");
    let group = "/resourceGroups/DevTest/providers/Microsoft.ContainerInstance/containerGroups/c";
    assert_eq!(desk.send("PUT", group, "", r#"{"location":"westus"}"#).status, 409);
    assert_eq!([(); 3].map(|()| state(&desk.get(provider))), ["Registering", "Registered", "Registered"]);
    assert_eq!(desk.send("PUT", group, "", r#"{"location":"westus"}"#).status, 201);
    let unknown = desk.get("/providers/Microsoft.Foo");
    assert_eq!((unknown.status, field(&unknown, "code")), (404, Some("InvalidResourceNamespace")));
}

#[test]
fn a_role_that_is_on_its_way() {
    let desk = Desk::new();
    let id = desk.world.system().unwrap().client_id().to_owned();
    desk.world.revoke_role(&id, Some(3));
    let list = answer(
        &desk.world,
        &received(
            Service::Arm,
            &format!("GET /subscriptions?api-version=2021-04-01 HTTP/1.1\nHost: a\nAuthorization: {}", desk.token),
        ),
    );
    assert!(body(&list).starts_with(r#"{"value":[],"#));
    assert_eq!([(); 4].map(|()| desk.get(VM).status), [403, 403, 200, 200]);
    let mut desk = desk;
    desk.world.hides_subscription = true;
    desk.world.revoke_role(&id, None);
    let hidden = desk.send("PUT", "/resourceGroups/x", "", r#"{"location":"westus"}"#);
    assert_eq!((hidden.status, field(&hidden, "code")), (404, Some("SubscriptionNotFound")));
}

#[test]
fn a_claims_challenge_until_the_token_is_fresh() {
    let mut desk = Desk::new();
    lock(&desk.world.tokens).revoke(NOW);
    let refused = desk.get(VM);
    let challenge = header(&refused, "www-authenticate").unwrap();
    let claims = challenge.split_once("error=\"insufficient_claims\", claims=\"").unwrap().1.trim_end_matches('"');
    let claims = String::from_utf8(crate::base64::decode(claims).unwrap()).unwrap();
    assert_eq!(claims, r#"{"access_token":{"nbf":{"essential":true,"value":"1506484173"}}}"#);
    assert_eq!(refused.status, 401);
    desk.token = bearer(&desk.world, "https://management.azure.com/", NOW);
    assert_eq!(desk.get(VM).status, 200);
}
