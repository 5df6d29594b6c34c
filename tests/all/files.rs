//! Files that hold a token are private from their first byte, appear when they are whole, and are the only ones that are
//! written; and the command starts no other program, and tells none.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Fault, Service};

use crate::support::{Azmin, GROUP, GROUP_BODY, Scratch, azmin, program, received, skip};
use crate::tools::{exists, told};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode()
}

fn group() -> String {
    format!("{GROUP}?api-version=2016-06-01")
}

/// The same run where nothing is masked, so that a mode is what the program has asked for.
fn unmasked(run: Azmin) -> Command {
    under(run, Command::new("sh"), &["-c", "umask 000; exec \"$@\"", "sh"])
}

fn under(run: Azmin, mut command: Command, arguments: &[&str]) -> Command {
    let inner = run.into_command();
    command.args(arguments).arg(program()).args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

#[test]
fn a_file_is_private_while_it_grows() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let ca = scratch.ca(&azure);
    let folder = scratch.path("folder");
    fs::create_dir(&folder).unwrap();
    let target = folder.join("file");
    // Whatever stands there already is not what its content is written into.
    for old in [None, Some(0o666), Some(0o400)] {
        let _ = fs::remove_file(&target);
        if let Some(mode) = old {
            fs::write(&target, "old").unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(mode)).unwrap();
        }
        azure.on(Service::Arm, Fault::drip(Duration::from_millis(10)));
        let run = azmin(["get", &group(), "--deadline", "60s", "-O", target.to_str().unwrap()]);
        let mut child = unmasked(run.with_arm(&azure, &ca)).spawn().unwrap();
        let begun = Instant::now();
        let (mut empty, mut begun_with) = (0, 0);
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60));
            let still = fs::read_to_string(&target).ok();
            for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                let Some(found) = fs::symlink_metadata(&path).ok().filter(|_| path != target) else { continue };
                assert_eq!(found.mode() & 0o7777, 0o600, "{}", path.display());
                *(if found.len() == 0 { &mut empty } else { &mut begun_with }) += 1;
                // As long as that one is there, the target is what it was.
                assert_eq!(still.as_deref(), old.map(|_| "old"));
            }
        }
        assert!(empty > 0 && begun_with > 0, "{empty} {begun_with}");
        assert!(child.wait().unwrap().success());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert_eq!((mode(&target) & 0o7777, fs::read_to_string(&target).unwrap()), (0o600, GROUP_BODY.to_owned()));
    }
}

#[test]
fn links_at_the_target() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let token = |target: &Path| {
        assert!(unmasked(azmin(["token", "-O", target.to_str().unwrap()]).on(&azure)).status().unwrap().success());
    };
    let [real, link, loose, nothing] = ["real", "link", "loose", "nothing"].map(|name| scratch.path(name));
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o666)).unwrap();
    symlink(&real, &link).unwrap();
    token(&link);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link is followed");
    assert!(mode(&real) & 0o7777 == 0o600 && fs::read_to_string(&real).unwrap().starts_with("eyJ"));
    // A link that somebody has put there to have a file made elsewhere.
    symlink(&nothing, &loose).unwrap();
    token(&loose);
    assert!(!nothing.exists() && mode(&loose) & 0o7777 == 0o600 && !fs::symlink_metadata(&loose).unwrap().is_symlink());
    // Another name of the same file keeps what it had.
    let (one, other) = (scratch.path("one"), scratch.path("other"));
    fs::write(&one, "old").unwrap();
    fs::hard_link(&one, &other).unwrap();
    token(&one);
    assert_eq!(fs::read_to_string(&other).unwrap(), "old");
    let (round, about) = (scratch.path("round"), scratch.path("about"));
    symlink(&round, &about).unwrap();
    symlink(&about, &round).unwrap();
    token(&round);
    assert_eq!(mode(&round) & 0o7777, 0o600);
    let mut names = scratch.names();
    names.sort_unstable();
    assert_eq!(names, ["about", "link", "loose", "one", "other", "real", "round"]);
}

/// The calls by which programs start programs, and files get names, contents and modes.
const CALLS: [&str; 23] = [
    "execve",
    "execveat",
    "fork",
    "vfork",
    "clone",
    "clone3",
    "open",
    "openat",
    "creat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "truncate",
    "mkdir",
    "mkdirat",
];

#[test]
fn one_program_and_one_file() {
    if !exists("strace") {
        return skip("there is no strace");
    }
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let (ca, log) = (scratch.ca(&azure), scratch.path("calls"));
    let target = scratch.path("target");
    let (target, url) = (target.to_str().unwrap(), group());
    for arguments in [
        &["token"][..],
        &["token", "-vv", "-o", "json", "-O", target],
        &["get", &url, "-vv"],
        &["get", &url, "-O", target],
        &["get", "/subscriptions?api-version=2022-12-01", "--all", "-O", target],
        &["get", "/nothing?api-version=1"],
        &["doctor"],
    ] {
        let run = azmin(arguments);
        let run = if arguments[0] == "get" { run.with_arm(&azure, &ca) } else { run.on(&azure) };
        // Not every machine has all of them.
        let calls = CALLS.map(|call| format!("?{call}")).join(",");
        let trace = ["-f", "-qq", "-o", log.to_str().unwrap(), "-e", &format!("trace={calls}")];
        let output = under(run, Command::new("strace"), &trace).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 8)), "{}", told(&output));
        let text = fs::read_to_string(&log).unwrap();
        let calls: Vec<_> = text.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim()).collect();
        let named = |names: &[&str]| -> Vec<&str> {
            let is = |call: &&&str| {
                names.iter().any(|name| call.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')))
            };
            calls.iter().filter(is).copied().collect()
        };
        assert_eq!(named(&["execve", "execveat"]).len(), 1, "{arguments:?}: {text}");
        assert_eq!(named(&["fork", "vfork", "clone", "clone3"]), [""; 0], "{arguments:?}: no program, no thread");
        let opened = named(&["open", "openat", "creat"]);
        let written: Vec<_> = opened.iter().filter(|call| !call.contains("O_RDONLY")).collect();
        let renamed = named(&["rename", "renameat", "renameat2"]);
        if arguments.contains(&"-O") && arguments[1] != "/nothing?api-version=1" {
            let [file] = written[..] else { panic!("{arguments:?}: {text}") };
            for part in ["target.", ".part\"", "O_WRONLY|O_CREAT|O_EXCL", "O_CLOEXEC", ", 0600)"] {
                assert!(file.contains(part), "{part}: {file}");
            }
            assert!(renamed.len() == 1 && renamed[0].contains(".part\"") && renamed[0].contains(target), "{renamed:?}");
        } else {
            assert!(written.is_empty() && renamed.is_empty(), "{arguments:?}: {text}");
        }
        // From `link` on, those that a file in the making has no need of.
        assert_eq!(named(&CALLS[12..]), [""; 0], "{arguments:?}");
    }
    assert_eq!(scratch.names().len(), 3, "{:?}", scratch.names());
}

/// What other users of the machine can read of a process: its arguments; and what its owner can.
#[test]
fn a_token_is_in_neither_arguments_nor_environment() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let ca = scratch.ca(&azure);
    azure.on(Service::Arm, Fault::hang());
    let mut command = azmin(["get", &group(), "-vv", "--deadline", "60s"]).with_arm(&azure, &ca).into_command();
    let mut child = Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let begun = Instant::now();
    while received(&azure, Service::Arm).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60) && child.0.try_wait().unwrap().is_none());
    }
    let request = received(&azure, Service::Arm).remove(0);
    let token = request.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    let read = |name: &str| fs::read(PathBuf::from(format!("/proc/{}/{name}", child.0.id()))).unwrap();
    let (arguments, environment) = (read("cmdline"), read("environ"));
    let comm = read("comm");
    assert!(arguments.starts_with(program().as_os_str().as_encoded_bytes()) && environment.starts_with(b"AZURE_POD_"));
    for bytes in [arguments, environment, comm] {
        let text = String::from_utf8_lossy(&bytes);
        let piece = token.as_bytes().windows(12).find(|piece| text.contains(std::str::from_utf8(piece).unwrap()));
        assert!(piece.is_none(), "{text}");
    }
}

/// A command that waits for what never comes: it ends with the test, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
