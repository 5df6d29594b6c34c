//! `azmin instance`, placeholders in URLs, and `--cloud auto`.

use std::fs;
use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Fault, Service};
use azmin::{Cloud, Credential, ErrorKind, Instance};

use crate::support::{ARM_AUDIENCE, GROUP, GROUP_BODY, Scratch, azmin, guarded, received};

const VM_ID: &str = "02aab8a4-74ef-476e-8182-f6d2ba4166a6";
const METADATA: &str = "/metadata/instance?api-version=2021-02-01";
const VERSION: &str = "api-version=2021-04-01";

/// Requests for instance metadata, and those for tokens.
fn asked(azure: &Azure) -> (usize, usize) {
    let requests = received(azure, Service::Imds);
    let metadata = requests.iter().filter(|request| request.target().starts_with("/metadata/instance")).count();
    (metadata, requests.len() - metadata)
}

/// A machine whose metadata is this, for one request.
fn machine(document: &str) -> Azure {
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::status(200).body(document));
    azure
}

#[test]
fn the_document_is_printed_as_it_comes() {
    let azure = Azure::start().unwrap();
    let run = azmin(["instance"]).on(&azure).env("HTTP_PROXY", "http://127.0.0.1:9").run();
    assert_eq!(run.succeeds().err, "");
    assert!(run.out.starts_with(r#"{"compute":{"azEnvironment":"AzurePublicCloud","#) && run.out.ends_with("}\n"));
    let requests = azure.requests();
    let request = &requests[0];
    assert_eq!((requests.len(), request.method(), request.target()), (1, "GET", METADATA));
    assert_eq!(request.header("metadata"), Some("true"));

    let document = "{ \"compute\" : {\"vmId\": \"\\u0076\"},\n  \"x\":1.50 }\n";
    assert_eq!(azmin(["instance"]).on(&machine(document)).run().succeeds().out, document);
    let half_a_megabyte = format!(r#"{{"compute":{{"userData":"{}"}}}}"#, "A".repeat(500_000));
    let run = azmin(["instance", "compute/userData"]).on(&machine(&half_a_megabyte)).run();
    assert_eq!(run.succeeds().out.len(), 500_001);
}

#[test]
fn one_value_of_it() {
    let azure = Azure::start().unwrap();
    for (path, out) in [
        ("compute/vmId", VM_ID),
        ("/compute/VMID/", VM_ID),
        ("compute/zone", ""),
        ("compute/tagsList", r#"[{"name":"Department","value":"IT"},{"name":"Environment","value":"Test"}]"#),
        ("compute/tagsList/1/value", "Test"),
        ("network/interface/0/ipv4/ipAddress/0/privateIpAddress", "10.0.0.4"),
        ("compute/plan", r#"{"name":"","product":"","publisher":""}"#),
    ] {
        let run = azmin(["instance", path]).on(&azure).run();
        assert_eq!((run.succeeds().out.as_str(), run.err.as_str()), (format!("{out}\n").as_str(), ""), "{path}");
    }
    assert_eq!(asked(&azure), (7, 0));
    let scratch = Scratch::new();
    let file = scratch.path("id");
    let run = azmin(["instance", "compute/vmId", "-O", file.to_str().unwrap()]).on(&azure).run();
    assert_eq!((run.succeeds().out.as_str(), fs::read_to_string(&file).unwrap()), ("", format!("{VM_ID}\n")));
}

#[test]
fn how_it_fails() {
    let azure = Azure::start().unwrap();
    for path in ["compute/nothing", "compute/vmId/x", "compute/tagsList/2", "", "nothing"] {
        azmin(["instance", path]).on(&azure).run().fails(3).says("the instance metadata has no ").says(path);
    }
    let before = azure.requests().len();
    for arguments in [&["instance", "a", "b"][..], &["instance", "--resource", "x"], &["instance", "-o", "json"]] {
        azmin(arguments).on(&azure).run().fails(2);
    }
    azmin(["instance", "--source", "app-service"]).on(&azure).run().fails(2);
    let app = azmin(["instance"]).on(&azure).env("IDENTITY_ENDPOINT", azure.imds()).env("IDENTITY_HEADER", "h").run();
    app.fails(2).says("app-service has no instance metadata").says("--source imds");
    assert_eq!(azure.requests().len(), before);

    azmin(["instance"]).run().fails(4).says("no identity endpoint answers");
    for public in ["http://203.0.113.7", "http://metadata.example", "https://127.0.0.1"] {
        guarded(["instance"]).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", public).run().fails(2);
    }
    let json = r#"{"error":"no"}"#;
    for (fault, code, words) in [
        (Fault::status(404).body(json), 3, "imds gave no instance metadata: HTTP 404"),
        (Fault::status(400).body(json), 8, "HTTP 400"),
        (Fault::status(403).body(json), 5, "a guest proxy agent"),
        (Fault::status(429).header("Retry-After", "3600"), 6, "HTTP 429"),
        (Fault::status(302).header("Location", "http://127.0.0.1:1/"), 7, "something else answered"),
        (Fault::status(200).body("<html>sign in</html>"), 7, "not Azure's instance metadata"),
        (Fault::status(200).body(r#"{"instanceId":"i-1"}"#), 7, "another cloud's"),
        (Fault::status(200).body("x".repeat((1 << 20) + 1)), 7, "answered more than is read"),
    ] {
        let azure = Azure::start().unwrap();
        azure.on(Service::Imds, fault);
        azmin(["instance"]).on(&azure).run().fails(code).says(words);
        assert_eq!(azure.requests().len(), 1, "{words}");
    }
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::hang());
    let begun = Instant::now();
    azmin(["instance", "--deadline", "300ms"])
        .on(&azure)
        .run()
        .fails(124)
        .says("no instance metadata before the deadline");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn attempts_are_traced_and_an_endpoint_that_is_not_ready_is_waited_for() {
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::status(404));
    let run = azmin(["instance", "compute/vmId", "--wait-identity", "30s", "-v"]).on(&azure).run();
    assert_eq!(run.succeeds().out, format!("{VM_ID}\n"));
    let lines: Vec<_> = run.err.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, end) in lines.iter().zip(["-> 404 in ", "-> 200 in "]) {
        assert!(line.starts_with(&format!("azmin: GET {}{METADATA} {end}", azure.imds())), "{line}");
    }
    assert!(lines[0].contains(", again in "), "{lines:?}");
}

#[test]
fn placeholders_are_filled_with_one_request() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let rest = |arguments: &[&str]| azmin(arguments).with_arm(&azure, &scratch.ca(&azure));
    let subscription = "98f51385-2edc-4b79-bed9-7718de4cb861";
    let machine = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/devtest-vm");
    let arm = azure.arm();
    for (url, target) in [
        ("/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}".to_owned(), GROUP.to_owned()),
        ("/{location}/{name}/{vmId}".to_owned(), format!("/westus/devtest-vm/{VM_ID}")),
        ("{resourceId}".to_owned(), machine.clone()),
        ("/{resourceId}/instanceView".to_owned(), format!("{machine}/instanceView")),
        ("/x{resourceId}".to_owned(), format!("/x{machine}")),
        (format!("{arm}{{resourceId}}"), machine.clone()),
        (format!("{arm}/subscriptions/{{subscriptionId}}"), format!("/subscriptions/{subscription}")),
    ] {
        let before = asked(&azure);
        let url = format!("{url}?{VERSION}");
        let run = rest(&["get", &url]).run();
        assert!(matches!(run.code, 0 | 3 | 8), "{url}: {}", run.err);
        assert_eq!(received(&azure, Service::Arm).pop().unwrap().target(), format!("{target}?{VERSION}"), "{url}");
        assert_eq!(asked(&azure), (before.0 + 1, before.1 + 1), "{url}");
    }
    let url = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}?api-version=2016-06-01";
    assert_eq!(rest(&["rest", "get", url]).run().succeeds().out, GROUP_BODY);

    let before = asked(&azure).0;
    rest(&["get", &format!("{GROUP}?{VERSION}")]).run().succeeds();
    // Parameters are the caller's text.
    rest(&["get", &format!("{GROUP}?{VERSION}"), "-p", "x={vmId}"]).run().succeeds();
    assert!(received(&azure, Service::Arm).pop().unwrap().target().ends_with("&x=%7BvmId%7D"));
    assert_eq!(asked(&azure).0, before, "nobody is asked for what nobody wants");

    let run = rest(&["get", &format!("/a/{{name}}?{VERSION}"), "--dry-run"]).run();
    assert!(run.succeeds().out.contains(&format!("{arm}/a/devtest-vm?{VERSION}\n")), "{}", run.out);
}

#[test]
fn placeholders_that_cannot_be_filled_send_nothing() {
    let run = |azure: &Azure, url: &str| guarded(["get", url]).on(azure).run();
    let azure = Azure::start().unwrap();
    for url in ["/{vmName}", "/{name", "/name}", "/{}", "/{{name}}", "https://{evil}.vault.azure.net/"] {
        run(&azure, url).fails(2).says("{subscriptionId}");
    }
    assert_eq!(azure.requests().len(), 0);
    for (document, url, code, words) in [
        (r#"{"compute":{"resourceGroupName":""}}"#, "/{resourceGroupName}", 3, "compute/resourceGroupName is empty"),
        (r#"{"compute":{}}"#, "/{vmId}", 3, "{vmId} has no value"),
        (r#"{"compute":{"name":".."}}"#, "/a/{name}", 7, "name cannot be part of a URL"),
        (r#"{"compute":{"name":"evil.example/"}}"#, "https://{name}.vault.azure.net/", 2, "no usable URL"),
        (r#"{"compute":{"name":"evil.example"}}"#, "https://{name}/", 2, "the audience of evil.example"),
        (r#"{"compute":{"resourceId":".evil.example/x"}}"#, "https://a.vault.azure.net{resourceId}", 7, "resourceId"),
        (r#"{"compute":{"resourceId":"//evil.example/x"}}"#, "{resourceId}", 7, "resourceId"),
        (r#"{"compute":{"resourceId":"/a/../../b"}}"#, "{resourceId}", 7, "resourceId"),
    ] {
        let azure = machine(document);
        run(&azure, url).fails(code).says(words);
        assert_eq!((asked(&azure), received(&azure, Service::Arm).len()), ((1, 0), 0), "{url}");
    }
    azmin(["get", "{resourceId}"]).run().fails(4);
}

#[test]
fn the_cloud_of_this_machine() {
    for (environment, resource, endpoint) in [
        ("AzurePublicCloud", ARM_AUDIENCE, "https://management.azure.com"),
        (
            "AzureUSGovernmentCloud",
            "https://management.core.usgovcloudapi.net/",
            "https://management.usgovcloudapi.net",
        ),
        ("AZURECHINACLOUD", "https://management.core.chinacloudapi.cn/", "https://management.chinacloudapi.cn"),
    ] {
        let azure = Azure::builder().az_environment(environment).start().unwrap();
        let run = guarded(["get", "{resourceId}", "--cloud", "auto", "--dry-run"]).on(&azure).run();
        assert!(run.succeeds().out.contains(&format!("GET {endpoint}/subscriptions/")), "{}", run.out);
        assert!(run.out.contains(&format!("audience: {resource}\n")), "{}", run.out);
        assert_eq!(asked(&azure), (1, 0), "cloud and placeholder are one question");

        azmin(["token"]).on(&azure).env("AZURE_CLOUD", "Auto").run().succeeds();
        let token = received(&azure, Service::Imds).pop().unwrap();
        let encoded = resource.replace(':', "%3A").replace('/', "%2F");
        assert!(token.target().ends_with(&format!("&resource={encoded}")), "{}", token.target());
        assert_eq!(asked(&azure), (2, 1));

        let run = azmin(["doctor", "--cloud", "auto"]).on(&azure).run();
        assert!(run.succeeds().out.contains(&format!("resource manager  {endpoint}\n")), "{}", run.out);
        assert_eq!(asked(&azure), (3, 2));
    }
}

#[test]
fn a_cloud_that_is_not_known_is_named() {
    let azure = Azure::builder().az_environment("AzureStack").start().unwrap();
    for arguments in [&["token"][..], &["get", "/subscriptions"], &["token", "--for", "https://kv.vault.azure.net"]] {
        let run = guarded([arguments, &["--cloud", "auto"]].concat()).on(&azure).run();
        run.fails(2).says("\"AzureStack\"").says("--cloud");
    }
    let doctor = azmin(["doctor", "--cloud", "auto"]).on(&azure).run();
    assert!(
        doctor.code == 2 && doctor.out.contains("cloud             this machine's cloud is \"AzureStack\""),
        "{doctor:?}"
    );
    assert_eq!(asked(&azure), (4, 0), "and no token is asked for");
    // Who names the audience needs no cloud.
    azmin(["token", "--cloud", "auto", "--resource", "https://vault.azure.net"]).on(&azure).run().succeeds();
    assert_eq!(asked(&azure), (4, 1));
    azmin(["token", "--cloud", "autos", "--resource", "https://vault.azure.net"]).on(&azure).run().fails(2);
    azmin(["token", "--cloud", "auto"]).run().fails(4);
    let doctor = azmin(["doctor", "--cloud", "auto"]).run();
    assert!(doctor.code == 4 && doctor.out.contains("answers           no\n"), "{doctor:?}");
}

#[test]
fn metadata_and_call_share_one_deadline() {
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::delay(Duration::from_secs(1)));
    azure.on(Service::Imds, Fault::hang());
    let begun = Instant::now();
    guarded(["get", "{resourceId}", "--deadline", "1500ms"]).on(&azure).run().fails(124);
    assert!(begun.elapsed() < Duration::from_millis(2300), "{:?}", begun.elapsed());
}

#[test]
fn help_says_what_there_is() {
    let help = |command: &str| azmin([command, "--help"]).run().succeeds().out.clone();
    let (instance, rest) = (help("instance"), help("rest"));
    assert!(instance.starts_with("azmin instance [PATH] [OPTION…]: print the VM's instance metadata"), "{instance}");
    assert!(
        instance.contains("compute/vmId")
            && instance.contains("--wait-identity")
            && !instance.contains("--resource URI")
    );
    for name in ["subscriptionId", "resourceGroupName", "location", "name", "vmId", "resourceId"] {
        assert!(rest.contains(&format!("{{{name}}}")), "{rest}");
    }
    assert!(help("token").contains("auto (the one this VM is in)"));
    assert!(azmin(["--help"]).run().out.contains("  instance [PATH]"));
}

#[test]
fn the_library_does_the_same() {
    let azure = Azure::builder().az_environment("AzureChinaCloud").start().unwrap();
    let credential = Credential::builder().metadata_endpoint(&azure.imds()).build().unwrap();
    let instance = credential.instance().unwrap();
    assert_eq!(instance.cloud().unwrap(), Cloud::named("china").unwrap());
    assert_eq!(instance.get("compute/vmId").unwrap(), VM_ID);
    assert_eq!(instance.get("compute/x").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(instance.fill("/{location}/{name}").unwrap(), "/westus/devtest-vm");
    assert!(Instance::has_placeholder("{name}").unwrap() && !Instance::has_placeholder("/name").unwrap());
    assert_eq!(asked(&azure), (1, 0));
}
