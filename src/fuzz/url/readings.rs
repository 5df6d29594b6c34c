//! URLs beside the reading of browsers.

use url::{Host, Position, Url as Second};

use super::strictness::{DOTS, DRIVE, OF_BOTH, OF_URLS, QUOTE, Seen, Strictness};
use super::without_drives;
use crate::fuzz::strictness::Verdict;
use crate::url::Url;

/// What browsers make of the same text, and how a difference is called.
pub(crate) fn differs(text: &str) -> Verdict {
    let second = Second::parse(text).ok();
    let seen = Seen { text, second: second.as_ref() };
    let named = |refusal: Option<&str>| {
        let same = |row: &&Strictness| refusal.map_or(row.refusals.is_empty(), |why| row.refusals.contains(&why));
        let row = OF_URLS.iter().chain(OF_BOTH).find(|row| same(row) && (row.evidence)(&seen));
        row.map(|row| Verdict::Named(row.named.name))
    };
    match (Url::parse(text), &second) {
        (Ok(url), Some(second)) => same(&url, second),
        (Ok(url), None) => named(None).unwrap_or_else(|| panic!("only we take {url:?}")),
        (Err(why), Some(second)) => {
            named(Some(why)).unwrap_or_else(|| panic!("{text:?} is {second}, and refused: {why}"))
        }
        (Err(_), None) => Verdict::Refused,
    }
}

fn same(url: &Url<'_>, second: &Second) -> Verdict {
    assert_eq!(second.scheme(), if url.https { "https" } else { "http" }, "{url:?}");
    assert_eq!(second.port_or_known_default(), Some(url.port), "{url:?}");
    assert!(second.username().is_empty() && second.password().is_none() && second.fragment().is_none(), "{url:?}");
    match second.host() {
        Some(Host::Domain(name)) => assert_eq!(name, url.host.to_ascii_lowercase()),
        Some(Host::Ipv4(address)) => assert_eq!(url.host.parse(), Ok(address)),
        Some(Host::Ipv6(address)) => assert_eq!(url.host.trim_matches(['[', ']']).parse(), Ok(address)),
        None => panic!("{url:?} has no host"),
    }
    let theirs = &second[Position::BeforePath..Position::AfterQuery];
    let (path, query) = url.rest.split_once('?').map_or((url.rest, None), |(path, query)| (path, Some(query)));
    let path = if path.is_empty() { "/" } else { path };
    let put =
        |path: &str, query: Option<String>| query.map_or_else(|| path.to_owned(), |query| [path, "?", &query].concat());
    if put(path, query.map(str::to_owned)) == theirs {
        return Verdict::Same;
    }
    let quoted = query.map(|query| query.replace('\'', "%27"));
    if put(path, quoted.clone()) == theirs {
        return Verdict::Named(QUOTE);
    }
    if put(&without_dots(path), quoted.clone()) == theirs {
        return Verdict::Named(DOTS);
    }
    let calm = Second::parse(&["https://localhost", &without_drives(path)].concat()).unwrap();
    assert_eq!(without_dots(&without_drives(path)), calm.path(), "{url:?}");
    assert_eq!(second.query(), quoted.as_deref(), "{url:?}");
    Verdict::Named(DRIVE)
}

/// As browsers remove them: escaped ones too.
fn without_dots(path: &str) -> String {
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let mut kept: Vec<&str> = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        match dots.as_str() {
            "." => {}
            ".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if at + 1 == segments.len() {
            kept.push("");
        }
    }
    ["/", &kept.join("/")].concat()
}
