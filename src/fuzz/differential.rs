//! Our readers beside those of other hands: thousands of made-up inputs, the same in every run. Each difference has a name
//! and a reason, and each name is met at least once.

mod dates;
mod dice;
mod encoding;
mod json;
mod response;
mod tokens;
mod url;

use std::collections::BTreeMap;

use super::strictness::{Named, Verdict};
use dice::Dice;

/// Makes as many inputs, holds both readers to them, and prints one line of what came of it.
fn compare<'a>(
    title: &str,
    cases: u64,
    named: impl Iterator<Item = &'a Named>,
    mut case: impl FnMut(&mut Dice) -> Verdict,
) {
    let mut counts: BTreeMap<_, _> = named.map(|named| (named.name, (0, named.why))).collect();
    let (mut same, mut refused) = (0, 0);
    for number in 0..cases {
        match case(&mut Dice::new(number)) {
            Verdict::Same => same += 1,
            Verdict::Refused => refused += 1,
            Verdict::Named(name) => {
                counts.get_mut(name).unwrap_or_else(|| panic!("{name:?} is not in the table")).0 += 1
            }
        }
    }
    println!("{title}: {cases} cases, {same} read alike, {refused} refused by both");
    for (name, (count, why)) in &counts {
        println!("{count:8} {name} ({why})");
    }
    let unmet: Vec<_> = counts.iter().filter(|(_, (count, _))| *count == 0).map(|(name, _)| name).collect();
    assert!(unmet.is_empty(), "{title}: differences that are not met: {unmet:?}");
    assert!(same > cases / 10, "{title}: only {same} of {cases} inputs are read at all");
}
