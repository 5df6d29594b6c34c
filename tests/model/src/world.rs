//! Callers as `Credential` makes them, an endpoint that does what it is told, and a clock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use loom::sync::atomic::AtomicU64 as Ticking;

use crate::flight::{Perishable, Slots, Turn};

/// A value of so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// Of the fetch that brought it.
    pub(crate) number: u64,
    pub(crate) refresh: u64,
    pub(crate) end: u64,
}

impl Perishable for Value {
    fn refresh_at(&self) -> Instant {
        instant(self.refresh)
    }

    fn ends_at(&self) -> Instant {
        instant(self.end)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// By the fetch of this number.
    Fetch(u64),
    Late,
    Panicked,
}

/// What an endpoint does with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    /// Answers with a value that is refreshed after so many seconds, and ends after so many.
    Give(u64, u64),
    /// Fails for good.
    Refuse,
    /// Fails for the caller's want of time.
    Delay,
    /// Makes the fetching thread panic.
    Panic,
}

pub(crate) const LONG: Does = Does::Give(1000, 2000);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) resource: &'static str,
    pub(crate) fresh: bool,
    /// When the caller's time is over.
    pub(crate) end: u64,
    /// What the endpoint does if this caller is the one who fetches.
    pub(crate) does: Does,
}

pub(crate) fn token(does: Does) -> Ask {
    Ask { resource: "a", fresh: false, end: 100, does }
}

pub(crate) fn fresh(does: Does) -> Ask {
    Ask { fresh: true, ..token(does) }
}

pub(crate) struct World {
    pub(crate) slots: Slots<Value, Failed>,
    clock: Option<Ticking>,
    requests: AtomicU64,
    flying: [AtomicUsize; 2],
}

impl World {
    /// Where no time passes.
    pub(crate) fn still() -> Arc<Self> {
        Self::new(None)
    }

    /// Where it may.
    pub(crate) fn ticking() -> Arc<Self> {
        Self::new(Some(Ticking::new(0)))
    }

    fn new(clock: Option<Ticking>) -> Arc<Self> {
        let (requests, flying) = (AtomicU64::new(0), [AtomicUsize::new(0), AtomicUsize::new(0)]);
        Arc::new(Self { slots: Slots::new(), clock, requests, flying })
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    fn seconds(&self) -> u64 {
        self.clock.as_ref().map_or(0, |clock| clock.load(Ordering::SeqCst))
    }

    /// Time passes, and whoever has waited for long enough wakes: loom's own waits never end by themselves.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.as_ref().expect("a clock").store(seconds, Ordering::SeqCst);
        if let Some(slot) = self.slots.find("a") {
            // Who has seen the earlier time is asleep by now.
            drop(slot.flight());
            slot.landed.notify_all();
        }
    }

    /// A call of `Credential::token` or `fresh_token`.
    pub(crate) fn call(&self, ask: Ask) -> Result<Value, Failed> {
        let (begun, requests) = (self.seconds(), self.requests());
        let outcome = self.renewed(ask);
        match outcome {
            Ok(value) => {
                assert!(begun < value.end, "{value:?} was over before it was asked for at {begun}");
                // A fetch that was under way when the call began counts as new.
                assert!(!ask.fresh || value.number + 1 >= requests, "{value:?} is not fresh: {requests} before");
            }
            Err(Failed::Fetch(number)) => assert!(number + 1 >= requests, "an error of another time: {number}"),
            Err(Failed::Late) => assert!(self.seconds() >= ask.end, "late before its time"),
            Err(Failed::Panicked) => {}
        }
        outcome
    }

    fn renewed(&self, ask: Ask) -> Result<Value, Failed> {
        let found = self.slots.find(ask.resource);
        if let Some(value) =
            found.and_then(|slot| slot.kept_until(self.now(), Value::refresh_at)).filter(|_| !ask.fresh)
        {
            return Ok(value);
        }
        let slot = self.slots.make(ask.resource);
        loop {
            let landing = match slot.turn(|| self.now(), instant(ask.end), ask.fresh) {
                Turn::Kept(value) => return Ok(value),
                Turn::Failed(error) => return Err(error),
                Turn::Late => return Err(Failed::Late),
                Turn::Fetch(landing) => landing,
            };
            let refresh = landing.good;
            let Some(outcome) = self.fetch(ask) else { return Err(Failed::Panicked) };
            let until = matches!(ask.does, Does::Delay).then(|| instant(ask.end));
            match landing.land(outcome, until) {
                Err(_) if refresh && self.seconds() < ask.end => {}
                landed => return landed,
            }
        }
    }

    /// What the fetching thread sees, if it survives.
    fn fetch(&self, ask: Ask) -> Option<Result<Value, Failed>> {
        let flying = &self.flying[usize::from(ask.resource != "a")];
        assert_eq!(flying.fetch_add(1, Ordering::SeqCst), 0, "two requests for {} at once", ask.resource);
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        // It takes a while.
        loom::thread::yield_now();
        flying.fetch_sub(1, Ordering::SeqCst);
        match ask.does {
            Does::Give(refresh, end) => {
                let received = self.seconds();
                Some(Ok(Value { number, refresh: received + refresh, end: received + end }))
            }
            Does::Refuse | Does::Delay => Some(Err(Failed::Fetch(number))),
            Does::Panic => None,
        }
    }

    fn now(&self) -> Instant {
        instant(self.seconds())
    }
}

fn instant(seconds: u64) -> Instant {
    static BASE: OnceLock<Instant> = OnceLock::new();
    *BASE.get_or_init(Instant::now) + Duration::from_secs(seconds)
}
