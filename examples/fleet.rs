//! What throttling does to a fleet that boots at once, by the retry policy of its client; as Markdown.
//!
//! ```sh
//! cargo run --release --example fleet --features simulator
//! ```
//!
//! A number as the only argument is the seed; without it, 1.

use std::error::Error;
use std::io::{self, Write};

use azmin::simulator::fleet::{Drain, Fleet, Policy};

type Limited = fn(u32) -> Fleet;

const FLEETS: [(&str, u32, Limited); 3] = [
    ("10,000 machines that share an identity", 10_000, Fleet::shared_identity),
    ("100,000 machines with an identity each", 100_000, Fleet::own_identities),
    ("100,000 machines that read one vault", 100_000, Fleet::key_vault),
];

fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(1), |seed| seed.parse())?;
    let mut out = io::stdout().lock();
    for (index, (name, agents, limited)) in FLEETS.into_iter().enumerate() {
        let (told, untold) = (limited(agents).retry_after(5), limited(agents));
        let ideal = told.ideal().as_secs_f64();
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "| {name}: ideally {ideal:.0} s | succeeded | requests each | last success | × ideal |")?;
        writeln!(out, "| --- | ---: | ---: | ---: | ---: |")?;
        for policy in Policy::ALL {
            let told = cells(told.run(policy, seed), agents, ideal);
            let untold = cells(untold.run(policy, seed), agents, ideal);
            let pairs: Vec<String> =
                told.iter().zip(&untold).map(|(told, untold)| format!("{told} / {untold}")).collect();
            writeln!(out, "| {policy} | {} |", pairs.join(" | "))?;
        }
    }
    Ok(())
}

fn cells(drain: Drain, agents: u32, ideal: f64) -> [String; 4] {
    let each = |count: u32| f64::from(count) / f64::from(agents);
    let last = drain.last_success().as_secs_f64();
    let all = drain.succeeded() == agents;
    [
        format!("{:.1} %", 100.0 * each(drain.succeeded())),
        format!("{:.1}", each(drain.requests())),
        format!("{last:.0} s"),
        if all { format!("{:.2}", last / ideal) } else { "–".to_owned() },
    ]
}
