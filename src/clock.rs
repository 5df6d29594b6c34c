//! Time and chance, which tests replace.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// This machine's, unless overridden.
pub(crate) trait Clock: Send + Sync {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Of the clock's nanoseconds and the process id, spread by Fibonacci hashing: good enough to keep machines apart,
    /// and 3 kB smaller than the seeds that the standard library draws for its hash maps.
    fn jitter(&self) -> u32 {
        let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        (nanoseconds ^ std::process::id().rotate_left(16)).wrapping_mul(0x9e37_79b9)
    }
}
