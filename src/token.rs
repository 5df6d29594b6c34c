//! Access tokens, and the success answer of every identity endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::base64;
use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Plain};
use crate::http::b64token;
use crate::identity::Identity;
use crate::json::{Bearer, Raw, Seconds, Secret};

/// A bearer token (RFC 6750) for one resource. Cheap to clone; wiped from memory when the last clone is dropped.
///
/// # Example
///
/// ```no_run
/// # fn main() -> Result<(), azmin::Error> {
/// let token = azmin::Credential::detect()?.token("https://vault.azure.net")?;
/// let header = format!("Authorization: Bearer {}", token.secret());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct AccessToken(Arc<Inner>);

struct Inner {
    secret: Zeroizing<Box<str>>,
    resource: Arc<str>,
    client_id: Option<String>,
    expires_on: SystemTime,
    refresh_at: Instant,
    ends_at: Instant,
}

impl AccessToken {
    /// The token itself, for an `Authorization: Bearer` header sent over https.
    pub fn secret(&self) -> &str {
        &self.0.secret
    }

    /// When the token ends, by the issuer's clock.
    pub fn expires_on(&self) -> SystemTime {
        self.0.expires_on
    }

    /// The resource it was asked for, as the caller wrote it.
    pub fn resource(&self) -> &str {
        &self.0.resource
    }

    /// The client id of the identity that it speaks for, as far as the endpoint or the token tells.
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// A claim of the token, where the token is a JSON Web Token: `tid` is the tenant, `oid` the object id, `xms_mirid` the
    /// identity's resource id. Nothing is verified: the token's audience does that.
    pub fn claim(&self, name: &str) -> Option<String> {
        claim(self.secret(), name)
    }

    /// A token that no endpoint gave.
    #[cfg(all(test, feature = "https"))]
    pub(crate) fn scripted(secret: &str, resource: &str, received: Instant) -> Self {
        Self(Arc::new(Inner {
            secret: Zeroizing::new(secret.into()),
            resource: resource.into(),
            client_id: None,
            expires_on: SystemTime::UNIX_EPOCH,
            refresh_at: received,
            ends_at: received,
        }))
    }

    /// When to look for a newer token.
    pub(crate) fn refresh_at(&self) -> Instant {
        self.0.refresh_at
    }

    /// When it must no longer be handed out, on the monotonic clock: no step of the wall clock changes it.
    pub(crate) fn ends_at(&self) -> Instant {
        self.0.ends_at
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("resource", &self.0.resource)
            .field("client_id", &self.0.client_id)
            .field("expires_on", &self.0.expires_on)
            .finish_non_exhaustive()
    }
}

/// When an answer came, on both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) wall: SystemTime,
}

/// What was asked for.
pub(crate) struct Ask<'a> {
    pub(crate) resource: &'a Arc<str>,
    pub(crate) identity: &'a Identity,
    /// Whether the token of a user-assigned identity is refused also when nothing confirms whose it is.
    pub(crate) strict: bool,
}

/// The fields that are used. The others are neither needed nor trusted to have a sensible form: Arc sends `"not_before":""`.
#[derive(miniserde::Deserialize)]
struct Answer {
    access_token: Secret,
    token_type: Option<Bearer>,
    expires_in: Seconds,
    expires_on: Seconds,
    client_id: Option<String>,
    object_id: Option<String>,
    msi_res_id: Option<String>,
    mi_res_id: Option<String>,
}

/// Reads a success answer: RFC 6749, section 5.1.
///
/// # Errors
/// `BadAnswer` when it is none; `IdentityRefused` when it carries an error in spite of its status, or another identity's
/// token.
pub(crate) fn read(body: &[u8], ask: &Ask<'_>, received: Received) -> Result<AccessToken, Error> {
    let text = std::str::from_utf8(body).map_err(|why| bad("not UTF-8").because(why))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > PLAIN && text.bytes().filter(|byte| *byte == b'{').count() > MAX_OBJECTS {
        return Err(not_a_token(body, "not the JSON of a token"));
    }
    let cut = cut(text);
    let text = cut.as_ref().map_or(text, |(_, rest)| rest);
    // miniserde's error says nothing, so it is not worth keeping as a cause.
    let answer: Answer = miniserde::json::from_str(text).map_err(|_| not_a_token(body, "not the JSON of a token"))?;
    let secret = match (&answer.access_token.0, &cut) {
        (Some(secret), _) => secret,
        (None, Some((secret, _))) => *secret,
        (None, None) => return Err(not_a_token(body, "access_token is missing")),
    };
    if secret.is_empty() || answer.access_token.0.is_some() && b64token(secret.as_bytes()) < secret.len() {
        return Err(bad("access_token is empty or has characters that no token has"));
    }
    if secret.len() > MAX_TOKEN {
        return Err(bad("access_token is longer than 32 KiB"));
    }
    if matches!(answer.token_type, Some(Bearer(false))) {
        return Err(bad("token_type is not Bearer"));
    }
    let echoes = Echoes {
        client_id: answer.client_id,
        object_id: answer.object_id,
        resource_id: answer.msi_res_id.filter(|id| !id.is_empty()).or(answer.mi_res_id),
    };
    echoes.confirm(ask, secret)?;
    let (lifetime, expires_on) = lifetime(answer.expires_in, answer.expires_on, received.wall)?;
    let client_id = echoes.client_id.filter(|id| !id.is_empty()).or_else(|| claim(secret, "appid"));
    let (secret, resource) = (Zeroizing::new(secret.into()), Arc::clone(ask.resource));
    let after = |time| received.at.checked_add(time).unwrap_or(received.at);
    // From half of its life on, at the latest five minutes before its end.
    let refresh_at = after((lifetime / 2).min(lifetime.saturating_sub(MARGIN)));
    let ends_at = after(lifetime);
    Ok(AccessToken(Arc::new(Inner { secret, resource, client_id, expires_on, refresh_at, ends_at })))
}

/// The token, and the answer without it, if it stands first in the one spelling that all endpoints use. Then it is read in one
/// pass, which also finds what could split the header that it goes into (RFC 6750, section 2.1); miniserde alone would take
/// three times as long. What is left names another member in its place: if there is one more of this name, that one counts.
fn cut(text: &str) -> Option<(&str, Zeroizing<Box<str>>)> {
    let after = text.strip_prefix(FIRST)?;
    let (token, rest) = after.split_at_checked(b64token(after.as_bytes()))?;
    rest.starts_with('"').then(|| (token, Zeroizing::new(["{\"\":\"", rest].concat().into_boxed_str())))
}

/// `expires_in` gives the lifetime, which needs no wall clock; `expires_on` is what is reported, and what counts where it
/// stands alone.
fn lifetime(expires_in: Seconds, expires_on: Seconds, wall: SystemTime) -> Result<(Duration, SystemTime), Error> {
    let reported = expires_on.moment().and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    let left = match (expires_in.count(), reported) {
        (Some(seconds), _) => Duration::from_secs(seconds),
        (None, Some(end)) => match end.duration_since(wall).unwrap_or(Duration::ZERO) {
            // No managed identity's token lives so long: the clock of this machine must stand in the past, as at boot
            // before NTP. The token is good for a while; the endpoint keeps it longer than we do.
            left if left > LONGEST => WITH_A_WRONG_CLOCK,
            left => left,
        },
        (None, None) => return Err(bad("neither expires_in nor expires_on can be read")),
    };
    let lifetime = left.min(MAX_LIFETIME);
    if lifetime.is_zero() {
        let error = bad("the token is already over");
        return Err(if expires_in.count().is_none() { error.with_advice("check this machine's clock") } else { error });
    }
    let end =
        reported.or_else(|| wall.checked_add(lifetime)).ok_or_else(|| bad("expires_in is beyond every calendar"))?;
    Ok((lifetime, end))
}

/// Which identity the endpoint says that it answered for.
struct Echoes {
    client_id: Option<String>,
    object_id: Option<String>,
    resource_id: Option<String>,
}

impl Echoes {
    /// Refuses another identity's token. The echo decides; where there is none, the token's own claim does; a token that
    /// tells nothing is taken from endpoints that are known to heed whom they were asked for.
    fn confirm(&self, ask: &Ask<'_>, secret: &str) -> Result<(), Error> {
        let wanted = ask.identity;
        let (echo, name) = match wanted {
            Identity::SystemAssigned => return Ok(()),
            Identity::ClientId(_) => (&self.client_id, "appid"),
            Identity::ObjectId(_) => (&self.object_id, "oid"),
            Identity::ResourceId(_) => (&self.resource_id, "xms_mirid"),
        };
        let answered = echo.clone().filter(|echo| !echo.is_empty()).or_else(|| claim(secret, name));
        match (wanted.id(), answered) {
            (Some((kind, id)), Some(answered)) if !answered.eq_ignore_ascii_case(id) => {
                // An echo may be anything, the token included.
                let repeats = answered.len() > MAX_ID
                    || answered.as_bytes().windows(secret.len()).any(|part| part == secret.as_bytes());
                let shown = if repeats { "(not shown)" } else { &answered };
                let step = format!("the answer is for another identity: {kind} {} instead of {id:?}", Plain(shown));
                Err(Error::new(ErrorKind::IdentityRefused, step))
            }
            (Some((kind, _)), None) if ask.strict => {
                let step =
                    format!("the answer does not say which identity it is for: the {kind} may have been ignored");
                Err(Error::new(ErrorKind::IdentityRefused, step)
                    .with_advice("update the agent: old ones know the machine's own identity only"))
            }
            _ => Ok(()),
        }
    }
}

/// A claim of a JSON Web Token's payload (RFC 7519): text, or a number as it is spelled.
fn claim(secret: &str, name: &str) -> Option<String> {
    let payload = secret.split('.').nth(1)?;
    let payload = Zeroizing::new(base64::decode(payload)?);
    Some(Raw::document(std::str::from_utf8(&payload).ok()?)?.get(name)?.scalar()?.into_owned())
}

#[cold]
fn bad(what: &str) -> Error {
    Error::new(ErrorKind::BadAnswer, format!("no token in the answer of the identity endpoint: {what}"))
}

/// An answer without a token may still say why, and some services say so with status 200.
#[cold]
fn not_a_token(body: &[u8], what: &str) -> Error {
    let failure = Failure::decode(body);
    let text = String::from_utf8_lossy(body);
    let document = Raw::document(&text);
    let token = document.and_then(|document| document.get("access_token")?.string());
    // Text that is no JSON may hold anything, a token with a broken tail included: it is not shown. Nor are words that stand
    // beside a token, which may repeat it.
    match &failure.code {
        Some(_) if document.is_some() && token.is_none() => {
            Error::new(ErrorKind::IdentityRefused, "the identity endpoint gave no token").answered(200, failure)
        }
        _ => bad(what).with_advice("something else than an identity endpoint may have answered, such as a proxy"),
    }
}

/// How an answer begins.
const FIRST: &str = "{\"access_token\":\"";
/// Objects within objects take ten times their room when they are read. An answer with a token has one, and is smaller.
const PLAIN: usize = 64 << 10;
const MAX_OBJECTS: usize = 1000;
/// Of an identity that is shown: resource ids are shorter.
const MAX_ID: usize = 1000;
/// Tokens with many group claims reach about 11 KiB.
const MAX_TOKEN: usize = 32 << 10;
/// Entra's tokens last a day or a little more; a longer claim is a mistake, and would keep a dead token in the cache.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 86_400);
/// Of a token whose only expiry is a date. Entra's last up to 28 hours.
const LONGEST: Duration = Duration::from_secs(2 * 86_400);
const WITH_A_WRONG_CLOCK: Duration = Duration::from_secs(600);
/// A call that starts with the token must also end with it.
const MARGIN: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
