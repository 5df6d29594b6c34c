//! What must hold of refusals.

use std::time::{Duration, Instant, UNIX_EPOCH};

use super::json::Json;
use super::script::Script;
use crate::arm::refusal::{namespace, refusal as read};
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;

/// Any answer that is no success, from whatever host: the kind follows from the status, the service's own words and ids are
/// kept, what is made of them is bounded and fit to be shown, and no signature is.
pub fn refusal(data: &[u8]) {
    let mut script = Script(data);
    let status = match script.byte() {
        byte @ 0..240 => STATUSES[usize::from(byte) % STATUSES.len()],
        _ => 300 + u16::from(script.byte()),
    };
    let mut headers = Vec::new();
    for _ in 0..script.byte() % 6 {
        let (name, value) = ((*script.pick(HEADERS)).to_owned(), script.text(VALUES));
        if !value.contains(|c: char| c.is_control() && c != '\t') {
            headers.push((name, value));
        }
    }
    let told = match script.byte() {
        0..64 => Some(Told::read(&mut script)),
        _ => None,
    };
    let body = told.as_ref().map_or_else(|| script.0.to_vec(), |told| told.body().into_bytes());
    let wall = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let error = read(status, &headers, &body, "https://management.azure.com/x?sig=s3cr3t-0a1b2c3d", wall);
    super::assert_presentable(&error);
    // What else a service writes of it is its own.
    let own = headers.iter().any(|(name, value)| name != "location" && value.contains(SECRET))
        || String::from_utf8_lossy(&body).contains(SECRET);
    assert!(own || !format!("{error:?}").contains(SECRET), "{error}");
    assert_eq!(error.status(), Some(status));
    let kind = match status {
        401 | 403 => ErrorKind::AccessDenied,
        404 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        400..500 => ErrorKind::Rejected,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::BadAnswer,
    };
    assert_eq!(error.kind(), kind);
    if kind != ErrorKind::BadAnswer {
        let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        assert_headers(&error, header);
        assert_facts(&error);
        if let (Some(told), None) = (&told, header("x-ms-error-code")) {
            told.assert_heard(&error);
        }
    }
    // One input in sixteen, so that the rest stays fast.
    if (1..=64).contains(&body.len()) && data.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) % 16 == 0 {
        let started = Instant::now();
        Failure::read(&body.repeat((1 << 17) / body.len()));
        Failure::read(&[br#"{"error":{"details":["#, &body.repeat((1 << 17) / body.len())[..]].concat());
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
}

fn assert_headers<'a>(error: &Error, header: impl Fn(&str) -> Option<&'a str>) {
    assert_eq!(error.request_id(), header("x-ms-request-id"));
    assert_eq!(error.failure_cause(), header("x-ms-failure-cause"));
    assert_eq!(error.client_request_id(), header("x-ms-client-request-id"));
    assert_eq!(error.date(), header("date"));
    if let Some(code) = header("x-ms-error-code") {
        assert_eq!(error.code(), Some(code));
    }
    if let Some(seconds) = header("retry-after").and_then(|value| value.parse::<u8>().ok()) {
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds.into())));
    }
    let asked = header("retry-after").or_else(|| header("retry-after-ms")).is_some();
    assert!(asked || error.retry_after().is_none() || error.status() == Some(429));
    assert!(error.region().is_none_or(|region| region.bytes().all(|byte| byte.is_ascii_alphanumeric())));
    let claims = error.claims().map(|claims| Json::read(claims.trim_start_matches('\u{feff}')));
    assert!(claims.is_none_or(|claims| error.status() == Some(401) && matches!(claims, Some(Json::Object(_)) | None)));
}

/// Whatever the body: bounded, and as plain as their use asks for.
fn assert_facts(error: &Error) {
    assert!(error.details().count() <= 50 && error.policy_violations().count() <= 50);
    assert!(error.inner_codes().count() <= 52);
    for version in error.supported_api_versions() {
        assert!(version.len() >= 10 && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }
    // It becomes a segment of a path.
    if let Some(name) = namespace(error) {
        let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(name.contains('.') && name.split('.').all(part), "{name}");
    }
}

/// A body in the form of Resource Manager's own, and what is in it.
struct Told {
    code: String,
    message: String,
    inner: Vec<String>,
    targets: Vec<String>,
    policies: Vec<String>,
}

impl Told {
    fn read(script: &mut Script<'_>) -> Self {
        let mut list = |count: u8, choices| (0..script.byte() % count).map(|_| script.text(choices)).collect();
        let (inner, targets, policies) = (list(4, CODES), list(4, TARGETS), list(3, TARGETS));
        Self { code: script.text(CODES), message: script.text(MESSAGES), inner, targets, policies }
    }

    fn body(&self) -> String {
        let text = |text: &String| miniserde::json::to_string(text);
        let inner = self
            .inner
            .iter()
            .rfold("null".to_owned(), |within, code| format!(r#"{{"code":{},"innererror":{within}}}"#, text(code)));
        let details: Vec<_> = self
            .targets
            .iter()
            .map(|target| format!(r#"{{"code":"D","target":{},"message":"m"}}"#, text(target)))
            .collect();
        let policies = self.policies.iter().map(|name| {
            format!(
                r#"{{"type":"PolicyViolation","info":{{"policyDefinitionName":{0},"policyAssignmentId":{0}}}}}"#,
                text(name)
            )
        });
        format!(
            r#"{{"error":{{"code":{},"message":{},"innererror":{inner},"details":[{}],"additionalInfo":[{}]}}}}"#,
            text(&self.code),
            text(&self.message),
            details.join(","),
            policies.collect::<Vec<_>>().join(",")
        )
    }

    fn assert_heard(&self, error: &Error) {
        // A message that is an error of its own is taken apart.
        if Json::read(self.message.trim_start_matches('\u{feff}')).is_some_and(|inner| matches!(inner, Json::Object(_)))
        {
            return;
        }
        let filled = |texts: &[String]| texts.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>();
        if self.code.is_empty() && error.claims().is_some() {
            return;
        }
        assert_eq!(error.code().unwrap_or_default(), self.code);
        assert_eq!(error.message(), Some(self.message.as_str()));
        assert_eq!(error.inner_codes().collect::<Vec<_>>(), filled(&self.inner));
        let targets: Vec<_> = error.details().map(|detail| detail.target().unwrap_or_default()).collect();
        assert_eq!(targets, self.targets);
        let mut policies = filled(&self.policies);
        let mut seen = Vec::new();
        policies.retain(|name| {
            !seen.contains(name) && {
                seen.push(name.clone());
                true
            }
        });
        let found: Vec<_> = error.policy_violations().filter_map(|policy| policy.definition()).collect();
        assert_eq!(found, policies);
    }
}

const SECRET: &str = "s3cr3t-0a1b2c3d";
const STATUSES: [u16; 16] = [400, 401, 403, 404, 409, 412, 429, 500, 503, 502, 504, 408, 302, 304, 410, 422];
const HEADERS: &[&str] = &[
    "x-ms-error-code",
    "www-authenticate",
    "retry-after",
    "retry-after-ms",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-ms-failure-cause",
    "x-ms-client-request-id",
    "date",
    "x-ms-routing-request-id",
    "location",
];
const VALUES: &[&str] = &[
    "AuthorizationFailed",
    "Bearer error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"",
    "Bearer authorization_uri=\"https://login.microsoftonline.com/2f4a9838\", error=\"invalid_token\", error_description=\"d\"",
    "7",
    "Sun, 06 Nov 2033 08:49:37 GMT",
    "EASTUS2:20210629T052336Z:0b1c2d3e",
    "https://login.example/?sig=s3cr3t-0a1b2c3d",
    "https://login.example/#sig=s3cr3t-0a1b2c3d",
    "gateway",
];
const CODES: &[&str] = &[
    "AuthorizationFailed",
    "InvalidAuthenticationTokenTenant",
    "MissingSubscriptionRegistration",
    "NoRegisteredProviderFound",
    "RequestDisallowedByPolicy",
    "ForbiddenByRbac",
    "Forbidden",
    "TooManyRequests",
    "insufficient_claims",
    "",
];
const TARGETS: &[&str] = &["Microsoft.Compute", "..", "a/../b", ".", ""];
const MESSAGES: &[&str] = &[
    "The client 'c' with object id 'o' does not have authorization to perform action 'a' over scope '/s' or the scope is invalid.",
    "The access token is from the wrong issuer 'https://sts.windows.net/2f4a9838/'. It must match the tenant 'https://sts.windows.net/98f51385/'.",
    "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/98f51385/, found https://sts.windows.net/2f4a9838/.",
    "No registered resource provider found. The supported api-versions are '2015-01-01, 2021-04-01, 2022-01-01-preview'. The",
    "The supported versions are '2022-01-01-preview'.",
    "Please try again after '372' seconds.",
    "retry in 5 minutes",
    "{\"code\":\"Inner\",\"message\":\"{}\"}",
    "{\"error\":{\"code\":\"Inner\",\"message\":\"m\"}}",
    "",
];
