//! What refusals say: status, headers and body in, the error out. The forms that services send.

use std::time::UNIX_EPOCH;

use crate::arm::refusal::refusal;
use crate::error::{Error, ErrorKind as Kind};

const URL: &str = "https://management.azure.com/subscriptions/s?api-version=v";

fn read(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    refusal(status, &headers, body.as_bytes(), URL, UNIX_EPOCH)
}

fn arm(code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#)
}

/// Status, headers, body; kind, code, and words that the advice has.
type Row<'a> = (u16, &'a [(&'a str, &'a str)], String, Kind, Option<&'a str>, &'a str);

#[test]
fn codes_and_what_to_do_about_them() {
    let forbidden =
        |inner: &str| format!(r#"{{"error":{{"code":"Forbidden","message":"m","innererror":{{"code":"{inner}"}}}}}}"#);
    let rows: Vec<Row<'_>> = vec![
        (400, &[], arm("BadRequest", "m"), Kind::Rejected, Some("BadRequest"), ""),
        (403, &[], arm("AuthorizationFailed", "m"), Kind::AccessDenied, Some("AuthorizationFailed"), "--retry-forbidden"),
        (403, &[], arm("RequestDisallowedByPolicy", "m"), Kind::AccessDenied, Some("RequestDisallowedByPolicy"), "policy"),
        (409, &[], arm("ScopeLocked", "m"), Kind::Conflict, Some("ScopeLocked"), "lock"),
        (409, &[], arm("MissingSubscriptionRegistration", "m"), Kind::Conflict, Some("MissingSubscriptionRegistration"), "--register-provider"),
        (404, &[], arm("SubscriptionNotFound", "m"), Kind::NotFound, Some("SubscriptionNotFound"), "role"),
        (404, &[], arm("ResourceNotFound", "m"), Kind::NotFound, Some("ResourceNotFound"), ""),
        (412, &[], arm("PreconditionFailed", "m"), Kind::Conflict, Some("PreconditionFailed"), "read it again"),
        (429, &[], arm("TooManyRequests", "m"), Kind::Throttled, Some("TooManyRequests"), ""),
        (500, &[], arm("InternalServerError", "m"), Kind::Unavailable, Some("InternalServerError"), ""),
        (403, &[], forbidden("ForbiddenByRbac"), Kind::AccessDenied, Some("Forbidden"), "role"),
        (403, &[], forbidden("ForbiddenByFirewall"), Kind::AccessDenied, Some("Forbidden"), "firewall"),
        (403, &[], forbidden("ForbiddenByPolicy"), Kind::AccessDenied, Some("Forbidden"), "access policies"),
        (403, &[("x-ms-error-code", "AuthorizationPermissionMismatch")], String::new(), Kind::AccessDenied, Some("AuthorizationPermissionMismatch"), "role"),
        (403, &[("x-ms-error-code", "AuthorizationFailure")], String::new(), Kind::AccessDenied, Some("AuthorizationFailure"), "firewall"),
        (404, &[("x-ms-error-code", "BlobNotFound")], String::new(), Kind::NotFound, Some("BlobNotFound"), ""),
        (404, &[], "<?xml version=\"1.0\"?><m:error xmlns:m=\"x\"><m:code>ResourceNotFound</m:code><m:message>m</m:message></m:error>".to_owned(), Kind::NotFound, Some("ResourceNotFound"), ""),
        (502, &[], "<html><body>Bad Gateway</body></html>".to_owned(), Kind::Unavailable, None, "not an Azure answer"),
        (405, &[], r#"{"Message":"no"}"#.to_owned(), Kind::Rejected, None, ""),
        (401, &[], r#"{"error":"invalid_client","error_description":"AADSTS7000215: no"}"#.to_owned(), Kind::AccessDenied, Some("invalid_client"), ""),
        (401, &[("www-authenticate", "Bearer error=\"insufficient_claims\", claims=\"e30=\"")], String::new(), Kind::AccessDenied, Some("insufficient_claims"), ""),
        (307, &[("location", "https://elsewhere.example/x?sig=s3cr3t")], String::new(), Kind::BadAnswer, None, ""),
    ];
    for (status, headers, body, kind, code, words) in rows {
        let error = read(status, headers, &body);
        assert_eq!((error.kind(), error.status(), error.code()), (kind, Some(status), code), "{status} {body}");
        let advice = error.advice().unwrap_or_default();
        assert!(advice.contains(words), "{status} {code:?}: {words:?} in {advice:?}");
        assert!(!format!("{error} {error:?} {advice}").contains("s3cr3t"), "{error}");
    }
}

#[test]
fn nested_things_are_told() {
    let inner = r#"{\"error\":{\"code\":\"QuotaExceeded\",\"message\":\"no cores left\"}}"#;
    let error = read(
        409,
        &[
            ("x-ms-request-id", "r-1"),
            ("x-ms-correlation-request-id", "c-1"),
            ("x-ms-client-request-id", "k-1"),
            ("x-ms-failure-cause", "service"),
            ("x-ms-routing-request-id", "EASTUS2:20210629T052336Z:g"),
            ("date", "Tue, 29 Jun 2021 05:23:36 GMT"),
        ],
        &format!(
            r#"{{"error":{{"code":"A","message":"a","details":[{{"code":"B","target":"/x","message":"{inner}"}}]}}}}"#
        ),
    );
    let shown: Vec<_> = error.details().map(ToString::to_string).collect();
    assert!(shown.iter().any(|line| line.contains("QuotaExceeded") && line.contains("no cores left")), "{shown:?}");
    assert_eq!(error.details().next().and_then(|detail| detail.target()), Some("/x"));
    assert_eq!(
        (error.request_id(), error.correlation_id(), error.client_request_id()),
        (Some("r-1"), Some("c-1"), Some("k-1"))
    );
    assert_eq!((error.failure_cause(), error.region()), (Some("service"), Some("EASTUS2")));
    assert_eq!(error.date(), Some("Tue, 29 Jun 2021 05:23:36 GMT"));
}

#[test]
fn a_policy_has_ids() {
    let info = r#"{"policyDefinitionId":"/d","policyAssignmentId":"/a"}"#;
    let body = format!(
        r#"{{"error":{{"code":"RequestDisallowedByPolicy","message":"m","additionalInfo":[{{"type":"PolicyViolation","info":{info}}}]}}}}"#
    );
    let error = read(403, &[], &body);
    let found: Vec<_> = error.policy_violations().map(|found| (found.definition_id(), found.assignment_id())).collect();
    assert_eq!(found, [(Some("/d"), Some("/a"))]);
}

#[test]
fn a_region_is_one_plain_word() {
    for route in
        ["", ":20210629T052336Z:g", "EAST US 2:20210629T052336Z:g", "EAST\u{1b}[1m:20210629T052336Z:g", "EASTUS2"]
    {
        assert_eq!(read(409, &[("x-ms-routing-request-id", route)], "").region(), None, "{route:?}");
    }
}

#[test]
fn policies_versions_claims_and_waits() {
    let error = read(
        403,
        &[],
        r#"{"error":{"code":"RequestDisallowedByPolicy","message":"m","additionalInfo":[{"type":"PolicyViolation","info":{"policyDefinitionDisplayName":"Allowed locations","policyAssignmentName":"eu-only"}}]}}"#,
    );
    let shown: Vec<_> = error.policy_violations().map(ToString::to_string).collect();
    assert!(shown.len() == 1 && shown[0].contains("Allowed locations") && shown[0].contains("eu-only"), "{shown:?}");

    let error = read(
        400,
        &[],
        &arm(
            "InvalidApiVersionParameter",
            "The api-version '1' is invalid. The supported versions are '2021-04-01,2022-09-01,2023-01-01-preview'.",
        ),
    );
    let versions: Vec<_> = error.supported_api_versions().collect();
    assert_eq!(versions, ["2021-04-01", "2022-09-01", "2023-01-01-preview"]);
    assert!(error.advice().is_some_and(|advice| advice.contains("2022-09-01")), "{:?}", error.advice());

    for claims in ["eyJhIjoiYj8_In0", "eyJhIjoiYj8/In0="] {
        let error = read(
            401,
            &[("WWW-Authenticate", &format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{claims}\""))],
            "",
        );
        assert_eq!(error.claims(), Some(r#"{"a":"b??"}"#), "{claims}");
    }

    let words = arm("OperationNotAllowed", "The server rejected the request: try again after '372' seconds.");
    assert_eq!(read(429, &[], &words).retry_after().map(|wait| wait.as_secs()), Some(372));
    assert_eq!(read(429, &[("Retry-After", "5")], &words).retry_after().map(|wait| wait.as_secs()), Some(5));
}
