//! Where calls meet the world: clock, chance, tokens and sockets. Tests put a world of their own in its place.

use std::sync::OnceLock;
use std::time::Instant;

use ring::rand::{SecureRandom, SystemRandom};

use crate::clock::Clock;
use crate::credential::Credential;
use crate::env::Env;
use crate::error::Error;
use crate::send::{Incoming, Outgoing, Roots, Sender};
use crate::token::AccessToken;

/// The world.
pub(super) trait Rim: Clock {
    /// Whether anything can be sent at all: a CA file that cannot be read should not cost a token request.
    fn check(&self) -> Result<(), Error>;
    /// With `fresh`, not the one that is kept.
    fn token(&self, resource: &str, fresh: bool, end: Instant) -> Result<AccessToken, Error>;
    fn send(&self, outgoing: &Outgoing<'_>, end: Instant) -> Result<Incoming, Error>;
    /// The next request goes over a connection of its own.
    fn drop_connections(&self);
    /// A number that was never drawn before.
    fn number(&self) -> u128;
}

/// This machine.
pub(super) struct Machine {
    pub(super) credential: Credential,
    pub(super) roots: Roots,
    pub(super) env: Env,
    /// Made with the first call, and kept also if it cannot be made.
    pub(super) sender: OnceLock<Result<Sender, Error>>,
}

impl Machine {
    fn sender(&self) -> Result<&Sender, Error> {
        let made = self.sender.get_or_init(|| Sender::from_env(&self.roots, &self.env));
        made.as_ref().map_err(Clone::clone)
    }
}

impl Clock for Machine {}

impl Rim for Machine {
    fn check(&self) -> Result<(), Error> {
        self.sender().map(|_| ())
    }

    fn token(&self, resource: &str, fresh: bool, end: Instant) -> Result<AccessToken, Error> {
        if fresh {
            self.credential.fresh_token_before(resource, end)
        } else {
            self.credential.token_before(resource, end)
        }
    }

    fn send(&self, outgoing: &Outgoing<'_>, end: Instant) -> Result<Incoming, Error> {
        self.sender()?.send(outgoing, end)
    }

    fn drop_connections(&self) {
        if let Some(Ok(sender)) = self.sender.get() {
            sender.drop_connections();
        }
    }

    fn number(&self) -> u128 {
        let mut bytes = [0; 16];
        // Without random numbers there is no TLS either: nothing is sent that a number of zero could harm.
        let _ = SystemRandom::new().fill(&mut bytes);
        u128::from_be_bytes(bytes)
    }
}

/// A random number as a GUID (RFC 9562, section 5.4).
pub(super) fn guid(number: u128) -> String {
    let number = number & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{number:032x}");
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_say_that_they_are_random() {
        assert_eq!(guid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(guid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
