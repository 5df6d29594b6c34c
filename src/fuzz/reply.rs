//! What must hold of the answers of identity endpoints.

use std::path::Path;
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::script::Script;
use crate::env::{self, Env};
use crate::error::ErrorKind;
use crate::http::Response;
use crate::identity::Identity;
use crate::source::{Place, locate, reply as read, unexpected};
use crate::token::{Ask, Received};

/// Every source reads any answer: a token comes with 200 alone, a refusal keeps its status and says nothing that is secret, and
/// only Arc's agent is asked again, with one of its own keys.
pub fn reply(data: &[u8]) {
    let mut script = Script(data);
    let environment = script.pick(SOURCES);
    let place = locate(&Env::fixed(environment), None).unwrap();
    let status = match script.byte() {
        byte @ 0..240 => STATUSES[usize::from(byte) % STATUSES.len()],
        _ => 200 + (u16::from(script.byte()) + u16::from(script.byte())).min(399),
    };
    let mut headers = Vec::new();
    for _ in 0..script.byte() % 4 {
        let (name, value) = (script.text(HEADERS), script.text(VALUES));
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !value.contains(char::is_control) {
            headers.push((name, value));
        }
    }
    let body = match script.byte() {
        0..16 => error_body(&mut script).into_bytes(),
        _ => script.0.to_vec(),
    };
    let response = Response::from_parts(status, &headers, &body);
    assert_eq!(response.body(), body);
    challenge(&place, &response);
    outcome(&place, &response, status);
    let error = unexpected(&place, &response);
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadAnswer, Some(status)));
}

/// Codes and messages that some source knows, and others.
fn error_body(script: &mut Script<'_>) -> String {
    let (code, message) = (script.text(CODES), script.text(MESSAGES));
    let text = |text: &str| miniserde::json::to_string(text);
    match script.byte() % 3 {
        0 => format!(r#"{{"error":{},"error_description":{}}}"#, text(&code), text(&message)),
        1 => format!(r#"{{"error":{{"code":{},"message":{}}}}}"#, text(&code), text(&message)),
        _ => format!(r#"{{"statusCode":500,"message":{}}}"#, text(&message)),
    }
}

fn challenge(place: &Place, response: &Response) {
    match place.endpoint.challenge(response) {
        Ok(None) => assert!(place.name() != "azure-arc" || response.status >= 400 && response.status != 401),
        Ok(Some(file)) => {
            assert_eq!((place.name(), response.status), ("azure-arc", 401));
            assert_eq!(file.directory, Path::new("/var/opt/azcmagent/tokens"));
            assert_eq!(file.path.parent(), Some(&*file.directory));
            assert_eq!(file.path.extension().and_then(|extension| extension.to_str()), Some("key"));
        }
        Err(error) => {
            assert_eq!((place.name(), error.kind()), ("azure-arc", ErrorKind::BadAnswer));
            super::assert_presentable(&error);
        }
    }
}

fn outcome(place: &Place, response: &Response, status: u16) {
    let ask = Ask { resource: &"https://vault.azure.net".into(), identity: &Identity::SystemAssigned, strict: false };
    let received = Received { at: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(1_700_000_000) };
    let error = match read(place, response, &ask, received) {
        Ok(token) => return assert!(status == 200 && !token.secret().is_empty()),
        Err(error) => error,
    };
    super::assert_presentable(&error);
    // What the service writes of it is its own.
    let own = String::from_utf8_lossy(response.body()).contains(SECRET);
    assert!(own || !format!("{error:?}").contains(SECRET), "{error}");
    let kinds: &[ErrorKind] = match status {
        200 => &[ErrorKind::BadAnswer, ErrorKind::IdentityRefused],
        201..400 => &[ErrorKind::BadAnswer],
        429 => &[ErrorKind::Throttled],
        408 | 410 | 500.. => &[ErrorKind::Unavailable],
        _ => &[ErrorKind::IdentityRefused],
    };
    assert!(kinds.contains(&error.kind()), "{:?} for {status}", error.kind());
    assert!(place.endpoint.is_passing(status) || !matches!(status, 408 | 429 | 500..), "{status} does not pass");
    // A refusal for good is not asked again.
    assert!(!place.endpoint.is_passing(status) || !matches!(status, 200..=399 | 400 | 401 | 403));
    if status >= 400 {
        assert_eq!(error.status(), Some(status));
        assert_eq!(error.request_id(), response.header("x-ms-request-id"));
        assert_eq!(error.retry_after(), response.retry_after(received.wall));
    }
}

const SECRET: &str = "s3cr3t-0a1b2c3d";
const LOCAL: &str = "http://localhost:1/x";
const SOURCES: &[&[(&str, &str)]] = &[
    &[],
    &[(env::ENDPOINT, LOCAL), (env::HEADER, SECRET)],
    &[(env::ENDPOINT, LOCAL), (env::IMDS_ENDPOINT, LOCAL)],
    &[
        (env::ENDPOINT, "https://localhost"),
        (env::HEADER, SECRET),
        (env::THUMBPRINT, "0123456789012345678901234567890123456789"),
    ],
    &[(env::MSI_ENDPOINT, LOCAL), (env::MSI_SECRET, SECRET)],
    &[(env::MSI_ENDPOINT, LOCAL)],
    &[(env::CLIENT_ID, "c"), (env::TENANT_ID, "t"), (env::FEDERATED_TOKEN_FILE, "/f")],
];
const STATUSES: [u16; 16] = [200, 400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504, 204, 302, 405, 599];
const HEADERS: &[&str] = &["www-authenticate", "WWW-Authenticate", "retry-after", "x-ms-request-id", "retry-after-ms"];
const VALUES: &[&str] = &[
    "Basic realm=/var/opt/azcmagent/tokens/a.key",
    "Basic realm=\"/var/opt/azcmagent/tokens/b.key\"",
    "Basic realm=/etc/shadow",
    "7",
    "Sun, 06 Nov 2033 08:49:37 GMT",
];
const CODES: &[&str] = &[
    "invalid_request",
    "identity_not_found",
    "invalid_resource",
    "ManagedIdentityNotFound",
    "AudienceNotSupported",
    "",
];
const MESSAGES: &[&str] = &[
    "Identity not found",
    "Multiple user assigned identities exist",
    "No MSI found for specified ClientId/ResourceId.",
    "AADSTS700016: Application with identifier 'c' was not found",
    "AADSTS70021: No matching federated identity record found",
    "AADSTS700213: No matching federated identity record found",
    "",
];
