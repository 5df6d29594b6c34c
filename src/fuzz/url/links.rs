//! Links beside the reading of browsers.

use url::Url as Second;

use super::strictness::{BLANK, DRIVE, ESCAPED_DOTS, OF_BOTH, OF_LINKS, Seen};
use super::without_drives;
use crate::arm::link::follow;
use crate::cloud::Cloud;
use crate::fuzz::strictness::Verdict;

/// Whether a link of an answer is followed with the token: never where it leaves the origin in the reading of browsers,
/// unless from Resource Manager to Resource Manager.
pub(crate) fn differs(base: &str, link: &str) -> Verdict {
    let ours = follow(&Cloud::public(), base, link);
    let base = Second::parse(base).unwrap();
    let joined = base.join(link).ok();
    let theirs = joined.as_ref().filter(|joined| keeps_token(&base, joined));
    match (ours, theirs) {
        (Ok(url), Some(joined)) => {
            let followed = url;
            let url = Second::parse(&followed).unwrap_or_else(|why| panic!("{base} to {link:?}: {followed}: {why}"));
            let place = |url: &Second| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port());
            assert_eq!(place(&url), place(joined), "{base} to {link:?}");
            if decoded(&url) == decoded(joined) {
                return Verdict::Same;
            }
            let (calm, kept) = (without_drives(&followed), base.join(&without_drives(link)).unwrap());
            if decoded(&Second::parse(&calm).unwrap()) == decoded(&kept) {
                return Verdict::Named(DRIVE);
            }
            // The same link without what browsers drop or take for a dot.
            let bare = link.trim_end_matches(' ');
            let kept = [bare, &"%20".repeat(link.len() - bare.len())].concat();
            let (url, kept) = (masked(&calm), base.join(&masked(&without_drives(&kept))).unwrap());
            assert_eq!(decoded(&Second::parse(&url).unwrap()), decoded(&kept), "{base} to {link:?}");
            Verdict::Named(if bare.len() < link.len() { BLANK } else { ESCAPED_DOTS })
        }
        (Ok(url), None) => panic!("{base} to {link:?} is followed to {url}, and leads to {joined:?}"),
        (Err(refused), Some(joined)) => {
            let seen = Seen { text: link, second: Some(joined) };
            let refused = refused.to_string();
            let row = OF_LINKS
                .iter()
                .chain(OF_BOTH)
                .find(|row| row.refusals.iter().any(|refusal| refused.starts_with(refusal)) && (row.evidence)(&seen));
            let row = row.unwrap_or_else(|| panic!("{base} to {link:?}, that is {joined}, is refused: {refused}"));
            Verdict::Named(row.named.name)
        }
        (Err(_), None) => Verdict::Refused,
    }
}

fn keeps_token(base: &Second, target: &Second) -> bool {
    let arm = |url: &Second| {
        let host = url.host_str().unwrap_or_default();
        let arm = host == "management.azure.com" || host.ends_with(".management.azure.com");
        url.scheme() == "https" && url.port().is_none() && arm
    };
    target.scheme() == "https" && (target.origin() == base.origin() || arm(base) && arm(target))
}

/// Escaped dots made letters.
fn masked(text: &str) -> String {
    text.replace("%2e", "~2e").replace("%2E", "~2e")
}

/// Path and query as the service understands them.
fn decoded(url: &Second) -> (Vec<u8>, Option<Vec<u8>>) {
    let bytes = |text: &str| super::unescaped(text);
    (bytes(url.path()), url.query().map(bytes))
}
