//! The file that Kubernetes puts into a pod: a token of its service account, which Entra takes as an assertion.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::SystemTime;

use super::clock;
use super::json;
use super::token;
use super::world::lock;
use crate::base64::{URL_SAFE, encode};

/// All that were ever in the file.
pub(super) struct Assertions {
    pub(super) file: PathBuf,
    /// With the time that each was written at.
    written: Mutex<Vec<(String, u64)>>,
}

/// What an assertion is to Entra.
#[derive(Debug, PartialEq)]
pub(super) enum Standing {
    Good,
    /// It was good from the first moment to the second.
    Over(u64, u64),
    Forged,
}

impl Assertions {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, written: Mutex::default() }
    }

    /// Replaces the one in the file.
    pub(super) fn rotate(&self, now: SystemTime) -> io::Result<()> {
        let mut written = lock(&self.written);
        let now = clock::epoch(now);
        let text = assertion(now);
        // Not in place: a client must find the old one or the new one, never half of it.
        let beside = self.file.with_extension("new");
        fs::write(&beside, &text)?;
        fs::rename(&beside, &self.file)?;
        written.push((text, now));
        Ok(())
    }

    pub(super) fn standing(&self, text: &str) -> Standing {
        let written = lock(&self.written);
        let Some(at) = written.iter().position(|(known, _)| known == text) else { return Standing::Forged };
        // An assertion is over when the next one was written.
        match (written.get(at), written.get(at + 1)) {
            (Some((_, from)), Some((_, to))) => Standing::Over(*from, *to),
            _ => Standing::Good,
        }
    }
}

fn assertion(now: u64) -> String {
    let claims = json::object([
        ("aud", json::array([json::text("api://AzureADTokenExchange")])),
        ("exp", now.saturating_add(LIFETIME).to_string()),
        ("iat", now.to_string()),
        ("iss", json::text("https://oidc.stand-in.example/")),
        ("jti", json::text(&token::guid())),
        ("nbf", now.to_string()),
        ("sub", json::text("system:serviceaccount:default:worker")),
    ]);
    let header = json::object([("alg", json::text("RS256")), ("kid", json::text("stand-in"))]);
    let part = |bytes: &[u8]| encode(URL_SAFE, bytes);
    [part(header.as_bytes()), part(claims.as_bytes()), part(&token::random::<256>())].join(".")
}

/// The kubelet's default.
const LIFETIME: u64 = 3_600;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::folder::Folder;
    use super::*;

    #[test]
    fn only_the_last_one_is_good() {
        let folder = Folder::new().unwrap();
        let assertions = Assertions::new(folder.path().join("token"));
        assert!(assertions.rotate(UNIX_EPOCH).is_err());
        fs::create_dir(folder.path()).unwrap();
        let next = |seconds| {
            assertions.rotate(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
            fs::read_to_string(&assertions.file).unwrap()
        };
        let first = next(100);
        assert_eq!(assertions.standing(&first), Standing::Good);
        let second = next(200);
        assert_eq!(assertions.standing(&first), Standing::Over(100, 200));
        assert_eq!(assertions.standing(&second), Standing::Good);
        assert_eq!(assertions.standing(&second.replace('.', "")), Standing::Forged);
        assert_eq!(second.split('.').count(), 3);
    }
}
