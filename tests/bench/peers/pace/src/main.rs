//! Runs two programs in turn and prints how often as long as the first the second takes: the ratio of their medians.
//!
//! `pace ROUNDS PROGRAM ARGUMENTS... -- PROGRAM ARGUMENTS...`; what stands in the environment goes to both.

use std::env;
use std::error::Error;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (rounds, commands) = arguments.split_first().ok_or("no rounds")?;
    let border = commands.iter().position(|word| word == "--").ok_or("no second program")?;
    let mut first = command(&commands[..border])?;
    let mut second = command(&commands[border + 1..])?;
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..rounds.parse()? {
        times.0.push(time(&mut first)?);
        times.1.push(time(&mut second)?);
    }
    let (first, second) = (median(times.0)?, median(times.1)?);
    println!("{:.3}", second.as_secs_f64() / first.as_secs_f64());
    Ok(())
}

fn command(words: &[String]) -> Result<Command, Box<dyn Error>> {
    let (program, arguments) = words.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

fn time(command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let status = command.status()?;
    let took = begun.elapsed();
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    Ok(took)
}

fn median(mut times: Vec<Duration>) -> Result<Duration, &'static str> {
    times.sort();
    times.get(times.len() / 2).copied().ok_or("no rounds")
}
