//! `azmin token`.

use std::io::IsTerminal;
use std::time::UNIX_EPOCH;

use azmin::{AccessToken, Credential};
use zeroize::Zeroizing;

use super::date::rfc_3339;
use super::options::Options;
use super::output;
use super::report::{Failed, print_to_stderr};

/// Prints a token in the format that was asked for.
pub(super) fn run(options: &Options) -> Result<(), Failed> {
    if let Some(operand) = options.operands.first() {
        return Err(Failed::usage(format!("azmin token takes no operand, and got {operand:?}")));
    }
    let format = format_of(options)?;
    let resource = resource(options)?;
    let credential = options.credential()?;
    let token = credential.token(resource)?;
    let text = format(&credential, &token);
    if options.file.is_none() && !options.quiet && std::io::stdout().is_terminal() {
        print_to_stderr("azmin: warning: this shows an access token on a terminal; -O FILE keeps it private\n");
    }
    output::deliver(options.file.as_deref(), text.as_bytes())
}

type Format = fn(&Credential, &AccessToken) -> Zeroizing<Box<str>>;

fn format_of(options: &Options) -> Result<Format, Failed> {
    match options.format.as_deref() {
        None | Some("raw") => Ok(|_, token| line(&[token.secret(), "\n"])),
        Some("json") => Ok(json),
        Some("header") => Ok(|_, token| line(&["Authorization: Bearer ", token.secret(), "\n"])),
        Some("curl") => Ok(|_, token| line(&["header = \"Authorization: Bearer ", token.secret(), "\"\n"])),
        Some(other) => Err(Failed::usage(format!("-o: there is no format {other:?}: raw, json, header, curl"))),
    }
}

fn resource(options: &Options) -> Result<&str, Failed> {
    // A wrong name is a mistake also where no cloud is needed; the machine's own is asked for only where it is.
    options.named_cloud()?;
    match (&options.resource, &options.scope, &options.url_for) {
        (None, None, None) => Ok(options.cloud()?.arm_audience()?),
        (Some(resource), None, None) => Ok(resource),
        (None, Some(scope), None) => match scope.strip_suffix("/.default") {
            Some(resource) => Ok(resource),
            None => Err(Failed::usage("--scope: a managed identity's scope ends in /.default".to_owned())),
        },
        (None, None, Some(url)) if url.starts_with('/') => Ok(options.cloud()?.arm_audience()?),
        (None, None, Some(url)) => Ok(options.cloud()?.audience_of(url)?),
        _ => Err(Failed::usage("--resource, --scope and --for exclude one another".to_owned())),
    }
}

/// Joined at once: a reallocation would leave a copy of the token behind.
fn line(parts: &[&str]) -> Zeroizing<Box<str>> {
    Zeroizing::new(parts.concat().into_boxed_str())
}

fn json(credential: &Credential, token: &AccessToken) -> Zeroizing<Box<str>> {
    let expires_on = token.expires_on().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let tail = [
        ("resource", Some(token.resource().to_owned())),
        ("clientId", token.client_id().map(str::to_owned)),
        ("tenant", token.claim("tid")),
        ("objectId", token.claim("oid")),
        ("source", Some(credential.source().to_owned())),
    ];
    let mut rest =
        format!("\",\"tokenType\":\"Bearer\",\"expires_on\":{expires_on},\"expiresOn\":\"{}\"", rfc_3339(expires_on));
    for (name, value) in tail.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        rest.extend([",\"", name, "\":", &quoted(&value)]);
    }
    rest.push_str("}\n");
    // A token has no character that JSON escapes.
    line(&["{\"accessToken\":\"", token.secret(), &rest])
}

/// A JSON string (RFC 8259, section 7).
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\0'..='\x1f' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings() {
        let text = "a\"b\\c\nd\u{1}é";
        assert_eq!(quoted(text), r#""a\"b\\c\u000ad\u0001é""#);
        assert_eq!(miniserde::json::from_str::<String>(&quoted(text)).unwrap(), text);
    }
}
