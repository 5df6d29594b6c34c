//! Every identity endpoint that the stand-in has, through the library and, where the environment alone tells of it, through
//! the command: what is sent, what comes back, what is refused, and what nobody ever sees.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Fault, Received, Service};
use azmin::{AccessToken, Builder, Credential, Error, ErrorKind, Identity};

use crate::support::{ARM_AUDIENCE, Azmin, Run, Scratch, azmin, closed_port, received};

/// All of them, by their names.
const SOURCES: [(&str, Service); 7] = [
    ("imds", Service::Imds),
    ("app-service", Service::AppService),
    ("azure-arc", Service::AzureArc),
    ("service-fabric", Service::ServiceFabric),
    ("azure-ml", Service::AzureMl),
    ("cloud-shell", Service::CloudShell),
    ("workload", Service::Entra),
];

/// Everything that a source may read: the process that runs the tests has no say.
const VARIABLES: [&str; 19] = [
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "DEFAULT_IDENTITY_CLIENT_ID",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "SSL_CERT_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
];

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

fn everywhere() -> Azure {
    let builder = Azure::builder().user_assigned("worker").app_service().azure_arc().service_fabric();
    builder.azure_ml().cloud_shell().workload().start().unwrap()
}

pub(crate) fn library(azure: &Azure, service: Service) -> Builder {
    let nowhere = format!("http://127.0.0.1:{}", closed_port());
    let builder = VARIABLES.iter().fold(Credential::builder(), |builder, name| builder.variable(name, ""));
    let builder = builder.variable("AZURE_POD_IDENTITY_AUTHORITY_HOST", &nowhere).ca_pem(azure.ca_pem().as_bytes());
    let builder = builder.arc_key_directory(azure.arc_key_directory());
    azure.env(service).iter().fold(builder, |builder, (name, value)| builder.variable(name, value))
}

fn command(azure: &Azure, service: Service, scratch: &Scratch, arguments: &[&str]) -> Azmin {
    let run = azmin([&["token"], arguments].concat()).env("SSL_CERT_FILE", scratch.ca(azure));
    azure.env(service).into_iter().fold(run, |run, (name, value)| run.env(name, value))
}

fn variable(azure: &Azure, service: Service, name: &str) -> String {
    azure.env(service).into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn token(builder: Builder) -> Result<AccessToken, Error> {
    builder.build()?.token(ARM_AUDIENCE)
}

fn assertion(azure: &Azure) -> String {
    fs::read_to_string(variable(azure, Service::Entra, "AZURE_FEDERATED_TOKEN_FILE")).unwrap()
}

/// A request in full, headers in order of their names, values that differ from run to run by the names of what they are.
fn text(azure: &Azure, request: &Received) -> String {
    let mut headers: Vec<_> =
        request.headers().map(|(name, value)| format!("{}: {value}\n", name.to_ascii_lowercase())).collect();
    headers.sort_unstable();
    let body = std::str::from_utf8(request.body()).unwrap();
    let mut text = format!("{} {}\n{}{body}", request.method(), request.target(), headers.concat());
    for (service, name) in [
        (Service::AppService, "IDENTITY_HEADER"),
        (Service::ServiceFabric, "IDENTITY_HEADER"),
        (Service::AzureMl, "MSI_SECRET"),
    ] {
        text = text.replace(&variable(azure, service, name), name);
    }
    let host = request.header("host").unwrap().to_owned();
    assert!(host.starts_with("127.0.0.1:") || host.starts_with("localhost:"), "{host}");
    text.replace(&host, "HOST").replace(&assertion(azure), "ASSERTION")
}

fn id(azure: &Azure, kind: &str) -> Option<Identity> {
    let worker = azure.identity("worker").unwrap();
    Some(match kind {
        "--client-id" => Identity::ClientId(worker.client_id().to_owned()),
        "--object-id" => Identity::ObjectId(worker.object_id().to_owned()),
        "--resource-id" => Identity::ResourceId(worker.resource_id().to_owned()),
        _ => return None,
    })
}

fn encoded(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F")
}

/// What is to be sent for this kind of id, request by request; none where the source cannot choose by it.
fn wanted(azure: &Azure, service: Service, kind: &str) -> Vec<String> {
    let worker = azure.identity("worker").unwrap();
    let (client, object, resource) = (worker.client_id(), worker.object_id(), encoded(worker.resource_id()));
    let arm = encoded(ARM_AUDIENCE);
    let by = |client_id: &str, resource_id: &str| match kind {
        "--client-id" => format!("&{client_id}={client}"),
        "--object-id" => format!("&object_id={object}"),
        "--resource-id" => format!("&{resource_id}={resource}"),
        _ => String::new(),
    };
    let ours = concat!("user-agent: azmin/", env!("CARGO_PKG_VERSION"));
    let path = "/metadata/identity/oauth2/token?api-version";
    let plain = "connection: close\nhost: HOST\n";
    match (service, kind) {
        (Service::Imds, _) => {
            let id = by("client_id", "msi_res_id");
            vec![format!("GET {path}=2018-02-01&resource={arm}{id}\n{plain}metadata: true\n")]
        }
        (Service::AppService, _) => {
            let id = by("client_id", "mi_res_id");
            vec![format!(
                "GET /msi/token/?api-version=2019-08-01&resource={arm}{id}\n{plain}metadata: true\n\
                 x-identity-header: IDENTITY_HEADER\n"
            )]
        }
        (Service::AzureArc, _) => {
            let line = format!("GET {path}=2020-06-01&resource={arm}{}\n", by("client_id", "msi_res_id"));
            vec![
                format!("{line}{plain}metadata: true\n"),
                format!("{line}authorization: Basic KEY\n{plain}metadata: true\n"),
            ]
        }
        (Service::ServiceFabric, "") => vec![format!(
            "GET {path}=2019-07-01-preview&resource={arm}\naccept: application/json\nhost: HOST\n\
             secret: IDENTITY_HEADER\n{ours}\n"
        )],
        // Its default is the one that DEFAULT_IDENTITY_CLIENT_ID names.
        (Service::AzureMl, "" | "--client-id") => vec![format!(
            "GET /msi/token?api-version=2017-09-01&resource={arm}&clientid={client}\n{plain}secret: MSI_SECRET\n"
        )],
        (Service::CloudShell, "") => {
            let body = format!("resource={arm}");
            vec![format!(
                "POST /oauth2/token\nconnection: close\ncontent-length: {}\n\
                 content-type: application/x-www-form-urlencoded\nhost: HOST\nmetadata: true\n{body}",
                body.len()
            )]
        }
        (Service::Entra, "" | "--client-id") => {
            let body = format!(
                "grant_type=client_credentials&client_id={client}\
                 &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
                 &client_assertion=ASSERTION&scope={arm}%2F.default"
            );
            vec![format!(
                "POST /{TENANT}/oauth2/v2.0/token\naccept: application/json\ncontent-length: {}\n\
                 content-type: application/x-www-form-urlencoded\nhost: HOST\n{ours}\n{body}",
                body.len() - "ASSERTION".len() + assertion(azure).len()
            )]
        }
        _ => Vec::new(),
    }
}

/// Who answers for this kind of id.
fn client_id(azure: &Azure, service: Service, kind: &str) -> String {
    match (service, kind) {
        // The portal's: the token is a person's.
        (Service::CloudShell, _) => "b677c290-cf4b-4a8e-a60e-91ba650a4abe".to_owned(),
        (Service::AzureMl | Service::Entra, _) => azure.identity("worker").unwrap().client_id().to_owned(),
        (_, "") => azure.system_identity().unwrap().client_id().to_owned(),
        _ => azure.identity("worker").unwrap().client_id().to_owned(),
    }
}

/// Arc's key is gone once it was used: what went out is named, and looked for elsewhere.
fn sent(azure: &Azure, service: Service) -> Vec<String> {
    let requests = received(azure, service);
    let key = |request: &Received| request.header("authorization").map(|value| value.replace("Basic ", ""));
    requests
        .iter()
        .map(|request| text(azure, request).replace(&key(request).unwrap_or_else(|| "\0".to_owned()), "KEY"))
        .collect()
}

#[test]
fn what_every_source_sends_for_every_kind_of_id() {
    let scratch = Scratch::new();
    let mut rows = 0;
    for (name, service) in SOURCES {
        for kind in ["", "--client-id", "--object-id", "--resource-id"] {
            let azure = everywhere();
            let wanted = wanted(&azure, service, kind);
            let mut builder = library(&azure, service);
            if let Some(id) = id(&azure, kind) {
                builder = builder.identity(id);
            }
            let credential = builder.build().unwrap();
            assert_eq!(credential.source(), name);
            let outcome = credential.token(ARM_AUDIENCE);
            if wanted.is_empty() {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name} {kind}: {error:?}");
                assert!(error.to_string().contains(credential.evidence()), "{error}");
            } else {
                let token = outcome.unwrap_or_else(|error| panic!("{name} {kind}: {error:?}"));
                assert_eq!(token.client_id(), Some(client_id(&azure, service, kind).as_str()), "{name} {kind}");
            }
            assert_eq!(sent(&azure, service), wanted, "{name} {kind}");
            assert_eq!(azure.requests().len(), wanted.len(), "nobody else was asked");
            rows += 1;
            if service != Service::AzureArc {
                same_by_command(name, service, kind, &scratch);
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 52);
}

fn same_by_command(name: &str, service: Service, kind: &str, scratch: &Scratch) {
    let azure = everywhere();
    let wanted = wanted(&azure, service, kind);
    let worker = azure.identity("worker").unwrap();
    let id = match kind {
        "--client-id" => worker.client_id(),
        "--object-id" => worker.object_id(),
        _ => worker.resource_id(),
    };
    let arguments = if kind.is_empty() { vec!["-o", "json"] } else { vec!["-o", "json", kind, id] };
    let run = command(&azure, service, scratch, &arguments).run();
    if wanted.is_empty() {
        run.fails(2).says(&format!("{name} cannot use this identity")).says("found by ");
    } else {
        let client = client_id(&azure, service, kind);
        let json = &run.succeeds().out;
        assert!(json.ends_with(&format!("\"source\":\"{name}\"}}\n")), "{json}");
        assert!(json.contains(&format!("\"clientId\":\"{client}\"")), "{name} {kind}: {json}");
    }
    assert_eq!(sent(&azure, service), wanted, "{name} {kind}");
    assert_eq!(azure.requests().len(), wanted.len(), "nobody else was asked");
}

#[test]
fn an_identity_that_nobody_has() {
    let scratch = Scratch::new();
    for (service, status, words, cure) in [
        (Service::Imds, 400, "Identity not found", "assign the identity"),
        (Service::AppService, 400, "No User Assigned or Delegated Managed Identity found", "assigned to the app"),
        (Service::AzureArc, 404, "identity_not_found", "assign the identity"),
        (Service::AzureMl, 400, "No MSI found for specified ClientId/ResourceId.", "assign the identity"),
        (Service::Entra, 400, "AADSTS700016: ", "check AZURE_CLIENT_ID and AZURE_TENANT_ID"),
    ] {
        let azure = everywhere();
        let error = token(library(&azure, service).identity(Identity::ClientId(NOBODY.to_owned()))).unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::IdentityRefused, Some(status)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.advice().is_some_and(|advice| advice.contains(cure)), "{service:?}: {:?}", error.advice());
        if service == Service::AzureArc {
            continue;
        }
        let run = command(&azure, service, &scratch, &["--client-id", NOBODY]).run();
        run.fails(4).says(words).says("\n  what to do: ").says(cure);
        assert_eq!(azure.requests().len(), 2, "{service:?}");
    }
    // Where the identity is not the caller's choice, it may not be there all the same.
    let azure = everywhere();
    let run = command(&azure, Service::ServiceFabric, &scratch, &[]).env("IDENTITY_HEADER", "another").run();
    run.fails(4).says("ManagedIdentityNotFound").says("application manifest").says("correlation id: ");
}

#[test]
fn another_identitys_token_is_refused() {
    let scratch = Scratch::new();
    // An agent that passes over the selector gives the machine's own token.
    let azure = Azure::builder().user_assigned("worker").azure_arc_legacy().start().unwrap();
    for kind in ["--client-id", "--object-id", "--resource-id"] {
        let builder = library(&azure, Service::AzureArc).identity(id(&azure, kind).unwrap());
        let error = token(builder).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IdentityRefused, "{kind}: {error:?}");
    }
    assert_eq!(received(&azure, Service::AzureArc).len(), 6);
    // What does not say whose it is, is nobody's there.
    azure.on(Service::AzureArc, Fault::delay(Duration::ZERO));
    azure.on(Service::AzureArc, Fault::status(200).body(r#"{"access_token":"0paque","expires_in":"60"}"#));
    let error = token(library(&azure, Service::AzureArc).identity(Identity::ClientId("me".to_owned()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityRefused, "{error:?}");
    assert!(error.to_string().contains("does not say which identity") && error.advice().is_some(), "{error}");

    let azure = everywhere();
    for service in [Service::AppService, Service::AzureMl, Service::Imds] {
        let body = r#"{"access_token":"0paque","expires_in":"60","client_id":"somebody-else"}"#;
        azure.on(service, Fault::status(200).body(body).times(2));
        let error = token(library(&azure, service).identity(Identity::ClientId("me".to_owned()))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IdentityRefused, "{error:?}");
        let run = command(&azure, service, &scratch, &["--client-id", "me"]).run();
        assert!(!run.fails(4).says("somebody-else").err.contains("0paque"), "{}", run.err);
    }
}

#[test]
fn service_fabrics_secret_goes_to_the_right_certificate_alone() {
    let (azure, scratch) = (everywhere(), Scratch::new());
    let thumbprint = variable(&azure, Service::ServiceFabric, "IDENTITY_SERVER_THUMBPRINT");
    let secret = variable(&azure, Service::ServiceFabric, "IDENTITY_HEADER");
    let with = |thumbprint: &str| {
        command(&azure, Service::ServiceFabric, &scratch, &["-vv"]).env("IDENTITY_SERVER_THUMBPRINT", thumbprint).run()
    };
    let mut wrong = thumbprint.clone();
    wrong.replace_range(..1, if thumbprint.starts_with('0') { "1" } else { "0" });
    let run = with(&wrong);
    assert_eq!((run.code, run.out.as_str()), (7, ""), "{}", run.err);
    assert!(
        run.says("is not trusted").says("what to do: check IDENTITY_SERVER_THUMBPRINT").err.contains("azmin: "),
        "{}",
        run.err
    );
    assert!(!run.err.contains(&secret), "{}", run.err);
    let error = token(library(&azure, Service::ServiceFabric).variable("IDENTITY_SERVER_THUMBPRINT", &wrong));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Connection);
    for malformed in ["", "ab", &thumbprint[1..], &format!("{thumbprint}0"), &thumbprint.replace(|_| true, "g")] {
        with(malformed).fails(2).says("IDENTITY_");
    }
    assert_eq!(azure.requests().len(), 0, "nothing was sent to the wrong one");

    let pairs = |by: &str| {
        let pairs: Vec<_> = thumbprint.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
        pairs.join(by)
    };
    for spelling in [
        thumbprint.to_ascii_lowercase(),
        thumbprint.to_ascii_uppercase(),
        pairs(":"),
        pairs(" "),
        format!("\u{200e}{thumbprint}"),
    ] {
        let run = with(&spelling);
        assert!(!run.succeeds().err.contains(&secret), "{}", run.err);
    }
    assert_eq!(azure.requests().len(), 5);

    // A redirect would carry the secret elsewhere.
    let target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    target.set_nonblocking(true).unwrap();
    let location = format!("https://{}/", target.local_addr().unwrap());
    azure.on(Service::ServiceFabric, Fault::status(307).header("Location", location));
    assert_eq!(with(&thumbprint).code, 7);
    assert_eq!(target.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn proxies_are_not_for_identity_endpoints() {
    let (azure, scratch) = (everywhere(), Scratch::new());
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    for (name, service) in SOURCES.into_iter().filter(|(name, _)| !matches!(*name, "azure-arc" | "workload")) {
        let mut run = command(&azure, service, &scratch, &["-o", "json"]);
        for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            run = run.env(variable, &url);
        }
        assert!(run.run().succeeds().out.contains(&format!("\"source\":\"{name}\"")));
    }
    let builder = library(&azure, Service::AzureArc).variable("HTTP_PROXY", &url).variable("ALL_PROXY", &url);
    token(builder).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(azure.requests().len(), 7);
}

#[test]
fn the_variable_is_no_demand_to_those_who_cannot_choose() {
    let scratch = Scratch::new();
    for service in [Service::CloudShell, Service::ServiceFabric] {
        let azure = everywhere();
        token(library(&azure, service).variable("AZURE_CLIENT_ID", NOBODY)).unwrap();
        command(&azure, service, &scratch, &[]).env("AZURE_CLIENT_ID", NOBODY).run().succeeds();
        let wanted = wanted(&azure, service, "");
        assert_eq!(sent(&azure, service), [wanted.clone(), wanted].concat());
    }
    for (service, option) in [(Service::AppService, None), (Service::AzureMl, None), (Service::Imds, Some(NOBODY))] {
        let azure = everywhere();
        let id = azure.identity("worker").unwrap().client_id().to_owned();
        let run = command(&azure, service, &scratch, &["-o", "json"]).env("AZURE_CLIENT_ID", &id).run();
        assert!(run.succeeds().out.contains(&id), "{}", run.out);
        if let Some(option) = option {
            command(&azure, service, &scratch, &["--client-id", option]).env("AZURE_CLIENT_ID", &id).run().fails(4);
        }
    }
}

#[test]
fn a_source_may_be_named() {
    let (azure, scratch) = (everywhere(), Scratch::new());
    for (name, service) in SOURCES.into_iter().filter(|(name, _)| *name != "azure-arc") {
        command(&azure, service, &scratch, &["--source", name]).run().succeeds();
        // It is not what the environment speaks of: said before anything is sent.
        if name != "imds" {
            azmin(["token", "--source", name]).on(&azure).run().fails(2).says(name).says("recognised by");
        }
    }
    assert_eq!(azure.requests().len(), 6);
}

#[test]
fn azure_ml_may_write_dates() {
    let azure = Azure::builder().azure_ml().azure_ml_dates(true).start().unwrap();
    let token = token(library(&azure, Service::AzureMl)).unwrap();
    let life = token.expires_on().duration_since(std::time::SystemTime::now()).unwrap().as_secs();
    assert!((86_000..=86_400).contains(&life), "{life}");
}

#[test]
fn endpoints_of_others_are_refused() {
    for (variables, name) in [
        (
            &[("IDENTITY_ENDPOINT", "http://192.0.2.1/msi/token"), ("IDENTITY_HEADER", "s3cr3t")][..],
            "IDENTITY_ENDPOINT",
        ),
        (&[("IDENTITY_ENDPOINT", "https://localhost/msi/token"), ("IDENTITY_HEADER", "s3cr3t")], "IDENTITY_ENDPOINT"),
        (&[("IDENTITY_ENDPOINT", "http://10.0.0.1/x"), ("IMDS_ENDPOINT", "http://10.0.0.1")], "IDENTITY_ENDPOINT"),
        (&[("MSI_ENDPOINT", "http://s3cr3t.example/x"), ("MSI_SECRET", "s3cr3t")], "MSI_ENDPOINT"),
        (&[("MSI_ENDPOINT", "http://192.0.2.1/oauth2/token")], "MSI_ENDPOINT"),
        (
            &[("AZURE_CLIENT_ID", NOBODY), ("AZURE_TENANT_ID", "../x"), ("AZURE_FEDERATED_TOKEN_FILE", "/nonexistent")],
            "AZURE_TENANT_ID",
        ),
        (
            &[
                ("AZURE_CLIENT_ID", NOBODY),
                ("AZURE_TENANT_ID", TENANT),
                ("AZURE_FEDERATED_TOKEN_FILE", "/nonexistent"),
                ("AZURE_AUTHORITY_HOST", "http://localhost/"),
            ],
            "AZURE_AUTHORITY_HOST",
        ),
    ] {
        let run = variables.iter().fold(azmin(["token"]), |run, (name, value)| run.env(name, value)).run();
        assert!(!run.fails(2).says(name).err.contains("s3cr3t"), "{}", run.err);
    }
}

#[test]
fn the_assertion_is_read_for_every_exchange() {
    let azure = everywhere();
    let credential = library(&azure, Service::Entra).build().unwrap();
    let first = (credential.token(ARM_AUDIENCE).unwrap(), assertion(&azure));
    azure.rotate_assertion().unwrap();
    let second = (credential.fresh_token(ARM_AUDIENCE).unwrap(), assertion(&azure));
    assert!(first.0.secret() != second.0.secret() && first.1 != second.1);
    let bodies: Vec<_> = received(&azure, Service::Entra).iter().map(|request| request.body().to_vec()).collect();
    for (body, assertion) in bodies.iter().zip([first.1, second.1]) {
        let field = format!("&client_assertion={assertion}&");
        assert!(String::from_utf8_lossy(body).contains(&field));
    }
    assert_eq!(bodies.len(), 2);
}

#[test]
fn workloads_that_go_wrong() {
    let (azure, scratch) = (everywhere(), Scratch::new());
    let run = |name: &str, value: &Path| command(&azure, Service::Entra, &scratch, &["-vv"]).env(name, value).run();
    let (file, old) = (scratch.path("assertion"), assertion(&azure));
    let secret = |run: &Run| assert!(!run.err.contains(&old) && !run.err.contains(&old[..40]), "{}", run.err);

    fs::write(&file, format!("\n  {old}\r\n\t")).unwrap();
    let good = run("AZURE_FEDERATED_TOKEN_FILE", &file);
    secret(good.succeeds());
    azure.rotate_assertion().unwrap();
    let over = run("AZURE_FEDERATED_TOKEN_FILE", &file);
    assert_eq!((over.code, over.out.as_str()), (4, ""), "{}", over.err);
    secret(over.says("workload gave no token: HTTP 401 invalid_client: AADSTS700024: Client assertion is not within"));
    over.says("\n  trace id: ").says("\n  correlation id: ").says("\n  request id: ");
    assert_eq!(azure.requests().len(), 2);

    for content in ["", " \n", &"x".repeat(70_000)] {
        fs::write(&file, content).unwrap();
        let run = run("AZURE_FEDERATED_TOKEN_FILE", &file);
        run.fails(1).says("could not read the assertion").says("assertion");
    }
    #[cfg(unix)]
    {
        let pipe = scratch.path("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        run("AZURE_FEDERATED_TOKEN_FILE", &pipe).fails(1).says("could not read the assertion");
    }
    let missing = run("AZURE_FEDERATED_TOKEN_FILE", &scratch.path("missing"));
    missing.fails(1).says("could not read the assertion").says("missing");
    assert_eq!(azure.requests().len(), 2, "nothing was sent without one");

    let nowhere = run("AZURE_TENANT_ID", Path::new(NOBODY));
    assert_eq!(nowhere.code, 4, "{}", nowhere.err);
    nowhere.says("AADSTS90002: Tenant '00000000").says("\n  trace id: ");
    let nobody = run("AZURE_CLIENT_ID", Path::new(NOBODY));
    assert_eq!(nobody.code, 4, "{}", nobody.err);
    nobody.says("AADSTS700016").says("check AZURE_CLIENT_ID");

    // Its certificate is one of the stand-in's authority, which has to be named.
    let untrusted = command(&azure, Service::Entra, &scratch, &[]).env("SSL_CERT_FILE", "").run();
    untrusted.fails(7).says("is not trusted");
    let ca = scratch.ca(&azure);
    let named = ["--ca-file", ca.to_str().unwrap()];
    command(&azure, Service::Entra, &scratch, &named).env("SSL_CERT_FILE", "").run().succeeds();
}

/// Arc with an agent that names this file.
fn arc_that_names(azure: &Azure, challenge: &str) -> (Result<AccessToken, Error>, String) {
    arc_that_answers(azure, Fault::status(401).body("{}").header("WWW-Authenticate", challenge))
}

/// What comes of it when the agent answers so first, and everything that an observer can learn.
pub(crate) fn arc_that_answers(azure: &Azure, first: Fault) -> (Result<AccessToken, Error>, String) {
    azure.on(Service::AzureArc, first);
    let (builder, shown) = observed(library(azure, Service::AzureArc));
    let outcome = token(builder);
    let shown = format!("{}{outcome:?}", shown.lock().unwrap());
    (outcome, shown)
}

/// Everything that an observer can learn.
fn observed(builder: Builder) -> (Builder, Arc<Mutex<String>>) {
    let shown = Arc::<Mutex<String>>::default();
    let sink = Arc::clone(&shown);
    let builder = builder.on_attempt(move |attempt| {
        let mut text = sink.lock().unwrap();
        writeln!(text, "{attempt} {attempt:?} {} {:?}", attempt.url(), attempt.error()).unwrap();
        for (name, value) in attempt.sent_headers().chain(attempt.received_headers()) {
            writeln!(text, "{name}: {value}").unwrap();
        }
    });
    (builder, shown)
}

/// The path that the stand-in's agent names to somebody who asks for the first time.
pub(crate) fn new_key(azure: &Azure) -> std::path::PathBuf {
    let endpoint = variable(azure, Service::AzureArc, "IMDS_ENDPOINT").replace("http://", "");
    let mut stream = TcpStream::connect(&endpoint).unwrap();
    let path = "/metadata/identity/oauth2/token?api-version=2020-06-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {endpoint}\r\nMetadata: true\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: Basic realm=")).unwrap().into()
}

#[test]
fn arcs_key_is_sent_as_it_is_and_never_shown() {
    let azure = everywhere();
    for (before, after, quote) in [("", "", ""), ("", "\n", ""), ("", "\r\n", "\""), (" ", " \n", "\"")] {
        let path = new_key(&azure);
        let key = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{before}{key}{after}")).unwrap();
        let (outcome, shown) = arc_that_names(&azure, &format!("Basic realm={quote}{}{quote}", path.display()));
        assert!(outcome.is_ok(), "{shown}");
        let request = azure.requests().pop().unwrap();
        assert_eq!(request.header("authorization"), Some(format!("Basic {key}").as_str()));
        assert!(!shown.contains(&key) && !shown.contains(&key[..12]), "{shown}");
        assert!(shown.contains("-> 401 in ") && shown.contains("-> 200 in ") && shown.contains("REDACTED"), "{shown}");
    }
    // The longest that there may be. It is nobody's, and the agent says so.
    let longest = azure.arc_key_directory().join("longest.key");
    fs::write(&longest, "k".repeat(4096)).unwrap();
    let (outcome, shown) = arc_that_names(&azure, &format!("Basic realm={}", longest.display()));
    assert_eq!(outcome.unwrap_err().status(), Some(401), "{shown}");
    assert_eq!(azure.requests().pop().unwrap().header("authorization").unwrap().len(), 4096 + "Basic ".len());
    assert!(!shown.contains("kkkk"), "{shown}");
}

#[test]
fn no_answer_can_make_the_command_read_a_file_from_elsewhere() {
    let (azure, scratch) = (everywhere(), Scratch::new());
    let run = command(&azure, Service::AzureArc, &scratch, &["-vv"]).run();
    assert_eq!((run.code, run.out.as_str()), (7, ""), "{}", run.err);
    run.says("azure-arc").says("it names a file that is not one of the agent's keys");
    assert_eq!(azure.requests().len(), 1);
}

#[test]
fn secrets_are_in_nothing_that_is_shown() {
    let (azure, scratch) = (everywhere(), Scratch::new());
    let mut secrets = vec![
        variable(&azure, Service::AppService, "IDENTITY_HEADER"),
        variable(&azure, Service::ServiceFabric, "IDENTITY_HEADER"),
        variable(&azure, Service::AzureMl, "MSI_SECRET"),
        assertion(&azure),
    ];
    let mut texts = Vec::new();
    for (name, service) in SOURCES {
        // Given, and refused with words that hand everything back.
        for refused in [false, true] {
            let (builder, shown) = observed(library(&azure, service));
            texts.push((name, format!("{builder:?} {builder:#?}")));
            if refused && service != Service::AzureArc {
                azure.on(service, Fault::status(403).header("X-Echo", secrets.concat()).body("{}").times(2));
            }
            let credential = builder.build().unwrap();
            let outcome = credential.token(ARM_AUDIENCE);
            secrets.extend(outcome.as_ref().ok().map(|token| token.secret().to_owned()));
            let shown = shown.lock().unwrap();
            texts.push((name, format!("{credential:?} {credential:#?} {outcome:?} {} {shown}", credential.endpoint())));
            if service != Service::AzureArc {
                let run = command(&azure, service, &scratch, &["-vv"]).run();
                assert_eq!(run.code, if refused { 4 } else { 0 }, "{name}: {}", run.err);
                texts.push((name, run.err));
            }
        }
    }
    let keys = received(&azure, Service::AzureArc).into_iter();
    secrets
        .extend(keys.filter_map(|request| Some(request.header("authorization")?.strip_prefix("Basic ")?.to_owned())));
    texts.push(("the stand-in", format!("{azure:?} {:?}", azure.requests())));
    assert!(secrets.len() >= 4 + 7 + 2, "{}", secrets.len());
    for (name, text) in &texts {
        for secret in &secrets {
            // Tokens and assertions share their first part, which says only that they are such.
            let part = &secret[secret.len() - 16..];
            assert!(secret.len() >= 16 && !text.contains(part), "{name}: {text}");
        }
    }
}

/// Each in a thread of its own, since most of the time is a pause.
#[test]
fn what_may_pass_at_every_source() {
    thread::scope(|scope| {
        for (name, service) in SOURCES {
            for status in [404, 408, 410, 429, 500, 503] {
                scope.spawn(move || {
                    let azure = everywhere();
                    azure.on(service, Fault::status(status).header("Retry-After", "0"));
                    let outcome = token(library(&azure, service));
                    let requests = received(&azure, service).len();
                    let legs = if service == Service::AzureArc { 2 } else { 1 };
                    // A machine's metadata service comes and goes, and says so by 404 and 410; Arc's agent by 410.
                    let passing = match status {
                        404 => service == Service::Imds,
                        410 => matches!(service, Service::Imds | Service::AzureArc),
                        _ => true,
                    };
                    if !passing {
                        let kind = if status == 404 { ErrorKind::IdentityRefused } else { ErrorKind::Unavailable };
                        assert_eq!((outcome.unwrap_err().kind(), requests), (kind, 1), "{name} {status}");
                    } else {
                        assert!(outcome.is_ok(), "{name} {status}: {outcome:?}");
                        assert_eq!(requests, 1 + legs, "{name} {status}");
                    }
                });
            }
        }
    });
}

/// The floor lies past the deadline: said at once, with when to come back.
/// In the clear and over TLS alike.
#[test]
fn a_connection_that_breaks_is_tried_again() {
    let azure = everywhere();
    for (name, service) in SOURCES {
        for bytes in [0, 60] {
            azure.on(service, Fault::cut(bytes));
            let outcome = token(library(&azure, service));
            assert!(outcome.is_ok(), "{name}, cut after {bytes} bytes: {outcome:?}");
        }
    }
}

#[test]
fn nobody_at_the_endpoint() {
    let (azure, scratch) = (everywhere(), Scratch::new());
    for (service, name) in [(Service::ServiceFabric, "IDENTITY_ENDPOINT"), (Service::Entra, "AZURE_AUTHORITY_HOST")] {
        let run =
            command(&azure, service, &scratch, &[]).env(name, format!("https://localhost:{}", closed_port())).run();
        run.fails(4).says("no identity endpoint answers at localhost:");
    }
}

#[test]
fn a_wait_that_is_too_long_is_not_waited() {
    let scratch = Scratch::new();
    for (name, service) in SOURCES.into_iter().filter(|(name, _)| *name != "azure-arc") {
        for (status, header, value) in [(429, "Retry-After", "300"), (503, "retry-after-ms", "300000")] {
            let azure = everywhere();
            azure.on(service, Fault::status(status).header(header, value));
            let begun = Instant::now();
            let run = command(&azure, service, &scratch, &[]).run();
            run.fails(6).says(name).says("\n  retry after: 300 s\n");
            assert!(begun.elapsed() < Duration::from_secs(5));
            assert_eq!(azure.requests().len(), 1);
        }
    }
}
