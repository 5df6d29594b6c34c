//! The identity endpoints: where each is, how it is asked, and how its answer is read.
//!
//! A new source is one file that ends in a `SOURCE`, and one line in `SOURCES`.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::env::Env;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::http::{Request, Response, push_query};
use crate::identity::Identity;
use crate::token::{self, AccessToken, Ask, Received};
use crate::url::Url;

mod app_service;
mod azure_arc;
mod azure_ml;
mod cloud_shell;
mod imds;
mod service_fabric;
mod workload;

#[cfg(any(test, fuzzing))]
pub(crate) use azure_arc::key_file;

/// In the order of detection: the first that finds itself in the environment is the one.
static SOURCES: &[&dyn Source] = &[
    &service_fabric::SOURCE,
    &app_service::SOURCE,
    &azure_ml::SOURCE,
    &cloud_shell::SOURCE,
    &azure_arc::SOURCE,
    &workload::SOURCE,
    &azure_arc::INSTALLED,
    &imds::SOURCE,
];

/// A kind of identity endpoint.
pub(crate) trait Source: Sync {
    /// As `--source` and every error name it.
    fn name(&self) -> &'static str;

    /// What it looks for, and so what there is when it is found.
    fn evidence(&self) -> &'static str;

    /// The endpoint, where this environment speaks of one.
    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>>;

    /// The endpoint where somebody says that it is this one, whatever the environment says.
    fn assume(&self, _env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        None
    }
}

/// One endpoint, and how it wants to be spoken to.
pub(crate) trait Endpoint: Send + Sync {
    fn site(&self) -> &Site;

    /// Refuses an identity that this endpoint cannot choose, before anything is sent.
    fn check(&self, _identity: &Identity) -> Result<(), &'static str> {
        Ok(())
    }

    /// A file whose content belongs into the request.
    fn assertion_file(&self) -> Option<PathBuf> {
        None
    }

    /// The request for a token. `key` is what the assertion file held, or the key file that a challenge named.
    fn request<'a>(&'a self, ask: &Ask<'a>, key: Option<&'a str>) -> Request<'a>;

    /// The request for instance metadata, where the endpoint has some.
    #[cfg(feature = "https")]
    fn instance_request(&self) -> Option<Request<'_>> {
        None
    }

    /// The key file that this answer asks the caller to read, and the directory that it must be in; `None` if the answer is
    /// the last word.
    fn challenge(&self, _response: &Response) -> Result<Option<KeyFile>, Error> {
        Ok(None)
    }

    /// Whether a user-assigned identity's token is refused also when nothing confirms that it is that identity's.
    fn is_strict(&self) -> bool {
        false
    }

    /// Whether this status may pass by itself.
    fn is_passing(&self, status: u16) -> bool {
        matches!(status, 408 | 429 | 500..=599)
    }

    /// What to do about a refusal, where the words of this service tell.
    fn advice(&self, _status: u16, _failure: &Failure) -> Option<&'static str> {
        None
    }
}

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) transport: Transport,
    /// As the `Host` header names it.
    pub(crate) authority: String,
    pub(crate) path: Cow<'static, str>,
}

/// How an endpoint is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In the clear, at addresses on or next to this machine.
    Plain(Vec<SocketAddr>),
    /// Over TLS, trusted as every server is.
    Tls,
    /// Over TLS, trusted by the SHA-1 thumbprint of its certificate alone.
    Pinned([u8; 20]),
}

/// A file that proves to an endpoint that the caller may read it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyFile {
    pub(crate) path: PathBuf,
    pub(crate) directory: PathBuf,
}

impl KeyFile {
    /// The key that such a file holds: what `Basic` credentials can be, and nothing else.
    pub(crate) fn key(content: &[u8]) -> Result<Zeroizing<String>, &'static str> {
        let key = text(content, MAX_KEY).ok_or("it is longer than 4096 bytes, or no text")?;
        let plain = !key.is_empty() && key.bytes().all(|byte| matches!(byte, 0x21..=0x7e));
        if plain { Ok(key) } else { Err("it is empty, or has blanks in it") }
    }
}

/// The assertion that a file holds, which is never empty.
pub(crate) fn assertion(content: &[u8]) -> Option<Zeroizing<String>> {
    text(content, MAX_ASSERTION).filter(|text| !text.is_empty())
}

/// Without the blanks around it; `None` if it is longer than that or not UTF-8.
fn text(content: &[u8], most: usize) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= most)?;
    Some(Zeroizing::new(text.trim_ascii().to_owned()))
}

/// A source and its endpoint.
pub(crate) struct Place {
    pub(crate) source: &'static dyn Source,
    pub(crate) endpoint: Box<dyn Endpoint>,
}

/// The source of that name, or with `None` the first that finds itself.
pub(crate) fn locate(env: &Env, name: Option<&str>) -> Result<Place, Error> {
    let named = || SOURCES.iter().filter(|source| name.is_none_or(|name| source.name() == name));
    let found = named().find_map(|source| Some((*source, source.detect(env)?)));
    let assumed = || named().filter(|_| name.is_some()).find_map(|source| Some((*source, source.assume(env)?)));
    match (found.or_else(assumed), named().next(), name) {
        (Some((source, endpoint)), ..) => Ok(Place { source, endpoint: endpoint? }),
        (None, Some(source), _) => {
            Err(Error::invalid(format!("this is not {}: it is recognised by {}", source.name(), source.evidence())))
        }
        (None, None, name) => {
            let mut names = Vec::new();
            for source in SOURCES {
                // Arc stands twice in the order of detection.
                if !names.contains(&source.name()) {
                    names.push(source.name());
                }
            }
            let name = name.unwrap_or_default();
            Err(Error::invalid(format!("there is no identity source {name:?}: {}", names.join(", "))))
        }
    }
}

/// Reads the answer to a token request.
pub(crate) fn reply(
    place: &Place,
    response: &Response,
    ask: &Ask<'_>,
    received: Received,
) -> Result<AccessToken, Error> {
    match response.status {
        200 => token::read(response.body(), ask, received),
        201..=399 => Err(unexpected(place, response)),
        _ => Err(refusal(place, response, received)),
    }
}

#[cold]
pub(crate) fn unexpected(place: &Place, response: &Response) -> Error {
    // No identity endpoint redirects, and a redirect is never followed: it could carry secret headers elsewhere.
    let step = format!("{} gave an answer that no identity endpoint gives", place.name());
    Error::new(ErrorKind::BadAnswer, step)
        .answered(response.status, Failure::default())
        .with_advice("something else answered, such as a proxy or a sign-in page")
}

#[cold]
fn refusal(place: &Place, response: &Response, received: Received) -> Error {
    let (status, failure) = (response.status, Failure::decode(response.body()));
    let kind = match status {
        429 => ErrorKind::Throttled,
        408 | 410 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::IdentityRefused,
    };
    let advice = place.endpoint.advice(status, &failure).or_else(|| common_advice(status, &failure));
    let error = Error::new(kind, format!("{} gave no token", place.name()))
        .answered(status, failure)
        .with_request_id(response.header("x-ms-request-id"))
        .with_retry_after(response.retry_after(received.wall));
    match advice {
        Some(advice) => error.with_advice(advice),
        None => error,
    }
}

fn common_advice(status: u16, failure: &Failure) -> Option<&'static str> {
    match status {
        400 if failure.message_starts("Identity not found") || failure.is("identity_not_found") => Some(NOT_ASSIGNED),
        400 if failure.message_starts("Multiple user assigned identities") => {
            Some("name one with --client-id, --object-id or --resource-id")
        }
        400 if failure.is("invalid_resource") => Some(WRONG_RESOURCE),
        404 if failure.is("identity_not_found") => Some(NOT_ASSIGNED),
        502 | 504 => Some("a proxy may have answered instead: identity endpoints are reached directly"),
        _ => None,
    }
}

impl Place {
    pub(crate) fn name(&self) -> &'static str {
        self.source.name()
    }

    pub(crate) fn url(&self) -> String {
        let site = self.endpoint.site();
        let scheme = if matches!(site.transport, Transport::Plain(_)) { "http://" } else { "https://" };
        [scheme, &site.authority, &site.path].concat()
    }
}

/// Appends which identity is wanted. Only the name of a resource id differs from source to source.
fn push_identity(target: &mut String, identity: &Identity, resource_id: &str) {
    match identity {
        Identity::SystemAssigned => {}
        Identity::ClientId(id) => push_query(target, "client_id", id),
        Identity::ObjectId(id) => push_query(target, "object_id", id),
        Identity::ResourceId(id) => push_query(target, resource_id, id),
    }
}

fn boxed(endpoint: impl Endpoint + 'static) -> Box<dyn Endpoint> {
    Box::new(endpoint)
}

/// The endpoint at a URL that the environment names, if it is one that a token request in the clear may go to: loopback,
/// link-local or private, by address or as `localhost`.
fn local_site(variable: &str, url: &str) -> Result<Site, Error> {
    let refused = |why: &str| Error::invalid(format!("{variable} is no usable identity endpoint: {why}"));
    let parsed = Url::parse(url).map_err(refused)?;
    if parsed.https {
        return Err(refused("it must be http://"));
    }
    let addresses = parsed.literal_addresses().ok_or_else(|| refused("its host must be an IP address or localhost"))?;
    if !addresses.iter().all(|address| is_local(address.ip())) {
        return Err(refused("its address is neither loopback nor link-local nor private"));
    }
    Ok(Site { transport: Transport::Plain(addresses), authority: parsed.authority(), path: path_of(&parsed) })
}

/// A site over TLS.
fn tls_site(variable: &str, url: &str, transport: Transport) -> Result<Site, Error> {
    let refused = |why: &str| Error::invalid(format!("{variable} is no usable identity endpoint: {why}"));
    let parsed = Url::parse(url).map_err(refused)?;
    if !parsed.https {
        return Err(refused("it must be https://"));
    }
    Ok(Site { transport, authority: parsed.authority(), path: path_of(&parsed) })
}

fn path_of(url: &Url<'_>) -> Cow<'static, str> {
    match url.rest {
        "" => Cow::Borrowed("/"),
        rest if rest.starts_with('/') => Cow::Owned(rest.to_owned()),
        query => Cow::Owned(["/", query].concat()),
    }
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

/// As every client of Arc limits its key files.
pub(crate) const MAX_KEY: usize = 4096;
/// Service accounts' tokens are below 2 KiB.
pub(crate) const MAX_ASSERTION: usize = 64 << 10;
const NOT_ASSIGNED: &str =
    "assign the identity to this machine, or correct the id; a new assignment can take minutes to arrive";
const WRONG_RESOURCE: &str =
    "check the resource: it must be spelled as the service documents its audience, trailing slash included";

#[cfg(test)]
mod tests;
