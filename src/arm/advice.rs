//! What to do about a refusal, where that is known. Pure.
//!
//! The articles on error codes below "Troubleshoot common Azure deployment errors", Microsoft Learn; for the data planes the
//! "REST API error codes" of Key Vault and Storage.

use std::borrow::Cow;

use crate::failure::{Failure, Plain};
use crate::http::Bearer;

/// What was refused, and how.
pub(super) struct Asked<'a> {
    pub(super) status: u16,
    pub(super) failure: &'a Failure,
    pub(super) challenge: &'a Bearer,
}

/// One line, fit for a terminal.
pub(super) fn advice(asked: &Asked<'_>) -> Option<String> {
    let failure = asked.failure;
    if failure.facts.is_foreign {
        return Some("not an Azure answer? A proxy or gateway in between may have given it".to_owned());
    }
    let message = failure.message.as_deref().unwrap_or_default();
    if let Some(found) = wrong_tenant(asked, message).or_else(|| versions(failure)) {
        return Some(found);
    }
    if asked.challenge.claims.is_some() || failure.is("insufficient_claims") {
        return Some(CLAIMS.to_owned());
    }
    let known = failure.codes().find_map(|code| known(code, message));
    let known = known.or_else(|| by_status(asked.status).map(Cow::Borrowed));
    known.map(Cow::into_owned)
}

fn known(code: &str, message: &str) -> Option<Cow<'static, str>> {
    if code.eq_ignore_ascii_case("AuthorizationFailed") {
        return Some(Cow::Owned(missing_role(message)));
    }
    let mut rows = ADVICE.lines().filter_map(|row| row.split_once(": "));
    rows.find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, advice)| Cow::Borrowed(advice))
}

fn by_status(status: u16) -> Option<&'static str> {
    match status {
        412 => Some("the resource is not as If-Match or If-None-Match wanted it: read it again and decide anew"),
        _ => None,
    }
}

/// Of the words that Resource Manager has for it: "The client 'c' with object id 'o' does not have authorization to perform
/// action 'a' over scope 's' or the scope is invalid."
fn missing_role(message: &str) -> String {
    let mut text = "give ".to_owned();
    match quoted_after(message, "object id ") {
        Some(id) => text.extend(["the object id ", &id]),
        None => text.push_str("the identity"),
    }
    match quoted_after(message, "perform action ") {
        Some(action) => text.extend([" a role with ", &action]),
        None => text.push_str(" a role that allows it"),
    }
    if let Some(scope) = quoted_after(message, "over scope ") {
        text.extend([" at ", &scope]);
    }
    text.push_str("; a new role takes up to 10 minutes to arrive: --retry-forbidden waits for it");
    text
}

/// Both tenants, where a token came from the wrong one. The URI of the challenge is shown and never followed.
fn wrong_tenant(asked: &Asked<'_>, message: &str) -> Option<String> {
    let names_issuer = message.contains("wrong issuer") || message.contains("AKV10032");
    if !(asked.failure.is("InvalidAuthenticationTokenTenant") || asked.status == 401 && names_issuer) {
        return None;
    }
    // Key Vault lists what it expects before what it found.
    let ours = tenant(message.split_once("found ").map_or(message, |(_, found)| found));
    let wanted = asked.challenge.authorization_uri.as_deref().and_then(tenant).or_else(|| {
        let (_, rest) =
            ["must match the tenant", "Expected one of"].iter().find_map(|words| message.split_once(words))?;
        tenant(rest)
    });
    let unknown = || "unknown".to_owned();
    Some(format!(
        "the token is of tenant {}, and tenant {} is wanted: use an identity of that tenant; after a transfer of the \
         subscription, wait up to an hour",
        ours.unwrap_or_else(unknown),
        wanted.unwrap_or_else(unknown)
    ))
}

/// The first segment of the first URL's path.
fn tenant(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("https://")?;
    let (_, path) = rest.split_once('/')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let end = path.find(|c| !plain(c)).unwrap_or(path.len());
    path.get(..end).filter(|tenant| !tenant.is_empty() && tenant.len() <= MAX_WORD).map(str::to_owned)
}

fn versions(failure: &Failure) -> Option<String> {
    let versions = &failure.facts.api_versions;
    let stable = versions.iter().filter(|version| version.len() == "2021-04-01".len()).max();
    match (stable, versions.iter().max()) {
        (Some(stable), _) => Some(format!("the newest stable api-version is {stable}")),
        (None, Some(preview)) => Some(format!("there are previews only: the newest api-version is {preview}")),
        (None, None) => None,
    }
}

/// The text in single quotes that follows these words.
fn quoted_after(message: &str, words: &str) -> Option<String> {
    let (_, rest) = message.split_once(words)?;
    let (text, _) = rest.strip_prefix('\'')?.split_once('\'')?;
    (!text.is_empty() && text.len() <= MAX_WORD).then(|| Plain(text).to_string())
}

/// Ids, actions and scopes are shorter.
const MAX_WORD: usize = 500;

const CLAIMS: &str = "the service wants these claims of the token, and a fresh one has them not yet: an identity endpoint \
                      cannot be asked for claims; what changed for this identity in Microsoft Entra has to be seen to";
/// Code and advice, a line each: one text, because every pointer is relocated whenever the program starts.
static ADVICE: &str = "\
LinkedAuthorizationFailed: the resource names another one, for which the identity needs a role too: the message says which action and scope
MissingSubscriptionRegistration: --register-provider registers the provider, where the identity may do so in this subscription
MissingApiVersionParameter: pass --api-version
InvalidApiVersionParameter: pass --api-version with a version that this resource type has
NoRegisteredProviderFound: check the resource type, its location and the api-version
InvalidResourceType: check the resource type's spelling and the api-version
RequestDisallowedByPolicy: a policy forbids this, and waiting does not help: ask the owner of its assignment
DisallowedByAzureFirewall: a firewall forbids this, and waiting does not help
ScopeLocked: a lock forbids this: have the lock removed, or leave the resource alone
ForbiddenByFirewall: the vault's firewall refuses this address: allow it there, or use a private endpoint
ForbiddenByRbac: give the identity a data role at the vault, such as Key Vault Secrets User; a new one takes up to 10 minutes to arrive
ForbiddenByPolicy: the vault's access policies do not allow this: add one for the identity, and the vault's owner can
AccessDenied: give the identity a role or an access policy at the vault
AuthorizationPermissionMismatch: give the identity a data role of storage, such as Storage Blob Data Reader: Owner and Contributor do not read data
AuthorizationFailure: the storage account's firewall refuses this address, or its shared settings this kind of access
InvalidAuthenticationTokenAudience: the token is for another service: check --resource and --cloud
ExpiredAuthenticationToken: check this machine's clock
SubscriptionNotFound: no role yet? Without any role in a subscription an identity is told that there is none; check the id and the tenant too
RetryableErrorDueToAnotherOperation: another operation on the same resource is under way: try again when it is done
";

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str, challenge: &Bearer) -> Option<String> {
        advice(&Asked { status, failure: &Failure::read(body.as_bytes()), challenge })
    }

    fn of_code(status: u16, code: &str, message: &str) -> Option<String> {
        told(status, &format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#), &Bearer::default())
    }

    #[test]
    fn every_row_is_found_by_its_code() {
        for row in ADVICE.lines() {
            let (code, wanted) = row.split_once(": ").unwrap();
            assert_eq!(of_code(403, code, "m").as_deref(), Some(wanted));
            assert_eq!(of_code(403, &code.to_ascii_uppercase(), "m").as_deref(), Some(wanted));
        }
        assert_eq!(of_code(403, "NoSuchCode", "m"), None);
        assert_eq!(of_code(404, "", ""), None);
    }

    #[test]
    fn by_status_where_no_code_tells() {
        let changed = "the resource is not as If-Match or If-None-Match wanted it: read it again and decide anew";
        assert_eq!(of_code(412, "ConditionNotMet", "m").as_deref(), Some(changed));
        assert_eq!(of_code(409, "ConditionNotMet", "m"), None);
    }

    #[test]
    fn a_page_of_something_else() {
        let foreign = "not an Azure answer? A proxy or gateway in between may have given it";
        assert_eq!(told(502, "<html>bad gateway</html>", &Bearer::default()).as_deref(), Some(foreign));
    }

    #[test]
    fn the_role_that_is_missing() {
        let last = "; a new role takes up to 10 minutes to arrive: --retry-forbidden waits for it";
        for (message, wanted) in [
            ("", "give the identity a role that allows it"),
            (
                "The client 'c' with object id 'o-1' does not have authorization to perform action 'a/read' over scope \
                 '/s' or the scope is invalid.",
                "give the object id o-1 a role with a/read at /s",
            ),
            ("perform action 'a/read'", "give the identity a role with a/read"),
            ("perform action a/read'", "give the identity a role that allows it"),
            ("perform action 'a/read", "give the identity a role that allows it"),
            ("object id '' over scope '/s'", "give the identity a role that allows it at /s"),
        ] {
            assert_eq!(of_code(403, "AuthorizationFailed", message), Some(wanted.to_owned() + last), "{message}");
        }
        let scope = |length| of_code(403, "AuthorizationFailed", &format!("over scope '{}'", "s".repeat(length)));
        assert!(scope(MAX_WORD).unwrap().contains(" at sss"));
        assert!(!scope(MAX_WORD + 1).unwrap().contains(" at "));
    }

    #[test]
    fn the_wrong_tenant() {
        let told_of = |status, code: &str, message: &str, uri: Option<&str>| {
            let challenge = Bearer { authorization_uri: uri.map(str::to_owned), ..Bearer::default() };
            told(status, &format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#), &challenge)
        };
        let tenants = |ours, wanted| {
            Some(format!(
                "the token is of tenant {ours}, and tenant {wanted} is wanted: use an identity of that tenant; after a \
                 transfer of the subscription, wait up to an hour"
            ))
        };
        let arm = "The access token is from the wrong issuer 'https://sts.windows.net/t-1/'. It must match the tenant \
                   'https://sts.windows.net/t-2/' associated with this subscription.";
        let code = "InvalidAuthenticationTokenTenant";
        assert_eq!(told_of(401, code, arm, None), tenants("t-1", "t-2"));
        assert_eq!(told_of(401, code, arm, Some("https://login.example/t-3")), tenants("t-1", "t-3"));
        assert_eq!(told_of(401, code, arm, Some("https://login.example")), tenants("t-1", "t-2"));
        assert_eq!(told_of(403, code, "m", None), tenants("unknown", "unknown"));
        // Other codes count by their words, and as the answer to a token only.
        assert_eq!(told_of(401, "Unauthorized", arm, None), tenants("t-1", "t-2"));
        assert_eq!(told_of(403, "Unauthorized", arm, None), None);
        assert_eq!(told_of(401, "Unauthorized", "no", None), None);
        let vault = "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/t-2/, found \
                     https://sts.windows.net/t-1/.";
        assert_eq!(told_of(401, "Unauthorized", vault, None), tenants("t-1", "t-2"));
    }

    #[test]
    fn tenants_in_texts() {
        let longest = "t".repeat(MAX_WORD);
        for (text, wanted) in [
            ("https://a/t-1", Some("t-1")),
            ("see https://a/contoso.example/oauth2", Some("contoso.example")),
            ("https://a/t_1", Some("t")),
            ("https://a//t", None),
            ("https://a", None),
            ("http://a/t", None),
            (&format!("https://a/{longest}"), Some(longest.as_str())),
            (&format!("https://a/{longest}t"), None),
        ] {
            assert_eq!(tenant(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn the_newest_version() {
        for (versions, wanted) in [
            ("2020-01-01, 2021-04-01, 2022-01-01-preview", "the newest stable api-version is 2021-04-01"),
            (
                "2022-01-01-preview, 2021-01-01-preview",
                "there are previews only: the newest api-version is 2022-01-01-preview",
            ),
        ] {
            let message = format!("The supported api-versions are '{versions}'.");
            assert_eq!(of_code(400, "InvalidResourceType", &message).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn claims_that_are_wanted() {
        assert_eq!(of_code(401, "insufficient_claims", "m").as_deref(), Some(CLAIMS));
        let challenge = Bearer { claims: Some("{}".to_owned()), ..Bearer::default() };
        assert_eq!(told(401, "", &challenge).as_deref(), Some(CLAIMS));
        assert_eq!(told(401, "", &Bearer::default()), None);
    }
}
