//! Service Fabric clusters: the endpoint has a certificate of its own, known by its thumbprint.
//!
//! "How to leverage a Service Fabric application's managed identity to access Azure services", Microsoft Learn.

use zeroize::Zeroizing;

use super::{Endpoint, Site, Source, Transport, boxed, tls_site};
use crate::env::{ENDPOINT, Env, HEADER, THUMBPRINT};
use crate::error::Error;
use crate::failure::Failure;
use crate::http::{Request, push_query};
use crate::identity::Identity;
use crate::token::Ask;

pub(super) struct ServiceFabric;

pub(super) const SOURCE: ServiceFabric = ServiceFabric;

impl Source for ServiceFabric {
    fn name(&self) -> &'static str {
        "service-fabric"
    }

    fn evidence(&self) -> &'static str {
        "IDENTITY_ENDPOINT, IDENTITY_HEADER and IDENTITY_SERVER_THUMBPRINT"
    }

    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        let (url, header, thumbprint) = (env.get(ENDPOINT)?, Zeroizing::new(env.get(HEADER)?), env.get(THUMBPRINT)?);
        let pin = pin(&thumbprint)
            .ok_or_else(|| Error::invalid(format!("{THUMBPRINT} is not the 40 digits of a SHA-1 thumbprint")));
        let site = pin.and_then(|pin| tls_site(ENDPOINT, &url, Transport::Pinned(pin)));
        Some(site.map(|site| boxed(TokenService { site, header })))
    }
}

/// A thumbprint as certificate tools spell it: in either case, with colons or blanks, and with the mark that Windows'
/// certificate dialog puts before it.
fn pin(thumbprint: &str) -> Option<[u8; 20]> {
    let mut digits = thumbprint.trim_start_matches('\u{200e}').chars().filter(|c| *c != ':' && !c.is_whitespace());
    let mut pin = [0; 20];
    for byte in &mut pin {
        *byte = u8::try_from(digits.next()?.to_digit(16)? << 4 | digits.next()?.to_digit(16)?).ok()?;
    }
    digits.next().is_none().then_some(pin)
}

struct TokenService {
    site: Site,
    header: Zeroizing<String>,
}

impl Endpoint for TokenService {
    fn site(&self) -> &Site {
        &self.site
    }

    fn check(&self, identity: &Identity) -> Result<(), &'static str> {
        match identity {
            Identity::SystemAssigned => Ok(()),
            _ => Err("its identity is chosen in the application manifest"),
        }
    }

    fn request<'a>(&'a self, ask: &Ask<'a>, _: Option<&'a str>) -> Request<'a> {
        let mut target = self.site.path.clone().into_owned();
        push_query(&mut target, "api-version", "2019-07-01-preview");
        push_query(&mut target, "resource", ask.resource);
        Request::get(&self.site.authority, target).header("Secret", &**self.header)
    }

    fn advice(&self, status: u16, failure: &Failure) -> Option<&'static str> {
        match status {
            404 if failure.is("ManagedIdentityNotFound") => Some("name the identity in the application manifest"),
            500 => Some("check the resource: a trailing slash is the usual mistake"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_in_every_spelling() {
        let wanted = Some([0xab; 20]);
        for text in [
            &"ab".repeat(20),
            &"AB".repeat(20),
            &"aB:".repeat(20),
            &" ab".repeat(20),
            &format!("\u{200e}{}", "ab".repeat(20)),
        ] {
            assert_eq!(pin(text), wanted, "{text:?}");
        }
        for text in ["", "ab", &"ab".repeat(19), &"ab".repeat(21), &"ag".repeat(20), &"+a".repeat(20), &"ab".repeat(32)]
        {
            assert_eq!(pin(text), None, "{text:?}");
        }
    }
}
