//! The identity endpoints: where each is, how it is asked, and how its answer is read.
//!
//! A new source is one file that ends in a `SOURCE`, and one line in `SOURCES`.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::env::Env;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::http::{Request, Response};
use crate::json::digits;
use crate::token::{self, AccessToken, Ask, Received};
use crate::url::Url;

mod imds;

/// In the order of detection: the first that finds itself in the environment is the one.
static SOURCES: &[&dyn Source] = &[&imds::SOURCE];

/// A kind of identity endpoint.
pub(crate) trait Source: Sync {
    /// As `--source` and every error name it.
    fn name(&self) -> &'static str;

    /// The endpoint, where this environment has one.
    fn detect(&self, env: &Env) -> Option<Result<Endpoint, Error>>;

    /// The request for a token.
    fn request<'a>(&self, endpoint: &'a Endpoint, ask: &Ask<'a>) -> Result<Request<'a>, Error>;

    /// What to do about a refusal, where the words of this service tell.
    fn advice(&self, _status: u16, _failure: &Failure) -> Option<&'static str> {
        None
    }
}

/// A source and its endpoint.
pub(crate) struct Place {
    pub(crate) source: &'static dyn Source,
    pub(crate) endpoint: Endpoint,
}

/// An identity endpoint on plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) addresses: Vec<SocketAddr>,
    /// As the `Host` header names it.
    pub(crate) authority: String,
    pub(crate) path: Cow<'static, str>,
}

/// The source of that name, or with `None` the first that finds itself.
pub(crate) fn locate(env: &Env, name: Option<&str>) -> Result<Place, Error> {
    let mut candidates = SOURCES.iter().filter(|source| name.is_none_or(|name| source.name() == name));
    let found = candidates.find_map(|source| Some((*source, source.detect(env)?)));
    let (source, endpoint) = found.ok_or_else(|| match name {
        Some(name) => Error::invalid(format!("there is no identity source {name:?} here")),
        None => Error::new(ErrorKind::NoEndpoint, "this environment has no identity endpoint"),
    })?;
    Ok(Place { source, endpoint: endpoint? })
}

/// Reads the answer to a token request.
pub(crate) fn reply(
    source: &dyn Source,
    response: &Response,
    ask: &Ask<'_>,
    received: Received,
) -> Result<AccessToken, Error> {
    match response.status {
        200 => token::read(response.body(), ask, received),
        201..=399 => Err(unexpected(source, response)),
        _ => Err(refusal(source, response)),
    }
}

#[cold]
fn unexpected(source: &dyn Source, response: &Response) -> Error {
    // No identity endpoint redirects, and a redirect is never followed: it could carry secret headers elsewhere.
    let step = format!("{} gave an answer that no identity endpoint gives", source.name());
    Error::new(ErrorKind::BadAnswer, step)
        .answered(response.status, Failure::default())
        .with_advice("something else answered, such as a proxy or a sign-in page")
}

#[cold]
fn refusal(source: &dyn Source, response: &Response) -> Error {
    let (status, failure) = (response.status, Failure::decode(response.body()));
    let kind = match status {
        429 => ErrorKind::Throttled,
        408 | 410 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::IdentityRefused,
    };
    let advice = source.advice(status, &failure);
    let retry_after =
        response.header("Retry-After").and_then(|value| digits(value.as_bytes())).map(Duration::from_secs);
    let error = Error::new(kind, format!("{} gave no token", source.name()))
        .answered(status, failure)
        .with_request_id(response.header("x-ms-request-id"))
        .with_retry_after(retry_after);
    match advice {
        Some(advice) => error.with_advice(advice),
        None => error,
    }
}

/// The endpoint at a URL that the environment names, if it is one that a token request in the clear may go to: loopback,
/// link-local or private, by address or as `localhost`.
fn local_endpoint(variable: &str, url: &str, path: &'static str) -> Result<Endpoint, Error> {
    let refused = |why: &str| Error::invalid(format!("{variable} is no usable identity endpoint: {why}"));
    let parsed = Url::parse(url).map_err(refused)?;
    if parsed.https {
        return Err(refused("it must be http://"));
    }
    let addresses = parsed.literal_addresses().ok_or_else(|| refused("its host must be an IP address or localhost"))?;
    if !addresses.iter().all(|address| is_local(address.ip())) {
        return Err(refused("its address is neither loopback nor link-local nor private"));
    }
    Ok(Endpoint { addresses, authority: parsed.authority(), path: Cow::Borrowed(path) })
}

/// Loopback, link-local, RFC 1918, RFC 6598 (App Service's Windows containers: `100.64.100.2`), RFC 4193.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_link_local() || v4.is_private() || matches!(v4.octets(), [100, 64..=127, ..])
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(local_endpoint("X", url, "/").is_ok(), "{url}");
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
            let error = local_endpoint("X", url, "/").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
        }
    }

    #[test]
    fn sources_have_names_of_their_own() {
        let mut names: Vec<_> = SOURCES.iter().map(|source| source.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SOURCES.len());
        assert!(locate(&Env::fixed(&[]), Some("nowhere")).is_err());
    }
}
