//! System calls that fail, one at a time, under `strace`: the command does its work all the same, or says what it could not
//! do, with nothing half done.

use std::fs;
use std::thread;

use azmin::simulator::{Azure, Service};

use crate::support::{GROUP, Run, Scratch, azmin, received, skip};
use crate::tools::{exists, told};

/// A command, and what it leaves on stdout or in its file when nothing fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Token,
    TokenToFile,
    Get,
    GetToFile,
    Post,
}

/// Calls as `strace -e inject` has them, and what comes of it: the exit code, and words on stderr.
type Row = (Job, &'static str, i32, &'static str);

/// Where nothing passes, or what passes does no harm, the work is done.
#[rustfmt::skip]
const DONE: &[Row] = &[
    (Job::Token, "connect:error=EINTR:when=1", 0, ""),
    (Job::Token, "connect:error=ECONNRESET:when=1", 0, ""),
    (Job::Token, "socket:error=EMFILE:when=1", 0, ""),
    (Job::Token, "?poll,?ppoll:error=EINTR:when=2", 0, ""),
    (Job::Token, "sendto:error=EINTR:when=1", 0, ""),
    (Job::Token, "sendto:error=EAGAIN:when=1", 0, ""),
    (Job::Token, "sendto:error=EPERM:when=1", 0, ""),
    (Job::Token, "recvfrom:error=EINTR:when=1", 0, ""),
    (Job::Token, "recvfrom:error=EAGAIN:when=1", 0, ""),
    (Job::Token, "recvfrom:error=ECONNRESET:when=1", 0, ""),
    (Job::Token, "recvfrom:error=EHOSTUNREACH:when=1", 0, ""),
    (Job::Token, "write:error=EINTR:when=1", 0, ""),
    (Job::Token, "write:error=EPIPE:when=1", 0, ""),
    (Job::TokenToFile, "write:error=EINTR:when=1", 0, ""),
    (Job::Get, "connect:error=EINTR:when=2", 0, ""),
    (Job::Get, "connect:error=ECONNRESET:when=2", 0, ""),
    (Job::Get, "connect:error=ENETUNREACH:when=2", 0, ""),
    (Job::Get, "sendto:error=EINTR:when=2..5", 0, ""),
    (Job::Get, "sendto:error=ECONNRESET:when=2", 0, ""),
    (Job::Get, "sendto:error=ECONNRESET:when=5", 0, ""),
    (Job::Get, "sendto:error=EPIPE:when=5", 0, ""),
    (Job::Get, "recvfrom:error=EINTR:when=2..3", 0, ""),
    (Job::Get, "recvfrom:error=EAGAIN:when=2..3", 0, ""),
    (Job::Get, "recvfrom:error=ECONNRESET:when=2", 0, ""),
    (Job::Get, "recvfrom:error=ECONNRESET:when=3", 0, ""),
    (Job::Get, "getrandom:error=EINTR:when=3", 0, ""),
    (Job::Get, "getrandom:error=ENOSYS", 0, ""),
    (Job::Get, "getrandom:error=EPERM", 0, ""),
    // A write that was never on its way may be sent again.
    (Job::Post, "connect:error=ENETUNREACH:when=2", 0, ""),
    (Job::Post, "sendto:error=ECONNRESET:when=2", 0, ""),
    (Job::Post, "recvfrom:error=ECONNRESET:when=2", 0, ""),
];

#[rustfmt::skip]
const NOT_DONE: &[Row] = &[
    (Job::Token, "connect:error=ECONNREFUSED", 4, "no identity endpoint answers"),
    (Job::Token, "connect:error=ENETUNREACH", 4, "no identity endpoint answers"),
    (Job::Token, "connect:error=ETIMEDOUT", 4, "no identity endpoint answers"),
    (Job::Token, "connect:error=EPERM", 4, "unblock that address"),
    (Job::Token, "connect:error=ECONNRESET", 7, "broke"),
    (Job::Token, "socket:error=EMFILE", 7, "could not open a socket"),
    (Job::Token, "socket:error=ENFILE", 7, "could not open a socket"),
    (Job::Token, "socket:error=ENOMEM", 7, "could not open a socket"),
    (Job::Token, "socket:error=ENOBUFS", 7, "could not open a socket"),
    (Job::Token, "setsockopt:error=ENOMEM", 7, "broke"),
    (Job::Token, "recvfrom:error=ECONNRESET", 7, "Connection reset"),
    (Job::Token, "write:error=EIO:when=1", 1, "could not write standard output"),
    (Job::Token, "write:error=ENOSPC:when=1", 1, "could not write standard output"),
    (Job::TokenToFile, "write:error=ENOSPC:when=1", 1, "could not write"),
    (Job::TokenToFile, "write:error=EIO:when=1", 1, "could not write"),
    (Job::TokenToFile, "?rename,?renameat,?renameat2:error=EACCES", 1, "could not write"),
    (Job::TokenToFile, "?rename,?renameat,?renameat2:error=ENOSPC", 1, "could not write"),
    (Job::Get, "connect:error=ENETUNREACH:when=2+", 7, "no connection to localhost"),
    (Job::Get, "socket:error=EMFILE:when=2+", 7, "could not open a socket"),
    (Job::Get, "sendto:error=ECONNRESET:when=2+", 7, "the connection broke"),
    (Job::Get, "recvfrom:error=ECONNRESET:when=2+", 7, "the connection broke"),
    (Job::Get, "write:error=ENOSPC:when=1", 1, "could not write standard output"),
    (Job::GetToFile, "write:error=ENOSPC:when=1", 1, "could not write the body"),
    (Job::GetToFile, "?rename,?renameat,?renameat2:error=EACCES", 1, "could not write"),
    // A write that may have arrived is not sent again.
    (Job::Post, "sendto:error=ECONNRESET:when=5", 7, "may have done it"),
    (Job::Post, "sendto:error=EPIPE:when=5", 7, "may have done it"),
    (Job::Post, "recvfrom:error=ECONNRESET:when=3", 7, "may have done it"),
];

#[test]
fn calls_that_fail_and_may_be_made_again() {
    each(DONE);
}

#[test]
fn calls_that_fail_for_good() {
    each(NOT_DONE);
}

#[test]
fn a_ca_file_that_cannot_be_read_costs_no_token() {
    if !exists("strace") {
        return skip("there is no strace");
    }
    for calls in ["?open,openat:error=EACCES", "?open,openat:error=EMFILE", "read:error=EIO"] {
        let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
        let ca = scratch.ca(&azure);
        let only = ["-P", ca.to_str().unwrap(), "-e", &format!("inject={calls}")];
        let (run, trace) = traced(&scratch, &only, Job::Get.command(&azure, &scratch, &ca)).unwrap();
        assert!(trace.contains("(INJECTED)"), "{calls}: {trace}");
        run.fails(1).says("could not read").says("ca.pem");
        assert_eq!(azure.requests().len(), 0, "{calls}");
    }
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let ca = scratch.ca(&azure);
    let only = ["-P", ca.to_str().unwrap(), "-e", "inject=read:error=EINTR:when=1"];
    let (run, trace) = traced(&scratch, &only, Job::Get.command(&azure, &scratch, &ca)).unwrap();
    assert!(trace.contains("(INJECTED)") && Job::Get.is_whole(&run.succeeds().out), "{run:?}");
}

/// Where none can be had, none is missed, and none can be left behind.
#[test]
fn no_thread_and_no_process_is_made() {
    if !exists("strace") {
        return skip("there is no strace");
    }
    for job in [Job::Token, Job::Get, Job::Post] {
        let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
        let ca = scratch.ca(&azure);
        let calls = "?clone3,clone,?fork,?vfork";
        let only = ["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:error=EAGAIN")];
        let (run, trace) = traced(&scratch, &only, job.command(&azure, &scratch, &ca)).unwrap();
        assert!(job.is_whole(&run.succeeds().out), "{run:?}");
        assert_eq!(trace, "", "{job:?}");
    }
}

fn each(rows: &'static [Row]) {
    if !exists("strace") {
        return skip("there is no strace");
    }
    let wrong: Vec<String> = thread::scope(|scope| {
        let quarters = rows.chunks(rows.len().div_ceil(4));
        let threads: Vec<_> =
            quarters.map(|rows| scope.spawn(|| rows.iter().filter_map(wrong).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// What is wrong with a row, if anything is.
fn wrong(row: &Row) -> Option<String> {
    let (job, calls, code, words) = *row;
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let ca = scratch.ca(&azure);
    let run = traced(&scratch, &["-e", &format!("inject={calls}")], job.command(&azure, &scratch, &ca));
    let (run, trace) = match run {
        Ok(found) => found,
        Err(why) => return Some(format!("{row:?}: {why}")),
    };
    let file = fs::read_to_string(scratch.path("out")).unwrap_or_default();
    let output = [run.out.as_str(), &file].concat();
    let quiet = calls.contains("EPIPE") && job == Job::Token;
    let holds = [
        ("the exit code", run.code == code),
        (
            "stderr",
            if code == 0 { run.err.is_empty() } else { run.err.starts_with("azmin: ") && run.err.contains(words) },
        ),
        ("the output", if code == 0 && !quiet { job.is_whole(&output) } else { output.is_empty() }),
        ("what is left", scratch.names().len() == 1 + usize::from(!file.is_empty())),
        ("how often it was sent", job != Job::Post || received(&azure, Service::Arm).len() <= 1),
        ("the injection", trace.contains("(INJECTED)")),
    ];
    let wrong: Vec<_> = holds.iter().filter(|(_, holds)| !holds).map(|(what, _)| *what).collect();
    (!wrong.is_empty()).then(|| format!("{row:?}: {wrong:?}: {run:?} {:?}", scratch.names()))
}

impl Job {
    fn command(self, azure: &Azure, scratch: &Scratch, ca: &std::path::Path) -> std::process::Command {
        let machine = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/devtest-vm/restart");
        let call = |method, url, version| {
            azmin([method, url, "--api-version", version, "--deadline", DEADLINE]).with_arm(azure, ca).into_command()
        };
        let mut command = match self {
            Self::Token | Self::TokenToFile => azmin(["token", "--deadline", DEADLINE]).on(azure).into_command(),
            Self::Get | Self::GetToFile => call("get", GROUP, "2021-04-01"),
            Self::Post => call("post", &machine, "2024-07-01"),
        };
        if matches!(self, Self::TokenToFile | Self::GetToFile) {
            command.arg("-O").arg(scratch.path("out"));
        }
        command
    }

    fn is_whole(self, output: &str) -> bool {
        match self {
            Self::Token | Self::TokenToFile => output.split('.').count() == 3 && output.ends_with('\n'),
            Self::Get | Self::GetToFile => output == crate::support::GROUP_BODY,
            Self::Post => output.is_empty(),
        }
    }
}

/// Runs a command under `strace` with these options: what came of it, and the trace.
fn traced(scratch: &Scratch, options: &[&str], command: std::process::Command) -> Result<(Run, String), String> {
    let trace = scratch.path("trace");
    let mut strace = crate::tools::bare("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&trace).args(options).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            strace.env(name, value);
        }
    }
    let output = strace.output().map_err(|error| error.to_string())?;
    let text = fs::read_to_string(&trace).unwrap_or_default();
    fs::remove_file(&trace).map_err(|error| format!("{error}: {}", told(&output)))?;
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Ok((Run { code: output.status.code().unwrap_or(-1), out, err }, text))
}

/// For those that try again until it is over.
const DEADLINE: &str = "10s";
