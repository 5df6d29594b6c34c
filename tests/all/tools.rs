//! Programs that nobody here wrote, and that a machine may lack.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

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

/// A virtual environment for Python with these packages, made once.
pub(crate) fn python_with(packages: &[&str]) -> Result<PathBuf, String> {
    install(packages, |home| {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(home);
        let mut fill = Command::new(home.join("bin/python"));
        fill.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
        // Of this one there is only source, all of it Python.
        fill.args(["--no-binary", "pyperclip"]).args(packages);
        vec![make, fill]
    })
}

/// A folder that is thrown away with the target directory, in which these commands have installed these packages. `ready` in
/// it lists them.
pub(crate) fn install(packages: &[&str], commands: impl FnOnce(&Path) -> Vec<Command>) -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(packages.join("-").replace("==", "-").replace('@', "-"));
    let ready = home.join("ready");
    if ready.exists() {
        return Ok(home);
    }
    // What an earlier run did not finish.
    let _ = fs::remove_dir_all(&home);
    fs::create_dir(&home).map_err(|error| error.to_string())?;
    // They keep their environment: it may say where packages come from.
    for mut command in commands(&home) {
        match command.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => return Err(format!("{command:?}: {}", told(&output))),
            Err(error) => return Err(format!("{command:?}: {error}")),
        }
    }
    fs::write(ready, packages.join("\n") + "\n").map_err(|error| error.to_string())?;
    Ok(home)
}

/// A program that serves until this is dropped, and what it has said so far.
pub(crate) struct Daemon {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(command: &mut Command, ready: &str) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (sender, lines) = mpsc::channel();
        read_lines(child.stdout.take(), sender.clone());
        read_lines(child.stderr.take(), sender);
        let mut daemon = Self { child, lines, said: Vec::new() };
        daemon.says(ready);
        daemon
    }

    /// Waits for these words, unless they have been said.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> &mut Self {
        self.says_often(words, 1);
        self
    }

    /// Waits until these words have been said so often: all that was said.
    #[track_caller]
    pub(crate) fn says_often(&mut self, words: &str, times: usize) -> &[String] {
        while self.said.iter().filter(|line| line.contains(words)).count() < times {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.said.push(line),
                Err(why) => panic!("{words:?} was not said: {why}\n{}", self.said.join("\n")),
            }
        }
        &self.said
    }

    /// Ends it: all that it said.
    pub(crate) fn end(mut self) -> String {
        self.stop();
        // Both streams are at their end, so this ends too.
        let mut said = std::mem::take(&mut self.said);
        said.extend(self.lines.iter());
        said.join("\n")
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

fn read_lines(stream: Option<impl Read + Send + 'static>, lines: Sender<String>) {
    let stream = BufReader::new(stream.expect("a pipe"));
    thread::spawn(move || stream.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
}

const PATIENCE: Duration = Duration::from_secs(60);
