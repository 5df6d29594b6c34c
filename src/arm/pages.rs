//! Lists, page by page.

use std::fmt;
use std::time::Instant;

use super::call::Call;
use super::link;
use super::list::{Circle, Elements, items_of, next_link};
use super::plan::Plan;
use super::{Answer, Client};
use crate::error::{Error, ErrorKind};

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

    /// When a call of `next` ends that begins now.
    fn end(&self) -> Instant {
        self.end.unwrap_or_else(|| self.client.end_of(None))
    }

    fn next_within(&mut self, end: Instant) -> Option<Result<Answer, Error>> {
        if self.done {
            return None;
        }
        let page = self.page(end);
        self.done |= page.is_err();
        Some(page)
    }

    fn page(&mut self, end: Instant) -> Result<Answer, Error> {
        // The audience is that of the list, wherever its pages lie.
        let audience = self.plan.audience(self.client.cloud())?;
        let answer = Call { client: &self.client, plan: &self.plan, end, whatever: false }.answer()?;
        match next_link(answer.bytes())? {
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
        self.next_within(self.end())
    }
}

/// The items of a list: see [`Request::items`](super::Request::items). After an error there is nothing more.
#[must_use = "nothing is sent before next()"]
pub struct Items {
    pages: Pages,
    ready: Elements,
}

impl Items {
    pub(super) fn new(pages: Pages) -> Self {
        Self { pages, ready: Elements::default() }
    }
}

/// Without the items: some lists are lists of keys.
impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("pages", &self.pages).finish_non_exhaustive()
    }
}

impl Iterator for Items {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // For all pages without an item together: there may be any number of them.
        let end = self.pages.end();
        loop {
            if let Some(item) = self.ready.next() {
                return Some(Ok(item));
            }
            match self.pages.next_within(end)?.and_then(|page| items_of(page.body)) {
                Ok(items) => self.ready = items,
                Err(error) => {
                    self.pages.done = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
