//! A parser that only watches: somebody else reads the same bytes, and keeps what he needs of them.

use super::{Buffer, Fault, Limits, Parser, State};

/// What such a parser knows.
pub(super) struct Watch {
    /// The request was `HEAD`: its answer ends with the head (RFC 9110, section 9.3.2).
    bodiless: bool,
    /// Where the interim answers so far end, and up to where they have been taken out.
    interim: usize,
    taken: usize,
}

impl Parser {
    /// For an answer of any size, to a `HEAD` if it is to have no body.
    pub(crate) fn watching(bodiless: bool) -> Self {
        let watch = Some(Watch { bodiless, interim: 0, taken: 0 });
        Self { watch, ..Self::new(Limits { body: usize::MAX, ..Limits::default() }) }
    }

    /// How many bytes of interim answers have come since this was last asked. They stand before everything else.
    pub(crate) fn take_interim(&mut self) -> usize {
        self.watch.as_mut().map_or(0, |watch| watch.interim - std::mem::replace(&mut watch.taken, watch.interim))
    }

    pub(super) fn watches(&self) -> bool {
        self.watch.is_some()
    }

    /// Another interim answer ends here.
    pub(super) fn note_interim(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.interim = self.next;
        }
    }

    /// What follows the head, RFC 9112, section 6.3.
    pub(super) fn body_to_watch(&self) -> State {
        match (self.head.length, self.head.chunked) {
            _ if self.watch.as_ref().is_some_and(|watch| watch.bodiless) => State::Done,
            (_, true) => State::ChunkSize,
            (Some(length), _) => State::Skip(length),
            (None, _) => State::UntilClose,
        }
    }

    pub(super) fn skip(&mut self, buffer: &Buffer, left: u64) -> Option<Result<State, Fault>> {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len() - self.next);
        self.next += here;
        self.searched = self.next;
        let left = left - u64::try_from(here).ok()?;
        self.state = State::Skip(left);
        (left == 0).then_some(Ok(State::Done))
    }
}
