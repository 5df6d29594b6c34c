//! Over real sockets: what the pure handlers' own tests cannot see.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

const TOKEN: &str =
    "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F";
const GROUP: &str = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest?api-version=2016-06-01";

fn dial(azure: &Azure) -> TcpStream {
    TcpStream::connect(azure.imds.address()).unwrap()
}

fn dial_arm(azure: &Azure) -> StreamOwned<ClientConnection, TcpStream> {
    dial_tls(azure, azure.arm.address().port())
}

fn dial_tls(azure: &Azure, port: u16) -> StreamOwned<ClientConnection, TcpStream> {
    dial_as(azure, port, "localhost")
}

/// By a name that the certificate may hold for.
fn dial_as(azure: &Azure, port: u16, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(azure.ca_pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    StreamOwned::new(client, TcpStream::connect(("127.0.0.1", port)).unwrap())
}

/// A request without body, by the headers that matter.
fn request(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")
}

/// One answer from a connection that stays open.
fn answer(stream: &mut impl Read) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + str_of(&body)
}

fn str_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn rest(stream: &mut impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn exchange(azure: &Azure, line: &str) -> String {
    let mut stream = dial(azure);
    stream.write_all(request(line, "Metadata: true\r\nConnection: close\r\n").as_bytes()).unwrap();
    rest(&mut stream)
}

fn token(azure: &Azure) -> String {
    let answer = exchange(azure, &format!("GET {TOKEN}"));
    answer.split('"').skip_while(|word| *word != "access_token").nth(2).unwrap().to_owned()
}

#[test]
fn from_token_to_resource_group_on_one_connection_each() {
    let azure = Azure::start().unwrap();
    let bearer = format!("Authorization: Bearer {}\r\n", token(&azure));
    let mut stream = dial_arm(&azure);
    for _ in 0..3 {
        stream.write_all(request(&format!("GET {GROUP}"), &bearer).as_bytes()).unwrap();
        let answer = answer(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(!answer.contains("Connection:"), "{answer}");
        assert!(answer.contains(r#""name":"DevTest","location":"westus""#), "{answer}");
    }
    azure.expire_tokens();
    let last = bearer + "Connection: close\r\n";
    stream.write_all(request(&format!("GET {GROUP}"), &last).as_bytes()).unwrap();
    let answer = rest(&mut stream);
    assert!(answer.contains("ExpiredAuthenticationToken"), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");

    let requests = azure.requests();
    let services: Vec<Service> = requests.iter().map(Received::service).collect();
    assert_eq!(services, [Service::Imds, Service::Arm, Service::Arm, Service::Arm, Service::Arm]);
    assert_eq!((requests[0].method(), requests[0].target()), ("GET", TOKEN));
    assert_eq!(requests[0].header("metadata"), Some("true"));
    assert!(requests[1].at() >= requests[0].at());
    assert_eq!(requests[1].headers().map(|(name, _)| name).collect::<Vec<_>>(), ["Host", "Authorization"]);
}

#[test]
fn bodies_and_pipelined_requests() {
    let azure = Azure::start().unwrap();
    let mut stream = dial(&azure);
    let body = "Metadata: true\r\nContent-Length: 3\r\nExpect: 100-continue\r\n";
    stream.write_all(request("POST /metadata/versions", body).as_bytes()).unwrap();
    assert_eq!(answer(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").unwrap();
    stream.write_all(request("GET /metadata/versions", "Metadata: true\r\n").as_bytes()).unwrap();
    assert!(answer(&mut stream).starts_with("HTTP/1.1 405 "));
    assert!(answer(&mut stream).starts_with("HTTP/1.1 200 "));
    assert_eq!(azure.requests()[0].body(), b"abc");
}

#[test]
fn says_why_a_request_cannot_be_read() {
    let azure = Azure::start().unwrap();
    for (bytes, expected) in [
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), "400 Bad Request"),
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n".to_owned(), "505 HTTP Version Not Supported"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}", "a".repeat(1 << 20)), "431 Request Header Fields Too Large"),
    ] {
        let mut stream = dial(&azure);
        stream.write_all(bytes.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}\r\n")), "{answer}");
        assert!(answer.contains("the stand-in cannot read this request: "), "{answer}");
    }
    assert!(azure.requests().is_empty());
}

#[test]
fn faults_come_one_a_request() {
    let azure = Azure::start().unwrap();
    let versions = "GET /metadata/versions";
    let whole = exchange(&azure, versions);
    azure.on(Service::Imds, Fault::status(503).header("Retry-After", "5").body("busy").times(2));
    azure.on(Service::Imds, Fault::cut(20));
    azure.on(Service::Imds, Fault::raw("garbage"));
    azure.on(Service::Imds, Fault::drip(Duration::from_micros(1)));
    azure.on(Service::Imds, Fault::delay(Duration::from_millis(50)));
    azure.on(Service::Imds, Fault::cut(0));
    for _ in 0..2 {
        let answer = exchange(&azure, versions);
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\nServer: IMDS/150.870.65.528\r\n"), "{answer}");
        assert!(answer.contains("\r\nRetry-After: 5\r\n") && answer.ends_with("\r\n\r\nbusy"), "{answer}");
    }
    assert_eq!(exchange(&azure, versions), whole[..20]);
    assert_eq!(exchange(&azure, versions), "garbage");
    assert_eq!(exchange(&azure, versions).len(), whole.len());
    let start = Instant::now();
    assert_eq!(exchange(&azure, versions).len(), whole.len());
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(exchange(&azure, versions), "");
    assert_eq!(exchange(&azure, versions).len(), whole.len());
}

#[test]
fn a_cut_over_tls_comes_without_close_notify() {
    let azure = Azure::start().unwrap();
    azure.on(Service::Arm, Fault::cut(15));
    let mut stream = dial_arm(&azure);
    stream.write_all(request(&format!("GET {GROUP}"), "").as_bytes()).unwrap();
    let mut text = Vec::new();
    let error = stream.read_to_end(&mut text).unwrap_err();
    assert_eq!((error.kind(), str_of(&text)), (ErrorKind::UnexpectedEof, "HTTP/1.1 401 Un"));
}

#[test]
fn dropping_it_ends_everything_at_once() {
    for fault in [
        Fault::hang(),
        Fault::delay(Duration::from_secs(3600)),
        Fault::drip(Duration::from_secs(3600)),
        Fault::status(500),
    ] {
        let azure = Azure::start().unwrap();
        let (imds, arm) = (azure.imds.address(), azure.arm.address());
        azure.on(Service::Imds, fault);
        let (mut idle, mut handshaking) = (dial(&azure), TcpStream::connect(arm).unwrap());
        let mut busy = dial(&azure);
        busy.write_all(request("GET /metadata/versions", "Metadata: true\r\n").as_bytes()).unwrap();
        while azure.requests().is_empty() {
            thread::yield_now();
        }
        let start = Instant::now();
        drop(azure);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        for stream in [&mut idle, &mut handshaking, &mut busy] {
            let _ = stream.read_to_end(&mut Vec::new());
        }
        assert!(TcpStream::connect(imds).is_err() && TcpStream::connect(arm).is_err());
    }
}

/// The variable of that name, and of a URL the port and the path.
fn variable(azure: &Azure, service: Service, name: &str) -> (String, u16, String) {
    let value = azure.env(service).into_iter().find(|(known, _)| *known == name).unwrap().1;
    let (port, path) = value.rsplit_once(':').map_or(("", ""), |(_, rest)| rest.split_once('/').unwrap_or((rest, "")));
    let (port, path) = (port.parse().unwrap_or(0), format!("/{path}"));
    (value, port, path)
}

#[test]
fn every_endpoint_by_its_environment() {
    let azure = Azure::builder()
        .user_assigned("worker")
        .app_service()
        .app_service()
        .azure_arc()
        .azure_ml()
        .cloud_shell()
        .service_fabric()
        .workload()
        .start()
        .unwrap();
    let secret = |service, name| variable(&azure, service, name).0;
    let header = secret(Service::AppService, "IDENTITY_HEADER");
    let ml = secret(Service::AzureMl, "MSI_SECRET");
    let query = |version: &str| format!("?api-version={version}&resource=https://management.azure.com/");
    for (service, name, query, headers, status) in [
        (Service::Imds, "AZURE_POD_IDENTITY_AUTHORITY_HOST", String::new(), "Metadata: true".to_owned(), 404),
        (Service::AppService, "IDENTITY_ENDPOINT", query("2019-08-01"), format!("X-IDENTITY-HEADER: {header}"), 200),
        (Service::AppService, "MSI_ENDPOINT", query("2019-08-01"), format!("X-IDENTITY-HEADER: {header}"), 200),
        (Service::AzureArc, "IDENTITY_ENDPOINT", query("2020-06-01"), "Metadata: true".to_owned(), 401),
        (Service::AzureMl, "MSI_ENDPOINT", query("2017-09-01"), format!("secret: {ml}"), 200),
        (Service::CloudShell, "MSI_ENDPOINT", String::new(), "Metadata: true".to_owned(), 405),
    ] {
        let (value, port, path) = variable(&azure, service, name);
        assert!(value.starts_with("http://"), "{value}");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let headers = format!("{headers}\r\nConnection: close\r\n");
        stream.write_all(request(&format!("GET {path}{query}"), &headers).as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{value}: {answer}");
        assert_eq!(azure.requests().last().unwrap().service(), service);
        azure.on(service, Fault::status(503));
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request("GET /", "Connection: close\r\n").as_bytes()).unwrap();
        assert!(rest(&mut stream).starts_with("HTTP/1.1 503 "), "{value}");
    }
    assert_eq!(azure.env(Service::Arm), []);
    assert_eq!(Azure::start().unwrap().env(Service::AppService), []);
}

/// A token for the resource, from the metadata service.
fn token_for(azure: &Azure, resource: &str) -> String {
    let answer = exchange(azure, &format!("GET {}", TOKEN.replace("https%3A%2F%2Fmanagement.azure.com%2F", resource)));
    answer.split('"').skip_while(|word| *word != "access_token").nth(2).unwrap().to_owned()
}

#[test]
fn a_secret_and_a_blob_with_tokens_of_their_own() {
    let azure =
        Azure::builder().key_vault().secret("db", "s3cret").storage().blob("config/agent.json", "{}").start().unwrap();
    let arm = token(&azure);
    for (service, url, path, resource, words) in [
        (Service::KeyVault, azure.key_vault(), "/secrets/db?api-version=7.4", "https://vault.azure.net", "s3cret"),
        (Service::Storage, azure.storage(), "/config/agent.json", "https://storage.azure.com/", "\r\n\r\n{}"),
    ] {
        let port = url.strip_prefix("https://localhost:").unwrap().parse().unwrap();
        let good = token_for(&azure, resource);
        azure.on(service, Fault::firewall());
        for (token, status, words) in [(&good, 403, ""), (&arm, 401, "WWW-Authenticate: Bearer "), (&good, 200, words)]
        {
            let mut stream = dial_tls(&azure, port);
            let headers = format!("Authorization: Bearer {token}\r\nx-ms-version: 2023-11-03\r\nConnection: close\r\n");
            stream.write_all(request(&format!("GET {path}"), &headers).as_bytes()).unwrap();
            let answer = rest(&mut stream);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words), "{url}: {answer}");
        }
        assert!(azure.env(service).is_empty());
    }
    let without = Azure::start().unwrap();
    assert_eq!((without.key_vault(), without.storage()), (String::new(), String::new()));
}

#[test]
fn the_certificate_holds_for_the_names_of_azure() {
    let azure = Azure::start().unwrap();
    for (name, held) in [
        ("management.azure.com", true),
        ("eastus.management.azure.com", true),
        ("devtest-vault.vault.azure.net", true),
        ("devtest.blob.core.windows.net", true),
        ("graph.microsoft.com", true),
        ("vault.azure.net", false),
        ("example.org", false),
    ] {
        let mut stream = dial_as(&azure, azure.arm.address().port(), name);
        let sent = stream.write_all(request("GET /", "Connection: close\r\n").as_bytes()).and_then(|()| stream.flush());
        assert_eq!(sent.is_ok(), held, "{name}");
    }
}

#[test]
fn a_fresh_token_is_asked_for_until_it_comes() {
    let azure = Azure::start().unwrap();
    let old = token(&azure);
    azure.require_fresh_token();
    let fresh = token(&azure);
    for (token, status) in [(&old, 401), (&fresh, 200)] {
        let mut stream = dial_arm(&azure);
        let headers = format!("Authorization: Bearer {token}\r\nConnection: close\r\n");
        stream.write_all(request(&format!("GET {GROUP}"), &headers).as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[test]
fn an_assertion_until_it_is_rotated() {
    let azure = Azure::builder().workload().start().unwrap();
    let (file, ..) = variable(&azure, Service::Entra, "AZURE_FEDERATED_TOKEN_FILE");
    let (tenant, ..) = variable(&azure, Service::Entra, "AZURE_TENANT_ID");
    let (client, ..) = variable(&azure, Service::Entra, "AZURE_CLIENT_ID");
    let (_, port, _) = variable(&azure, Service::Entra, "AZURE_AUTHORITY_HOST");
    let exchange = |assertion: &str| {
        let form = format!(
            "client_id={client}&client_assertion={assertion}&grant_type=client_credentials&scope=https://management.azure.com/.default\
             &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        let headers = format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n",
            form.len()
        );
        let mut stream = dial_tls(&azure, port);
        stream.write_all((request(&format!("POST /{tenant}/oauth2/v2.0/token"), &headers) + &form).as_bytes()).unwrap();
        rest(&mut stream)
    };
    let first = std::fs::read_to_string(&file).unwrap();
    let answer = exchange(&first);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let token = answer.split('"').skip_while(|word| *word != "access_token").nth(2).unwrap();
    let mut stream = dial_arm(&azure);
    let bearer = format!("Authorization: Bearer {token}\r\nConnection: close\r\n");
    stream.write_all(request(&format!("GET {GROUP}"), &bearer).as_bytes()).unwrap();
    let group = rest(&mut stream);
    assert!(group.starts_with("HTTP/1.1 200 "), "{group}");

    azure.rotate_assertion().unwrap();
    let second = std::fs::read_to_string(&file).unwrap();
    assert!(exchange(&first).contains("AADSTS700024"));
    assert!(exchange(&second).starts_with("HTTP/1.1 200 "));
    drop(azure);
    assert!(!Path::new(&file).exists());
}

#[test]
fn files_only_where_they_are_needed_and_only_while_it_lives() {
    let azure = Azure::start().unwrap();
    assert!(!azure.arc_key_directory().exists() && azure.rotate_assertion().is_err());
    let azure = Azure::builder().azure_arc_legacy().start().unwrap();
    let folder = azure.arc_key_directory().to_owned();
    assert!(folder.is_dir());
    drop(azure);
    assert!(!folder.parent().unwrap().exists());
}

#[test]
fn a_taken_address_is_an_error_and_leaves_nothing_behind() {
    let azure = Azure::start().unwrap();
    let taken = azure.arm.address();
    let error = Azure::builder().arm_address(taken).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[test]
fn usable_from_any_thread_and_mute_about_keys() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Azure>();
    check::<Received>();
    let azure = Azure::start().unwrap();
    let shown = format!("{azure:?}");
    assert!(shown.contains(&azure.imds()) && shown.contains(&azure.arm()) && !shown.contains("CERTIFICATE"), "{shown}");
}
