//! `azmin instance`, and what other commands take from instance metadata: placeholders, and the cloud.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::{Duration, Instant};

use azmin::{Cloud, Error, Instance};

use super::options::Options;
use super::output;
use super::report::Failed;

/// What was learned of this machine, or why nothing, and the time that it took. Nobody is asked twice.
#[derive(Default)]
pub(super) struct Learned(OnceCell<(Result<Instance, Error>, Duration)>);

/// `azmin instance [PATH]`.
pub(super) fn run(options: &Options) -> Result<(), Failed> {
    let path = match options.operands.as_slice() {
        [] => None,
        [path] => Some(path),
        _ => return Err(Failed::usage("at most one path is expected: azmin instance [PATH]".to_owned())),
    };
    let instance = options.instance()?;
    let mut text = match path {
        Some(path) => instance.get(path)?,
        None => instance.document().to_owned(),
    };
    if path.is_some() || !text.ends_with('\n') {
        text.push('\n');
    }
    output::deliver(options.file.as_deref(), text.as_bytes())
}

impl Options {
    /// This machine's metadata, from the first who asked.
    fn instance(&self) -> Result<&Instance, Failed> {
        let (outcome, _) = match self.learned.0.get() {
            Some(learned) => learned,
            None => {
                let (begun, credential) = (Instant::now(), self.credential()?);
                let outcome = credential.instance();
                self.learned.0.get_or_init(|| (outcome, begun.elapsed()))
            }
        };
        outcome.as_ref().map_err(|error| Failed::Call(error.clone()))
    }

    /// The URL with its placeholders filled.
    pub(super) fn filled<'a>(&self, url: &'a str) -> Result<Cow<'a, str>, Failed> {
        match Instance::has_placeholder(url)? {
            true => Ok(Cow::Owned(self.instance()?.fill(url)?)),
            false => Ok(Cow::Borrowed(url)),
        }
    }

    /// The cloud that this machine is in.
    pub(super) fn cloud_of_this_machine(&self) -> Result<Cloud, Failed> {
        Ok(self.instance()?.cloud()?)
    }

    /// The time that the whole command has from now on.
    pub(super) fn all_time_left(&self) -> Duration {
        self.time_left().unwrap_or(DEADLINE)
    }

    /// The deadline that was given, less what learning about this machine has taken.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let waits = [self.wait_identity, self.call.forbidden, self.call.wait.then_some(OPERATION)];
        let raised = || waits.into_iter().flatten().max().filter(|wait| *wait > DEADLINE);
        let given = self.deadline.or_else(raised);
        match self.learned.0.get() {
            Some((_, spent)) => Some(given.unwrap_or(DEADLINE).saturating_sub(*spent)),
            None => given,
        }
    }
}

/// The contract's default, which a longer wait raises.
const DEADLINE: Duration = Duration::from_secs(120);
/// The same for a command that follows an operation.
const OPERATION: Duration = Duration::from_secs(30 * 60);
