//! Commands, and the way from arguments to an exit code.

mod date;
mod doctor;
#[cfg(feature = "https")]
mod format;
mod help;
#[cfg(feature = "https")]
mod instance;
mod options;
mod output;
mod report;
#[cfg(feature = "https")]
mod rest;
mod token;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use azmin::{Attempt, Builder, Cloud, Credential, Identity};

use options::Options;
use report::{Failed, print_to_stderr, printable};

/// A command: its name or names, what follows it, one line about it, and what it does.
struct Command {
    name: &'static str,
    operands: &'static str,
    about: &'static str,
    /// Which options it takes: a bit of `Opt::on`.
    bit: u8,
    run: fn(&Options) -> Result<(), Failed>,
}

/// The bits of the options' table.
const TOKEN: u8 = 1;
const REST: u8 = 2;
const DOCTOR: u8 = 4;
const INSTANCE: u8 = 8;
const ALL: u8 = TOKEN | REST | DOCTOR | INSTANCE;

static COMMANDS: &[Command] = &[
    Command { name: "token", operands: "", about: "print an access token", bit: TOKEN, run: token::run },
    #[cfg(feature = "https")]
    Command {
        name: "rest",
        operands: " METHOD URL",
        about: "call Azure Resource Manager or another Azure endpoint as this machine",
        bit: REST,
        run: rest::run,
    },
    #[cfg(feature = "https")]
    Command {
        name: "get head post put patch delete",
        operands: " URL",
        about: "short for `azmin rest METHOD URL`",
        bit: REST,
        run: rest::run,
    },
    #[cfg(feature = "https")]
    Command {
        name: "instance",
        operands: " [PATH]",
        about: "print the VM's instance metadata, or one value of it",
        bit: INSTANCE,
        run: instance::run,
    },
    Command {
        name: "doctor",
        operands: "",
        about: "say which identity source this is, whether it answers, and as whom",
        bit: DOCTOR,
        run: doctor::run,
    },
];

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    match execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(),
    }
}

fn execute() -> Result<(), Failed> {
    let mut arguments = lexopt::Parser::from_env();
    let (command, name) = match arguments.next()? {
        Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help")) => return output::print(help::overview().as_bytes()),
        Some(lexopt::Arg::Short('V') | lexopt::Arg::Long("version")) => return output::print(VERSION.as_bytes()),
        Some(lexopt::Arg::Value(name)) => {
            let known = |command: &&Command| command.name.split(' ').any(|known| name == known);
            let unknown =
                || Failed::usage(format!("there is no command {}; azmin --help lists them", name.to_string_lossy()));
            (COMMANDS.iter().find(known).ok_or_else(unknown)?, name)
        }
        Some(option) => return Err(option.unexpected().into()),
        None => return Err(Failed::usage("a command is missing; azmin --help lists them".to_owned())),
    };
    let mut options = Options::parse(command, arguments)?;
    if options.help {
        return output::print(help::of(command).as_bytes());
    }
    if options.version {
        return output::print(VERSION.as_bytes());
    }
    // One of several names is the first operand.
    if command.name.contains(' ') {
        options.operands.insert(0, name.to_string_lossy().into_owned());
    }
    (command.run)(&options)
}

impl Options {
    /// The credential that the options and the environment speak of.
    fn credential(&self) -> Result<Credential, Failed> {
        let mut builder = Credential::builder();
        if let Some(source) = self.source.as_deref().filter(|source| *source != "auto") {
            builder = builder.source(source);
        }
        #[cfg(feature = "https")]
        let deadline = self.time_left();
        #[cfg(not(feature = "https"))]
        let deadline = self.deadline;
        if let Some(deadline) = deadline {
            builder = builder.deadline(deadline);
        }
        if let Some(wait) = self.wait_identity {
            builder = builder.wait_identity(wait);
        }
        #[cfg(feature = "https")]
        if let Some(path) = &self.ca_file {
            builder = builder.ca_file(path);
        }
        Ok(self.observed(self.identified(builder)?).build()?)
    }

    fn identified(&self, builder: Builder) -> Result<Builder, Failed> {
        match (self.identities.as_slice(), self.system_assigned) {
            ([], false) => Ok(builder),
            ([], true) => Ok(builder.identity(Identity::SystemAssigned)),
            ([identity], false) => Ok(builder.identity(identity.clone())),
            _ => Err(Failed::usage(
                "--client-id, --object-id, --resource-id and --system-assigned exclude one another".to_owned(),
            )),
        }
    }

    /// With `-v` each attempt is shown; without, those who wait hear once a minute that there is still something to wait for.
    fn observed(&self, builder: Builder) -> Builder {
        let (level, beat) = (self.verbose, HeartBeat::new());
        match (level, self.wait_identity) {
            (0, Some(_)) if !self.quiet => builder.on_attempt(move |attempt| {
                if attempt.retry_in().is_some() && beat.is_due() {
                    print_to_stderr(&format!("azmin: still waiting for the identity endpoint: {attempt}\n"));
                }
            }),
            (0, _) => builder,
            _ => builder.on_attempt(move |attempt| trace(attempt, level)),
        }
    }

    fn cloud(&self) -> Result<Cloud, Failed> {
        match self.named_cloud()? {
            #[cfg(feature = "https")]
            None => self.cloud_of_this_machine(),
            named => Ok(named.unwrap_or_default()),
        }
    }

    /// The cloud that a name stands for; `None` is the one that this machine is in, which it has to be asked for.
    fn named_cloud(&self) -> Result<Option<Cloud>, Failed> {
        let from_env = || std::env::var("AZURE_CLOUD").ok().filter(|name| !name.is_empty());
        match self.cloud.clone().or_else(from_env) {
            #[cfg(feature = "https")]
            Some(name) if name.eq_ignore_ascii_case("auto") => Ok(None),
            Some(name) => Ok(Some(Cloud::named(&name)?)),
            None => Ok(Some(Cloud::public())),
        }
    }
}

/// Once a minute, from the second minute on.
struct HeartBeat {
    begun: Instant,
    minutes: AtomicU64,
}

impl HeartBeat {
    fn new() -> Self {
        Self { begun: Instant::now(), minutes: AtomicU64::new(0) }
    }

    fn is_due(&self) -> bool {
        self.is_due_after(self.begun.elapsed())
    }

    fn is_due_after(&self, elapsed: Duration) -> bool {
        let minutes = elapsed.as_secs() / 60;
        self.minutes.swap(minutes, Ordering::Relaxed) < minutes
    }
}

fn trace(attempt: &Attempt<'_>, level: u8) {
    let mut lines = format!("azmin: {attempt}\n");
    if level > 1 {
        for (name, value) in attempt.sent_headers() {
            lines.extend(["  > ", name, ": ", value, "\n"]);
        }
        for (name, value) in attempt.received_headers() {
            lines.extend(["  < ", name, ": ", &printable(value), "\n"]);
        }
    }
    print_to_stderr(&lines);
}

const VERSION: &str = concat!("azmin ", env!("CARGO_PKG_VERSION"), "\n");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heart_beat_a_minute() {
        let beat = HeartBeat::new();
        let due: Vec<_> =
            [0, 4, 59, 60, 61, 119, 121, 300, 301].map(|second| beat.is_due_after(Duration::from_secs(second))).into();
        assert_eq!(due, [false, false, false, true, false, false, true, true, false]);
    }
}
