//! Clients that nobody here wrote drive the stand-in: what they accept from it, it does as Azure does.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str;
use std::sync::OnceLock;

use azmin::simulator::{Azure, Service};

use crate::support::{GROUP, GROUP_BODY, Scratch, skip};
use crate::tools::{bare, exists, python_with, told};

const TOKEN: &str = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=";

/// Status, headers and body of curl's answer; curl's exit code where there was none.
fn curl(url: &str, config: &str) -> Result<(u16, String, String), i32> {
    assert!(url.starts_with("http://127.0.0.1:") || url.starts_with("https://localhost:"), "{url}");
    let mut child = bare("curl")
        .args(["-q", "--noproxy", "*", "--silent", "--show-error", "--max-time", "20", "--include", "-K", "-", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(output.status.code().unwrap());
    }
    let answer = String::from_utf8(output.stdout).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok((status, head.to_owned(), body.to_owned()))
}

fn access_token(azure: &Azure, resource: &str) -> String {
    let url = format!("{}{TOKEN}{resource}", azure.imds());
    let (status, _, body) = curl(&url, "header = \"Metadata: true\"\n").unwrap();
    assert_eq!(status, 200, "{body}");
    body.split('"').skip_while(|word| *word != "access_token").nth(2).unwrap().to_owned()
}

#[test]
fn curl_reads_the_resource_group() {
    if !exists("curl") {
        return skip("no curl");
    }
    let azure = Azure::start().unwrap();
    let scratch = Scratch::new();
    let trust = format!("cacert = \"{}\"\n", scratch.ca(&azure).display());
    let token = access_token(&azure, "https%3A%2F%2Fmanagement.azure.com%2F");
    let bearer = format!("{trust}header = \"Authorization: Bearer {token}\"\n");
    let url = |path: &str, query: &str| format!("{}{path}{query}", azure.arm());

    let (status, head, body) = curl(&url(GROUP, "?api-version=2016-06-01"), &bearer).unwrap();
    assert_eq!((status, body.as_str()), (200, GROUP_BODY), "{head}");
    assert!(head.contains("\r\nContent-Type: application/json; charset=utf-8\r\n"), "{head}");
    // Names of groups have no case.
    let (status, _, body) = curl(&url(&GROUP.to_ascii_lowercase(), "?api-version=2016-06-01"), &bearer).unwrap();
    assert_eq!((status, body.as_str()), (200, GROUP_BODY));

    // The stand-in's authority is nobody's: without it curl ends at the certificate (60).
    assert_eq!(curl(&url(GROUP, "?api-version=2016-06-01"), ""), Err(60));
    assert_eq!(azure.requests().len(), 3);
}

#[test]
fn curl_is_refused_in_azures_words() {
    if !exists("curl") {
        return skip("no curl");
    }
    let azure = Azure::start().unwrap();
    let scratch = Scratch::new();
    let trust = format!("cacert = \"{}\"\n", scratch.ca(&azure).display());
    let bearer =
        |resource: &str| format!("{trust}header = \"Authorization: Bearer {}\"\n", access_token(&azure, resource));
    let management = bearer("https%3A%2F%2Fmanagement.azure.com%2F");

    let imds = |query: &str| format!("{}/metadata/identity/oauth2/token{query}", azure.imds());
    let metadata = "header = \"Metadata: true\"\n";
    let resource = "&resource=https%3A%2F%2Fmanagement.azure.com%2F";
    let version = "?api-version=2018-02-01";
    let nobody = "&client_id=00000000-0000-0000-0000-000000000000";
    let arm = |rest: &str| format!("{}{GROUP}{rest}", azure.arm());
    let named = "?api-version=2016-06-01";
    let cases = [
        (imds(&format!("{version}{resource}")), "", 400, "Required metadata header not specified"),
        (imds(resource).replacen('&', "?", 1), metadata, 400, r#""error":"invalid_request""#),
        (imds(version), metadata, 400, r#""error":"invalid_request""#),
        (imds(&format!("{version}{resource}{nobody}")), metadata, 400, "Identity not found"),
        (arm(named), &trust, 401, r#""code":"AuthenticationFailed""#),
        (arm(named), &bearer("https%3A%2F%2Fvault.azure.net"), 401, r#""code":"InvalidAuthenticationTokenAudience""#),
        (arm(""), &management, 400, r#""code":"MissingApiVersionParameter""#),
        (
            arm(named).replace("DevTest", "Nowhere"),
            &management,
            404,
            r#"{"error":{"code":"ResourceGroupNotFound","message":"Resource group 'Nowhere' could not be found."}}"#,
        ),
    ];
    for (url, config, wanted, words) in &cases {
        let (status, head, body) = curl(url, config).unwrap();
        assert_eq!(status, *wanted, "{url}\n{head}\n{body}");
        assert!(body.contains(words), "{url}\n{head}\n{body}");
        assert_eq!(head.contains("\r\nWWW-Authenticate: Bearer "), status == 401, "{url}\n{head}");
    }
}

/// The script with the clients in it.
fn python(arguments: &[&str]) -> Result<Command, String> {
    let mut command = bare(clients()?);
    command.args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/peers.py")]).args(arguments);
    Ok(command)
}

#[test]
fn azure_identity_for_python_reads_the_resource_group() {
    let azure = Azure::builder().user_assigned("worker").user_assigned("other").start().unwrap();
    let scratch = Scratch::new();
    let other = azure.identity("other").unwrap().client_id();
    let nobody = "00000000-0000-0000-0000-000000000000";
    let mut python = match python(&["group", &azure.arm(), scratch.ca(&azure).to_str().unwrap(), other, nobody]) {
        Ok(python) => python,
        Err(why) => return skip(&why),
    };
    let output = python.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds()).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));

    let lines: Vec<&str> = str::from_utf8(&output.stdout).unwrap().lines().collect();
    let body = GROUP_BODY.replace('"', r#"\""#);
    let system = azure.system_identity().unwrap().client_id();
    let good = |asked: &str, appid: &str| {
        format!(r#"{{"asked": {asked}, "body": "{body}", "appid": "{appid}", "life_agrees": true}}"#)
    };
    assert_eq!(lines.len(), 3, "{}", told(&output));
    assert_eq!(lines[0], good("null", system));
    assert_eq!(lines[1], good(&format!("\"{other}\""), other));
    assert!(lines[2].contains(nobody) && lines[2].contains("Identity not found"), "{}", lines[2]);
}

#[test]
fn clients_for_python_get_tokens_from_every_endpoint_that_they_know() {
    let azure = Azure::builder().user_assigned("worker").app_service().azure_ml().workload().start().unwrap();
    let scratch = Scratch::new();
    let ca = scratch.ca(&azure);
    let (system, worker) = (azure.system_identity().unwrap(), azure.identity("worker").unwrap());
    for (source, service, identity) in [
        ("imds", Service::Imds, system),
        ("app-service", Service::AppService, system),
        // Neither of them heeds DEFAULT_IDENTITY_CLIENT_ID.
        ("azure-ml", Service::AzureMl, system),
        ("workload", Service::Entra, worker),
    ] {
        let mut python = match python(&["token", source]) {
            Ok(python) => python,
            Err(why) => return skip(&why),
        };
        let before = azure.requests().len();
        // Whatever the source, the metadata service is on loopback.
        python.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds()).env("REQUESTS_CA_BUNDLE", &ca);
        let output = python.envs(azure.env(service)).output().unwrap();
        let lines: Vec<&str> = str::from_utf8(&output.stdout).unwrap().lines().collect();
        assert_eq!(lines.len(), 2, "{source}: {}", told(&output));
        for (line, client) in lines.iter().zip(["azure-identity", "msal"]) {
            let appid = identity.client_id();
            let good = format!(r#"{{"client": "{client}", "appid": "{appid}", "life_agrees": true}}"#);
            assert_eq!(*line, good, "{source}: {}", told(&output));
        }
        let requests = azure.requests().split_off(before);
        assert!(requests.len() >= 2 && requests.iter().all(|request| request.service() == service), "{requests:#?}");
    }
}

/// Without its variables the script ends before any client is there to ask anybody.
#[test]
fn clients_for_python_do_not_start_without_the_stand_in() {
    for (source, variable, value, why) in [
        ("imds", "X", "", "AZURE_POD_IDENTITY_AUTHORITY_HOST is missing"),
        ("imds", "AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://192.0.2.1", "is not loopback"),
        ("app-service", "IDENTITY_ENDPOINT", "http://127.0.0.1:1", "IDENTITY_HEADER is missing"),
        ("azure-ml", "MSI_ENDPOINT", "", "MSI_ENDPOINT is missing"),
        ("workload", "AZURE_CLIENT_ID", "x", "AZURE_TENANT_ID is missing"),
    ] {
        let mut python = match python(&["token", source]) {
            Ok(python) => python,
            Err(why) => return skip(&why),
        };
        let output = python.env(variable, value).output().unwrap();
        let told = told(&output);
        assert!(output.status.code() == Some(1) && output.stdout.is_empty() && told.contains(why), "{told}");
    }
}

/// Python with the clients in it.
fn clients() -> Result<PathBuf, String> {
    static CLIENTS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    CLIENTS.get_or_init(|| Ok(python_with(&["azure-identity==1.27.0", "msal==1.39.0"])?.join("bin/python"))).clone()
}
