//! What must hold for every input: one function a fuzz target, the same ones that `cargo test` runs over the corpora.

mod arm_error;
mod base64;
mod challenge;
mod claims;
mod cloud;
mod connect;
mod dates;
#[cfg(test)]
mod differential;
mod duration;
mod environment;
mod expiry;
mod format;
mod http_request;
mod http_response;
mod instance;
mod json;
mod key;
mod link;
mod list;
mod operation;
mod proxy;
mod query;
mod refusal;
mod reply;
mod script;
mod strictness;
mod thumbprint;
mod token_response;
mod trace;
mod url;
mod www_authenticate;

pub use arm_error::arm_error;
pub use base64::base64;
pub use challenge::challenge;
pub use claims::claims;
pub use cloud::cloud;
pub use connect::connect;
pub use dates::dates;
pub use duration::duration;
pub use environment::environment;
pub use expiry::expiry;
pub use format::format;
pub use http_request::http_request;
#[cfg(test)]
pub(crate) use http_response::assert_watched;
pub use http_response::http_response;
pub use instance::instance;
pub use key::key;
pub use link::link;
pub use list::list;
pub use operation::operation;
pub use proxy::proxy;
pub use query::query;
pub use refusal::refusal;
pub use reply::reply;
pub use thumbprint::thumbprint;
pub use token_response::token_response;
pub use trace::trace;
pub use url::url;
pub use www_authenticate::www_authenticate;

use crate::error::Error;

/// What a person or a log may be shown of an error: one line, no character that moves the cursor or turns the text
/// around (CWE-150, the Bidi_Control property of UAX #9), and no more of it than fits a log.
fn assert_presentable(error: &Error) {
    for shown in [error.to_string(), format!("{error:?}")] {
        assert_plain(&shown);
        assert!(shown.chars().count() <= MAX_LINE, "{} characters", shown.chars().count());
    }
    for detail in error.details() {
        assert_plain(&detail.to_string());
    }
    for policy in error.policy_violations() {
        assert_plain(&policy.to_string());
    }
    if let Some(advice) = error.advice() {
        assert_plain(advice);
        assert!(advice.chars().count() <= MAX_LINE, "{} characters", advice.chars().count());
    }
}

fn assert_plain(text: &str) {
    let unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(unfit), "{text:?}");
}

/// Our own words, and a code and a message of two thousand characters each.
const MAX_LINE: usize = 5000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// A target's name, and what must hold.
    type Target = (&'static str, fn(&[u8]));

    const TARGETS: &[Target] = &[
        ("arm_error", super::arm_error),
        ("base64", super::base64),
        ("challenge", super::challenge),
        ("claims", super::claims),
        ("cloud", super::cloud),
        ("connect", super::connect),
        ("dates", super::dates),
        ("duration", super::duration),
        ("environment", super::environment),
        ("expiry", super::expiry),
        ("format", super::format),
        ("http_request", super::http_request),
        ("http_response", super::http_response),
        ("instance", super::instance),
        ("key", super::key),
        ("link", super::link),
        ("list", super::list),
        ("operation", super::operation),
        ("proxy", super::proxy),
        ("query", super::query),
        ("refusal", super::refusal),
        ("reply", super::reply),
        ("thumbprint", super::thumbprint),
        ("token_response", super::token_response),
        ("trace", super::trace),
        ("url", super::url),
        ("www_authenticate", super::www_authenticate),
    ];

    #[test]
    fn every_corpus_file_holds() {
        let Some(fuzz) = folder() else { return };
        let mut broken = Vec::new();
        for (name, target) in TARGETS {
            let files = names(&fuzz.join("corpus").join(name));
            assert!(!files.is_empty(), "no corpus for {name}");
            for file in files {
                let data = fs::read(fuzz.join("corpus").join(name).join(&file)).unwrap();
                if std::panic::catch_unwind(|| target(&data)).is_err() {
                    broken.push(format!("{name}/{file}"));
                }
            }
        }
        assert!(broken.is_empty(), "{broken:?}");
    }

    /// Whoever clones the repository gets all of them.
    #[test]
    fn the_corpora_are_small() {
        let Some(fuzz) = folder() else { return };
        let size = |target: &str| {
            let corpus = fuzz.join("corpus").join(target);
            names(&corpus).iter().map(|file| fs::metadata(corpus.join(file)).unwrap().len()).sum::<u64>()
        };
        let total: u64 = TARGETS.iter().map(|(name, _)| size(name)).sum();
        assert!((1..2_000_000).contains(&total), "{total} bytes");
    }

    #[test]
    fn each_target_has_its_corpus_and_its_file() {
        let Some(fuzz) = folder() else { return };
        let wanted: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names(&fuzz.join("corpus")), wanted);
        let dictionaries = names(&fuzz.join("dict"));
        assert_eq!(
            dictionaries.iter().map(|file| file.trim_end_matches(".dict").to_owned()).collect::<BTreeSet<_>>(),
            wanted
        );
        let files = names(&fuzz.join("fuzz_targets"));
        assert_eq!(files.iter().map(|file| file.trim_end_matches(".rs").to_owned()).collect::<BTreeSet<_>>(), wanted);
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
        }
    }

    /// The packaged crate has no `fuzz/`; a checkout that lost it must not pass for tested.
    fn folder() -> Option<std::path::PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        if folder.is_dir() {
            return Some(folder);
        }
        assert!(std::env::var_os("CI").is_none(), "{} is missing", folder.display());
        eprintln!("skipped: the packaged crate has no fuzz/");
        None
    }

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}
