//! Programs that a test needs and that a machine may lack.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

/// The command under test: the one that `AZMIN_BIN` names, else the one that cargo built for the tests.
pub(crate) fn azmin() -> PathBuf {
    env::var_os("AZMIN_BIN").map_or_else(|| env!("CARGO_BIN_EXE_azmin").into(), PathBuf::from)
}

/// Says that a test was not run, and why; where nobody would read it, in CI, the test fails.
#[track_caller]
pub(crate) fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "this may not be skipped in CI: {why}");
    eprintln!("skipped: {why}");
}

/// Whether a program is there to be run.
pub(crate) fn exists(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A command that knows nothing of this process's environment but where programs lie: no proxy, no Azure variable.
pub(crate) fn bare(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear();
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Both streams as text, for a message.
pub(crate) fn told(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{out}{err}", output.status)
}

/// A file that goes when it is dropped.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
