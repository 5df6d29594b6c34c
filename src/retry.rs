//! What to do after a failure: one policy for the whole house, pure. Time is an argument, and so is chance.

use std::time::Duration;

/// How a try ended, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A status that is worth another try, and how long the service asked to wait.
    Status(u16, Option<Duration>),
    /// No answer, or half of one.
    Lost,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after this time.
    After(Duration),
    /// There is no time left for another try.
    Stop,
}

/// Full jitter on top of what the service asked for: without it a fleet comes back in step, and is refused in step.
///
/// `tries` counts those that failed, `jitter` is uniform over all values, `left` is the time to the deadline.
pub(crate) fn next(outcome: Outcome, tries: u32, jitter: u32, left: Duration, cap: Duration) -> Next {
    let (floor, base) = match outcome {
        Outcome::Status(429, wait) => (wait.unwrap_or_default(), THROTTLED),
        Outcome::Status(_, wait) => (wait.unwrap_or_default(), BASE),
        Outcome::Lost => (Duration::ZERO, BASE),
    };
    let span = base.saturating_mul(1 << tries.saturating_sub(1).min(6)).min(cap);
    let delay = floor.saturating_add(share(span, jitter));
    if delay < left { Next::After(delay) } else { Next::Stop }
}

/// The pause before a refusal is looked at again that a role on its way would explain.
#[cfg(feature = "https")]
pub(crate) fn role(refusals: u32, jitter: u32) -> Duration {
    let span = THROTTLED.saturating_mul(1 << refusals.saturating_sub(1).min(6)).min(ROLE_SPAN);
    THROTTLED.saturating_add(share(span, jitter))
}

/// The pause before a long-running operation is looked at again: what the service asked for, or else 2, 4, 8, 15, 30, 30, …
/// seconds, less a quarter at most.
#[cfg(feature = "https")]
pub(crate) fn poll(polls: u32, jitter: u32, wait: Option<Duration>) -> Duration {
    match wait {
        Some(wait) => wait.max(SHORTEST_POLL).saturating_add(share(SHORTEST_POLL, jitter)),
        None => {
            let pace = POLLS.get(usize::try_from(polls).unwrap_or(usize::MAX)).copied().unwrap_or(LAST_POLL);
            pace.saturating_sub(share(pace / 4, jitter))
        }
    }
}

fn share(span: Duration, jitter: u32) -> Duration {
    let whole = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(whole.saturating_mul(u64::from(jitter)) >> 32)
}

/// The most that is added to what the service asks for: the last of a throttled fleet wait that long for nothing. With 60 s
/// a fleet of 100,000 takes 1.17 times as long as it must, with 45 s 1.13, for a tenth more requests (`simulator::fleet`).
pub(crate) const CAP: Duration = Duration::from_secs(45);
/// While a machine boots, an endpoint that comes up should be found soon.
pub(crate) const BOOT_CAP: Duration = Duration::from_secs(4);
const BASE: Duration = Duration::from_secs(1);
/// After a 429: of the policies compared in the fleet model, the one with the fewest requests at the same finish.
const THROTTLED: Duration = Duration::from_secs(5);
/// A role assignment is asked for every 5 to 30 s.
#[cfg(feature = "https")]
const ROLE_SPAN: Duration = Duration::from_secs(25);
#[cfg(feature = "https")]
const POLLS: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8), Duration::from_secs(15)];
/// What the clients of Azure wait when the service does not say how long.
#[cfg(feature = "https")]
const LAST_POLL: Duration = Duration::from_secs(30);
/// Some services say 0.
#[cfg(feature = "https")]
const SHORTEST_POLL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn delays() {
        let half = 1 << 31;
        for (outcome, tries, jitter, delay) in [
            (Outcome::Lost, 1, 0, 0),
            (Outcome::Lost, 1, half, 500),
            (Outcome::Lost, 2, half, 1000),
            (Outcome::Lost, 6, half, 16_000),
            (Outcome::Lost, 7, half, 22_500),
            (Outcome::Lost, 4_000_000_000, half, 22_500),
            (Outcome::Status(503, None), 3, half, 2000),
            (Outcome::Status(503, Some(s(7))), 1, half, 7500),
            (Outcome::Status(429, None), 1, half, 2500),
            (Outcome::Status(429, Some(s(10))), 4, half, 30_000),
            (Outcome::Status(429, Some(s(10))), 5, half, 32_500),
            (Outcome::Status(410, None), 1, u32::MAX, 999),
        ] {
            assert_eq!(
                next(outcome, tries, jitter, s(1000), CAP),
                Next::After(Duration::from_millis(delay)),
                "{outcome:?} {tries}"
            );
        }
        assert_eq!(next(Outcome::Lost, 9, half, s(1000), BOOT_CAP), Next::After(s(2)));
    }

    #[cfg(feature = "https")]
    #[test]
    fn a_role_and_an_operation_are_waited_for() {
        let half = 1 << 31;
        let refused = [(1, 7_500), (2, 10_000), (3, 15_000), (4, 17_500), (4_000_000_000, 17_500)];
        for (refusals, delay) in refused {
            assert_eq!(role(refusals, half), Duration::from_millis(delay), "{refusals}");
            assert_eq!(role(refusals, 0), THROTTLED);
        }
        for (polls, pace) in [(0, 2), (1, 4), (2, 8), (3, 15), (4, 30), (4_000_000_000, 30)] {
            assert_eq!(poll(polls, 0, None), s(pace));
            assert_eq!(poll(polls, half, None), s(pace) - s(pace) / 8);
        }
        assert_eq!(poll(0, half, Some(s(9))), Duration::from_millis(9_050));
        assert_eq!(poll(0, 0, Some(Duration::ZERO)), SHORTEST_POLL);
    }

    #[test]
    fn what_goes_past_the_deadline_is_not_waited_for() {
        assert_eq!(next(Outcome::Status(429, Some(s(60))), 1, 0, s(60), CAP), Next::Stop);
        assert_eq!(next(Outcome::Status(429, Some(s(60))), 1, 0, s(61), CAP), Next::After(s(60)));
        assert_eq!(next(Outcome::Status(503, Some(Duration::MAX)), 1, u32::MAX, s(60), CAP), Next::Stop);
        assert_eq!(next(Outcome::Lost, 1, 0, Duration::ZERO, CAP), Next::Stop);
    }
}
