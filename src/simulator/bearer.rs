//! Whether a bearer token opens the door, before any service has put that into its own words.

use super::clock;
use super::request::Received;
use super::token::Issued;
use super::world::{ManagedIdentity, World, lock};

/// Why it does not.
pub(super) enum Flaw {
    /// There is no `Authorization`.
    Missing,
    /// It is not a bearer token.
    Scheme,
    /// Nobody issued it.
    Unknown,
    Audience(String),
    /// When its life was over, in seconds since 1970.
    Expired(u64),
    /// It was issued before [that](super::Azure::require_fresh_token) moment, in seconds since 1970.
    Revoked(u64),
}

/// Who presents a token for one of these audiences.
pub(super) fn identify(world: &World, request: &Received, audiences: &[&str]) -> Result<ManagedIdentity, Flaw> {
    let authorization = request.header("authorization").ok_or(Flaw::Missing)?;
    let (scheme, token) = authorization.split_once(' ').ok_or(Flaw::Scheme)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Flaw::Scheme);
    }
    let Issued { identity, audience, expires_on, revoked, .. } =
        lock(&world.tokens).find(token).ok_or(Flaw::Unknown)?;
    if !audiences.contains(&audience.as_str()) {
        return Err(Flaw::Audience(audience));
    }
    if clock::epoch(request.at) >= expires_on {
        return Err(Flaw::Expired(expires_on));
    }
    match revoked {
        Some(moment) => Err(Flaw::Revoked(moment)),
        None => Ok(identity),
    }
}
