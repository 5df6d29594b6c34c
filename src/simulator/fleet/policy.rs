//! When each client comes back after a refusal. Azmin's own is not written down here: it is asked.

use std::fmt;
use std::time::Duration;

use super::chance::Chance;
use crate::retry::{self, Next, Outcome};

/// A client, by what it does when it is throttled, with its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// A single try, as of `az rest` and of plain curl.
    Once,
    /// azcore of the Go SDK: three retries, after what `Retry-After` says, unless that is more than a minute, or
    /// 0.8 s × (2ⁿ − 1) × 0.8 to 1.3.
    AzcoreGo,
    /// azure-core of the Python SDK, and of `az` but for `az rest`: three retries, after what `Retry-After` says or 0 s,
    /// 1.6 s and 3.2 s.
    AzureCorePython,
    /// `curl --retry 5`: after what `Retry-After` says or 1 s, doubled each time.
    Curl,
    /// azure_core of the Rust SDK: eight retries unless 60 s are over, after 0.2 s × 2ⁿ, at most 30 s, and up to 255 ms,
    /// or after what `Retry-After` says if that is longer.
    AzureCoreRust,
    /// This crate: the very function that its calls ask.
    Azmin,
}

impl Policy {
    /// In the order of a table.
    pub const ALL: [Self; 6] =
        [Self::Once, Self::AzcoreGo, Self::AzureCorePython, Self::Curl, Self::AzureCoreRust, Self::Azmin];

    /// All in milliseconds. `tries` counts those that were refused.
    pub(super) fn delay(
        self,
        tries: u32,
        retry_after: Option<u64>,
        waited: u64,
        left: u64,
        chance: &mut Chance,
    ) -> Option<u64> {
        match self {
            Self::Once => None,
            Self::AzcoreGo => (tries <= 3 && retry_after <= Some(60_000)).then(|| {
                let jittered = 800 * ((1 << tries) - 1) * (800 + chance.below(500)) / 1000;
                retry_after.unwrap_or(jittered)
            }),
            Self::AzureCorePython => {
                (tries <= 3).then(|| retry_after.unwrap_or(if tries == 1 { 0 } else { 800 << (tries - 1) }))
            }
            Self::Curl => (tries <= 5).then(|| retry_after.unwrap_or(1000 << (tries - 1))),
            Self::AzureCoreRust => (tries <= 8 && waited < 60_000).then(|| {
                let backed_off = (200 << tries).min(30_000) + chance.below(256);
                backed_off.max(retry_after.unwrap_or_default())
            }),
            Self::Azmin => {
                let outcome = Outcome::Status(429, retry_after.map(Duration::from_millis));
                match retry::next(outcome, tries, chance.bits(), Duration::from_millis(left), retry::CAP) {
                    Next::After(delay) => u64::try_from(delay.as_millis()).ok(),
                    Next::Stop => None,
                }
            }
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Once => "az rest (one try)",
            Self::AzcoreGo => "azcore (Go)",
            Self::AzureCorePython => "azure-core (Python)",
            Self::Curl => "curl --retry 5",
            Self::AzureCoreRust => "azure_core (Rust)",
            Self::Azmin => "azmin",
        })
    }
}
