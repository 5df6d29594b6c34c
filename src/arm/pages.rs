//! Lists, page by page.

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use super::call::Call;
use super::link;
use super::plan::Plan;
use super::{Answer, Client};
use crate::error::{Error, ErrorKind};
use crate::json::Raw;
use crate::json::strict::Scan;

/// The pages of a list: see [`Request::pages`](super::Request::pages). After an error there is nothing more.
#[must_use = "nothing is sent before next()"]
pub struct Pages {
    client: Client,
    plan: Plan,
    /// For all pages together; else each has the client's deadline.
    end: Option<Instant>,
    done: bool,
    circle: Circle,
}

impl Pages {
    pub(super) fn new(client: Client, plan: Plan, end: Option<Instant>) -> Self {
        Self { client, plan, end, done: false, circle: Circle::default() }
    }

    fn page(&mut self) -> Result<Answer, Error> {
        let end = self.end.unwrap_or_else(|| self.client.end_of(None));
        // The audience is that of the list, wherever its pages lie.
        let audience = self.plan.audience(self.client.cloud())?;
        let answer = Call { client: &self.client, plan: &self.plan, end, whatever: false }.answer()?;
        match next_link(&answer)? {
            Some(next) => {
                let url = link::follow(self.client.cloud(), &self.plan.url, &next).map_err(|why| {
                    Error::new(ErrorKind::BadAnswer, format!("the next page is not asked for: {why}"))
                })?;
                if self.circle.closes_with(&url) {
                    return Err(Error::new(ErrorKind::BadAnswer, "the list's pages lead in a circle"));
                }
                (self.plan.url, self.plan.resource) = (url, audience);
            }
            None => self.done = true,
        }
        Ok(answer)
    }
}

/// Without the links: they may be signed.
impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("plan", &self.plan).field("done", &self.done).finish_non_exhaustive()
    }
}

impl Iterator for Pages {
    type Item = Result<Answer, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let page = self.page();
        self.done |= page.is_err();
        Some(page)
    }
}

/// The items of a list: see [`Request::items`](super::Request::items). After an error there is nothing more.
#[must_use = "nothing is sent before next()"]
pub struct Items {
    pages: Pages,
    ready: VecDeque<String>,
}

impl Items {
    pub(super) fn new(pages: Pages) -> Self {
        Self { pages, ready: VecDeque::new() }
    }
}

/// Without the items: some lists are lists of keys.
impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("pages", &self.pages).field("ready", &self.ready.len()).finish()
    }
}

impl Iterator for Items {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            match self.pages.next()?.and_then(|page| items_of(&page)) {
                Ok(items) => self.ready = items,
                Err(error) => {
                    self.pages.done = true;
                    return Some(Err(error));
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// A page counts as a whole or not at all.
fn document(answer: &Answer) -> Result<Raw<'_>, Error> {
    let strict = |text: &&str| {
        let mut scan = Scan::new(text);
        scan.value().is_ok() && scan.end().is_ok()
    };
    let text = std::str::from_utf8(answer.bytes()).ok().filter(strict).and_then(Raw::document);
    text.ok_or_else(|| Error::new(ErrorKind::BadAnswer, "the list is no JSON"))
}

fn items_of(answer: &Answer) -> Result<VecDeque<String>, Error> {
    match document(answer)?.get("value") {
        Some(value) if value.is_array() => Ok(value.elements().map(|item| item.text().to_owned()).collect()),
        _ => Err(Error::new(ErrorKind::BadAnswer, "the answer is no list: it has no array named value")),
    }
}

/// "Paging" in the Azure REST API guidelines, OData 4.0 JSON format, section 4.5.5. Null and an empty text end a list too.
fn next_link(answer: &Answer) -> Result<Option<String>, Error> {
    let document = document(answer)?;
    let found =
        ["nextLink", "@odata.nextLink"].iter().find_map(|name| document.get(name).filter(|link| !link.is_null()));
    let found = found.map(|link| if link.text().len() <= MAX_LINK { link.string() } else { None });
    match found {
        None => Ok(None),
        Some(Some(link)) => Ok(Some(link.into_owned()).filter(|link| !link.is_empty())),
        Some(None) => Err(Error::new(ErrorKind::BadAnswer, "the link to the next page is no text that a link can be")),
    }
}

/// No service takes a longer URL.
const MAX_LINK: usize = 64 << 10;

/// Brent's way to find a cycle, which keeps one link and not all of them.
#[derive(Default)]
struct Circle {
    anchor: String,
    steps: u64,
    limit: u64,
}

impl Circle {
    fn closes_with(&mut self, url: &str) -> bool {
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
