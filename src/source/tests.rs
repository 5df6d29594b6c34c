//! Which endpoint is found, and what may be one.

use super::*;

fn found(pairs: &[(&'static str, &str)]) -> Result<&'static str, String> {
    locate(&Env::fixed(pairs), None).map(|place| place.name()).map_err(|error| error.to_string())
}

const LOCAL: &str = "http://127.0.0.1:41564/MSI/token/";
const TLS: &str = "https://localhost:2377/metadata/identity/oauth2/token";
const PIN: &str = "00112233445566778899aabbccddeeff00112233";

#[test]
fn the_first_that_finds_itself() {
    for (pairs, name) in [
        (&[][..], "imds"),
        (
            &[("IDENTITY_ENDPOINT", TLS), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", PIN)],
            "service-fabric",
        ),
        (&[("IDENTITY_ENDPOINT", LOCAL), ("IDENTITY_HEADER", "h")], "app-service"),
        // App Service sets both pairs.
        (
            &[("IDENTITY_ENDPOINT", LOCAL), ("IDENTITY_HEADER", "h"), ("MSI_ENDPOINT", LOCAL), ("MSI_SECRET", "h")],
            "app-service",
        ),
        (&[("MSI_ENDPOINT", LOCAL), ("MSI_SECRET", "s")], "azure-ml"),
        (&[("MSI_ENDPOINT", "http://localhost:50342/oauth2/token")], "cloud-shell"),
        (&[("IDENTITY_ENDPOINT", LOCAL), ("IMDS_ENDPOINT", "http://localhost:40342")], "azure-arc"),
        (&[("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t"), ("AZURE_FEDERATED_TOKEN_FILE", "/f")], "workload"),
        (
            &[
                ("MSI_ENDPOINT", LOCAL),
                ("AZURE_CLIENT_ID", "c"),
                ("AZURE_TENANT_ID", "t"),
                ("AZURE_FEDERATED_TOKEN_FILE", "/f"),
            ],
            "cloud-shell",
        ),
        // An empty variable is an unset one, and half a pair is none.
        (&[("IDENTITY_ENDPOINT", LOCAL), ("IDENTITY_HEADER", "")], "imds"),
        (&[("IDENTITY_ENDPOINT", LOCAL), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", "")], "app-service"),
        (&[("IDENTITY_HEADER", "h")], "imds"),
        (&[("MSI_SECRET", "s")], "imds"),
        (&[("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t")], "imds"),
        (&[("AZURE_CLIENT_ID", "c")], "imds"),
    ] {
        assert_eq!(found(pairs), Ok(name), "{pairs:?}");
    }
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    for (pairs, words) in [
        (&[("IDENTITY_ENDPOINT", "http://evil.example/"), ("IDENTITY_HEADER", "h")][..], "IDENTITY_ENDPOINT"),
        (&[("IDENTITY_ENDPOINT", "http://8.8.8.8/"), ("IDENTITY_HEADER", "h")], "IDENTITY_ENDPOINT"),
        (&[("IDENTITY_ENDPOINT", "http://127.0.0.1:99999/"), ("IDENTITY_HEADER", "h")], "IDENTITY_ENDPOINT"),
        (&[("IDENTITY_ENDPOINT", "http://127.0.0.1/ X"), ("IDENTITY_HEADER", "h")], "IDENTITY_ENDPOINT"),
        (&[("IDENTITY_ENDPOINT", LOCAL), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", PIN)], "https"),
        (
            &[("IDENTITY_ENDPOINT", TLS), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", "abc")],
            "IDENTITY_SERVER_THUMBPRINT",
        ),
        (&[("IDENTITY_ENDPOINT", "http://10.0.0.1/"), ("IMDS_ENDPOINT", "x")], "loopback"),
        (&[("MSI_ENDPOINT", "ftp://127.0.0.1/")], "MSI_ENDPOINT"),
        (
            &[("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t/../x"), ("AZURE_FEDERATED_TOKEN_FILE", "/f")],
            "AZURE_TENANT_ID",
        ),
        (
            &[
                ("AZURE_CLIENT_ID", "c"),
                ("AZURE_TENANT_ID", "t"),
                ("AZURE_FEDERATED_TOKEN_FILE", "/f"),
                ("AZURE_AUTHORITY_HOST", "http://login.example"),
            ],
            "AZURE_AUTHORITY_HOST",
        ),
        (
            &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:8080/metadata")],
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        ),
        (&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "127.0.0.1:8080")], "AZURE_POD_IDENTITY_AUTHORITY_HOST"),
        (&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://example.com")], "AZURE_POD_IDENTITY_AUTHORITY_HOST"),
    ] {
        let error = found(pairs).unwrap_err();
        assert!(error.contains(words), "{pairs:?}: {error}");
    }
}

#[test]
fn a_source_by_name() {
    let named = |name, pairs: &[_]| locate(&Env::fixed(pairs), Some(name)).map(|place| place.name());
    assert_eq!(named("imds", &[("MSI_ENDPOINT", LOCAL)]).unwrap(), "imds");
    assert_eq!(named("cloud-shell", &[("MSI_ENDPOINT", LOCAL), ("MSI_SECRET", "s")]).unwrap(), "cloud-shell");
    let error = named("app-service", &[]).unwrap_err().to_string();
    assert!(error.contains("IDENTITY_ENDPOINT and IDENTITY_HEADER"), "{error}");
    let error = named("no\x1bwhere", &[]).unwrap_err().to_string();
    assert!(error.contains("workload") && error.matches("azure-arc").count() == 1, "{error}");
    assert!(!error.contains(char::is_control), "{error:?}");
    #[cfg(target_os = "linux")]
    assert_eq!(named("azure-arc", &[]).unwrap(), "azure-arc");
}

#[test]
fn endpoints_in_the_clear_are_near() {
    for url in [
        "http://127.0.0.1:50342",
        "http://localhost",
        "http://[::1]:1",
        "http://100.64.100.2:41580",
        "http://10.1.2.3",
        "http://[fd00::1]",
        "http://169.254.169.253",
    ] {
        assert!(local_site("X", url).is_ok(), "{url}");
    }
    for url in [
        "http://8.8.8.8",
        "http://100.128.0.1",
        "http://0.0.0.0",
        "http://[2001:db8::1]",
        "http://[::ffff:8.8.8.8]",
        "http://evil.example",
        "http://127.0.0.1@evil.example",
        "https://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1/\r\nX: y",
        "127.0.0.1:1",
    ] {
        assert_eq!(local_site("X", url).unwrap_err().kind(), ErrorKind::InvalidInput, "{url}");
    }
}

#[test]
fn errors_name_no_secret() {
    for pairs in [
        &[("IDENTITY_ENDPOINT", "x"), ("IDENTITY_HEADER", "s3cr3t")][..],
        &[("MSI_ENDPOINT", "x"), ("MSI_SECRET", "s3cr3t")],
    ] {
        assert!(!found(pairs).unwrap_err().contains("s3cr3t"));
    }
}

#[test]
fn places_have_urls() {
    for (pairs, url) in [
        (&[("IDENTITY_ENDPOINT", LOCAL), ("IDENTITY_HEADER", "h")][..], LOCAL),
        (&[("IDENTITY_ENDPOINT", "http://127.0.0.1:80"), ("IDENTITY_HEADER", "h")], "http://127.0.0.1/"),
        (&[("IDENTITY_ENDPOINT", "http://127.0.0.1:81?a=b"), ("IDENTITY_HEADER", "h")], "http://127.0.0.1:81/?a=b"),
        (&[("IDENTITY_ENDPOINT", TLS), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", PIN)], TLS),
    ] {
        assert_eq!(locate(&Env::fixed(pairs), None).unwrap().url(), url);
    }
}

#[test]
fn what_any_endpoint_may_say() {
    let advice = |status, code: &str, message: &str| {
        let body = format!(r#"{{"error":"{code}","error_description":"{message}"}}"#);
        common_advice(status, &Failure::decode(body.as_bytes()))
    };
    let several = Some("name one with --client-id, --object-id or --resource-id");
    let proxy = Some("a proxy may have answered instead: identity endpoints are reached directly");
    for (status, code, message, wanted) in [
        (400, "invalid_request", "Identity not found", Some(NOT_ASSIGNED)),
        (400, "identity_not_found", "", Some(NOT_ASSIGNED)),
        (404, "identity_not_found", "", Some(NOT_ASSIGNED)),
        (400, "invalid_request", "Multiple user assigned identities exist, please specify", several),
        (400, "invalid_resource", "", Some(WRONG_RESOURCE)),
        (400, "invalid_request", "something else", None),
        (404, "invalid_request", "Identity not found", None),
        (403, "invalid_resource", "", None),
        (502, "", "", proxy),
        (504, "", "", proxy),
        (503, "", "", None),
    ] {
        assert_eq!(advice(status, code, message), wanted, "{status} {code} {message}");
    }
}

#[test]
fn names_and_evidence() {
    let told: Vec<_> = SOURCES.iter().map(|source| (source.name(), source.evidence())).collect();
    assert_eq!(
        told,
        [
            ("service-fabric", "IDENTITY_ENDPOINT, IDENTITY_HEADER and IDENTITY_SERVER_THUMBPRINT"),
            ("app-service", "IDENTITY_ENDPOINT and IDENTITY_HEADER"),
            ("azure-ml", "MSI_ENDPOINT and MSI_SECRET"),
            ("cloud-shell", "MSI_ENDPOINT without MSI_SECRET"),
            ("azure-arc", "IDENTITY_ENDPOINT and IMDS_ENDPOINT, or the installed agent"),
            ("workload", "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE"),
            ("azure-arc", "the installed agent"),
            ("imds", "the absence of all others"),
        ]
    );
}

#[test]
fn what_azure_ml_says_of_an_identity_that_is_not_there() {
    let place = locate(&Env::fixed(&[("MSI_ENDPOINT", LOCAL), ("MSI_SECRET", "s")]), None).unwrap();
    let advice = |status, message: &str| {
        let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
        place.endpoint.advice(status, &Failure::decode(body.as_bytes()))
    };
    assert_eq!(advice(400, "No MSI found for specified ClientId"), Some(NOT_ASSIGNED));
    assert_eq!((advice(400, "no"), advice(404, "No MSI found")), (None, None));
}

#[test]
fn an_assertion_is_read_where_the_variable_says() {
    let file = "/var/run/secrets/azure/tokens/azure-identity-token";
    let env = [("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t"), ("AZURE_FEDERATED_TOKEN_FILE", file)];
    let place = locate(&Env::fixed(&env), None).unwrap();
    assert_eq!(place.endpoint.assertion_file(), Some(PathBuf::from(file)));
    assert_eq!(locate(&Env::fixed(&[]), None).unwrap().endpoint.assertion_file(), None);
}

#[test]
fn what_service_fabric_says_of_a_resource_that_is_not_there() {
    let env = [("IDENTITY_ENDPOINT", TLS), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", PIN)];
    let place = locate(&Env::fixed(&env), None).unwrap();
    assert_eq!(
        place.endpoint.advice(500, &Failure::default()),
        Some("check the resource: a trailing slash is the usual mistake")
    );
    assert_eq!(place.endpoint.advice(503, &Failure::default()), None);
}

#[test]
fn what_a_key_file_may_hold() {
    let key = |content: &[u8]| KeyFile::key(content).map(|key| key.to_string());
    assert_eq!(key(b"a-key=\r\n"), Ok("a-key=".to_owned()));
    assert!(key(&[b'k'; MAX_KEY]).is_ok());
    for content in ["", " \n", "two words", "caf\u{e9}", &"k".repeat(MAX_KEY + 1)] {
        assert!(key(content.as_bytes()).is_err(), "{content:?}");
    }
    assert!(key(b"\xff").is_err());
}

#[test]
fn what_an_assertion_may_be() {
    let read = |content: &[u8]| assertion(content).map(|text| text.to_string());
    assert_eq!(read(b" header.claims.signature\n").as_deref(), Some("header.claims.signature"));
    assert!(read(&[b'a'; MAX_ASSERTION]).is_some());
    for content in [&b""[..], b" \r\n", b"\xff", &[b'a'; MAX_ASSERTION + 1]] {
        assert_eq!(read(content), None);
    }
}
