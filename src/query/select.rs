//! Selecting in the pass that checks the text.

use std::collections::VecDeque;

use super::Step;
use crate::json::characters::characters;
use crate::json::strict::{Broken, Scan};

/// What the steps select in the document; `None` for `null` and for nothing.
pub(super) fn select(steps: &[Step], json: &str) -> Result<Option<String>, Broken> {
    let (mut stage, mut rest) = split(steps);
    let mut selected = run(stage, json)?;
    while let Some(list) = selected.take_if(|_| !rest.is_empty()) {
        (stage, rest) = split(rest);
        selected = run(stage, &list)?;
    }
    Ok(selected)
}

/// Parts what one pass can do from the next `[]` on, which flattens the list that those before it have projected.
fn split(steps: &[Step]) -> (&[Step], &[Step]) {
    let mut projecting = false;
    let end = steps.iter().position(|step| {
        let flat = *step == Step::Flat;
        let ends = projecting && flat;
        projecting |= flat || *step == Step::Each;
        ends
    });
    steps.split_at_checked(end.unwrap_or(steps.len())).unwrap_or((steps, &[]))
}

fn run(steps: &[Step], json: &str) -> Result<Option<String>, Broken> {
    let mut scan = Scan::new(json);
    let mut out = String::new();
    let found = walk(&mut scan, steps, &mut out)?;
    scan.end()?;
    Ok(found.then_some(out))
}

/// Passes the value at `scan` and appends what the steps select in it. `false`: that is null, and nothing is appended.
///
/// Recurses once a step, which the parser bounds, never with the depth of the document.
fn walk(scan: &mut Scan<'_>, steps: &[Step], out: &mut String) -> Result<bool, Broken> {
    let Some((step, rest)) = steps.split_first() else {
        let value = scan.value()?;
        if value != "null" {
            out.push_str(value);
        }
        return Ok(value != "null");
    };
    match (step, scan.kind()) {
        (Step::Field(name), Some(b'{')) => field(scan, name, rest, out),
        (Step::Index(index), Some(b'[')) => index_from_start(scan, *index, rest, out),
        (Step::FromEnd(index), Some(b'[')) => index_from_end(scan, *index, rest, out),
        (Step::Each, Some(b'[')) => project(scan, rest, false, out),
        (Step::Flat, Some(b'[')) => project(scan, rest, true, out),
        _ => scan.value().map(|_| false),
    }
}

fn field(scan: &mut Scan<'_>, name: &str, rest: &[Step], out: &mut String) -> Result<bool, Broken> {
    let (start, mut found, mut first) = (out.len(), false, true);
    scan.enter()?;
    while scan.next(&mut first, b'}')? {
        if is_named(scan.name()?, name) {
            out.truncate(start);
            found = walk(scan, rest, out)?;
        } else {
            scan.value()?;
        }
    }
    Ok(found)
}

fn is_named(quoted: &str, name: &str) -> bool {
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    if inner.contains('\\') { characters(inner).eq(name.chars().map(Some)) } else { inner == name }
}

fn index_from_start(scan: &mut Scan<'_>, index: usize, rest: &[Step], out: &mut String) -> Result<bool, Broken> {
    let (mut at, mut found, mut first) = (0, false, true);
    scan.enter()?;
    while scan.next(&mut first, b']')? {
        if at == index {
            found = walk(scan, rest, out)?;
        } else {
            scan.value()?;
        }
        at += 1;
    }
    Ok(found)
}

/// Goes back to the element once the end has shown which it is.
fn index_from_end(scan: &mut Scan<'_>, index: usize, rest: &[Step], out: &mut String) -> Result<bool, Broken> {
    let (mut last, mut first) = (VecDeque::new(), true);
    scan.enter()?;
    while scan.next(&mut first, b']')? {
        if last.len() == index {
            last.pop_front();
        }
        last.push_back(*scan);
        scan.value()?;
    }
    if last.len() < index {
        return Ok(false);
    }
    last.front_mut().map_or(Ok(false), |element| walk(element, rest, out))
}

fn project(scan: &mut Scan<'_>, rest: &[Step], flatten: bool, out: &mut String) -> Result<bool, Broken> {
    let mut first = true;
    let mut list = List { start: out.len(), out };
    scan.enter()?;
    while scan.next(&mut first, b']')? {
        if flatten && scan.kind() == Some(b'[') {
            let mut first = true;
            scan.enter()?;
            while scan.next(&mut first, b']')? {
                list.push(|out| walk(scan, rest, out))?;
            }
        } else {
            list.push(|out| walk(scan, rest, out))?;
        }
    }
    list.end();
    Ok(true)
}

/// A list in the making: each value follows a bracket or a comma.
struct List<'a> {
    out: &'a mut String,
    start: usize,
}

impl List<'_> {
    fn push(&mut self, value: impl FnOnce(&mut String) -> Result<bool, Broken>) -> Result<(), Broken> {
        let before = self.out.len();
        self.out.push(if before == self.start { '[' } else { ',' });
        if !value(self.out)? {
            self.out.truncate(before);
        }
        Ok(())
    }

    fn end(self) {
        self.out.push_str(if self.out.len() == self.start { "[]" } else { "]" });
    }
}
