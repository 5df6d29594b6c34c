//! `azmin doctor`: what this machine's identity is, and what stands in the way.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use azmin::{AccessToken, Error};

use super::date::rfc_3339;
use super::options::Options;
use super::output;
use super::report::Failed;
use super::token::quoted;

/// One line of the report: the name that a person reads, the name that a program reads, and what was found.
struct Finding(&'static str, &'static str, String);

/// Examines, prints the report whatever was found, and fails as `azmin token` would.
pub(super) fn run(options: &Options) -> Result<(), Failed> {
    if let Some(operand) = options.operands.first() {
        return Err(Failed::usage(format!("azmin doctor takes no operand, and got {operand:?}")));
    }
    let print = match options.format.as_deref() {
        None => text,
        Some("json") => json,
        Some(other) => return Err(Failed::usage(format!("-o: there is no format {other:?}: json"))),
    };
    let credential = options.credential()?;
    let cloud = match options.named_cloud()? {
        Some(cloud) => Ok(cloud),
        None => match options.cloud() {
            Err(Failed::Call(error)) => Err(error),
            cloud => Ok(cloud?),
        },
    };
    let mut findings = vec![
        Finding("source", "source", credential.source().to_owned()),
        Finding("recognised by", "evidence", credential.evidence().to_owned()),
        Finding("endpoint", "endpoint", credential.endpoint()),
    ];
    let outcome = match (&options.resource, &cloud) {
        (Some(resource), _) => Ok(resource.as_str()),
        (None, Ok(cloud)) => cloud.arm_audience(),
        (None, Err(error)) => Err(error.clone()),
    };
    let begun = Instant::now();
    let outcome = outcome.and_then(|resource| credential.token(resource));
    match &outcome {
        Ok(token) => good(&mut findings, token, begun.elapsed()),
        Err(error) => bad(&mut findings, error),
    }
    match &cloud {
        Ok(cloud) => findings.push(Finding("resource manager", "armEndpoint", cloud.arm_endpoint().to_owned())),
        Err(error) => findings.push(Finding("cloud", "cloud", error.to_string())),
    }
    settings(&mut findings, options);
    output::deliver(options.file.as_deref(), print(&findings).as_bytes())?;
    Ok(outcome.map(|_| ())?)
}

fn good(findings: &mut Vec<Finding>, token: &AccessToken, elapsed: Duration) {
    findings.push(Finding("answers", "answers", "yes".to_owned()));
    findings.push(Finding(
        "milliseconds",
        "milliseconds",
        (elapsed.as_secs() * 1000 + u64::from(elapsed.subsec_millis())).to_string(),
    ));
    findings.push(Finding("resource", "resource", token.resource().to_owned()));
    for (name, key, value) in [
        ("client id", "clientId", token.client_id().map(str::to_owned)),
        ("object id", "objectId", token.claim("oid")),
        ("tenant", "tenant", token.claim("tid")),
        ("identity", "resourceId", token.claim("xms_mirid")),
    ] {
        findings.extend(value.map(|value| Finding(name, key, value)));
    }
    let end = token.expires_on().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let left = token.expires_on().duration_since(SystemTime::now()).unwrap_or_default().as_secs();
    findings.push(Finding("expires on", "expiresOn", rfc_3339(end)));
    findings.push(Finding("seconds left", "secondsLeft", left.to_string()));
}

fn bad(findings: &mut Vec<Finding>, error: &Error) {
    findings.push(Finding(
        "answers",
        "answers",
        if error.status().is_some() { "with a refusal" } else { "no" }.to_owned(),
    ));
    findings.push(Finding("problem", "problem", error.to_string()));
    findings.extend(error.advice().map(|advice| Finding("what to do", "cure", advice.to_owned())));
}

/// What calls over TLS will use.
fn settings(findings: &mut Vec<Finding>, options: &Options) {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE"] {
        if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
            // A proxy's user name and password stand before the last @.
            let shown = value.rsplit('@').next().unwrap_or_default().to_owned();
            findings.push(Finding(name, name, shown));
        }
    }
    #[cfg(feature = "https")]
    {
        findings.extend(options.ca_file.clone().map(|path| Finding("CA file", "caFile", path)));
        let checked = super::rest::client(options).map(|client| client.check());
        if let Ok(Err(error)) = checked {
            findings.push(Finding("calls over TLS", "tls", error.to_string()));
        }
    }
    #[cfg(not(feature = "https"))]
    let _ = options;
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding(name, _, value) in findings {
        text.push_str(name);
        text.extend(std::iter::repeat_n(' ', COLUMN.saturating_sub(name.len()).max(1)));
        text.extend(value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
        text.push('\n');
    }
    text
}

fn json(findings: &[Finding]) -> String {
    let members: Vec<_> =
        findings.iter().map(|Finding(_, key, value)| [&quoted(key), ":", &quoted(value)].concat()).collect();
    ["{", &members.join(","), "}\n"].concat()
}

const COLUMN: usize = 18;
