//! Token buckets, exact: counted in thousandths, of which a millisecond brings as many as a second brings tokens.

#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) burst: u64,
    pub(super) per_second: u64,
}

impl Limit {
    /// The milliseconds until so many were let through.
    pub(super) fn time_for(self, requests: u64) -> u64 {
        (requests.saturating_sub(self.burst) * 1000).div_ceil(self.per_second)
    }
}

pub(super) struct Bucket {
    limit: Limit,
    level: u64,
    at: u64,
}

impl Bucket {
    pub(super) fn new(limit: Limit) -> Self {
        Self { limit, level: limit.burst * 1000, at: 0 }
    }

    pub(super) fn has_one(&mut self, now: u64) -> bool {
        self.level = (self.level + (now - self.at) * self.limit.per_second).min(self.limit.burst * 1000);
        self.at = now;
        self.level >= 1000
    }

    pub(super) fn take(&mut self) {
        self.level -= 1000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { burst: 3, per_second: 25 };

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(LIMIT);
        let mut given = |now| {
            let has = bucket.has_one(now);
            if has {
                bucket.take();
            }
            has
        };
        let times = [(0, true), (0, true), (0, true), (0, false), (39, false), (40, true), (79, false), (80, true)];
        for (now, expected) in times {
            assert_eq!(given(now), expected, "{now}");
        }
        // It never holds more than its burst.
        for expected in [true, true, true, false] {
            assert_eq!(given(1_000_000), expected);
        }
    }

    #[test]
    fn the_ideal_is_the_burst_and_then_the_rate() {
        for (requests, milliseconds) in [(0, 0), (3, 0), (4, 40), (28, 1000)] {
            assert_eq!(LIMIT.time_for(requests), milliseconds, "{requests}");
        }
    }
}
