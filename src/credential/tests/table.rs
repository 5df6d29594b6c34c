//! Source × kind of id × answer: what is sent, byte by byte, and what comes of it. Each row says where its rule is from: a
//! section of the protocol notes ("§"), a page of Microsoft Learn, a row of the catalogue of hostile answers ("J", "C"), or
//! an RFC.

use super::world::{NOW, Play, RESOURCE, Setup, World, answer, answer_with, bytes, s, silent};
use super::*;
use crate::base64;
use crate::error::ErrorKind;

/// Where a request goes, for whom, and how it looks.
#[derive(Clone)]
struct Asked {
    env: &'static [(&'static str, &'static str)],
    identity: Identity,
    resource: &'static str,
    wall: u64,
    /// What is answered before the answer that the row is about.
    before: Vec<Play>,
    requests: Vec<String>,
    key: Result<&'static str, Error>,
}

impl Asked {
    fn of(env: &'static [(&'static str, &'static str)], identity: Identity, request: String) -> Self {
        let (before, requests) = (Vec::new(), vec![request]);
        Self { env, identity, resource: RESOURCE, wall: NOW, before, requests, key: Ok(KEY) }
    }

    fn at(&self, wall: u64) -> Self {
        Self { wall, ..self.clone() }
    }

    fn key(&self, key: Result<&'static str, Error>) -> Self {
        Self { key, ..self.clone() }
    }
}

enum Outcome {
    Token {
        lifetime: u64,
        end: u64,
        client_id: Option<&'static str>,
    },
    /// Another try follows.
    Again,
    Failed {
        kind: ErrorKind,
        code: Option<&'static str>,
        words: &'static str,
        advice: Option<&'static str>,
    },
}

/// A token that lives so long and ends then.
fn good(lifetime: u64, end: u64) -> Outcome {
    Outcome::Token { lifetime, end, client_id: None }
}

/// The hour's token of most rows.
fn hour() -> Outcome {
    good(3600, NOW + 3600)
}

fn failed(kind: ErrorKind, words: &'static str) -> Outcome {
    Outcome::Failed { kind, code: None, words, advice: None }
}

fn no_token(words: &'static str) -> Outcome {
    failed(ErrorKind::BadAnswer, words)
}

fn not_arc(words: &'static str) -> Outcome {
    failed(ErrorKind::BadAnswer, words)
}

/// The endpoint's refusal in its own words.
fn refused(code: &'static str, words: &'static str) -> Outcome {
    Outcome::Failed { kind: ErrorKind::IdentityRefused, code: Some(code), words, advice: None }
}

fn wordless(words: &'static str) -> Outcome {
    failed(ErrorKind::IdentityRefused, words)
}

impl Outcome {
    fn cure(mut self, cure: &'static str) -> Self {
        if let Self::Failed { advice, .. } = &mut self {
            *advice = Some(cure);
        }
        self
    }

    fn of(mut self, client: &'static str) -> Self {
        if let Self::Token { client_id, .. } = &mut self {
            *client_id = Some(client);
        }
        self
    }
}

#[derive(Default)]
struct Table {
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    fn row(&mut self, origin: &str, asked: &Asked, answer: Play, wanted: Outcome) {
        self.rows += 1;
        let world = World::new(asked.before.clone());
        world.then(answer.clone());
        world.set_wall(asked.wall);
        world.put_assertions(&[ASSERTION]);
        world.put_key(KEY_FILE, asked.key.clone());
        let mut requests = asked.requests.clone();
        if matches!(wanted, Outcome::Again) {
            asked.before.iter().for_each(|play| world.then(play.clone()));
            world.then(ok(HOUR));
            requests.extend(asked.requests.iter().cloned());
        }
        let identity = asked.identity.clone();
        let credential = world.credential(Setup { env: asked.env, identity, ..Setup::default() });
        let begun = credential.0.fetcher.rim.now();
        let outcome = credential.token(asked.resource);
        let sent: Vec<_> = world.sent().into_iter().map(|sent| sent.text).collect();
        let mut wrong = Vec::new();
        if sent != requests {
            wrong.push(format!("sent {sent:#?} instead of {requests:#?}"));
        }
        match (&outcome, wanted) {
            (Ok(_), Outcome::Again) => {}
            (Ok(token), Outcome::Token { lifetime, end, client_id }) => {
                let found = (token.ends_at() - begun, token.expires_on(), token.client_id(), token.resource());
                let wanted = (s(lifetime), std::time::UNIX_EPOCH + s(end), client_id, asked.resource);
                if found != wanted {
                    wrong.push(format!("{found:?} instead of {wanted:?}"));
                }
            }
            (Err(error), Outcome::Failed { kind, code, words, advice }) => {
                let advised =
                    advice == error.advice() || advice.is_some_and(|a| error.advice().is_some_and(|b| b.contains(a)));
                if error.kind() != kind || error.code() != code || !error.to_string().contains(words) || !advised {
                    wrong.push(format!("{error:?}, code {:?}, advice {:?}", error.code(), error.advice()));
                }
            }
            (outcome, _) => wrong.push(format!("{outcome:?}")),
        }
        let shown = format!("{outcome:?}");
        if [SECRET, KEY, ASSERTION].iter().any(|secret| shown.contains(secret)) {
            wrong.push(format!("shows a secret: {shown}"));
        }
        self.wrong.extend(wrong.into_iter().map(|wrong| format!("{origin}, {answer:?}:\n{wrong}")));
    }

    /// Refused before anything is sent, and before a file is read.
    fn cannot(&mut self, origin: &str, env: &'static [(&'static str, &'static str)], identity: Identity, words: &str) {
        self.rows += 1;
        let world = World::new(Vec::new());
        let credential = world.credential(Setup { env, identity, ..Setup::default() });
        let error = credential.token(RESOURCE).unwrap_err();
        if error.kind() != ErrorKind::InvalidInput || !error.to_string().contains(words) || !world.sent().is_empty() {
            self.wrong.push(format!("{origin}: {error:?}"));
        }
    }

    /// One row for each status: those after which another try follows, and those that are the last word.
    fn statuses(&mut self, origin: &str, asked: &Asked, again: &[u16], last: &[u16]) {
        for status in again {
            self.row(origin, asked, answer(*status, ""), Outcome::Again);
        }
        for status in last {
            let kind = match status {
                300..400 => ErrorKind::BadAnswer,
                410 => ErrorKind::Unavailable,
                _ => ErrorKind::IdentityRefused,
            };
            let credential_kind = failed(kind, "HTTP ");
            let wanted = match (asked.env, status) {
                (_, 300..400) => credential_kind.cure("something else answered"),
                (env, 403) if env == VM => credential_kind.cure("guest proxy agent"),
                (env, 400 | 404) if env == APP => credential_kind.cure("assigned to the app"),
                (env, 401) if env == APP => credential_kind.cure("IDENTITY_HEADER"),
                _ => credential_kind,
            };
            self.row(origin, asked, answer(*status, ""), wanted);
        }
    }

    #[track_caller]
    fn check(self, least: usize) {
        assert!(self.wrong.is_empty(), "{} of {} rows:\n{}", self.wrong.len(), self.rows, self.wrong.join("\n\n"));
        assert!(self.rows >= least, "{} rows", self.rows);
    }
}

type Env = &'static [(&'static str, &'static str)];

const VM: Env = &[];
const APP: Env = &[("IDENTITY_ENDPOINT", "http://127.0.0.1:41564/MSI/token/"), ("IDENTITY_HEADER", SECRET)];
const ML: Env = &[("MSI_ENDPOINT", "http://10.0.0.4:8080/MSI/auth"), ("MSI_SECRET", SECRET)];
const ML_DEFAULT: Env = &[
    ("MSI_ENDPOINT", "http://10.0.0.4:8080/MSI/auth"),
    ("MSI_SECRET", SECRET),
    ("DEFAULT_IDENTITY_CLIENT_ID", "d-e-f"),
];
const SHELL: Env = &[("MSI_ENDPOINT", "http://localhost:50342/oauth2/token")];
const FABRIC: Env = &[
    ("IDENTITY_ENDPOINT", "https://localhost:2377/metadata/identity/oauth2/token"),
    ("IDENTITY_HEADER", SECRET),
    ("IDENTITY_SERVER_THUMBPRINT", "00112233445566778899aabbccddeeff00112233"),
];
const ARC: Env = &[
    ("IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity/oauth2/token"),
    ("IMDS_ENDPOINT", "http://localhost:40342"),
];
const AKS: Env = &[
    ("AZURE_CLIENT_ID", "w-c-1"),
    ("AZURE_TENANT_ID", "contoso.example"),
    ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/azure/tokens/azure-identity-token"),
];
const AKS_CHINA: Env = &[
    ("AZURE_CLIENT_ID", "w-c-1"),
    ("AZURE_TENANT_ID", "t-1"),
    ("AZURE_FEDERATED_TOKEN_FILE", "/f"),
    ("AZURE_AUTHORITY_HOST", "https://login.chinacloudapi.cn/"),
];

const SECRET: &str = "s3cr3t-h34der";
const KEY: &str = "k3y-0f-the-agent";
const KEY_FILE: &str = "/var/opt/azcmagent/tokens/a-1.key";
const ASSERTION: &str = "eyJh.eyJz.53rv1ce";
const ENCODED: &str = "https%3A%2F%2Fmanagement.azure.com%2F";
const CLIENT: &str = "8a9b0c1d-2e3f-4a5b-8c7d-9e0f1a2b3c4d";
const OBJECT: &str = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9";
const MIRID: &str = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n";
const MIRID_ENCODED: &str =
    "%2Fsubscriptions%2Fs%2Fresourcegroups%2Fg%2Fproviders%2FMicrosoft.ManagedIdentity%2FuserAssignedIdentities%2Fn";
const HOUR: &str = r#""expires_in":"3600""#;

fn system() -> Identity {
    Identity::SystemAssigned
}

fn client() -> Identity {
    Identity::ClientId(CLIENT.to_owned())
}

fn object() -> Identity {
    Identity::ObjectId(OBJECT.to_owned())
}

fn resource() -> Identity {
    Identity::ResourceId(MIRID.to_owned())
}

fn get(host: &str, target: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n")
}

fn post(host: &str, target: &str, header: &str, form: &str) -> String {
    let length = form.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\n{header}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{form}"
    )
}

fn vm(identity: Identity, id: &str) -> Asked {
    let target = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&resource={ENCODED}{id}");
    Asked::of(VM, identity, get("169.254.169.254", &target, &["Metadata: true"]))
}

fn app(identity: Identity, id: &str) -> Asked {
    let target = format!("/MSI/token/?api-version=2019-08-01&resource={ENCODED}{id}");
    let headers = [&format!("X-IDENTITY-HEADER: {SECRET}"), "Metadata: true"];
    Asked::of(APP, identity, get("127.0.0.1:41564", &target, &headers))
}

fn ml(env: Env, identity: Identity, id: &str) -> Asked {
    let target = format!("/MSI/auth?api-version=2017-09-01&resource={ENCODED}{id}");
    Asked::of(env, identity, get("10.0.0.4:8080", &target, &[&format!("Secret: {SECRET}")]))
}

fn shell() -> Asked {
    let form = format!("resource={ENCODED}");
    Asked::of(SHELL, system(), post("localhost:50342", "/oauth2/token", "Metadata: true\r\n", &form))
}

fn fabric() -> Asked {
    let target = format!("/metadata/identity/oauth2/token?api-version=2019-07-01-preview&resource={ENCODED}");
    Asked::of(FABRIC, system(), get("localhost:2377", &target, &[&format!("Secret: {SECRET}")]))
}

/// The first leg alone.
fn arc_first(identity: Identity, id: &str) -> Asked {
    let target = format!("/metadata/identity/oauth2/token?api-version=2020-06-01&resource={ENCODED}{id}");
    Asked::of(ARC, identity, get("localhost:40342", &target, &["Metadata: true"]))
}

/// Both legs, the second with the key.
fn arc(identity: Identity, id: &str) -> Asked {
    let mut asked = arc_first(identity, id);
    asked.before = vec![challenge(&format!("Basic realm={KEY_FILE}"))];
    let target = format!("/metadata/identity/oauth2/token?api-version=2020-06-01&resource={ENCODED}{id}");
    let headers = ["Metadata: true", &format!("Authorization: Basic {KEY}")];
    asked.requests.push(get("localhost:40342", &target, &headers));
    asked
}

/// Both legs after this challenge.
fn arc_after(headers: &[&str]) -> Asked {
    let body = r#"{"error":"unauthorized_client","error_description":"Missing Basic Authorization header"}"#;
    Asked { before: vec![answer_with(401, headers, body)], ..arc(system(), "") }
}

fn challenge(value: &str) -> Play {
    answer_with(401, &[&format!("WWW-Authenticate: {value}")], "")
}

fn aks(env: Env, identity: Identity, host: &str, tenant: &str, id: &str, scope: &str) -> Asked {
    let form = format!(
        "grant_type=client_credentials&client_id={id}\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
         &client_assertion={ASSERTION}&scope={scope}"
    );
    Asked::of(env, identity, post(host, &format!("/{tenant}/oauth2/v2.0/token"), "", &form))
}

/// A token with these fields after it.
fn ok(fields: &str) -> Play {
    token_of("t0.ken", fields)
}

fn token_of(token: &str, fields: &str) -> Play {
    answer(200, &format!(r#"{{"access_token":"{token}",{fields}}}"#))
}

/// An hour's JSON Web Token with these claims.
fn claims(claims: &str) -> Play {
    let part = |text: &str| base64::encode(base64::URL_SAFE, text.as_bytes());
    token_of(&format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(claims)), HOUR)
}

/// An hour's token with a field that tells whose it is.
fn echo(field: &str, id: &str) -> Play {
    ok(&format!(r#"{HOUR},"{field}":"{id}""#))
}

#[test]
fn requests() {
    let mut t = Table::default();
    let page = "how-to-use-vm-token; §1.2";
    t.row(page, &vm(system(), ""), ok(HOUR), hour());
    t.row(page, &vm(client(), &format!("&client_id={CLIENT}")), ok(HOUR), hour());
    t.row(page, &vm(object(), &format!("&object_id={OBJECT}")), ok(HOUR), hour());
    t.row("§1.2, Container Instances", &vm(resource(), &format!("&msi_res_id={MIRID_ENCODED}")), ok(HOUR), hour());
    let page = "overview-managed-identity (App Service), REST endpoint reference; §1.3";
    t.row(page, &app(system(), ""), ok(HOUR), hour());
    t.row(page, &app(client(), &format!("&client_id={CLIENT}")), ok(HOUR), hour());
    t.row(page, &app(object(), &format!("&object_id={OBJECT}")), ok(HOUR), hour());
    t.row(page, &app(resource(), &format!("&mi_res_id={MIRID_ENCODED}")), ok(HOUR), hour());
    t.row("§1.5", &ml(ML, system(), ""), ok(HOUR), hour());
    t.row("§1.4, clientid", &ml(ML, client(), &format!("&clientid={CLIENT}")), ok(HOUR), hour());
    t.row("§1.5, default", &ml(ML_DEFAULT, system(), "&clientid=d-e-f"), ok(HOUR), hour());
    t.row("§1.5, chosen", &ml(ML_DEFAULT, client(), &format!("&clientid={CLIENT}")), ok(HOUR), hour());
    t.cannot("§1.10", ML, object(), "client id only");
    t.cannot("§1.10", ML, resource(), "client id only");
    t.row("msi-authorization (Cloud Shell); §1.6", &shell(), ok(HOUR), hour());
    t.cannot("§1.6", SHELL, client(), "takes no identity");
    t.cannot("§1.6", SHELL, object(), "takes no identity");
    t.cannot("§1.6", SHELL, resource(), "takes no identity");
    t.row("how-to-managed-identity-service-fabric-app-code; §1.7", &fabric(), ok(HOUR), hour());
    t.cannot("§1.7", FABRIC, client(), "application manifest");
    t.cannot("§1.7", FABRIC, object(), "application manifest");
    t.cannot("§1.7", FABRIC, resource(), "application manifest");
    let page = "managed-identity-authentication (Arc); §1.8";
    t.row(page, &arc(system(), ""), ok(HOUR), hour());
    t.row(page, &arc(client(), &format!("&client_id={CLIENT}")), echo("client_id", CLIENT), hour().of(CLIENT));
    t.row(page, &arc(object(), &format!("&object_id={OBJECT}")), echo("object_id", OBJECT), hour());
    t.row(page, &arc(resource(), &format!("&msi_res_id={MIRID_ENCODED}")), echo("msi_res_id", MIRID), hour());
    let page = "v2-oauth2-client-creds-grant-flow; RFC 7523, 2.2; §1.9";
    let (public, scope) = ("login.microsoftonline.com", "https%3A%2F%2Fmanagement.azure.com%2F%2F.default");
    t.row(page, &aks(AKS, system(), public, "contoso.example", "w-c-1", scope), ok(HOUR), hour());
    t.row(page, &aks(AKS, client(), public, "contoso.example", CLIENT, scope), ok(HOUR), hour());
    t.row("§4, clouds", &aks(AKS_CHINA, system(), "login.chinacloudapi.cn", "t-1", "w-c-1", scope), ok(HOUR), hour());
    let vault = aks(AKS, system(), public, "contoso.example", "w-c-1", "https%3A%2F%2Fvault.azure.net%2F.default");
    t.row("§4", &Asked { resource: "https://vault.azure.net", ..vault }, ok(HOUR), hour());
    t.cannot("§1.10", AKS, object(), "client id only");
    t.cannot("§1.10", AKS, resource(), "client id only");
    let target = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=";
    for (resource, sent) in [
        ("https://vault.azure.net", "https%3A%2F%2Fvault.azure.net"),
        ("api://8a9b 0c1d&x=y#", "api%3A%2F%2F8a9b%200c1d%26x%3Dy%23"),
        ("00000002-0000-0000-c000-000000000000", "00000002-0000-0000-c000-000000000000"),
        ("https://é.example", "https%3A%2F%2F%C3%A9.example"),
    ] {
        let request = get("169.254.169.254", &format!("{target}{sent}"), &["Metadata: true"]);
        t.row(
            "§4, encoded and nothing else",
            &Asked { resource, ..Asked::of(VM, system(), request) },
            ok(HOUR),
            hour(),
        );
    }
    t.check(35);
}

#[test]
fn success_answers() {
    let mut t = Table::default();
    let (vm, app, ml, shell, fabric) = (vm(system(), ""), app(system(), ""), ml(ML, system(), ""), shell(), fabric());
    let (arc, aks) = (arc(system(), ""), {
        let scope = "https%3A%2F%2Fmanagement.azure.com%2F%2F.default";
        aks(AKS, system(), "login.microsoftonline.com", "contoso.example", "w-c-1", scope)
    });
    let recorded = r#""client_id":"c-1","expires_in":"86315","expires_on":"1643312827","ext_expires_in":"86399","not_before":"1643226127","resource":"https://management.azure.com/","token_type":"Bearer""#;
    t.row("§1.2, recording", &vm.at(1_643_226_512), ok(recorded), good(86_315, 1_643_312_827).of("c-1"));
    let sample = r#""refresh_token":"","expires_in":"3599","expires_on":"1506484173","not_before":"1506480273","resource":"https://management.azure.com/","token_type":"Bearer""#;
    t.row("how-to-use-vm-token, sample", &vm.at(1_506_480_574), ok(sample), good(3599, 1_506_484_173));
    t.row("§1.3", &app.at(1_506_480_573), ok(r#""expires_on":"1506484173""#), good(3600, 1_506_484_173));
    let iso = r#""expires_on":"2024-10-18T19:51:37.0000000+00:00","token_type":"Bearer""#;
    t.row("§1.3, .NET 46714", &app.at(1_729_281_037), ok(iso), good(60, 1_729_281_097));
    t.row("§1.7, docs", &fabric.at(1_565_241_011), ok(r#""expires_on":1565244611"#), good(3600, 1_565_244_611));
    t.row("§1.7, string", &fabric.at(1_565_241_011), ok(r#""expires_on":"1565244611""#), good(3600, 1_565_244_611));
    t.row("§1.5, int", &ml, ok(r#""expires_on":1700000060"#), good(60, NOW + 60));
    t.row("§1.5, string", &ml, ok(r#""expires_on":"1700000060""#), good(60, NOW + 60));
    for (date, end) in [
        ("1/16/2020 5:24:12 AM +00:00", 1_579_152_252),
        ("1/16/2020 5:24:12 PM +00:00", 1_579_195_452),
        ("06/20/2019 02:57:58 +00:00", 1_560_999_478),
        ("05/22/2021 17:18:21 +00:00", 1_621_703_901),
        ("09/14/2017 00:00:00 PM +00:00", 1_505_347_200),
        ("06/20/2019 02:57:58", 1_560_999_478),
        ("2019-06-20 02:57:58", 1_560_999_478),
        ("2025-05-15T12:34:56Z", 1_747_312_496),
        ("2025-05-15T12:34:56.1234Z", 1_747_312_496),
        ("2025-05-15T12:34:56.123456789Z", 1_747_312_496),
        ("2025-05-15T14:34:56+02:00", 1_747_312_496),
    ] {
        t.row("§1.11; §1.4", &ml.at(end - 90), ok(&format!(r#""expires_on":"{date}""#)), good(90, end));
    }
    t.row("§1.11, 42 seconds", &ml.at(1), ok(r#""expires_on":"01/01/1970 00:00:42 +00:00""#), good(41, 42));
    t.row(
        "§1.8",
        &arc,
        ok(r#""expires_in":"3600","expires_on":"1700003600","not_before":"","ext_expires_in":7"#),
        hour(),
    );
    t.row("J06, azcopy 1563", &arc, ok(r#""refresh_token":"","expires_in":"3600","not_before":"""#), hour());
    t.row("§1.9", &aks, ok(r#""token_type":"Bearer","expires_in":3600,"ext_expires_in":3600"#), hour());
    t.row("§1.6", &shell, ok(r#""refresh_token":"r","expires_in":"3600","expires_on":"1700003600""#), hour());
    t.row("J02; RFC 6749, 5.1", &vm, ok(r#""expires_in":3600"#), hour());
    t.row("J03", &vm, ok(r#""expires_in":3600,"expires_on":1700003600"#), hour());
    t.row("§1.11, empty", &vm, ok(r#""expires_on":"","expires_in":"3600""#), hour());
    t.row("§1.11, null", &vm, ok(r#""expires_on":null,"expires_in":3600"#), hour());
    t.row("§1.11, empty", &app, ok(r#""expires_in":"","expires_on":"1700003600""#), hour());
    t.row("§1.11, unreadable", &app, ok(r#""expires_in":"soon","expires_on":"1700003600""#), hour());
    t.row("§1.11, unreadable", &app, ok(r#""expires_on":"soon","expires_in":"3600""#), hour());
    t.row("J10, clock behind", &vm, ok(r#""expires_in":"3600","expires_on":"1800000000""#), good(3600, 1_800_000_000));
    t.row("J11, clock ahead", &vm, ok(r#""expires_in":"3600","expires_on":"1600000000""#), good(3600, 1_600_000_000));
    t.row("issue, implausible clock", &app, ok(r#""expires_on":"1800000000""#), good(600, 1_800_000_000));
    t.row("J13, clamped", &vm, ok(r#""expires_in":"9999999999""#), good(2_592_000, NOW + 2_592_000));
    t.row("J21", &vm, answer(200, r#"{"access\u005ftoken":"t","expires_in":3600}"#), hour());
    t.row("J23; RFC 6749, 7.1", &vm, ok(r#""token_type":"bearer","expires_in":3600"#), hour());
    t.row("J25", &vm, ok(r#""resource":"https://management.azure.com","expires_in":3600"#), hour());
    t.row("J28", &app, answer(200, "\u{feff}{\"access_token\":\"t\",\"expires_in\":3600}"), hour());
    t.row("J32", &vm, ok(r#""expires_in":3600,"new":{"a":[1,[{}]],"b":null}"#), hour());
    t.row(
        "J34",
        &vm,
        answer(200, &format!("{}{{\"access_token\":\"t\",\"expires_in\":3600}}", " ".repeat(1000))),
        hour(),
    );
    t.row("§1.2, appid", &vm, claims(r#"{"appid":"c-2","oid":"o","tid":"t"}"#), hour().of("c-2"));
    t.row("RFC 9112, 7.1", &vm, bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n26\r\n{\"access_token\":\"t\",\"expires_in\":3600}\r\n0\r\n\r\n"), hour());
    t.row("RFC 9112, 6.3", &vm, bytes("HTTP/1.0 200 OK\r\n\r\n{\"access_token\":\"t\",\"expires_in\":3600}"), hour());
    t.check(44);
}

#[test]
fn answers_that_are_no_token() {
    let mut t = Table::default();
    let (vm, app) = (vm(system(), ""), app(system(), ""));
    let proxy = || no_token("no token in the answer").cure("proxy");
    let bad = || no_token("no token in the answer");
    for (origin, body) in [
        ("J35, captive portal", "<html>sign in</html>"),
        ("J36", ""),
        ("J37", "[]"),
        ("J37", "null"),
        ("J37", "\"str\""),
        ("J37", "42"),
        ("J16", "{}"),
        ("J16", r#"{"expires_in":"3600"}"#),
        ("J17", r#"{"access_token":null,"expires_in":3600}"#),
        ("J17", r#"{"access_token":7,"expires_in":3600}"#),
        ("J22", r#"{"Access_Token":"t","expires_in":3600}"#),
        ("J30", r#"{"access_token":"t","expires_in":3600}x"#),
        ("J30", r#"{"access_token":"t","expires_in":3600}{}"#),
        ("J31", r#"{"access_token":"t","expires_in":36"#),
        ("J33", r#"{"access_token":"t","expires_in":3600,"x":1e400}"#),
        ("J33", r#"{"access_token":"t","expires_in":3600,"x":"\ud800"}"#),
    ] {
        t.row(origin, &vm, answer(200, body), proxy());
    }
    for (origin, body) in [
        ("J17", r#"{"access_token":"","expires_in":3600}"#),
        ("J17", r#"{"access_token":"  ","expires_in":3600}"#),
        ("J18; RFC 6750, 2.1", r#"{"access_token":"a\r\nX: y","expires_in":3600}"#),
        ("J18", r#"{"access_token":"a\u0000","expires_in":3600}"#),
        ("J18", r#"{"access_token":"é","expires_in":3600}"#),
        ("J09; §1.11, neither", r#"{"access_token":"t"}"#),
        ("§1.11, both empty", r#"{"access_token":"t","expires_in":"","expires_on":""}"#),
        ("J12", r#"{"access_token":"t","expires_in":"0"}"#),
        ("J12", r#"{"access_token":"t","expires_in":-1}"#),
        ("J12", r#"{"access_token":"t","expires_in":"-1"}"#),
        ("J13", r#"{"access_token":"t","expires_in":"99999999999999999999"}"#),
        ("J14", r#"{"access_token":"t","expires_in":3600.0}"#),
        ("J14", r#"{"access_token":"t","expires_in":1e3}"#),
        ("J15", r#"{"access_token":"t","expires_in":"+3600"}"#),
        ("J15", r#"{"access_token":"t","expires_in":" 3600"}"#),
        ("J15", r#"{"access_token":"t","expires_in":"3_600"}"#),
        ("J15", r#"{"access_token":"t","expires_in":"٣"}"#),
        ("J24", r#"{"access_token":"t","expires_in":3600,"token_type":"PoP"}"#),
        ("J24, IMDS v2", r#"{"access_token":"t","expires_in":3600,"token_type":"mtls_pop"}"#),
    ] {
        t.row(origin, &vm, answer(200, body), bad());
    }
    t.row("J11", &app, ok(r#""expires_on":"1699999999""#), bad().cure("clock"));
    t.row("J19", &vm, answer(200, &format!(r#"{{"access_token":"{}","expires_in":1}}"#, "x".repeat(32_769))), bad());
    t.row("J43", &vm, answer(202, r#"{"access_token":"t","expires_in":3600}"#), no_token("HTTP 202").cure("proxy"));
    t.row("S04", &vm, answer(205, ""), no_token("HTTP 205").cure("proxy"));
    t.row("S01", &vm, answer(204, ""), no_token("HTTP 204").cure("proxy"));
    let elsewhere = answer_with(302, &["Location: http://127.0.0.1:9/"], "");
    t.row("J44; §2.5", &vm, elsewhere.clone(), no_token("HTTP 302").cure("proxy"));
    t.row("J44; §2.5", &fabric(), elsewhere, no_token("HTTP 302").cure("proxy"));
    t.row("S13", &vm, bytes("SSH-2.0-OpenSSH_9.2\r\n"), no_token("did not answer in HTTP"));
    t.row(
        "F62",
        &vm,
        bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"),
        no_token("did not answer in HTTP"),
    );
    t.row("S08", &vm, answer_with(200, &["Content-Encoding: gzip"], "x"), no_token("did not answer in HTTP"));
    t.row("§2.6", &vm, answer(200, &"x".repeat((1 << 20) + 1)), no_token("answered more than is read"));
    t.row("S09", &vm, bytes("HTTP/1.1 200 OK\r\nContent-"), Outcome::Again);
    t.row("S10", &vm, bytes(""), Outcome::Again);
    t.row("F59", &vm, bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), Outcome::Again);
    t.row("§2.1, timeouts", &vm, silent(), Outcome::Again);
    t.check(50);
}

#[test]
fn error_answers() {
    let mut t = Table::default();
    let (vm, app, ml, shell, fabric) = (vm(system(), ""), app(system(), ""), ml(ML, system(), ""), shell(), fabric());
    let aks = {
        let scope = "https%3A%2F%2Fmanagement.azure.com%2F%2F.default";
        aks(AKS, system(), "login.microsoftonline.com", "contoso.example", "w-c-1", scope)
    };
    let page = "how-to-use-vm-token, error codes; §1.2";
    let oauth = |status, code: &str, words: &str| {
        answer(status, &format!(r#"{{"error":"{code}","error_description":"{words}"}}"#))
    };
    t.row(
        page,
        &vm,
        oauth(400, "invalid_request", "Identity not found"),
        refused("invalid_request", "Identity not found").cure("assign the identity"),
    );
    let several = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request";
    t.row(page, &vm, oauth(400, "invalid_request", several), refused("invalid_request", several).cure("--client-id"));
    t.row(
        page,
        &vm,
        oauth(400, "invalid_resource", "AADSTS50001: no"),
        refused("invalid_resource", "AADSTS50001").cure("resource"),
    );
    t.row(
        page,
        &vm,
        oauth(400, "bad_request_102", "Required metadata header not specified"),
        refused("bad_request_102", "metadata header"),
    );
    t.row(page, &vm, oauth(401, "unknown_source", "Unknown Source /x"), refused("unknown_source", "Unknown Source"));
    t.row(page, &vm, oauth(401, "unauthorized_client", "not allowed"), refused("unauthorized_client", "not allowed"));
    t.row(page, &vm, oauth(400, "access_denied", "no"), refused("access_denied", "no"));
    t.row(page, &vm, oauth(400, "unsupported_response_type", "no"), refused("unsupported_response_type", "no"));
    t.row(page, &vm, oauth(400, "invalid_scope", "no"), refused("invalid_scope", "no"));
    t.row(page, &vm, oauth(500, "unknown", "Failed to retrieve token from the Active directory"), Outcome::Again);
    t.row(
        "J38",
        &vm,
        oauth(200, "invalid_request", "Identity not found"),
        refused("invalid_request", "Identity not found"),
    );
    t.row(
        "J41; guest proxy agent",
        &vm,
        answer(403, ""),
        wordless("imds gave no token: HTTP 403").cure("guest proxy agent"),
    );
    let docker =
        "connecting to 169.254.169.254:80: dial tcp: a socket operation was attempted to an unreachable network";
    t.row("§1.2, Docker", &vm, answer(403, docker), wordless("unreachable network").cure("container"));
    t.row("J42", &vm, answer(421, ""), wordless("HTTP 421"));
    t.row(
        "§1.2, 405",
        &vm,
        answer(405, r#"{"error":"Method not allowed"}"#),
        refused("Method not allowed", "HTTP 405"),
    );
    t.row("§1.2, swagger", &vm, answer(400, r#"{"code":"C","message":"m"}"#), refused("C", "C: m"));
    let versions = r#"{"error":"Bad request. api-version is invalid","newest-versions":["2025-04-07","2021-02-01"]}"#;
    t.row("§1.2, other paths", &vm, answer(400, versions), refused("Bad request. api-version is invalid", "HTTP 400"));
    t.row("§2.4", &vm, answer(502, "<html>Bad Gateway</html>"), Outcome::Again);
    let page = "§1.12";
    t.row(
        page,
        &app,
        answer(400, r#"{"statusCode":400,"message":"m","correlationId":"g"}"#),
        wordless("HTTP 400: m").cure("assigned to the app"),
    );
    t.row(
        page,
        &app,
        answer(400, r#"{"statusCode":"400","message":"m"}"#),
        wordless("HTTP 400: m").cure("assigned to the app"),
    );
    t.row(page, &app, answer(500, r#"{"statusCode":500,"message":"m","correlationId":"g"}"#), Outcome::Again);
    t.row(
        page,
        &app,
        answer(401, r#"{"message":"m","correlationId":"g"}"#),
        wordless("HTTP 401: m").cure("IDENTITY_HEADER"),
    );
    t.row(page, &ml, answer(400, r#"{"error_description":"m"}"#), wordless("HTTP 400: m"));
    t.row(page, &ml, answer(400, r#"{"message":"m"}"#), wordless("HTTP 400: m"));
    t.row(page, &ml, answer(400, r#"{"error":{"code":"C"}}"#), refused("C", "HTTP 400 C"));
    t.row(page, &ml, answer(400, r#"{"error":{"message":"m"}}"#), wordless("HTTP 400: m"));
    t.row(page, &ml, answer(400, r#"{"error":{"code":"C","message":"m"}}"#), refused("C", "HTTP 400 C: m"));
    t.row(
        page,
        &ml,
        answer(400, r#"{"error":{"code":"C","message":"m","innererror":{"trace":"t"}}}"#),
        refused("C", "HTTP 400 C: m"),
    );
    t.row(page, &ml, answer(400, r#"{"unknown":{"x":1}}"#), wordless(r#"HTTP 400: {"unknown":{"x":1}}"#));
    t.row(page, &ml, answer(400, "not JSON"), wordless("HTTP 400: not JSON"));
    t.row(page, &ml, answer(400, ""), wordless("HTTP 400"));
    t.row(
        "§1.4, msrestazure",
        &ml,
        answer(200, r#"{"ExceptionMessage":"m"}"#),
        no_token("no token in the answer").cure("proxy"),
    );
    let audience =
        r#"{"error":{"code":"AudienceNotSupported","message":"Audience x is not a supported MSI token audience."}}"#;
    t.row(
        "§1.6",
        &shell,
        answer(400, audience),
        refused("AudienceNotSupported", "Audience x").cure("Cloud Shell gives tokens"),
    );
    let page = "how-to-managed-identity-service-fabric-app-code, error codes; §1.7";
    let fault = |status, code: &str| {
        answer(status, &format!(r#"{{"error":{{"correlationId":"g","code":"{code}","message":"m"}}}}"#))
    };
    t.row(page, &fabric, fault(400, "SecretHeaderNotFound"), refused("SecretHeaderNotFound", ": m"));
    t.row(
        page,
        &fabric,
        fault(404, "ManagedIdentityNotFound"),
        refused("ManagedIdentityNotFound", ": m").cure("application manifest"),
    );
    t.row(page, &fabric, fault(400, "ArgumentNullOrEmpty"), refused("ArgumentNullOrEmpty", ": m"));
    t.row(page, &fabric, fault(400, "InvalidApiVersion"), refused("InvalidApiVersion", ": m"));
    t.row(page, &fabric, fault(500, "InternalServerError"), Outcome::Again);
    let arc_client = arc(client(), &format!("&client_id={CLIENT}"));
    t.row(
        "§1.8",
        &arc_client,
        oauth(404, "identity_not_found", "no"),
        refused("identity_not_found", "no").cure("assign the identity"),
    );
    let page = "reference-error-codes (Entra); §1.9";
    t.row(
        page,
        &aks,
        oauth(400, "unauthorized_client", "AADSTS700016: Application not found"),
        refused("unauthorized_client", "AADSTS700016").cure("AZURE_CLIENT_ID"),
    );
    t.row(
        page,
        &aks,
        oauth(400, "invalid_request", "AADSTS70021: No matching federated identity record"),
        refused("invalid_request", "AADSTS70021").cure("federated credential"),
    );
    t.row(
        page,
        &aks,
        oauth(401, "invalid_client", "AADSTS700213: No matching"),
        refused("invalid_client", "AADSTS700213").cure("federated credential"),
    );
    t.row(
        page,
        &aks,
        oauth(400, "invalid_scope", "AADSTS70011: The provided value for scope is not valid"),
        refused("invalid_scope", "AADSTS70011"),
    );
    t.row(page, &aks, oauth(503, "temporarily_unavailable", "AADSTS90033: try later"), Outcome::Again);
    t.check(43);
}

#[test]
fn whose_token_it_is() {
    let mut t = Table::default();
    let (vm_client, vm_object) =
        (vm(client(), &format!("&client_id={CLIENT}")), vm(object(), &format!("&object_id={OBJECT}")));
    let vm_resource = vm(resource(), &format!("&msi_res_id={MIRID_ENCODED}"));
    let app_resource = app(resource(), &format!("&mi_res_id={MIRID_ENCODED}"));
    let other = || wordless("the answer is for another identity");
    t.row(
        "J26",
        &vm_client,
        echo("client_id", &CLIENT.to_uppercase()),
        hour().of("8A9B0C1D-2E3F-4A5B-8C7D-9E0F1A2B3C4D"),
    );
    t.row("J26", &vm_client, echo("client_id", "other"), other());
    t.row("§1.2, claims", &vm_client, claims(&format!(r#"{{"appid":"{CLIENT}"}}"#)), hour().of(CLIENT));
    t.row("§1.2, claims", &vm_client, claims(r#"{"appid":"other"}"#), other());
    t.row("§1.2, no telling", &vm_client, ok(HOUR), hour());
    t.row("§1.2", &vm_object, echo("object_id", OBJECT), hour());
    t.row("§1.2", &vm_object, echo("object_id", "other"), other());
    t.row("§1.2, client_id tells nothing", &vm_object, echo("client_id", "c"), hour().of("c"));
    t.row("§1.2, claims", &vm_object, claims(r#"{"oid":"other"}"#), other());
    t.row("§1.2", &vm_resource, echo("msi_res_id", MIRID), hour());
    t.row("§1.2", &vm_resource, echo("mi_res_id", &MIRID.to_lowercase()), hour());
    t.row("§1.2", &vm_resource, echo("msi_res_id", "/other"), other());
    t.row("§1.2, xms_mirid", &vm_resource, claims(r#"{"xms_mirid":"/other"}"#), other());
    t.row("§1.3, ignored selector", &app_resource, claims(r#"{"xms_mirid":"/subscriptions/s/x"}"#), other());
    t.row("§1.3", &app_resource, claims(&format!(r#"{{"xms_mirid":"{MIRID}"}}"#)), hour());
    t.row("§1.3", &app(client(), &format!("&client_id={CLIENT}")), echo("client_id", "other"), other());
    let (arc_client, arc_object) =
        (arc(client(), &format!("&client_id={CLIENT}")), arc(object(), &format!("&object_id={OBJECT}")));
    let arc_resource = arc(resource(), &format!("&msi_res_id={MIRID_ENCODED}"));
    let silent = || wordless("does not say which identity").cure("update the agent");
    t.row("J27; §1.8", &arc_client, ok(HOUR), silent());
    t.row("J27; §1.8", &arc_object, ok(HOUR), silent());
    t.row("J27; §1.8", &arc_resource, ok(HOUR), silent());
    t.row("J27, empty echo", &arc_client, echo("client_id", ""), silent());
    t.row("J26; §1.8", &arc_client, echo("client_id", "other"), other());
    t.row("J26; §1.8", &arc_object, echo("object_id", "other"), other());
    t.row("§1.8, either name", &arc_resource, echo("mi_res_id", MIRID), hour());
    t.row("J26; §1.8", &arc_resource, echo("mi_res_id", "/other"), other());
    t.row("§1.8, claims", &arc_client, claims(&format!(r#"{{"appid":"{CLIENT}"}}"#)), hour().of(CLIENT));
    t.row(
        "§1.8, echo before claims",
        &arc_client,
        token_of("e30.eyJhcHBpZCI6IngifQ.", &format!(r#"{HOUR},"client_id":"{CLIENT}""#)),
        hour().of(CLIENT),
    );
    t.check(26);
}

#[test]
fn challenges() {
    let mut t = Table::default();
    let first = arc_first(system(), "");
    let realm = |realm: &str| challenge(&format!("Basic realm={realm}"));
    for (origin, value) in [
        ("C01", format!("Basic realm={KEY_FILE}")),
        ("C20; RFC 9110, 11.1", format!("basic REALM={KEY_FILE}")),
        ("C21; RFC 9110, 11.2", format!("Basic realm=\"{KEY_FILE}\"")),
        ("C21, escaped", format!("Basic realm=\"{}\"", KEY_FILE.replace('/', "\\/"))),
        ("C22", format!("Basic realm = {KEY_FILE}")),
        ("C23", format!("Basic charset=\"UTF-8\", realm={KEY_FILE}")),
        ("C25", format!("Negotiate, Basic realm={KEY_FILE}")),
        ("C37, commas", format!("Bearer realm=\"a, Basic realm=/b.key\", Basic realm={KEY_FILE}")),
    ] {
        t.row(origin, &arc_after(&[&format!("WWW-Authenticate: {value}")]), ok(HOUR), hour());
    }
    let basic = format!("www-authenticate: Basic realm={KEY_FILE}");
    t.row("C24", &arc_after(&["WWW-Authenticate: Negotiate", &basic]), ok(HOUR), hour());
    let nameless = || not_arc("names no key file, or several");
    t.row("C02", &first, answer(401, ""), nameless());
    t.row("C03", &first, challenge("Basic "), nameless());
    t.row("C26", &first, challenge(&format!("Basic realm={KEY_FILE}, Basic realm={KEY_FILE}")), nameless());
    t.row("C26", &first, answer_with(401, &[&basic, &basic], ""), nameless());
    t.row("C27", &first, challenge(&format!("Bearer realm={KEY_FILE}")), nameless());
    t.row("C38", &first, challenge(&format!("Foo bar=can't parse this, error=x, realm={KEY_FILE}")), nameless());
    t.row("C41, quote", &first, challenge(&format!("Basic realm=\"{KEY_FILE}")), nameless());
    t.row("C41, escape", &first, challenge("Basic realm=\"\\"), nameless());
    let foreign = || not_arc("not one of the agent's keys");
    for (origin, path) in [
        ("C03", ""),
        ("C04", "/path/to/secret.txt"),
        ("C05; CVE-2024-35255", "/etc/shadow"),
        ("C05; CVE-2024-35255", "/etc/passwd.key"),
        ("C06", "/var/opt/azcmagent/tokens/../../../etc/x.key"),
        ("C07", "/var/opt/azcmagent/tokens//x.key"),
        ("C07", "/var/opt/azcmagent/tokens/./x.key"),
        ("C08", "/var/opt/azcmagent/tokens/sub/x.key"),
        ("C09", "/var/opt/azcmagent/tokens/.key"),
        ("C09", "/var/opt/azcmagent/tokens/..key"),
        ("C10", "/var/opt/azcmagent/tokens/a-1.KEY"),
        ("C10", "\"/var/opt/azcmagent/tokens/a-1.key \""),
        ("C28", "/var/opt/azcmagent/tokens/a=1.key"),
        ("C30", "/var/opt/azcmagent/tokens/a%2d1.key"),
        ("C34", "C:\\ProgramData\\AzureConnectedMachineAgent\\Tokens\\a-1.key"),
        ("C34", "\\\\host\\share\\a-1.key"),
    ] {
        t.row(origin, &first, realm(path), foreign());
    }
    t.row("C29", &first, realm(&format!("/var/opt/azcmagent/tokens/{}/x.key", "x".repeat(60_000))), foreign());
    t.row("C29", &first, realm(&"x".repeat(70_000)), no_token("answered more than is read: headers"));
    t.row("C10, NUL", &first, realm("/var/opt/azcmagent/tokens/x.key\0"), no_token("did not answer in HTTP"));
    t.row("C31", &first, ok(HOUR), not_arc("it asked for no proof"));
    t.row("C31", &first, answer(302, ""), not_arc("it asked for no proof"));
    let oauth = r#"{"error":"unauthorized_client","error_description":"m"}"#;
    t.row("C32", &arc(system(), ""), challenge(&format!("Basic realm={KEY_FILE}")), wordless("HTTP 401"));
    t.row("C32", &arc(system(), ""), answer(401, oauth), refused("unauthorized_client", "HTTP 401"));
    t.row("§1.8, first leg", &first, answer(403, ""), wordless("azure-arc gave no token: HTTP 403"));
    let failing = |key| Asked { before: Vec::new(), requests: first.requests.clone(), ..arc(system(), "").key(key) };
    let denied = Error::new(ErrorKind::Local, "could not read").with_advice("run as root, or join himds");
    t.row("C18", &failing(Err(denied)), realm(KEY_FILE), failed(ErrorKind::Local, "could not read").cure("himds"));
    t.row("C19", &first, realm("/var/opt/azcmagent/tokens/b-2.key"), failed(ErrorKind::Local, "no such key file"));
    let long = Error::new(ErrorKind::BadAnswer, "it is longer than 4096 bytes");
    t.row("C11 to C17", &failing(Err(long)), realm(KEY_FILE), no_token("4096"));
    t.row("C17", &failing(Ok("k\r\nX: y")), realm(KEY_FILE), failed(ErrorKind::InvalidInput, "header"));
    t.check(40);
}

#[test]
fn a_key_is_read_once_for_a_try() {
    let world = World::new(vec![challenge(&format!("Basic realm={KEY_FILE}")); 2]);
    world.put_key(KEY_FILE, Ok(KEY));
    let credential = world.credential(Setup { env: ARC, ..Setup::default() });
    assert_eq!(credential.token(RESOURCE).unwrap_err().status(), Some(401));
    assert_eq!((world.keys_read(), world.sent().len()), (1, 2));
}

#[test]
fn statuses() {
    let mut t = Table::default();
    let last = [304, 400, 401, 403, 405, 409, 413, 421];
    let server = [408, 429, 500, 501, 502, 503, 504, 511, 599];
    let with = |list: &[u16], more: &[u16]| [list, more].concat();
    t.statuses("how-to-use-vm-token, retry guidance; §2.1", &vm(system(), ""), &with(&server, &[404, 410]), &last);
    t.statuses("§2.3", &app(system(), ""), &server, &with(&last, &[404, 410]));
    t.statuses("§2.3", &ml(ML, system(), ""), &server, &with(&last, &[404, 410]));
    t.statuses("§2.3", &shell(), &server, &with(&last, &[404, 410]));
    let page = "how-to-managed-identity-service-fabric-app-code, retries; §1.7";
    t.statuses(page, &fabric(), &server, &with(&last, &[404, 410]));
    let second: Vec<_> = with(&last, &[404]).into_iter().filter(|status| *status != 304).collect();
    t.statuses("§2.3", &arc(system(), ""), &with(&server, &[410]), &with(&second, &[304]));
    let first: Vec<_> = second.into_iter().filter(|status| *status != 401).collect();
    let leg = arc_first(system(), "");
    for status in with(&server, &[410]) {
        // The second try is a whole one: the challenge, then the key.
        let world = World::new(vec![answer(status, ""), challenge(&format!("Basic realm={KEY_FILE}")), ok(HOUR)]);
        world.put_key(KEY_FILE, Ok(KEY));
        assert!(world.credential(Setup { env: ARC, ..Setup::default() }).token(RESOURCE).is_ok(), "{status}");
        assert_eq!(world.sent()[1].text, leg.requests[0]);
        t.rows += 1;
    }
    t.statuses("§1.8", &leg, &[], &first);
    let scope = "https%3A%2F%2Fmanagement.azure.com%2F%2F.default";
    let aks = aks(AKS, system(), "login.microsoftonline.com", "contoso.example", "w-c-1", scope);
    t.statuses("§2.3", &aks, &server, &with(&last, &[404, 410]));
    t.check(130);
}
