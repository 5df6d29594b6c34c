//! Access tokens: JSON Web Tokens in shape and claims, known to Azure Resource Manager by having been issued here.

use std::collections::HashMap;

use rustls::crypto::ring;

use super::json;
use super::world::{ManagedIdentity, TENANT, World, lock};
use crate::base64::{URL_SAFE, encode};

/// A token and what is known about it.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) identity: ManagedIdentity,
    pub(super) audience: String,
    pub(super) not_before: u64,
    pub(super) issued_on: u64,
    pub(super) expires_on: u64,
    /// Since when services that evaluate access continuously refuse it.
    pub(super) revoked: Option<u64>,
}

/// All tokens issued so far, and of them the ones that the metadata service would hand out again.
#[derive(Default)]
pub(super) struct Tokens {
    issued: HashMap<String, Issued>,
    cached: HashMap<(String, String), String>,
}

impl Tokens {
    /// What was issued under these bytes.
    pub(super) fn find(&self, token: &str) -> Option<Issued> {
        self.issued.get(token).cloned()
    }

    /// Lets services refuse every token so far, for something that happened at `now`.
    pub(super) fn revoke(&mut self, now: u64) {
        self.cached.clear();
        for issued in self.issued.values_mut() {
            issued.revoked.get_or_insert(now);
        }
    }

    /// Lets every token end at `now`, at the latest.
    pub(super) fn expire(&mut self, now: u64) {
        self.cached.clear();
        for issued in self.issued.values_mut() {
            issued.expires_on = issued.expires_on.min(now);
        }
    }
}

/// A token for the identity and resource: the last one until half of its life is over, as the real service does,
/// or always a new one if `fresh`.
pub(super) fn obtain(world: &World, identity: &ManagedIdentity, resource: &str, now: u64, fresh: bool) -> Issued {
    let mut tokens = lock(&world.tokens);
    let key = (identity.client_id().to_owned(), resource.to_owned());
    let cached = tokens.cached.get(&key).and_then(|token| tokens.find(token));
    if let Some(issued) = cached.filter(|issued| !fresh && now < issued.issued_on.midpoint(issued.expires_on)) {
        return issued;
    }
    let issued = issue(identity, resource, now, world.token_lifetime.as_secs());
    tokens.issued.insert(issued.token.clone(), issued.clone());
    tokens.cached.insert(key, issued.token.clone());
    issued
}

fn issue(identity: &ManagedIdentity, resource: &str, now: u64, lifetime: u64) -> Issued {
    let not_before = now.saturating_sub(SKEW);
    let expires_on = now.saturating_add(lifetime);
    let issuer = format!("https://sts.windows.net/{TENANT}/");
    let person = identity.resource_id().is_empty();
    let mut claims = vec![
        ("aud", json::text(resource)),
        ("iss", json::text(&issuer)),
        ("iat", not_before.to_string()),
        ("nbf", not_before.to_string()),
        ("exp", expires_on.to_string()),
        ("appid", json::text(identity.client_id())),
        ("appidacr", json::text(if person { "0" } else { "2" })),
        ("idp", json::text(&issuer)),
        ("idtyp", json::text(if person { "user" } else { "app" })),
        ("oid", json::text(identity.object_id())),
        ("sub", json::text(identity.object_id())),
        ("tid", json::text(TENANT)),
        // The part that nobody can guess: it makes each token another one.
        ("uti", json::text(&encode(URL_SAFE, &random::<16>()))),
        ("ver", json::text("1.0")),
    ];
    if !person {
        claims.push(("xms_mirid", json::text(identity.resource_id())));
    }
    let claims = json::object(claims);
    let header = json::object([
        ("typ", json::text("JWT")),
        ("alg", json::text("RS256")),
        ("x5t", json::text(KEY_ID)),
        ("kid", json::text(KEY_ID)),
    ]);
    let part = |bytes: &[u8]| encode(URL_SAFE, bytes);
    // Nobody can check the signature without the key, so random bytes of the right length do.
    let token = [part(header.as_bytes()), part(claims.as_bytes()), part(&random::<256>())].join(".");
    let (identity, audience) = (identity.clone(), resource.to_owned());
    Issued { token, identity, audience, not_before, issued_on: now, expires_on, revoked: None }
}

/// A random GUID (version 4), for request ids.
pub(super) fn guid() -> String {
    let number = u128::from_be_bytes(random()) & !(0xf << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{number:032x}");
    let part = |range| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

/// Bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::unwrap_used)]
    // unwrap: the stand-in made its keys from the same source when it started.
    ring::default_provider().secure_random.fill(&mut bytes).unwrap();
    bytes
}

/// Entra dates its tokens back by as much, for clocks that run late.
const SKEW: u64 = 300;
/// The thumbprint of no certificate.
const KEY_ID: &str = "c3RhbmQtaW4gQXp1cmUgZm9yIHQ";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::world::world;
    use super::*;
    use crate::base64::decode;

    const ARM: &str = "https://management.azure.com/";

    #[test]
    fn a_token_has_the_shape_and_claims_of_a_real_one() {
        let world = world(true, &[]);
        let issued = obtain(&world, world.system().unwrap(), ARM, 1000, false);
        let parts: Vec<Vec<u8>> = issued.token.split('.').map(|part| decode(part).unwrap()).collect();
        let [header, claims, signature] = <[Vec<u8>; 3]>::try_from(parts).unwrap();
        assert!(String::from_utf8(header).unwrap().starts_with(r#"{"typ":"JWT","alg":"RS256","#));
        let claims = String::from_utf8(claims).unwrap();
        for claim in [
            r#""aud":"https://management.azure.com/""#,
            r#""iss":"https://sts.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee/""#,
            r#""nbf":700,"exp":87400,"#,
            r#""appid":"00001111-aaaa-2222-bbbb-3333cccc4444""#,
            r#""oid":"aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb""#,
            r#""xms_mirid":"/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest/providers/"#,
        ] {
            assert!(claims.contains(claim), "{claim} in {claims}");
        }
        assert_eq!(signature.len(), 256);
    }

    #[test]
    fn the_same_token_until_half_of_its_life() {
        let world = world(true, &["a"]);
        let (system, user) = (world.system().unwrap(), world.users().next().unwrap());
        let at = |identity, resource, now, fresh| obtain(&world, identity, resource, now, fresh).token;
        let first = at(system, ARM, 0, false);
        assert_eq!(at(system, ARM, 43_199, false), first);
        assert_ne!(at(user, ARM, 1, false), first);
        assert_ne!(at(system, "https://vault.azure.net", 1, false), first);
        let second = at(system, ARM, 43_200, false);
        assert_ne!(second, first);
        assert_ne!(at(system, ARM, 43_201, true), second);
        let mut tokens = lock(&world.tokens);
        assert_eq!(tokens.find(&first).unwrap().expires_on, 86_400);
        tokens.expire(50_000);
        assert_eq!(tokens.find(&first).unwrap().expires_on, 50_000);
        drop(tokens);
        assert_eq!(obtain(&world, system, ARM, 50_000, false).expires_on, 136_400);
    }

    #[test]
    fn guids_are_of_version_4() {
        let (one, other) = (guid(), guid());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(one.chars().nth(14), Some('4'));
        assert!(one.chars().nth(19).is_some_and(|c| "89ab".contains(c)), "{one}");
    }
}
