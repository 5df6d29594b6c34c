//! What a peer is asked to do, and whether it may.

use std::env;
use std::time::Instant;

/// The audience of Resource Manager.
pub const RESOURCE: &str = "https://management.azure.com/";
/// The tutorial's resource group.
pub const GROUP: &str = "https://management.azure.com/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest?api-version=2016-06-01";

/// One run of a peer.
pub enum Task {
    /// Print a token.
    Token,
    /// Print what Resource Manager says about the tutorial's resource group.
    Arm,
    /// So many times: a new credential, and a token from the network.
    Fresh(u32),
    /// So many times: the token that one credential holds.
    Cached(u32),
}

/// The task that the arguments name.
pub fn task() -> Result<Task, &'static str> {
    if env::var_os("ON_THE_ISLAND").is_none() {
        return Err("only the bench starts this, in a network of its own");
    }
    let arguments: Vec<_> = env::args().skip(1).collect();
    let times = |text: &String| text.parse().map_err(|_| "no number of times");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["token"] => Ok(Task::Token),
        ["arm"] => Ok(Task::Arm),
        ["fresh", _] => times(&arguments[1]).map(Task::Fresh),
        ["cached", _] => times(&arguments[1]).map(Task::Cached),
        _ => Err("usage: token | arm | fresh N | cached N"),
    }
}

/// Prints the nanoseconds that one of so many calls took.
pub fn print_each(begun: Instant, times: u32) {
    println!("{:.1}", begun.elapsed().as_secs_f64() * 1e9 / f64::from(times));
}
