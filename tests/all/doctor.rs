//! `azmin doctor`.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Fault, Service};

use crate::support::{Azmin, Run, Scratch, azmin, received};

/// The report in both forms, which tell the same: by the names of the text, and by those of the JSON.
fn reports(run: impl Fn(&[&str]) -> Azmin, code: i32) -> (BTreeMap<String, String>, BTreeMap<String, String>, Run) {
    let (text, json) = (run(&["doctor"]).run(), run(&["doctor", "-o", "json"]).run());
    assert_eq!((text.code, json.code), (code, code), "{}{}", text.err, json.err);
    // The exit code's reason stands on stderr, as with the other commands.
    assert_eq!((text.err.is_empty(), json.err.is_empty()), (code == 0, code == 0), "{}", text.err);
    assert!(code == 0 || text.err.starts_with("azmin: "), "{}", text.err);
    let mut lines = BTreeMap::new();
    for line in text.out.lines() {
        let (name, value) = line.split_at_checked(18).unwrap();
        assert!(name.ends_with(' ') && !value.starts_with(' ') && !value.is_empty(), "{line:?}");
        assert!(lines.insert(name.trim_end().to_owned(), value.to_owned()).is_none(), "twice: {line:?}");
    }
    assert!(text.out.ends_with('\n') && json.out.ends_with("}\n") && json.out.lines().count() == 1);
    let members: BTreeMap<String, String> = miniserde::json::from_str(&json.out).unwrap();
    assert_eq!(members.len(), lines.len(), "{}{}", text.out, json.out);
    (lines, members, Run { code, out: text.out + &json.out, err: text.err + &json.err })
}

#[test]
fn a_machine_that_is_well() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let run = |arguments: &[&str]| {
        let run = azmin(arguments).on(&azure).env("HTTPS_PROXY", "http://me:s3cr3t@127.0.0.1:9");
        run.env("NO_PROXY", "localhost").env("SSL_CERT_FILE", scratch.ca(&azure))
    };
    let (text, json, both) = reports(run, 0);
    let identity = azure.system_identity().unwrap();
    for (name, key, value) in [
        ("source", "source", "imds"),
        ("endpoint", "endpoint", &format!("{}/metadata/identity/oauth2/token", azure.imds())),
        ("answers", "answers", "yes"),
        ("resource", "resource", "https://management.azure.com/"),
        ("client id", "clientId", identity.client_id()),
        ("object id", "objectId", identity.object_id()),
        ("tenant", "tenant", "aaaabbbb-0000-cccc-1111-dddd2222eeee"),
        ("identity", "resourceId", identity.resource_id()),
        ("resource manager", "armEndpoint", "https://management.azure.com"),
        ("HTTPS_PROXY", "HTTPS_PROXY", "127.0.0.1:9"),
        ("NO_PROXY", "NO_PROXY", "localhost"),
        ("SSL_CERT_FILE", "SSL_CERT_FILE", scratch.path("ca.pem").to_str().unwrap()),
    ] {
        assert_eq!((text.get(name).map(String::as_str), json.get(key).map(String::as_str)), (Some(value), Some(value)));
    }
    assert!(
        text["recognised by"] == json["evidence"]
            && text["expires on"].ends_with('Z')
            && json.contains_key("expiresOn")
    );
    let (milliseconds, left): (u64, u64) =
        (json["milliseconds"].parse().unwrap(), json["secondsLeft"].parse().unwrap());
    assert!(milliseconds < 5_000 && (86_000..=86_400).contains(&left), "{milliseconds} {left}");
    let token = azmin(["token"]).on(&azure).run().out;
    let token = token.trim_end();
    assert!(!both.out.contains(&token[..12]) && !both.out.contains(&token[token.len() - 12..]));
    assert!(!both.out.contains("s3cr3t") && !text.contains_key("problem") && !text.contains_key("calls over TLS"));
    assert_eq!(received(&azure, Service::Arm).len(), 0);
}

#[test]
fn nothing_listens() {
    let begun = Instant::now();
    let (text, json, _) = reports(|arguments| azmin(arguments), 4);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!((text["answers"].as_str(), json["answers"].as_str()), ("no", "no"));
    assert!(
        text["problem"].contains("no identity endpoint answers at 127.0.0.1:") && text["problem"] == json["problem"]
    );
    assert!(text["problem"].contains("run this on an Azure machine"), "{text:?}");
    assert!(text["endpoint"].starts_with("http://127.0.0.1:") && !text.contains_key("client id"), "{text:?}");
}

#[test]
fn refusals_come_with_the_cure() {
    for (fault, code, words, cure) in [
        (
            Fault::status(400).body(r#"{"error":"invalid_request","error_description":"Identity not found"}"#),
            4,
            "Identity not found",
            "assign the identity",
        ),
        (
            Fault::status(400).body(r#"{"error":"invalid_resource","error_description":"AADSTS500011: no"}"#),
            4,
            "AADSTS500011",
            "check the resource",
        ),
        (Fault::status(403), 4, "HTTP 403", "guest proxy agent"),
    ] {
        let azure = Azure::start().unwrap();
        azure.on(Service::Imds, fault.times(2));
        let (text, json, both) = reports(|arguments| azmin(arguments).on(&azure), code);
        assert_eq!((text["answers"].as_str(), json["answers"].as_str()), ("with a refusal", "with a refusal"));
        assert!(text["problem"].contains(words) && text["problem"] == json["problem"], "{text:?}");
        assert!(text["what to do"].contains(cure) && text["what to do"] == json["cure"], "{text:?}");
        assert!(both.err.contains("\n  what to do: "), "{}", both.err);
    }
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::status(503).header("Retry-After", "300").times(1000));
    let (text, ..) = reports(|arguments| azmin(arguments).on(&azure), 6);
    assert!(text["problem"].contains("HTTP 503"), "{text:?}");
}

#[test]
fn settings_that_cannot_be_used_are_problems_too() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    for proxy in ["ftp://me:s3cr3t@127.0.0.1:9", "http://me:s3cr3t@127.0.0.1:99999"] {
        let (text, json, both) = reports(|arguments| azmin(arguments).on(&azure).env("HTTPS_PROXY", proxy), 0);
        assert!(text["calls over TLS"].contains("HTTPS_PROXY") && text["calls over TLS"] == json["tls"], "{text:?}");
        assert!(!both.out.contains("s3cr3t"), "{}", both.out);
    }
    // An empty variable is an unset one.
    let (text, ..) = reports(|arguments| azmin(arguments).on(&azure).env("HTTPS_PROXY", ""), 0);
    assert!(!text.contains_key("HTTPS_PROXY"), "{text:?}");
    let missing = scratch.path("missing.pem");
    let (text, ..) = reports(|arguments| azmin(arguments).on(&azure).env("SSL_CERT_FILE", &missing), 0);
    assert!(text["calls over TLS"].contains("missing.pem"), "{text:?}");
}

#[test]
fn the_other_sources() {
    let azure = Azure::builder().user_assigned("worker").app_service().service_fabric().azure_ml().cloud_shell();
    let (azure, scratch) = (azure.workload().start().unwrap(), Scratch::new());
    for (name, service) in [
        ("app-service", Service::AppService),
        ("service-fabric", Service::ServiceFabric),
        ("azure-ml", Service::AzureMl),
        ("cloud-shell", Service::CloudShell),
        ("workload", Service::Entra),
    ] {
        let variables = azure.env(service);
        let run = |arguments: &[&str]| {
            let run = azmin(arguments).env("SSL_CERT_FILE", scratch.ca(&azure));
            variables.iter().fold(run, |run, (name, value)| run.env(name, value))
        };
        let (text, json, both) = reports(run, 0);
        assert_eq!((text["source"].as_str(), json["answers"].as_str()), (name, "yes"));
        assert!(variables.iter().any(|(variable, _)| text["recognised by"].contains(variable)), "{text:?}");
        for (variable, value) in &variables {
            let secret = matches!(*variable, "IDENTITY_HEADER" | "MSI_SECRET");
            assert!(!secret || !both.out.contains(value), "{name}: {}", both.out);
        }
        if let Some((_, file)) = variables.iter().find(|(variable, _)| *variable == "AZURE_FEDERATED_TOKEN_FILE") {
            assert!(!both.out.contains(&fs::read_to_string(file).unwrap()[..40]), "{}", both.out);
        }
    }
}

#[test]
fn the_report_goes_to_the_file_that_is_named() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let path = scratch.path("report");
    let run = azmin(["doctor".as_ref(), "-O".as_ref(), path.as_os_str()]).on(&azure).run();
    assert_eq!(run.succeeds().out, "");
    assert!(fs::read_to_string(&path).unwrap().starts_with("source            imds\n"));
}

#[test]
fn usage() {
    let azure = Azure::start().unwrap();
    for arguments in [&["doctor", "operand"][..], &["doctor", "-o", "raw"], &["doctor", "--source", "nowhere"]] {
        azmin(arguments).on(&azure).run().fails(2);
    }
    // What cannot be used is said before anything is asked.
    azmin(["doctor"]).env("MSI_ENDPOINT", "https://s3cr3t@localhost/").run().fails(2).says("MSI_ENDPOINT");
    assert_eq!(azure.requests().len(), 0);
}
