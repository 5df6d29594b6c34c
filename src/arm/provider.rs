//! Registration of a resource provider in a subscription: "Azure resource providers and types", Microsoft Learn.

use super::call::Call;
use super::refusal::namespace;
use crate::error::{Error, ErrorKind};
use crate::retry;
use crate::url::Url;

/// Whether this is the refusal that registration cures.
pub(super) fn is_missing(error: &Error) -> bool {
    error.status() == Some(409)
        && error.code().is_some_and(|code| code.eq_ignore_ascii_case("MissingSubscriptionRegistration"))
}

/// Registers the provider that `call` was refused for, and waits until it is registered.
pub(super) fn register(call: &Call<'_>, refusal: &Error) -> Result<(), Error> {
    let unclear = || refusal.clone();
    let (origin, subscription) = place(&call.plan.url).ok_or_else(unclear)?;
    let namespace = namespace(refusal).ok_or_else(unclear)?;
    let audience = call.plan.audience(call.client.cloud())?;
    let provider = format!("{origin}/subscriptions/{subscription}/providers/{namespace}");
    let post = call.plan.beside("POST", format!("{provider}/register?{VERSION}"), audience.clone());
    let get = call.plan.beside("GET", format!("{provider}?{VERSION}"), audience);
    let ask = |plan| Call { client: call.client, plan, end: call.end, whatever: false }.answer();
    let mut answer = ask(&post)?;
    let rim = call.client.rim();
    for poll in 0.. {
        if answer.field("registrationState").is_some_and(|state| state.eq_ignore_ascii_case("Registered")) {
            return Ok(());
        }
        let pause = retry::poll(poll, rim.jitter(), answer.retry_after(rim.wall()));
        if pause >= call.end.saturating_duration_since(rim.now()) {
            break;
        }
        rim.sleep(pause);
        answer = ask(&get)?;
    }
    Err(Error::new(ErrorKind::DeadlineExceeded, format!("{namespace} was not registered before the deadline")))
}

/// Origin and subscription id of a URL below a subscription.
fn place(url: &str) -> Option<(String, &str)> {
    let parsed = Url::parse(url).ok()?;
    let mut segments = parsed.rest.split(['/', '?']).skip(1);
    let keyword = segments.next()?;
    let subscription = segments.next().filter(|id| !id.is_empty())?;
    keyword.eq_ignore_ascii_case("subscriptions").then(|| (format!("https://{}", parsed.authority()), subscription))
}

const VERSION: &str = "api-version=2021-04-01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_of_a_refusal() {
        let namespace = |target: &str| {
            let body = format!(r#"{{"error":{{"code":"X","details":[{{"target":"{target}"}}]}}}}"#);
            let failure = crate::failure::Failure::read(body.as_bytes());
            namespace(&Error::new(ErrorKind::Conflict, "").answered(409, failure))
        };
        assert_eq!(namespace("Microsoft.Compute").as_deref(), Some("Microsoft.Compute"));
        for target in ["", "Compute", ".", "..", "a..b", ".a", "a.", "a.b/c", "a.b?c"] {
            assert_eq!(namespace(target), None, "{target}");
        }
    }

    #[test]
    fn the_subscription_of_a_url() {
        let place = |url| place(url).map(|(origin, id)| format!("{origin} {id}"));
        assert_eq!(place("https://a:1/Subscriptions/s/x?y").as_deref(), Some("https://a:1 s"));
        assert_eq!(place("https://a/subscriptions/s?y").as_deref(), Some("https://a s"));
        for url in [
            "https://a",
            "https://a/",
            "https://a/subscriptions",
            "https://a/subscriptions/",
            "https://a/s/subscriptions/x",
        ] {
            assert_eq!(place(url), None, "{url}");
        }
    }
}
