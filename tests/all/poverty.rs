//! A machine that has little: few descriptors, little memory, no place for output, no writable folder, no environment.

use std::path::Path;
use std::process::Command;

use azmin::simulator::{Azure, Fault, Service};

use crate::peak::is_release;
use crate::support::{GROUP, GROUP_BODY, Run, Scratch, azmin, received, skip};
use crate::tools::exists;

/// Runs the command in a shell that prepares its place, `$1` and what follows being the command.
fn run(script: &str, azure: &Azure, ca: &Path, arguments: &[&str]) -> Run {
    let call = azmin(arguments);
    let inner = if arguments[0] == "get" { call.with_arm(azure, ca) } else { call.on(azure) }.into_command();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh"]).arg(inner.get_program()).args(inner.get_args()).env_clear();
    let output = command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Run { code: output.status.code().unwrap_or(-1), out, err }
}

const GET: &[&str] = &["get", GROUP, "-p", "api-version=2016-06-01"];
const TOKEN: &[&str] = &["token"];
const NONE: &[&str] = &["get", "/nothing?api-version=1"];

/// What it prints.
#[derive(Clone, Copy)]
enum Out {
    Nothing,
    Token,
    Body,
}

#[track_caller]
fn check(azure: &Azure, script: &str, arguments: &[&str], code: i32, out: Out, words: &str) {
    let scratch = Scratch::new();
    let before = azure.requests().len();
    let run = run(script, azure, &scratch.ca(azure), arguments);
    let row = format!("{script} {arguments:?}: {} {}", run.code, run.err);
    assert_eq!(run.code, code, "{row}");
    assert!(run.err.contains(words) && !run.err.contains("panicked"), "{row}");
    assert!(words.is_empty() == run.err.is_empty(), "{row}");
    match out {
        Out::Nothing => assert_eq!(run.out, "", "{row}"),
        Out::Token => assert!(run.out.starts_with("eyJ") && run.out.ends_with('\n'), "{row}"),
        Out::Body => assert_eq!(run.out, GROUP_BODY, "{row}"),
    }
    // A stream that is closed must not be given to a socket, with what is meant for it.
    for request in &azure.requests()[before..] {
        assert!(request.method() == "GET" && request.body().is_empty(), "{row}: {request:?}");
    }
}

#[test]
fn streams_that_are_closed_or_full() {
    let azure = Azure::start().unwrap();
    for (script, arguments, code, out, words) in [
        ("exec \"$@\" <&-", TOKEN, 0, Out::Token, ""),
        ("exec \"$@\" >&-", TOKEN, 0, Out::Nothing, ""),
        ("exec \"$@\" 2>&-", TOKEN, 0, Out::Token, ""),
        ("exec \"$@\" <&- >&- 2>&-", TOKEN, 0, Out::Nothing, ""),
        ("exec \"$@\" <&-", GET, 0, Out::Body, ""),
        ("exec \"$@\" >&-", GET, 0, Out::Nothing, ""),
        ("exec \"$@\" 2>&-", GET, 0, Out::Body, ""),
        ("exec \"$@\" <&- >&- 2>&-", GET, 0, Out::Nothing, ""),
        ("exec \"$@\" 2>&-", NONE, 8, Out::Nothing, ""),
        ("exec \"$@\" <&- >&- 2>&-", NONE, 8, Out::Nothing, ""),
        ("exec \"$@\" -vv <&- >&- 2>&-", NONE, 8, Out::Nothing, ""),
        ("exec \"$@\" >/dev/full", TOKEN, 1, Out::Nothing, "could not write standard output: No space left"),
        ("exec \"$@\" -o json >/dev/full", TOKEN, 1, Out::Nothing, "could not write standard output: No space left"),
        ("exec \"$@\" >/dev/full", GET, 1, Out::Nothing, "could not write standard output: No space left"),
        ("exec \"$@\" -i >/dev/full", GET, 1, Out::Nothing, "could not write standard output: No space left"),
        ("exec \"$@\" --help >/dev/full", TOKEN, 1, Out::Nothing, "could not write standard output: No space left"),
        ("exec \"$@\" -O /dev/full", GET, 1, Out::Nothing, "could not write"),
        ("exec \"$@\" -vv 2>/dev/full", TOKEN, 0, Out::Token, ""),
        ("exec \"$@\" 2>/dev/full", NONE, 8, Out::Nothing, ""),
    ] {
        check(&azure, script, arguments, code, out, words);
    }
}

#[test]
fn few_descriptors_and_little_memory() {
    if !exists("prlimit") {
        return skip("there is no prlimit");
    }
    let azure = Azure::start().unwrap();
    let limited = |limits: &str| format!("exec /usr/bin/prlimit {limits} \"$@\"");
    for (limits, arguments, code, out, words) in [
        ("--nofile=8", TOKEN, 0, Out::Token, ""),
        ("--nofile=8", GET, 0, Out::Body, ""),
        ("--nofile=8", NONE, 8, Out::Nothing, "HTTP 400"),
        ("--as=67108864", TOKEN, 0, Out::Token, ""),
        ("--as=67108864", GET, 0, Out::Body, ""),
        ("--as=67108864", NONE, 8, Out::Nothing, "HTTP 400"),
        ("--nofile=8 --as=67108864 --nproc=1 --core=0", GET, 0, Out::Body, ""),
        ("--fsize=0", TOKEN, 0, Out::Token, ""),
    ] {
        check(&azure, &limited(limits), arguments, code, out, words);
    }
    // A program that is not static needs one to be loaded.
    if is_release() {
        let soon = &["token", "--deadline", "1s"];
        check(&azure, &limited("--nofile=3"), soon, 7, Out::Nothing, "could not open a socket");
        check(&azure, &limited("--nofile=3"), GET, 1, Out::Nothing, "o file descriptors available");
    }
    // As much as is ever held.
    azure.on(Service::Arm, Fault::status(200).body("x".repeat(16 << 20)));
    let (scratch, limits) = (Scratch::new(), limited("--nofile=8 --as=67108864"));
    let whole = run(&limits, &azure, &scratch.ca(&azure), GET);
    assert_eq!((whole.code, whole.out.len()), (0, 16 << 20), "{}", whole.err);
}

/// In a mount namespace: the program and the CA lie in `/mnt`, `/tmp` is there and cannot be written.
#[test]
fn no_folder_to_write_to() {
    let enter = r#"
        mount -t tmpfs tmpfs /mnt && cp "$1" /mnt/azmin && shift && mkdir /mnt/here && cd /mnt/here &&
        mount -t tmpfs -o ro tmpfs /tmp && mount -o remount,ro /mnt && exec /mnt/azmin "$@""#;
    let script = |more: &str| format!("exec /usr/bin/unshare -Urm /bin/sh -c '{enter} {more}' sh \"$@\"");
    let able = Command::new("unshare").args(["-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    if !able.is_ok_and(|output| output.status.success()) {
        return skip("no mounts of its own");
    }
    let azure = Azure::start().unwrap();
    check(&azure, &script(""), TOKEN, 0, Out::Token, "");
    check(&azure, &script("-O token"), TOKEN, 1, Out::Nothing, "could not write token: Read-only file system");
    check(
        &azure,
        &script("-O /tmp/token"),
        TOKEN,
        1,
        Out::Nothing,
        "could not write /tmp/token: Read-only file system",
    );
    check(&azure, &script("-O /mnt/azmin"), TOKEN, 1, Out::Nothing, "could not write /mnt/azmin: Read-only");
    check(&azure, &script("-O /dev/null"), TOKEN, 0, Out::Nothing, "");
    assert_eq!(received(&azure, Service::Arm).len(), 0);
}
