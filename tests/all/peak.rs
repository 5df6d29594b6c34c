//! The command under GNU time, which tells the most memory that it had.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Azmin, Run, Scratch, program, skip};

/// Runs the command: what came of it, and its peak resident memory in kilobytes.
pub(crate) fn measured(run: Azmin, scratch: &Scratch) -> (Run, u64) {
    let output = timed(run, scratch).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (Run { code: output.status.code().unwrap(), out, err }, peak(scratch))
}

/// The same without its output.
pub(crate) fn measured_silently(run: Azmin, scratch: &Scratch) -> (i32, u64) {
    let status = timed(run, scratch).stdout(Stdio::null()).status().unwrap();
    (status.code().unwrap(), peak(scratch))
}

fn timed(run: Azmin, scratch: &Scratch) -> Command {
    let (inner, mut command) = (run.into_command(), Command::new(TIME));
    command.args(["-q", "-f", "%M", "-o"]).arg(scratch.path("peak")).arg(program()).args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

fn peak(scratch: &Scratch) -> u64 {
    fs::read_to_string(scratch.path("peak")).unwrap().trim().parse().unwrap()
}

/// Whether the command is a build for release, such as the static one.
pub(crate) fn is_release() -> bool {
    std::env::var_os("AZMIN_BIN").is_some()
}

/// Says so where the tool is missing.
pub(crate) fn no_time() -> bool {
    let missing = !Path::new(TIME).exists();
    if missing {
        skip("there is no GNU time");
    }
    missing
}

const TIME: &str = "/usr/bin/time";
