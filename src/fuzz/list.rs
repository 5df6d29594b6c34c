//! What must hold of lists that come page by page.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::assert_presentable;
use super::json::Json;
use crate::arm::link::follow;
use crate::arm::list::{Circle, items_of, next_link};
use crate::cloud::Cloud;
use crate::url::Url;

/// A page: its items and its link are what two other JSON parsers find, byte for byte; the link leads to no other host.
/// And the same bytes as a walk from page to page: a circle is found soon, and none where there is none.
pub fn list(data: &[u8]) {
    let text = std::str::from_utf8(data).unwrap_or("\u{0}");
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let valid = serde_json::from_str::<&RawValue>(bare).is_ok();
    let (items, link) = (items_of(data.to_vec()), next_link(data));
    for error in items.as_ref().err().into_iter().chain(link.as_ref().err()) {
        assert_presentable(error);
    }
    if !valid {
        assert!(items.is_err() && link.is_err(), "no JSON was taken for a page");
    } else if bare.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > DEEP {
        // It may be nested deeper than we go.
    } else if let Some(document) = Json::read(bare) {
        let named =
            |name: &'static str| document.members().iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        // Names that stand twice, or with half a surrogate pair, are read in one of several ways.
        if let (Ok(members), 0..=1) =
            (serde_json::from_str::<BTreeMap<String, &RawValue>>(bare), named("value").count())
        {
            let value = members.iter().find(|(key, _)| key.eq_ignore_ascii_case("value")).map(|(_, value)| value.get());
            let wanted = value.and_then(|value| serde_json::from_str::<Vec<&RawValue>>(value).ok());
            let wanted = wanted.map(|items| items.iter().map(|item| item.get()).collect::<Vec<_>>());
            assert_eq!(
                items.ok().map(Iterator::collect::<Vec<_>>),
                wanted.map(|items| items.iter().map(|item| (*item).to_owned()).collect())
            );
        }
        let only = |name: &'static str| named(name).next().filter(|_| named(name).count() == 1).map(|(_, value)| value);
        if named("nextLink").count() <= 1 && named("@odata.nextLink").count() <= 1 {
            let told = |name| only(name).filter(|link| !matches!(link, Json::Null));
            let wanted = told("nextLink").or_else(|| told("@odata.nextLink"));
            match &link {
                Ok(found) => {
                    assert!(wanted.is_none_or(|link| matches!(link, Json::Text(_))), "a link that is no text");
                    assert_eq!(found.as_deref(), wanted.and_then(Json::text).filter(|text| !text.is_empty()));
                }
                Err(_) => assert!(wanted.is_some_and(|link| !matches!(link, Json::Text(_)))),
            }
        }
    }
    if let Ok(Some(link)) = link {
        let base = "https://management.azure.com/subscriptions?api-version=2022-12-01";
        if let Ok(url) = follow(&Cloud::public(), base, &link) {
            assert!(Url::parse(&url).is_ok_and(|url| url.https && Cloud::public().is_arm(&url)), "{url}");
        }
    }
    walk(data);
}

const DEEP: usize = 512;

/// Page `n` leads to page `data[n]`, or to no page.
fn walk(data: &[u8]) {
    let (mut circle, mut page, mut seen) = (Circle::default(), 0u8, Vec::new());
    for step in 0..4 * 256 {
        let Some(next) = data.get(usize::from(page)) else { return };
        page = *next;
        let closes = circle.closes_with(&format!("https://a/{page}"));
        assert!(!closes || seen.contains(&page), "page {page} was new");
        if closes {
            return;
        }
        seen.push(page);
        assert!(step < 3 * 256, "a circle was not found");
    }
}
