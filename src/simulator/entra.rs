//! Entra's token endpoint, as far as the exchange of an assertion for a token goes, and where clients read of it.

use super::aadsts::{self, Refusal};
use super::assertion::Standing;
use super::clock;
use super::json;
use super::request::Received;
use super::response::{Outcome, Response};
use super::token;
use super::world::{ManagedIdentity, TENANT, World};

/// Answers as the service does:
/// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    dress(route(world, request).unwrap_or_else(|refusal| refusal), request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    let response = response
        .header("Cache-Control", "no-store, no-cache")
        .header("Pragma", "no-cache")
        .header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        .header("X-Content-Type-Options", "nosniff")
        .header("x-ms-request-id", token::guid())
        .dated(request);
    match request.header("client-request-id") {
        Some(id) => response.header("client-request-id", id),
        None => response,
    }
}

fn route(world: &World, request: &Received) -> Outcome {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let now = clock::epoch(request.at);
    let refuse = |refusal: Refusal| refusal.response(now, "login.microsoftonline.com");
    match (request.method(), segments.as_slice()) {
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => {
            check_tenant(tenant).and_then(|()| exchange(world, request, now)).map_err(refuse)
        }
        (_, [_, "oauth2", "v2.0", "token"]) => {
            let message =
                "Endpoint only accepts POST requests. Received a GET request.".replace("GET", request.method());
            Err(refuse(invalid_request(900_561, message)))
        }
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
            check_tenant(tenant).map_err(refuse)?;
            Ok(Response::json(200, configuration(&own_url(request))))
        }
        ("GET", ["common", "discovery", "instance"]) => Ok(Response::json(200, instance(&own_url(request)))),
        _ => Err(Response::new(404)),
    }
}

/// The client chose the name that it calls the stand-in by, and will compare.
fn own_url(request: &Received) -> String {
    format!("https://{}", request.header("host").unwrap_or_default())
}

fn check_tenant(tenant: &str) -> Result<(), Refusal> {
    if tenant.eq_ignore_ascii_case(TENANT) {
        return Ok(());
    }
    let domain = tenant.contains('.')
        && tenant
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    // Nothing but a GUID has the form of one of these and is no URI.
    let guid = aadsts::knows(tenant) && !tenant.contains(':');
    if guid || domain {
        let message = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the \
             correct cloud. Check with your subscription administrator, this may happen if there are no active \
             subscriptions for the tenant."
        );
        return Err(invalid_request(90_002, message));
    }
    let message =
        format!("Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.");
    Err(invalid_request(900_023, message))
}

/// In the order in which the service objects.
fn exchange(world: &World, request: &Received, now: u64) -> Result<Response, Refusal> {
    let missing = |name: &str| {
        invalid_request(900_144, format!("The request body must contain the following parameter: '{name}'."))
    };
    let field = |name: &str| request.field(name).filter(|_| request.is_form());
    let required = |name: &str| field(name).ok_or_else(|| missing(name));

    let grant = required("grant_type")?;
    if grant != "client_credentials" {
        let message = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(Refusal { status: 400, error: "unsupported_grant_type", code: 70_003, message });
    }
    let identity = client(world, &required("client_id")?)?;
    let scope = required("scope")?;
    let Some(resource) = scope.strip_suffix("/.default").filter(|resource| !resource.contains(' ')) else {
        let message = format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
             'scope' is not valid. The scope {scope} is not valid."
        );
        return Err(Refusal { status: 400, error: "invalid_scope", code: 70_011, message });
    };
    let Some(assertion) = field("client_assertion") else {
        let message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Err(invalid_client(7_000_218, message.to_owned()));
    };
    let kind = required("client_assertion_type")?;
    if kind != ASSERTION_TYPE {
        let message = format!("The client assertion type '{kind}' is not supported.");
        return Err(invalid_request(90_023, message));
    }
    check_assertion(world, assertion.trim(), now)?;
    if !aadsts::knows(resource) {
        return Err(aadsts::unknown_resource(resource));
    }
    let issued = token::obtain(world, identity, resource, now, true);
    let lifetime = issued.expires_on.saturating_sub(now).to_string();
    let members = [
        ("token_type", json::text("Bearer")),
        ("expires_in", lifetime.clone()),
        ("ext_expires_in", lifetime),
        ("access_token", json::text(&issued.token)),
    ];
    Ok(Response::json(200, json::object(members)))
}

fn client<'a>(world: &'a World, id: &str) -> Result<&'a ManagedIdentity, Refusal> {
    let found = world.identities.iter().find(|identity| identity.client_id().eq_ignore_ascii_case(id));
    found.ok_or_else(|| {
        let message = format!(
            "Application with identifier '{id}' was not found in the directory '{TENANT}'. This can happen if the \
             application has not been installed by the administrator of the tenant or consented to by any user in the \
             tenant. You may have sent your authentication request to the wrong tenant."
        );
        Refusal { status: 400, error: "unauthorized_client", code: 700_016, message }
    })
}

fn check_assertion(world: &World, assertion: &str, now: u64) -> Result<(), Refusal> {
    match world.endpoints.assertions.standing(assertion) {
        Standing::Good => Ok(()),
        Standing::Over(from, to) => {
            let [now, from, to] = [now, from, to].map(clock::entra).map(|text| text.replace(' ', "T"));
            let message = format!(
                "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, \
                 expiry time of assertion {to}. Review the documentation at \
                 https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."
            );
            Err(invalid_client(700_024, message))
        }
        Standing::Forged => {
            let message = "Assertion failed signature validation. [Reason - The key was not found.].";
            Err(invalid_client(50_013, message.to_owned()))
        }
    }
}

fn invalid_request(code: u32, message: String) -> Refusal {
    Refusal { status: 400, error: "invalid_request", code, message }
}

fn invalid_client(code: u32, message: String) -> Refusal {
    Refusal { status: 401, error: "invalid_client", code, message }
}

fn configuration(url: &str) -> String {
    let strings = |values: &[&str]| json::array(values.iter().map(|value| json::text(value)));
    json::object([
        ("token_endpoint", json::text(&format!("{url}/{TENANT}/oauth2/v2.0/token"))),
        ("token_endpoint_auth_methods_supported", strings(&["client_secret_post", "private_key_jwt"])),
        ("jwks_uri", json::text(&format!("{url}/{TENANT}/discovery/v2.0/keys"))),
        ("response_modes_supported", strings(&["query", "fragment", "form_post"])),
        ("subject_types_supported", strings(&["pairwise"])),
        ("id_token_signing_alg_values_supported", strings(&["RS256"])),
        ("response_types_supported", strings(&["code", "id_token", "code id_token", "id_token token"])),
        ("scopes_supported", strings(&["openid", "profile", "email", "offline_access"])),
        ("issuer", json::text(&format!("{url}/{TENANT}/v2.0"))),
        ("authorization_endpoint", json::text(&format!("{url}/{TENANT}/oauth2/v2.0/authorize"))),
        ("device_authorization_endpoint", json::text(&format!("{url}/{TENANT}/oauth2/v2.0/devicecode"))),
        ("tenant_region_scope", json::text("NA")),
        ("cloud_instance_name", json::text("microsoftonline.com")),
    ])
}

fn instance(url: &str) -> String {
    let host = || json::text(url.trim_start_matches("https://"));
    let metadata =
        json::object([("preferred_network", host()), ("preferred_cache", host()), ("aliases", json::array([host()]))]);
    let configuration = format!("{url}/{TENANT}/v2.0/.well-known/openid-configuration");
    json::object([
        ("tenant_discovery_endpoint", json::text(&configuration)),
        ("api-version", json::text("1.1")),
        ("metadata", json::array([metadata])),
    ])
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::super::Service;
    use super::super::endpoints::Endpoints;
    use super::super::folder::Folder;
    use super::super::request::{posted, received};
    use super::super::world::world;
    use super::*;

    const SYSTEM: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";

    fn cluster() -> (World, Folder) {
        let folder = Folder::new().unwrap();
        fs::create_dir(folder.path()).unwrap();
        let mut world = world(true, &["worker"]);
        world.endpoints = Endpoints::new(folder.path());
        world.endpoints.assertions.rotate(std::time::UNIX_EPOCH).unwrap();
        (world, folder)
    }

    fn current(world: &World) -> String {
        fs::read_to_string(&world.endpoints.assertions.file).unwrap()
    }

    /// A good form, but for the one field.
    fn form(world: &World, field: &str, value: &str) -> String {
        let assertion = current(world);
        let fields = [
            ("client_id", SYSTEM),
            ("client_assertion", &assertion),
            ("client_assertion_type", ASSERTION_TYPE),
            ("grant_type", "client_credentials"),
            ("scope", "https://management.azure.com//.default"),
        ];
        let fields = fields.map(|(name, good)| format!("{name}={}", if name == field { value } else { good }));
        fields.join("&")
    }

    fn ask(world: &World, tenant: &str, form: &str) -> (u16, String) {
        let head = format!("POST /{tenant}/oauth2/v2.0/token HTTP/1.1\nHost: localhost:1");
        let answer = answer(world, &posted(Service::Entra, &head, form));
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn an_assertion_for_a_token() {
        let (world, _folder) = cluster();
        for (field, value) in [
            ("", String::new()),
            ("client_assertion", format!("%0a{}+%0a", current(&world))),
            ("client_id", "11112222-BBBB-3333-cccc-000000000001".to_owned()),
            ("scope", "00000003-0000-0000-c000-000000000000/.default".to_owned()),
        ] {
            let (status, body) = ask(&world, TENANT, &form(&world, field, &value));
            assert_eq!(status, 200, "{field}: {body}");
            let head = r#"{"token_type":"Bearer","expires_in":86400,"ext_expires_in":86400,"access_token":"ey"#;
            assert!(body.starts_with(head) && !body.contains("expires_on"), "{body}");
        }
    }

    #[test]
    fn refusals() {
        let (world, _folder) = cluster();
        let old = current(&world);
        world.endpoints.assertions.rotate(std::time::UNIX_EPOCH + std::time::Duration::from_secs(9)).unwrap();
        for (field, value, status, error, code) in [
            ("grant_type", "", 400, "invalid_request", "900144: The request body must contain the following parameter"),
            ("grant_type", "password", 400, "unsupported_grant_type", "70003"),
            ("client_id", "", 400, "invalid_request", "900144"),
            ("client_id", "x", 400, "unauthorized_client", "700016: Application with identifier 'x' was not found"),
            ("scope", "", 400, "invalid_request", "900144"),
            ("scope", "https://management.azure.com/", 400, "invalid_scope", "70011"),
            ("scope", "https://a/.default+https://b/.default", 400, "invalid_scope", "70011"),
            ("scope", "x/.default", 400, "invalid_resource", "500011: The resource principal named x was not found"),
            ("client_assertion", "", 401, "invalid_client", "7000218"),
            ("client_assertion", "a.b.c", 401, "invalid_client", "50013: Assertion failed signature validation."),
            (
                "client_assertion",
                &old,
                401,
                "invalid_client",
                "700024: Client assertion is not within its valid time range. Current time: 2017-09-27T03:49:33Z, \
                 assertion valid from 1970-01-01T00:00:00Z, expiry time of assertion 1970-01-01T00:00:09Z.",
            ),
            ("client_assertion_type", "", 400, "invalid_request", "900144"),
            ("client_assertion_type", "x", 400, "invalid_request", "90023"),
        ] {
            let (got, body) = ask(&world, TENANT, &form(&world, field, value));
            assert_eq!(got, status, "{field}={value}: {body}");
            let expected = format!(r#"{{"error":"{error}","error_description":"AADSTS{code}"#);
            assert!(body.starts_with(&expected), "{field}={value}: {body}");
            let code = code.split(':').next().unwrap();
            assert!(body.contains(&format!(r#""error_codes":[{code}],"#)), "{body}");
            let uri = format!(r#""error_uri":"https://login.microsoftonline.com/error?code={code}"}}"#);
            assert!(body.ends_with(&uri), "{body}");
        }
        for (tenant, code) in [
            ("x", "900023"),
            ("a..b", "900023"),
            ("contoso.onmicrosoft.com", "90002"),
            ("00000000-0000-0000-0000-000000000000", "90002"),
        ] {
            let (status, body) = ask(&world, tenant, &form(&world, "", ""));
            assert_eq!(status, 400, "{tenant}");
            assert!(body.contains(&format!("AADSTS{code}: ")) && body.contains(&format!("'{tenant}'")), "{body}");
        }
    }

    #[test]
    fn where_clients_read_of_it() {
        let (world, _folder) = cluster();
        for (line, status, expected) in [
            (format!("GET /{TENANT}/oauth2/v2.0/token"), 400, "AADSTS900561".to_owned()),
            (
                format!("GET /{TENANT}/v2.0/.well-known/openid-configuration"),
                200,
                format!(r#"{{"token_endpoint":"https://localhost:1/{TENANT}/oauth2/v2.0/token","#),
            ),
            ("GET /x/v2.0/.well-known/openid-configuration".to_owned(), 400, "AADSTS900023".to_owned()),
            (
                "GET /common/discovery/instance?api-version=1.1&authorization_endpoint=x".to_owned(),
                200,
                r#""aliases":["localhost:1"]"#.to_owned(),
            ),
            ("GET /".to_owned(), 404, String::new()),
        ] {
            let answer = answer(&world, &received(Service::Entra, &format!("{line} HTTP/1.1\nHost: localhost:1")));
            assert_eq!(answer.status, status, "{line}");
            let body = String::from_utf8(answer.body).unwrap();
            assert!(body.contains(&expected), "{line}: {body}");
        }
    }
}
