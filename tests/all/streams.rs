//! A gigabyte passes through and leaves the command as small as it was: the body of one answer to a file, and the pages of
//! a list line by line or to a file. Of a build for debugging it is less, since its TLS is slow.

use std::fs;

use azmin::simulator::{Azure, Fault, Service};

use crate::peak::{is_release, measured, measured_silently, no_time};
use crate::support::{GROUP, Scratch, azmin};

const MIB: u64 = 1 << 20;

/// The smaller and the larger size, in mebibytes.
fn sizes() -> (u64, u64) {
    let sizes = if is_release() { (64, 1024) } else { (16, 48) };
    eprintln!("{} and {} MiB", sizes.0, sizes.1);
    sizes
}

/// By how much more, in kilobytes, the larger may take.
const SAME: u64 = 1_000;

#[track_caller]
fn alike(name: &str, small: u64, large: u64) {
    eprintln!("{name}: {small} and {large} kB");
    assert!(small.abs_diff(large) < SAME, "{name}: {small} and {large} kB");
}

#[test]
fn a_body_of_a_gigabyte_goes_to_a_file() {
    if no_time() {
        return;
    }
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let (ca, url) = (scratch.ca(&azure), format!("{GROUP}?api-version=2016-06-01"));
    let run = |target: &str, size: u64| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", size * MIB);
        azure.on(Service::Arm, Fault::repeated(head, "x".repeat(1 << 20), size, ""));
        let run = azmin(["get", &url, "-O", target, "--deadline", "300s"]).with_arm(&azure, &ca);
        let (run, peak) = measured(run, &scratch);
        run.succeeds();
        peak
    };
    let file = scratch.path("file");
    let file = file.to_str().unwrap();
    let (small, large) = sizes();
    alike("a device", run("/dev/null", small), run("/dev/null", large));
    let peak = run(file, small);
    assert_eq!(fs::metadata(file).unwrap().len(), small * MIB);
    alike("a file", peak, run(file, large));
    assert_eq!(fs::metadata(file).unwrap().len(), large * MIB);
}

/// Lets Resource Manager answer with so many pages of a mebibyte.
fn pages(azure: &Azure, count: u64) {
    let item = format!("{{\"id\":\"{}\"}},", "x".repeat((8 << 10) - 10));
    for page in 1..=count {
        let link = if page == count { String::new() } else { format!("{}/subscriptions?page={page}", azure.arm()) };
        let start = format!("{{\"nextLink\":\"{link}\",\"value\":[");
        let end = "{\"id\":\"last\"}]}";
        let length = start.len() + 128 * item.len() + end.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{start}");
        azure.on(Service::Arm, Fault::repeated(head, item.as_str(), 128, end));
    }
}

#[test]
fn pages_of_a_gigabyte_pass_through() {
    if no_time() {
        return;
    }
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let (ca, file) = (scratch.ca(&azure), scratch.path("file"));
    let file = file.to_str().unwrap();
    let run = |more: &[&str], count: u64| {
        pages(&azure, count);
        let arguments =
            [&["get", "/subscriptions?api-version=2022-12-01", "--all", "--deadline", "300s"], more].concat();
        let (code, peak) = measured_silently(azmin(arguments).with_arm(&azure, &ca), &scratch);
        assert_eq!(code, 0, "{more:?}");
        peak
    };
    let (small, large) = sizes();
    alike("line by line", run(&["-o", "jsonl"], small), run(&["-o", "jsonl"], large));
    let ids = ["-o", "tsv", "--query", "value[*].id"];
    alike("selected", run(&ids, small / 4), run(&ids, small));
    let to_file = ["-O", file];
    let peak = run(&to_file, small);
    let document = fs::read_to_string(file).unwrap();
    assert!(document.starts_with("{\"value\":[{\"id\":\"xxx") && document.ends_with(",{\"id\":\"last\"}]}\n"));
    alike("one document to a file", peak, run(&to_file, large));
}

/// One document on stdout is held until it is whole, and so it has an end like every answer that is held.
#[test]
fn a_document_that_is_held_has_an_end() {
    if no_time() {
        return;
    }
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let ca = scratch.ca(&azure);
    let run = |count: u64| {
        pages(&azure, count);
        let list = azmin(["get", "/subscriptions?api-version=2022-12-01", "--all"]);
        measured(list.with_arm(&azure, &ca), &scratch)
    };
    let (whole, peak) = run(15);
    assert_eq!(whole.succeeds().out.matches("\"last\"").count(), 15);
    let (endless, same) = run(40);
    endless.fails(7).says("16 MiB").says("-o jsonl");
    eprintln!("{peak} and {same} kB");
    assert!(peak.max(same) < if is_release() { 24_000 } else { 28_000 }, "{peak} and {same} kB");
}
