//! A fleet that boots at once and makes one call each, against the limits that Azure publishes, on a virtual clock: what a
//! [retry policy](Policy) does to the service, and to those who wait for it.
//!
//! It is a model of published numbers, not of Azure: a call takes no time, a refused one costs the service nothing, and
//! nothing else uses the same limits.
//!
//! ```
//! use azmin::simulator::fleet::{Fleet, Policy};
//!
//! let fleet = Fleet::shared_identity(1000).retry_after(5);
//! let drain = fleet.run(Policy::Azmin, 1);
//! assert_eq!(drain.succeeded(), 1000);
//! assert!(drain.last_success() > fleet.ideal());
//! assert!(fleet.run(Policy::Once, 1).succeeded() < 1000);
//! ```

use std::time::Duration;

use agenda::Agenda;
use bucket::{Bucket, Limit};
use chance::Chance;

pub use policy::Policy;

mod agenda;
mod bucket;
mod chance;
mod policy;

/// Machines that start within 30 seconds of each other, each of which makes one call and gives it 15 minutes.
#[derive(Clone, Debug)]
pub struct Fleet {
    agents: u32,
    /// Of all together.
    shared: &'static [Limit],
    /// Of each.
    own: Option<Limit>,
    retry_after: Option<u64>,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    succeeded: u32,
    requests: u32,
    last_success: u64,
}

impl Fleet {
    /// Machines with one user-assigned identity, which read from Azure Resource Manager: 250 requests and 25 more a second
    /// for each identity, in a subscription and a region.
    ///
    /// The numbers are those of Microsoft's page "Understand how Azure Resource Manager throttles requests".
    pub fn shared_identity(agents: u32) -> Self {
        Self { agents, shared: &[PRINCIPAL_READS, SUBSCRIPTION_READS], own: None, retry_after: None }
    }

    /// Machines with a system-assigned identity each: 3750 requests and 375 more a second for all identities of the
    /// subscription. The source is that of [`shared_identity`](Self::shared_identity).
    pub fn own_identities(agents: u32) -> Self {
        Self { agents, shared: &[SUBSCRIPTION_READS], own: Some(PRINCIPAL_READS), retry_after: None }
    }

    /// Machines that read a secret of one vault: 4000 requests in 10 seconds, whosever they are.
    ///
    /// The number is that of Microsoft's page "Azure Key Vault service limits"; the model refills it evenly.
    pub fn key_vault(agents: u32) -> Self {
        Self { agents, shared: &[VAULT], own: None, retry_after: None }
    }

    /// Lets every refusal say so many seconds in `Retry-After`. Without it, none says anything.
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(u64::from(seconds) * 1000), ..self }
    }

    /// When the last machine is served if the limit is always used to the full.
    pub fn ideal(&self) -> Duration {
        let drained = self.shared.iter().map(|limit| limit.time_for(u64::from(self.agents)));
        Duration::from_millis(drained.max().unwrap_or_default().max(SPREAD))
    }

    /// Lets the fleet boot. The same seed gives the same answer.
    pub fn run(&self, policy: Policy, seed: u64) -> Drain {
        let mut chance = Chance::new(seed);
        let mut agents: Vec<Agent> = (0..self.agents)
            .map(|_| Agent { boot: chance.below(SPREAD), tries: 0, own: self.own.map(Bucket::new) })
            .collect();
        let mut agenda = Agenda::new(self.agents, SPREAD + DEADLINE);
        for (index, agent) in (0..).zip(&agents) {
            agenda.put(index, agent.boot);
        }
        let mut shared: Vec<Bucket> = self.shared.iter().copied().map(Bucket::new).collect();
        let mut drain = Drain { succeeded: 0, requests: 0, last_success: 0 };
        while let Some((index, now)) = agenda.next() {
            let Some(agent) = usize::try_from(index).ok().and_then(|index| agents.get_mut(index)) else { continue };
            drain.requests = drain.requests.saturating_add(1);
            agent.tries += 1;
            if shared.iter_mut().chain(&mut agent.own).all(|bucket| bucket.has_one(now)) {
                shared.iter_mut().chain(&mut agent.own).for_each(Bucket::take);
                drain.succeeded += 1;
                drain.last_success = now;
                continue;
            }
            let waited = now - agent.boot;
            let left = DEADLINE - waited;
            let delay = policy.delay(agent.tries, self.retry_after, waited, left, &mut chance);
            // The others do not know of the deadline, and are not waited for.
            if let Some(delay) = delay.filter(|delay| *delay < left) {
                agenda.put(index, now + delay);
            }
        }
        drain
    }
}

impl Drain {
    /// The machines whose call succeeded.
    pub fn succeeded(&self) -> u32 {
        self.succeeded
    }

    /// What the service received in all.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// When the last call succeeded, counted from when the first could boot.
    pub fn last_success(&self) -> Duration {
        Duration::from_millis(self.last_success)
    }
}

struct Agent {
    boot: u64,
    tries: u32,
    own: Option<Bucket>,
}

const PRINCIPAL_READS: Limit = Limit { burst: 250, per_second: 25 };
const SUBSCRIPTION_READS: Limit = Limit { burst: 3750, per_second: 375 };
const VAULT: Limit = Limit { burst: 4000, per_second: 400 };

/// In milliseconds, as all times here.
const SPREAD: u64 = 30_000;
const DEADLINE: u64 = 900_000;
