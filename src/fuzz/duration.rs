//! What must hold of durations on the command line.

use std::time::Duration;

// The command is another crate: its pure parts are built here a second time.
#[path = "../cli/options/duration.rs"]
mod parser;

/// Digits and a unit, from a millisecond to a leap year; nothing else.
pub fn duration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = parser::duration(&text);
    assert_eq!(found.as_ref().ok().copied(), wanted(&text), "{text:?}");
    if let Err(why) = found {
        super::assert_plain(&why);
    }
}

fn wanted(text: &str) -> Option<Duration> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("", 1000)];
    let (number, unit) = units.iter().find_map(|(unit, value)| Some((text.strip_suffix(unit)?, *value)))?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Beyond twenty digits only zeros in front fit.
    let number: u128 = number.trim_start_matches('0').get(..20).unwrap_or(number).parse().unwrap_or(u128::MAX);
    let milliseconds = u64::try_from(number.checked_mul(unit)?).ok()?;
    (1..=366 * 86_400_000).contains(&milliseconds).then(|| Duration::from_millis(milliseconds))
}
