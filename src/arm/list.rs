//! A page of a list: its items, and where the next one is. Pure.

use crate::error::{Error, ErrorKind};
use crate::json::Raw;
use crate::json::strict::Scan;

/// The text of each item, cut out of the page when its turn comes: items are small, and there may be millions of them.
#[derive(Default)]
pub(crate) struct Elements {
    page: String,
    at: usize,
    first: bool,
}

pub(crate) fn items_of(body: Vec<u8>) -> Result<Elements, Error> {
    let value = document(&body)?.get("value").filter(|value| value.is_array());
    // Where it stands in the page.
    let start = value.map(|value| value.text().as_ptr().addr() - body.as_ptr().addr());
    match (start, String::from_utf8(body)) {
        (Some(start), Ok(page)) => Ok(Elements { page, at: start + 1, first: true }),
        _ => Err(Error::new(ErrorKind::BadAnswer, "the answer is no list: it has no array named value")),
    }
}

impl Iterator for Elements {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut scan = Scan::again(&self.page, self.at);
        scan.next(&mut self.first, b']').ok().filter(|more| *more)?;
        let item = scan.value().ok()?.to_owned();
        self.at = scan.at();
        Some(item)
    }
}

/// "Paging" in the Azure REST API guidelines, OData 4.0 JSON format, section 4.5.5. Null and an empty text end a list too.
pub(crate) fn next_link(body: &[u8]) -> Result<Option<String>, Error> {
    let document = document(body)?;
    let found =
        ["nextLink", "@odata.nextLink"].iter().find_map(|name| document.get(name).filter(|link| !link.is_null()));
    match found.map(|link| if link.text().len() <= MAX_LINK { link.string() } else { None }) {
        None => Ok(None),
        Some(Some(link)) => Ok(Some(link.into_owned()).filter(|link| !link.is_empty())),
        Some(None) => Err(Error::new(ErrorKind::BadAnswer, "the link to the next page is no text that a link can be")),
    }
}

fn document(body: &[u8]) -> Result<Raw<'_>, Error> {
    let document = std::str::from_utf8(body).ok().and_then(Raw::document);
    document.ok_or_else(|| Error::new(ErrorKind::BadAnswer, "the list is no JSON"))
}

/// Brent's way to find a cycle, which keeps one link and not all of them.
#[derive(Default)]
pub(crate) struct Circle {
    anchor: String,
    steps: u64,
    limit: u64,
}

impl Circle {
    pub(crate) fn closes_with(&mut self, url: &str) -> bool {
        if self.anchor == url {
            return true;
        }
        if self.steps == self.limit {
            url.clone_into(&mut self.anchor);
            (self.steps, self.limit) = (0, (self.limit * 2).max(1));
        }
        self.steps += 1;
        false
    }
}

/// No service takes a longer URL.
const MAX_LINK: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_circle_is_found_soon() {
        for (lead, length) in [(0, 1), (0, 2), (1, 1), (3, 5), (10, 1), (1, 40)] {
            let mut circle = Circle::default();
            let step = |step: usize| if step < lead { step } else { lead + (step - lead) % length };
            let found = (0..1000).position(|at| circle.closes_with(&step(at).to_string()));
            assert!(found.is_some_and(|found| found <= 3 * (lead + length)), "{lead} {length}: {found:?}");
        }
        let mut circle = Circle::default();
        assert!((0..10_000).all(|at| !circle.closes_with(&at.to_string())));
    }
}
