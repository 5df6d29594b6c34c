//! The table of options: parsing and `--help` both read it. A new option is one row.

use std::time::Duration;

use azmin::Identity;
#[cfg(feature = "https")]
use azmin::Query;

use super::Command;
use super::report::Failed;
use duration::duration;

mod common;
mod duration;
#[cfg(feature = "https")]
mod rest;

/// An option.
pub(super) struct Opt {
    pub(super) short: Option<char>,
    pub(super) long: Option<&'static str>,
    /// The name of its value in the help, if it takes one.
    pub(super) value: Option<&'static str>,
    /// Which commands take it.
    pub(super) on: u8,
    pub(super) about: &'static str,
    /// Stores the value (empty for an option without one), or says what is wrong with it.
    set: fn(&mut Options, String) -> Result<(), String>,
}

/// What the arguments said.
#[derive(Default)]
pub(super) struct Options {
    pub(super) operands: Vec<String>,
    pub(super) source: Option<String>,
    pub(super) identities: Vec<Identity>,
    pub(super) system_assigned: bool,
    pub(super) cloud: Option<String>,
    pub(super) deadline: Option<Duration>,
    pub(super) wait_identity: Option<Duration>,
    #[cfg(feature = "https")]
    pub(super) ca_file: Option<String>,
    pub(super) verbose: u8,
    pub(super) quiet: bool,
    pub(super) help: bool,
    pub(super) version: bool,
    pub(super) resource: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) url_for: Option<String>,
    pub(super) format: Option<String>,
    pub(super) file: Option<String>,
    #[cfg(feature = "https")]
    pub(super) call: CallOptions,
    #[cfg(feature = "https")]
    pub(super) learned: super::instance::Learned,
}

/// Options of `rest`.
#[cfg(feature = "https")]
#[derive(Default)]
pub(super) struct CallOptions {
    pub(super) parameters: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) show_headers: bool,
    pub(super) dry_run: bool,
    pub(super) body: Option<String>,
    pub(super) no_token: bool,
    pub(super) all: bool,
    pub(super) wait: bool,
    pub(super) forbidden: Option<Duration>,
    pub(super) register: bool,
    pub(super) query: Option<Query>,
    pub(super) fail_with_body: bool,
}

/// Those of `rest` come first: they are what its help is read for.
pub(super) fn all() -> impl Iterator<Item = &'static Opt> {
    #[cfg(feature = "https")]
    return rest::OPTIONS.iter().chain(common::OPTIONS);
    #[cfg(not(feature = "https"))]
    common::OPTIONS.iter()
}

impl Options {
    pub(super) fn parse(command: &Command, mut arguments: lexopt::Parser) -> Result<Self, Failed> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next()? {
            let (known, spelling) = match argument {
                lexopt::Arg::Short(short) => (find(command, |opt| opt.short == Some(short)), format!("-{short}")),
                lexopt::Arg::Long(long) => (find(command, |opt| opt.long == Some(long)), format!("--{long}")),
                lexopt::Arg::Value(operand) => {
                    options.operands.push(text(operand)?);
                    continue;
                }
            };
            let unknown =
                || Failed::usage(format!("azmin {} has no option {spelling}; --help lists them", command.name));
            let opt = known.ok_or_else(unknown)?;
            let value = if opt.value.is_some() { text(arguments.value()?)? } else { String::new() };
            (opt.set)(&mut options, value).map_err(|why| Failed::usage(format!("{spelling}: {why}")))?;
        }
        Ok(options)
    }
}

fn find(command: &Command, matches: impl Fn(&Opt) -> bool) -> Option<&'static Opt> {
    all().find(|opt| opt.on & command.bit != 0 && matches(opt))
}

fn text(argument: std::ffi::OsString) -> Result<String, Failed> {
    argument.into_string().map_err(|argument| Failed::usage(format!("{} is not Unicode", argument.to_string_lossy())))
}

/// An option that can be given once. Twice is a mistake in a script, not a choice.
fn store<T>(place: &mut Option<T>, value: T) -> Result<(), String> {
    match place.replace(value) {
        Some(_) => Err("given twice".to_owned()),
        None => Ok(()),
    }
}

#[cfg(feature = "https")]
const CLOUDS: &str =
    "public (default), usgov, china, auto (the one this VM is in), or an https:// ARM endpoint (default: $AZURE_CLOUD)";
#[cfg(not(feature = "https"))]
const CLOUDS: &str = "public (default), usgov, china, or an https:// ARM endpoint (default: $AZURE_CLOUD)";

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever stands in the place of a value: it is taken, or refused as wrong usage in one line.
    #[cfg(unix)]
    #[test]
    fn any_value_is_taken_or_refused() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;

        let values: [&[u8]; 12] = [
            b"",
            b" ",
            b"-",
            b"--",
            b"=",
            b":",
            b"\xff",
            b"a=\xff",
            b"\x1b[2J\n",
            "\u{202e}".as_bytes(),
            b"@",
            &[b'9'; 4000],
        ];
        let mut refused = 0;
        for command in crate::cli::COMMANDS {
            for opt in all().filter(|opt| opt.on & command.bit != 0) {
                let spellings = opt
                    .long
                    .map(|long| format!("--{long}"))
                    .into_iter()
                    .chain(opt.short.map(|short| format!("-{short}")));
                for (spelling, value) in spellings.flat_map(|spelling| values.map(|value| (spelling.clone(), value))) {
                    let apart = [spelling.clone().into_bytes(), value.to_vec()];
                    let joined = [[spelling.as_bytes(), b"=", value].concat()];
                    for arguments in [&apart[..1], &apart[..], &joined[..]] {
                        let arguments = arguments.iter().cloned().map(OsString::from_vec);
                        match Options::parse(command, lexopt::Parser::from_args(arguments)) {
                            Ok(_) => {}
                            Err(Failed::Usage(_)) => refused += 1,
                            Err(_) => panic!("{spelling} {value:?} is no matter of usage"),
                        }
                    }
                }
            }
        }
        assert!(refused > 100);
    }

    #[test]
    fn no_two_options_of_a_command_share_a_spelling() {
        for (index, one) in all().enumerate() {
            assert!(one.short.is_some() || one.long.is_some());
            for other in all().skip(index + 1).filter(|other| other.on & one.on != 0) {
                assert!(one.short.is_none() || one.short != other.short, "{:?}", one.short);
                assert!(one.long.is_none() || one.long != other.long, "{:?}", one.long);
            }
        }
    }
}
