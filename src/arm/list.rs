//! A page of a list: its items, and where the next one is. Pure.

use std::collections::VecDeque;

use crate::error::{Error, ErrorKind};
use crate::json::Raw;

/// The text of each item.
pub(crate) fn items_of(body: &[u8]) -> Result<VecDeque<String>, Error> {
    match document(body)?.get("value") {
        Some(value) if value.is_array() => Ok(value.elements().map(|item| item.text().to_owned()).collect()),
        _ => Err(Error::new(ErrorKind::BadAnswer, "the answer is no list: it has no array named value")),
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
