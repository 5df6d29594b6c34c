//! Help texts, made from the tables of commands and options.

use super::options::{self, Opt};
use super::{COMMANDS, Command};

/// `azmin --help`.
pub(super) fn overview() -> String {
    let mut text = String::from(
        "azmin gets an access token for this machine's Azure managed identity, and calls Azure with it.\n\nCommands:\n",
    );
    for command in COMMANDS {
        row(&mut text, &[command.name, command.operands].concat(), command.about);
    }
    text.push_str("\nazmin COMMAND --help lists a command's options.\n\nExit codes:\n");
    for (code, meaning) in super::report::EXIT_CODES {
        row(&mut text, &code.to_string(), meaning);
    }
    text
}

/// `azmin COMMAND --help`.
pub(super) fn of(command: &Command) -> String {
    let mut text = format!("azmin {}{} [OPTION…]: {}\n\nOptions:\n", command.name, command.operands, command.about);
    for opt in options::all().filter(|opt| opt.on & command.bit != 0) {
        row(&mut text, &spelling(opt), opt.about);
    }
    #[cfg(feature = "https")]
    for (_, note) in NOTES.iter().filter(|(on, _)| on & command.bit != 0) {
        text.extend(["\n", note, "\n"]);
    }
    text
}

#[cfg(feature = "https")]
static NOTES: &[(u8, &str)] = &[
    (
        super::REST,
        "URL is absolute, or /… on the cloud's Resource Manager. {subscriptionId}, {resourceGroupName}, {location}, {name},\n\
         {vmId} and {resourceId} in it are filled from instance metadata, which is asked once, also with --dry-run.",
    ),
    (
        super::INSTANCE,
        "PATH is a path in the document, such as compute/vmId, compute/tagsList or\n\
         network/interface/0/ipv4/ipAddress/0/privateIpAddress. A value is printed as text, anything else as JSON;\n\
         where there is nothing, the exit code is 3. Only virtual machines and scale sets have instance metadata.",
    ),
];

fn spelling(opt: &Opt) -> String {
    let mut text = String::new();
    if let Some(short) = opt.short {
        text.extend(['-', short]);
    }
    if let Some(long) = opt.long {
        text.extend([if opt.short.is_some() { ", --" } else { "--" }, long]);
    }
    if let Some(value) = opt.value {
        text.extend([" ", value]);
    }
    text
}

fn row(text: &mut String, left: &str, right: &str) {
    text.extend(["  ", left]);
    text.extend(std::iter::repeat_n(' ', COLUMN.saturating_sub(left.len()).max(2)));
    text.extend([right, "\n"]);
}

const COLUMN: usize = 24;
