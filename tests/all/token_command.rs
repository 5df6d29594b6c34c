//! `azmin token`.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Fault, Service};

use crate::support::{Scratch, azmin, received};

#[test]
fn sends_the_tutorials_request_once_and_prints_the_token() {
    let azure = Azure::start().unwrap();
    let run = azmin(["token"]).on(&azure).run();
    let requests = azure.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method(), "GET");
    assert_eq!(
        requests[0].target(),
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F"
    );
    assert_eq!(requests[0].header("Metadata"), Some("true"));
    let names: Vec<_> = requests[0].headers().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert_eq!(names, ["host", "metadata", "connection"]);
    run.succeeds();
    assert_eq!((run.out.matches('\n').count(), run.out.ends_with('\n'), run.err.as_str()), (1, true, ""));
    assert_eq!(run.out.trim_end().split('.').count(), 3);
}

#[test]
fn formats() {
    let azure = Azure::start().unwrap();
    let run = |format| azmin(["token", "-o", format]).on(&azure).run();
    let raw = run("raw").out;
    let token = raw.trim_end();
    assert_eq!(azmin(["token"]).on(&azure).run().out, raw);
    assert_eq!(run("header").out, format!("Authorization: Bearer {token}\n"));
    assert_eq!(run("curl").out, format!("header = \"Authorization: Bearer {token}\"\n"));
    let json = run("json").out;
    let start = format!("{{\"accessToken\":\"{token}\",\"tokenType\":\"Bearer\",\"expires_on\":");
    let identity = azure.system_identity().unwrap();
    let end = format!(
        "\"resource\":\"https://management.azure.com/\",\"clientId\":\"{}\",\"tenant\":\"aaaabbbb-0000-cccc-1111-dddd2222eeee\",\
         \"objectId\":\"{}\",\"source\":\"imds\"}}\n",
        identity.client_id(),
        identity.object_id()
    );
    assert!(json.starts_with(&start) && json.ends_with(&end), "{json}");
    let middle = &json[start.len()..json.len() - end.len()];
    let (seconds, date) = middle.split_once(",\"expiresOn\":\"").unwrap();
    assert!(seconds.bytes().all(|byte| byte.is_ascii_digit()) && date.ends_with("Z\","), "{middle}");
    azmin(["token", "-o", "yaml"]).on(&azure).run().fails(2).says("yaml");
}

#[test]
fn resources_reach_the_endpoint_as_they_are_written() {
    let azure = Azure::start().unwrap();
    for (arguments, resource) in [
        (&["--resource", "https://vault.azure.net"][..], "https://vault.azure.net"),
        (&["--resource", "https://vault.azure.net/"], "https://vault.azure.net/"),
        (&["--scope", "https://vault.azure.net/.default"], "https://vault.azure.net"),
        (&["--scope", "https://management.core.windows.net//.default"], "https://management.core.windows.net/"),
        (&["--for", "https://kv.vault.azure.net/secrets/db"], "https://vault.azure.net"),
        (&["--for", "/subscriptions"], "https://management.azure.com/"),
        (&["--for", "https://acc.blob.core.windows.net/c/b"], "https://storage.azure.com/"),
        (&["--cloud", "usgov"], "https://management.core.usgovcloudapi.net/"),
        (&["--cloud", "china", "--for", "https://kv.vault.azure.cn"], "https://vault.azure.cn"),
    ] {
        azmin([&["token"], arguments].concat()).on(&azure).run().succeeds();
        let encoded = resource.replace(':', "%3A").replace('/', "%2F");
        let target = azure.requests().pop().unwrap().target().to_owned();
        assert!(target.ends_with(&format!("&resource={encoded}")), "{target}");
    }
    azmin(["token"]).env("AZURE_CLOUD", "AzureUSGovernment").on(&azure).run().succeeds();
    assert!(azure.requests().pop().unwrap().target().contains("usgovcloudapi"));
}

#[test]
fn identities() {
    let azure = Azure::builder().user_assigned("worker").user_assigned("other").start().unwrap();
    let worker = azure.identity("worker").unwrap();
    for (option, id, parameter) in [
        ("--client-id", worker.client_id(), "client_id"),
        ("--object-id", worker.object_id(), "object_id"),
        ("--resource-id", worker.resource_id(), "msi_res_id"),
    ] {
        let run = azmin(["token", "-o", "json", option, id]).on(&azure).run();
        assert!(run.succeeds().out.contains(worker.client_id()), "{}", run.out);
        let target = azure.requests().pop().unwrap().target().to_owned();
        assert!(target.contains(&format!("&{parameter}={}", id.replace('/', "%2F"))), "{target}");
    }
    let by_variable = || azmin(["token", "-o", "json"]).env("AZURE_CLIENT_ID", worker.client_id());
    assert!(by_variable().on(&azure).run().out.contains(worker.client_id()));
    let system =
        azmin(["token", "-o", "json", "--system-assigned"]).env("AZURE_CLIENT_ID", worker.client_id()).on(&azure).run();
    assert!(system.out.contains(azure.system_identity().unwrap().client_id()));
    azmin(["token", "--client-id", "nobody"]).on(&azure).run().fails(4).says("Identity not found").says("what to do");
}

#[test]
fn several_identities_and_none_named() {
    let azure = Azure::builder().system_assigned(false).user_assigned("a").user_assigned("b").start().unwrap();
    azmin(["token"]).on(&azure).run().fails(4).says("Multiple user assigned identities exist").says("--client-id");
}

#[test]
fn another_identitys_token_is_refused() {
    let azure = Azure::start().unwrap();
    azure.on(
        Service::Imds,
        Fault::status(200).body(r#"{"access_token":"s3cr3t","expires_in":"60","client_id":"somebody-else"}"#),
    );
    let run = azmin(["token", "--client-id", "me"]).on(&azure).run();
    assert!(!run.fails(4).says("somebody-else").err.contains("s3cr3t"));
}

#[test]
fn files_are_private_and_whole() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let token = azmin(["token"]).on(&azure).run().out;
    let path = scratch.path("token");
    fs::write(&path, "an older and longer text, readable by everybody".repeat(100)).unwrap();
    let run = azmin(["token".as_ref(), "-O".as_ref(), path.as_os_str()]).on(&azure).run();
    assert_eq!((run.succeeds().out.as_str(), run.err.as_str()), ("", ""));
    assert_eq!(fs::read_to_string(&path).unwrap(), token);
    assert_eq!(scratch.names(), ["token"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = scratch.path("link");
        symlink(&path, &link).unwrap();
        azmin(["token".as_ref(), "-O".as_ref(), link.as_os_str()]).on(&azure).run().succeeds();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
    let nowhere = scratch.path("missing/token");
    azmin(["token".as_ref(), "-O".as_ref(), nowhere.as_os_str()]).on(&azure).run().fails(1).says("missing/token");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let pipe = scratch.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    azmin(["token".as_ref(), "-O".as_ref(), pipe.as_os_str()]).on(&azure).run().succeeds();
    assert_eq!(reader.join().unwrap().matches('.').count(), 2);
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn nothing_listens() {
    let begun = Instant::now();
    let run = azmin(["token"]).run();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(run.fails(4).err.lines().count(), 1);
    run.says("no identity endpoint answers at 127.0.0.1:").says("run this on an Azure machine");
}

#[test]
fn refusals_and_broken_answers() {
    for (fault, code, words) in [
        (
            Fault::status(400)
                .body(r#"{"error":"invalid_resource","error_description":"AADSTS500011: no such thing"}"#),
            4,
            "AADSTS500011",
        ),
        (
            Fault::status(401).body(r#"{"error":"unknown_source","error_description":"Unknown Source"}"#),
            4,
            "Unknown Source",
        ),
        (Fault::status(403), 4, "HTTP 403"),
        (Fault::status(405), 4, "HTTP 405"),
        (Fault::status(204), 7, "HTTP 204"),
        (Fault::status(200).body("<html>sign in</html>"), 7, "proxy"),
        (
            Fault::status(200).body(r#"{"error":"invalid_request","error_description":"Identity not found"}"#),
            4,
            "Identity not found",
        ),
        (Fault::raw("SSH-2.0-OpenSSH_9.2\r\n"), 7, "did not answer in HTTP"),
        // Longer than the deadline: not waited for.
        (Fault::status(429).header("Retry-After", "200"), 6, "retry after: 200 s"),
    ] {
        let azure = Azure::start().unwrap();
        azure.on(Service::Imds, fault);
        azmin(["token"]).on(&azure).run().fails(code).says(words);
        assert_eq!(azure.requests().len(), 1, "{words}");
    }
}

#[test]
fn what_may_pass_is_tried_again_until_the_deadline() {
    for (fault, code, words) in [
        (Fault::status(404), 4, "HTTP 404"),
        (Fault::status(410), 6, "HTTP 410"),
        (
            Fault::status(500).body(
                r#"{"error":"unknown","error_description":"Failed to retrieve token from the Active directory"}"#,
            ),
            6,
            "Active directory",
        ),
        (Fault::status(502).body("<html>bad gateway</html>"), 6, "bad gateway"),
        (Fault::cut(60), 7, "middle of its answer"),
        (Fault::cut(0), 7, "without an answer"),
    ] {
        let azure = Azure::start().unwrap();
        azure.on(Service::Imds, fault.clone().times(1000));
        let begun = Instant::now();
        // A try that begins just before the deadline ends with it, which says nothing of the answer.
        let run = || azmin(["token", "--deadline", "300ms"]).on(&azure).run();
        (0..10).map(|_| run()).find(|run| run.code != 124).unwrap_or_else(run).fails(code).says(words);
        assert!(begun.elapsed() < Duration::from_secs(5), "{words}");

        let azure = Azure::start().unwrap();
        azure.on(Service::Imds, fault);
        azmin(["token"]).on(&azure).run().succeeds();
        assert_eq!(azure.requests().len(), 2, "{words}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    target.set_nonblocking(true).unwrap();
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::status(302).header("Location", format!("http://{}/", target.local_addr().unwrap())));
    azmin(["token"]).on(&azure).run().fails(7).says("HTTP 302");
    assert_eq!(target.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn proxies_are_not_for_identity_endpoints() {
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    proxy.set_nonblocking(true).unwrap();
    let azure = Azure::start().unwrap();
    let mut command = azmin(["token"]).on(&azure);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command = command.env(name, format!("http://{}", proxy.local_addr().unwrap()));
    }
    command.run().succeeds();
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(azure.requests().len(), 1);
}

#[test]
fn the_deadline_holds_however_slowly_bytes_come() {
    let azure = Azure::start().unwrap();
    for fault in [Fault::hang(), Fault::delay(Duration::from_secs(30)), Fault::drip(Duration::from_millis(20))] {
        azure.on(Service::Imds, fault);
        let begun = Instant::now();
        azmin(["token", "--deadline", "300ms"]).on(&azure).run().fails(124).says("before the deadline");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

#[test]
fn an_answer_that_drips_in_time_is_an_answer() {
    let azure = Azure::start().unwrap();
    azure.on(Service::Imds, Fault::drip(Duration::from_micros(10)));
    azmin(["token"]).on(&azure).run().succeeds();
}

#[test]
fn traces_show_no_secret() {
    let azure = Azure::start().unwrap();
    let run = azmin(["token", "-vv"]).on(&azure).run();
    let token = run.succeeds().out.trim_end();
    run.says("GET http://127.0.0.1:").says("-> 200 in ").says("  > Metadata: true").says("  < Server: IMDS/");
    assert!(!run.err.contains(&token[..12]) && !run.err.contains(&token[token.len() - 12..]));
    let failed = azmin(["token", "-v"]).run();
    assert_eq!(failed.code, 4);
    failed.says("-> no identity endpoint answers");
}

#[test]
fn usage_errors_send_nothing() {
    let azure = Azure::start().unwrap();
    for arguments in [
        &[][..],
        &["tokens"],
        &["--token"],
        &["token", "operand"],
        &["token", "--resource"],
        &["token", "--resource", "a", "--resource", "b"],
        &["token", "--resource", "a", "--scope", "b/.default"],
        &["token", "--scope", "https://vault.azure.net"],
        &["token", "--resource", ""],
        &["token", "--resource", "a\nb"],
        &["token", "--for", "http://management.azure.com"],
        &["token", "--for", "https://example.com"],
        &["token", "--for", "https://management.azure.com@evil.example"],
        &["token", "--client-id", ""],
        &["token", "--client-id", "a", "--object-id", "b"],
        &["token", "--client-id", "a", "--system-assigned"],
        &["token", "--resource-id", "not-an-id"],
        &["token", "--cloud", "mars"],
        &["token", "--cloud", "http://localhost"],
        &["token", "--cloud", "https://localhost:1"],
        &["token", "--deadline", "soon"],
        &["token", "--deadline", "0"],
        &["token", "--source", "nowhere"],
        &["token", "--help=yes"],
        &["token", "-o"],
    ] {
        azmin(arguments).on(&azure).run().fails(2);
    }
    for host in [
        "http://example.com",
        "http://8.8.8.8",
        "https://127.0.0.1",
        "http://127.0.0.1/metadata",
        "127.0.0.1:80",
        "http://127.0.0.1:99999",
    ] {
        azmin(["token"])
            .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", host)
            .run()
            .fails(2)
            .says("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    }
    assert_eq!(received(&azure, Service::Imds).len(), 0);
}

#[test]
fn help_and_version() {
    for arguments in
        [&["--help"][..], &["-h"], &["token", "--help"], &["token", "-h"], &["rest", "--help"], &["get", "--help"]]
    {
        let run = azmin(arguments).run();
        assert!(run.succeeds().out.starts_with("azmin ") && run.err.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--version"][..], &["-V"], &["token", "-V"]] {
        assert_eq!(azmin(arguments).run().succeeds().out, concat!("azmin ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure_and_a_closed_pipe_is_none() {
    let azure = Azure::start().unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = azmin(["token"]).on(&azure).into_command().stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("azmin: could not write"));

    azure.on(Service::Imds, Fault::delay(Duration::from_millis(50)));
    let mut child =
        azmin(["token"]).on(&azure).into_command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}
