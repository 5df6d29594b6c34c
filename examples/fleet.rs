//! What throttling does to a fleet that boots at once, by the retry policy of its client; as Markdown.
//!
//! ```sh
//! cargo run --release --example fleet --features simulator
//! ```
//!
//! A number as the only argument is the seed; without it, 1.

use std::error::Error;
use std::io::{self, Write};

use azmin::simulator::fleet::{Fleet, Policy};

fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(1), |seed| seed.parse())?;
    let mut out = io::stdout().lock();
    for (agents, title, limited) in [
        (10_000, "10,000 machines that share an identity", Fleet::shared_identity as fn(u32) -> Fleet),
        (100_000, "100,000 machines with an identity each", Fleet::own_identities),
        (100_000, "100,000 machines that read a secret of one vault", Fleet::key_vault),
    ] {
        let told = limited(agents).retry_after(5);
        let untold = limited(agents);
        let ideal = untold.ideal().as_secs_f64();
        writeln!(out, "| {title}; ideal {ideal:.0} s | succeeded | requests each | last success | × ideal |")?;
        writeln!(out, "| --- | ---: | ---: | ---: | ---: |")?;
        for policy in Policy::ALL {
            let runs = [told.run(policy, seed), untold.run(policy, seed)];
            let each = |figure: &dyn Fn(usize) -> String| format!("{} / {}", figure(0), figure(1));
            let _ = each;
            let cells = runs.map(|run| {
                let share = f64::from(run.succeeded()) / f64::from(agents);
                let last = run.last_success().as_secs_f64();
                let ratio = if run.succeeded() == agents { format!("{:.2}", last / ideal) } else { "–".to_owned() };
                [
                    format!("{:.1} %", share * 100.0),
                    format!("{:.1}", run.requests() as f64 / f64::from(agents)),
                    format!("{last:.0} s"),
                    ratio,
                ]
            });
            write!(out, "| {policy} |")?;
            for (told, untold) in cells[0].iter().zip(&cells[1]) {
                write!(out, " {told} / {untold} |")?;
            }
            writeln!(out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
