//! Both streams of the command with `-vv`, whatever a service does: no secret is shown, but where it was asked for.

use std::fs;
use std::time::Duration;

use azmin::simulator::{Azure, Fault, Operation, Service};

use crate::canaries::{CANARY, clean, tokens};
use crate::support::{GROUP, Scratch, azmin, received};

#[test]
fn whatever_resource_manager_does_no_secret_is_shown() {
    let scratch = Scratch::new();
    let elsewhere = format!("https://localhost:1/x?sig={CANARY}&t={CANARY}");
    let here = format!("/subscriptions/x?api-version=1&t={CANARY}&c={CANARY}&s={CANARY}&h={CANARY}");
    let url = format!("{GROUP}?api-version=2016-06-01&sig={CANARY}&$skiptoken={CANARY}&code={CANARY}&{CANARY}");
    let secrets = ["-H", &format!("X-Key: {CANARY}"), "-H", &format!("x-ms-authorization-auxiliary: Bearer {CANARY}")];
    let echo = |fault: Fault| {
        let fault = fault.header("Set-Cookie", CANARY).header("X-Echo", CANARY).header("Location", elsewhere.as_str());
        fault.header("WWW-Authenticate", format!("Bearer realm=\"{CANARY}\", Basic {CANARY}")).times(20)
    };
    let error = r#"{"error":{"code":"X","message":"m"}}"#;
    let faults = [
        ("nothing wrong", Fault::delay(Duration::ZERO)),
        ("301", echo(Fault::status(301))),
        ("307", echo(Fault::status(307))),
        ("400", echo(Fault::status(400).body(error))),
        ("401", echo(Fault::status(401).body(error))),
        ("403", echo(Fault::status(403).body(error))),
        ("404", echo(Fault::status(404).body(error))),
        ("409", echo(Fault::status(409).body(error))),
        ("412", echo(Fault::status(412).body(error))),
        ("429", echo(Fault::status(429).body(error).header("Retry-After", "9"))),
        ("500", echo(Fault::status(500).body(error))),
        ("200 and no JSON", echo(Fault::status(200).body(CANARY))),
        ("202 elsewhere", echo(Fault::status(202).header("Azure-AsyncOperation", elsewhere.as_str()))),
        ("junk", Fault::raw(CANARY).times(20)),
        ("a head that is cut", Fault::raw(format!("HTTP/1.1 200 OK\r\nX: {CANARY}")).times(20)),
        ("a bad header", Fault::raw(format!("HTTP/1.1 200 OK\r\n{CANARY}\r\n\r\n")).times(20)),
        ("a bad chunk", Fault::raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}")).times(20)),
        ("two lengths", Fault::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 1{CANARY}\r\n\r\n")).times(20)),
        ("cut", Fault::cut(60).times(20)),
        ("no answer", Fault::hang().times(20)),
        ("a link elsewhere", Fault::status(200).body(format!(r#"{{"value":[],"nextLink":"{elsewhere}"}}"#))),
        ("a link in a circle", Fault::status(200).body(format!(r#"{{"value":[],"nextLink":"{here}"}}"#)).times(20)),
    ];
    let file = scratch.path("file");
    for (name, fault) in faults {
        for more in [
            &["get", &url, "-o", "none"][..],
            &["get", &url, "--all", "-O", file.to_str().unwrap()],
            &["put", &url, "-d", CANARY, "-o", "none"],
        ] {
            let azure = Azure::start().unwrap();
            azure.on(Service::Arm, fault.clone());
            let arguments = [more, &secrets[..], &["-vv", "--deadline", "3s"]].concat();
            let run = azmin(arguments).with_arm(&azure, &scratch.ca(&azure)).run();
            clean(&format!("{name} {more:?} {}", run.code), &(run.err.clone() + &run.out), &tokens(&azure));
            assert!(
                run.err.contains("&sig=REDACTED&$skiptoken=REDACTED&code=REDACTED&REDACTED -> "),
                "{name}: {}",
                run.err
            );
            assert!(run.err.contains("  > X-Key: REDACTED\n") && !tokens(&azure).is_empty(), "{name}: {}", run.err);
        }
    }
}

/// Every source that the environment alone tells of.
const SOURCES: [Service; 6] =
    [Service::Imds, Service::AppService, Service::ServiceFabric, Service::AzureMl, Service::CloudShell, Service::Entra];

#[test]
fn whatever_an_identity_endpoint_does_no_secret_is_shown() {
    let scratch = Scratch::new();
    let error = r#"{"error":"invalid_request","error_description":"no"}"#;
    for service in SOURCES {
        let azure =
            Azure::builder().app_service().service_fabric().azure_ml().cloud_shell().workload().start().unwrap();
        let (ca, variables) = (scratch.ca(&azure), azure.env(service));
        let mut secrets = Vec::new();
        for (name, value) in &variables {
            match *name {
                "IDENTITY_HEADER" | "MSI_SECRET" => secrets.push(value.clone()),
                // As it is sent, and as it is known to everybody else who asks.
                "IDENTITY_SERVER_THUMBPRINT" => secrets.extend([value.clone(), value.to_lowercase()]),
                "AZURE_FEDERATED_TOKEN_FILE" => secrets.push(fs::read_to_string(value).unwrap()),
                _ => {}
            }
        }
        let all = secrets.concat();
        let echo = |fault: Fault| fault.header("X-Echo", all.as_str()).header("Set-Cookie", all.as_str());
        for (name, fault) in [
            ("nothing wrong", Fault::delay(Duration::ZERO)),
            ("302", echo(Fault::status(302).header("Location", format!("https://localhost:1/?sig={all}")))),
            ("400", echo(Fault::status(400).body(error))),
            ("401", echo(Fault::status(401).header("WWW-Authenticate", format!("Basic realm={all}")))),
            ("404", echo(Fault::status(404))),
            ("429", echo(Fault::status(429).header("Retry-After", "9"))),
            ("500", echo(Fault::status(500).body(error))),
            ("no JSON", echo(Fault::status(200).body(all.as_str()))),
            ("half a token", echo(Fault::status(200).body(format!("{{\"access_token\":\"{all}")))),
            ("no lifetime", echo(Fault::status(200).body(format!("{{\"access_token\":\"{all}\",\"expires_in\":[]}}")))),
            (
                "a bad type",
                echo(Fault::status(200).body(format!("{{\"access_token\":\"{all}\",\"token_type\":\"x\"}}"))),
            ),
            (
                "a blank in it",
                echo(Fault::status(200).body(format!("{{\"access_token\":\" {all}\",\"expires_in\":9}}"))),
            ),
            ("junk", Fault::raw(all.as_str())),
            ("a bad header", Fault::raw(format!("HTTP/1.1 200 OK\r\n{all}\r\n\r\n"))),
            ("cut", Fault::cut(60)),
            ("no answer", Fault::hang()),
        ] {
            let before = received(&azure, service).len();
            azure.on(service, fault.times(1));
            // With a second try there is a token in the end.
            let run = azmin(["token", "-vv", "--deadline", if name == "no answer" { "500ms" } else { "5s" }]);
            let run = run.env("SSL_CERT_FILE", &ca).on(&azure);
            let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value)).run();
            assert!(run.err.contains("azmin: "), "{service:?} {name}: {}", run.err);
            assert!(received(&azure, service).len() > before, "{service:?} {name}: it was not asked: {}", run.err);
            assert!(name != "nothing wrong" || run.code == 0, "{service:?} {name}: {}", run.err);
            for secret in &secrets {
                // The beginning of an assertion says only that it is one.
                let part = &secret[secret.len() - 16..];
                assert!(
                    !run.err.contains(part) && !run.out.contains(part),
                    "{service:?} {name}: {}{}",
                    run.out,
                    run.err
                );
            }
            if let Some(token) = run.out.strip_suffix('\n') {
                clean(&format!("{service:?} {name}"), &run.err, &[token.to_owned()]);
            }
        }
    }
}

/// The URLs of an operation are signed: whoever has one can ask for the result.
#[test]
fn the_signature_of_a_polling_url_is_not_traced() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    for operation in [Operation::azure_async_operation(), Operation::location(), Operation::both().fails("X", "m")] {
        azure.operation(operation.retry_after(Duration::ZERO).polls(2));
        let url = format!("{GROUP}-of-canaries?api-version=2021-04-01");
        let run = azmin(["put", &url, "-d", r#"{"location":"westus"}"#, "--wait", "-vv", "-o", "none"]);
        let run = run.with_arm(&azure, &scratch.ca(&azure)).run();
        let polls = received(&azure, Service::Arm).into_iter().filter(|request| request.method() == "GET");
        let mut signatures = 0;
        for target in polls.map(|request| request.target().to_owned()) {
            for pair in target.split_once('?').unwrap().1.split('&') {
                let (name, value) = pair.split_once('=').unwrap();
                if ["t", "c", "s", "h"].contains(&name) {
                    signatures += 1;
                    assert!(!run.err.contains(&format!("{name}={value}")), "{}", run.err);
                    assert!(value.len() < 12 || !run.err.contains(value), "{}", run.err);
                }
            }
        }
        assert!(signatures > 0 && run.err.contains("=REDACTED"), "{signatures} {}", run.err);
    }
}

/// A secret of a key vault is what was asked for: it stands where the answer goes and nowhere else.
#[test]
fn a_vaults_secret_goes_where_the_answer_goes() {
    let azure = Azure::builder().key_vault().secret("db", CANARY).start().unwrap();
    let scratch = Scratch::new();
    let (ca, file) = (scratch.ca(&azure), scratch.path("file"));
    let url = format!("{}/secrets/db?api-version=7.4", azure.key_vault());
    let base = ["get", &url, "--resource", "https://vault.azure.net", "--ca-file", ca.to_str().unwrap(), "-vv"];
    let run = |more: &[&str]| azmin([&base[..], more].concat()).on(&azure).run();
    let found = run(&["--query", "value", "-o", "raw"]);
    assert_eq!(found.succeeds().out.trim_end(), CANARY);
    clean("on stdout", &found.err, &[]);
    for (more, code) in [
        (&["-O", file.to_str().unwrap()][..], 0),
        (&["-o", "none"], 0),
        (&["--query", "nothing"], 10),
        (&["--query", "value[*]"], 10),
        (&["--all"], 7),
        (&["--all", "-o", "jsonl"], 7),
        (&["-O", "/dev/full"], 1),
    ] {
        let run = run(more);
        assert_eq!(run.code, code, "{more:?}: {}", run.err);
        clean(&format!("{more:?}"), &(run.err + &run.out), &[]);
    }
}
