//! The table of options: parsing and `--help` both read it. A new option is one row.

use std::time::Duration;

use azmin::Identity;

use super::report::Failed;
use super::{ALL, Command, DOCTOR, REST, TOKEN};

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
    OPTIONS.iter().find(|opt| opt.on & command.bit != 0 && matches(opt))
}

fn text(argument: std::ffi::OsString) -> Result<String, Failed> {
    argument.into_string().map_err(|argument| Failed::usage(format!("{} is not Unicode", argument.to_string_lossy())))
}

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        short: None,
        long: Some("resource"),
        value: Some("URI"),
        on: TOKEN | REST | DOCTOR,
        about: "audience of the token, as its service documents it (default: Azure Resource Manager's, or the URL's)",
        set: |options, value| store(&mut options.resource, value),
    },
    Opt {
        short: None,
        long: Some("scope"),
        value: Some("URI/.default"),
        on: TOKEN,
        about: "the same in scope form",
        set: |options, value| store(&mut options.scope, value),
    },
    Opt {
        short: None,
        long: Some("for"),
        value: Some("URL"),
        on: TOKEN,
        about: "the audience of the service behind this URL",
        set: |options, value| store(&mut options.url_for, value),
    },
    Opt {
        short: Some('o'),
        long: None,
        value: Some("FORMAT"),
        on: TOKEN | DOCTOR,
        about: "raw (default): the token; json: the token and what is known about it; header: Authorization: Bearer …; \
                curl: a line for `curl -K -`",
        set: |options, value| store(&mut options.format, value),
    },
    #[cfg(feature = "https")]
    Opt {
        short: None,
        long: Some("api-version"),
        value: Some("V"),
        on: REST,
        about: "version of the API: the query parameter api-version",
        set: |options, value| {
            options.call.parameters.push(("api-version".to_owned(), value));
            Ok(())
        },
    },
    #[cfg(feature = "https")]
    Opt {
        short: Some('p'),
        long: None,
        value: Some("K=V"),
        on: REST,
        about: "query parameter; repeatable",
        set: |options, value| {
            let (name, value) = value.split_once('=').ok_or("NAME=VALUE is expected")?;
            options.call.parameters.push((name.to_owned(), value.to_owned()));
            Ok(())
        },
    },
    #[cfg(feature = "https")]
    Opt {
        short: Some('H'),
        long: None,
        value: Some("K: V"),
        on: REST,
        about: "header; repeatable",
        set: |options, value| {
            let (name, value) = value.split_once(':').ok_or("'Name: value' is expected")?;
            options.call.headers.push((name.trim().to_owned(), value.trim().to_owned()));
            Ok(())
        },
    },
    #[cfg(feature = "https")]
    Opt {
        short: Some('i'),
        long: None,
        value: None,
        on: REST,
        about: "print status line and headers first",
        set: |options, _| {
            options.call.show_headers = true;
            Ok(())
        },
    },
    #[cfg(feature = "https")]
    Opt {
        short: None,
        long: Some("dry-run"),
        value: None,
        on: REST,
        about: "print what would be sent, send nothing",
        set: |options, _| {
            options.call.dry_run = true;
            Ok(())
        },
    },
    Opt {
        short: Some('O'),
        long: None,
        value: Some("FILE"),
        on: ALL,
        about: "write there instead, readable by the owner only",
        set: |options, value| store(&mut options.file, value),
    },
    Opt {
        short: None,
        long: Some("source"),
        value: Some("NAME"),
        on: ALL,
        about: "identity source: auto (default), imds, app-service, azure-arc, service-fabric, azure-ml, cloud-shell, workload",
        set: |options, value| store(&mut options.source, value),
    },
    Opt {
        short: None,
        long: Some("client-id"),
        value: Some("ID"),
        on: ALL,
        about: "user-assigned identity by client id (default: $AZURE_CLIENT_ID)",
        set: |options, value| {
            options.identities.push(Identity::ClientId(value));
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("object-id"),
        value: Some("ID"),
        on: ALL,
        about: "user-assigned identity by object id",
        set: |options, value| {
            options.identities.push(Identity::ObjectId(value));
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("resource-id"),
        value: Some("ID"),
        on: ALL,
        about: "user-assigned identity by resource id",
        set: |options, value| {
            options.identities.push(Identity::ResourceId(value));
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("system-assigned"),
        value: None,
        on: ALL,
        about: "the system-assigned identity, whatever $AZURE_CLIENT_ID says",
        set: |options, _| {
            options.system_assigned = true;
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("cloud"),
        value: Some("NAME"),
        on: ALL,
        about: CLOUDS,
        set: |options, value| store(&mut options.cloud, value),
    },
    Opt {
        short: None,
        long: Some("deadline"),
        value: Some("DUR"),
        on: ALL,
        about: "the command ends by then: 90, 90s, 500ms, 5m, 1h (default: 120s)",
        set: |options, value| store(&mut options.deadline, duration(&value)?),
    },
    Opt {
        short: None,
        long: Some("wait-identity"),
        value: Some("DUR"),
        on: ALL,
        about: "until then wait for an identity endpoint that is not there or not ready, as at boot (default: 0)",
        set: |options, value| store(&mut options.wait_identity, duration(&value)?),
    },
    #[cfg(feature = "https")]
    Opt {
        short: None,
        long: Some("ca-file"),
        value: Some("PEM"),
        on: ALL,
        about: "trust these CAs as well as the bundled ones ($SSL_CERT_FILE does the same)",
        set: |options, value| store(&mut options.ca_file, value),
    },
    Opt {
        short: Some('v'),
        long: None,
        value: None,
        on: ALL,
        about: "trace each attempt on stderr, without secrets; -vv: with headers",
        set: |options, _| {
            options.verbose = options.verbose.saturating_add(1);
            Ok(())
        },
    },
    Opt {
        short: Some('q'),
        long: None,
        value: None,
        on: ALL,
        about: "no warnings and no heart-beat on stderr",
        set: |options, _| {
            options.quiet = true;
            Ok(())
        },
    },
    Opt {
        short: Some('h'),
        long: Some("help"),
        value: None,
        on: ALL,
        about: "print this",
        set: |options, _| {
            options.help = true;
            Ok(())
        },
    },
    Opt {
        short: Some('V'),
        long: Some("version"),
        value: None,
        on: ALL,
        about: "print the version",
        set: |options, _| {
            options.version = true;
            Ok(())
        },
    },
];

/// An option that can be given once. Twice is a mistake in a script, not a choice.
fn store<T>(place: &mut Option<T>, value: T) -> Result<(), String> {
    match place.replace(value) {
        Some(_) => Err("given twice".to_owned()),
        None => Ok(()),
    }
}

/// `90`, `90s`, `500ms`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("{text:?} is no duration: 90, 90s, 500ms, 5m, 1h")),
    };
    let number: Option<u64> = number.parse().ok();
    match number.and_then(|number| number.checked_mul(milliseconds)) {
        Some(milliseconds @ 1..=LONGEST) => Ok(Duration::from_millis(milliseconds)),
        _ => Err(format!("{text:?} is no duration from 1ms to 366 days")),
    }
}

#[cfg(feature = "https")]
const CLOUDS: &str =
    "public (default), usgov, china, auto (the one this VM is in), or an https:// ARM endpoint (default: $AZURE_CLOUD)";
#[cfg(not(feature = "https"))]
const CLOUDS: &str = "public (default), usgov, china, or an https:// ARM endpoint (default: $AZURE_CLOUD)";

const LONGEST: u64 = 366 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in
            [("90", 90_000), ("90s", 90_000), ("500ms", 500), ("5m", 300_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "0", "-1", "+1", "1.5s", "1 s", "5d", "1S", "99999999999999999999", "9999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_two_options_of_a_command_share_a_spelling() {
        for (index, one) in OPTIONS.iter().enumerate() {
            assert!(one.short.is_some() || one.long.is_some());
            for other in OPTIONS.iter().skip(index + 1).filter(|other| other.on & one.on != 0) {
                assert!(one.short.is_none() || one.short != other.short, "{:?}", one.short);
                assert!(one.long.is_none() || one.long != other.long, "{:?}", one.long);
            }
        }
    }
}
