//! The one-fetch rule: what is kept for each resource, who fetches, and what those who wait are told. It knows nothing of
//! requests, and takes its locks from `super::sync`: `tests/model` puts this very file through every interleaving.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::sync::{Condvar, Mutex, MutexGuard, OnceLock, RwLock};

/// What is good for a while.
pub(super) trait Perishable: Clone {
    /// When to look for a newer one.
    fn refresh_at(&self) -> Instant;
    /// When it must no longer be handed out.
    fn ends_at(&self) -> Instant;
}

/// A slot for each resource that was ever asked for: a list that only grows, so that a look into it takes no lock.
pub(super) struct Slots<T, E>(Link<T, E>);

/// To the next slot, once there is one.
type Link<T, E> = OnceLock<Box<Slot<T, E>>>;

/// What is kept for one resource.
pub(super) struct Slot<T, E> {
    pub(super) resource: Arc<str>,
    kept: RwLock<Option<T>>,
    flight: Mutex<Flight<E>>,
    pub(super) landed: Condvar,
    next: Link<T, E>,
}

/// The one fetch that may be under way.
pub(super) struct Flight<E> {
    pub(super) busy: bool,
    pub(super) waiting: usize,
    landings: u64,
    /// The landings that brought something.
    arrivals: u64,
    /// In a row.
    failures: u32,
    /// How the last one failed, for those who waited for it.
    failed: Option<Failed<E>>,
    /// After a refresh that failed: not again before this.
    not_before: Option<Instant>,
}

/// A failure, and whom it concerns.
struct Failed<E> {
    error: E,
    /// Only those whose time ends by then, if not everybody.
    until: Option<Instant>,
}

/// What a caller does next.
pub(super) enum Turn<'a, T, E, N: Fn() -> Instant> {
    Kept(T),
    /// As the fetch that was waited for.
    Failed(E),
    /// Its time ran out while another fetched.
    Late,
    /// It fetches, and lands with what comes of it.
    Fetch(Landing<'a, T, E, N>),
}

/// Ends a flight and wakes those who wait, also when the thread that flew it panics (in an observer, say).
pub(super) struct Landing<'a, T, E, N: Fn() -> Instant> {
    slot: &'a Slot<T, E>,
    now: N,
    force: bool,
    /// The one that is kept is still good: this is a refresh.
    pub(super) good: bool,
    end: End<E>,
}

enum End<E> {
    Nothing,
    Arrived,
    Failed(Failed<E>),
}

impl<T, E> Slots<T, E> {
    pub(super) fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(super) fn find(&self, resource: &str) -> Option<&Slot<T, E>> {
        let mut slots = std::iter::successors(self.0.get(), |slot| slot.next.get());
        slots.find(|slot| *slot.resource == *resource).map(|slot| &**slot)
    }

    /// The resource's slot, made if there is none yet.
    pub(super) fn make(&self, resource: &str) -> &Slot<T, E> {
        let mut link = &self.0;
        loop {
            match link.get() {
                Some(slot) if *slot.resource == *resource => return slot,
                Some(slot) => link = &slot.next,
                // If another was faster, its slot is looked at like those before.
                None => drop(link.set(Box::new(Slot::new(resource)))),
            }
        }
    }
}

/// One after another: as many as there are could be more than the stack has room for.
impl<T, E> Drop for Slots<T, E> {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut slot) = next {
            next = slot.next.take();
        }
    }
}

impl<T, E> Slot<T, E> {
    fn new(resource: &str) -> Self {
        let flight =
            Flight { busy: false, waiting: 0, landings: 0, arrivals: 0, failures: 0, failed: None, not_before: None };
        let (kept, flight) = (RwLock::new(None), Mutex::new(flight));
        Self { resource: resource.into(), kept, flight, landed: Condvar::new(), next: OnceLock::new() }
    }

    pub(super) fn flight(&self) -> MutexGuard<'_, Flight<E>> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Perishable, E: Clone> Slot<T, E> {
    /// What is kept, if the moment that `until` names is still to come.
    pub(super) fn kept_until(&self, now: Instant, until: impl Fn(&T) -> Instant) -> Option<T> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| now < until(kept)).cloned()
    }

    /// Waits while another fetches, unless what is kept is still good. With `force` nothing counts that was there before.
    pub(super) fn turn<N: Fn() -> Instant>(&self, clock: N, end: Instant, force: bool) -> Turn<'_, T, E, N> {
        let mut flight = self.flight();
        let (landings, arrivals) = (flight.landings, flight.arrivals);
        loop {
            let now = clock();
            // What came since the call began is what was asked for, however short its life.
            let new = flight.arrivals != arrivals;
            let until = if new { T::ends_at } else { T::refresh_at };
            if let Some(kept) = self.kept_until(now, until).filter(|_| new || !force) {
                return Turn::Kept(kept);
            }
            let failed = flight.failed.as_ref().filter(|_| flight.landings != landings);
            if let Some(failed) = failed.filter(|failed| failed.until.is_none_or(|until| end <= until)) {
                return Turn::Failed(failed.error.clone());
            }
            let good = if force { None } else { self.kept_until(now, T::ends_at) };
            match good {
                Some(kept) if flight.busy || flight.not_before.is_some_and(|at| now < at) => return Turn::Kept(kept),
                good if !flight.busy => {
                    flight.busy = true;
                    let (good, end) = (good.is_some(), End::Nothing);
                    return Turn::Fetch(Landing { slot: self, now: clock, force, good, end });
                }
                _ => {}
            }
            let patience = end.saturating_duration_since(now);
            if patience.is_zero() {
                return Turn::Late;
            }
            flight.waiting += 1;
            flight = self.landed.wait_timeout(flight, patience).unwrap_or_else(PoisonError::into_inner).0;
            flight.waiting -= 1;
        }
    }
}

impl<T: Perishable, E: Clone, N: Fn() -> Instant> Landing<'_, T, E, N> {
    /// Keeps what was fetched; after a failure, hands out what is kept while it is good. With `until`, the failure is that of
    /// callers whose time ends by then.
    pub(super) fn land(mut self, outcome: Result<T, E>, until: Option<Instant>) -> Result<T, E> {
        match outcome {
            Ok(value) => {
                *self.slot.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
                self.end = End::Arrived;
                Ok(value)
            }
            Err(error) => {
                self.end = End::Failed(Failed { error: error.clone(), until });
                self.slot.kept_until((self.now)(), T::ends_at).filter(|_| !self.force).ok_or(error)
            }
        }
    }
}

impl<T, E, N: Fn() -> Instant> Drop for Landing<'_, T, E, N> {
    fn drop(&mut self) {
        let mut flight = self.slot.flight();
        flight.busy = false;
        flight.landings += 1;
        (flight.failures, flight.failed, flight.not_before) = match std::mem::replace(&mut self.end, End::Nothing) {
            End::Failed(failed) => {
                let pause = AFTER_FAILURE.saturating_mul(1 << flight.failures.min(3));
                (flight.failures.saturating_add(1), Some(failed), (self.now)().checked_add(pause))
            }
            end => {
                flight.arrivals += u64::from(matches!(end, End::Arrived));
                (0, None, None)
            }
        };
        // A wake is a system call also when nobody sleeps.
        if flight.waiting > 0 {
            self.slot.landed.notify_all();
        }
    }
}

/// Between two tries to refresh what is still good; doubled from failure to failure, three times.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
