//! Help texts, made from the tables of commands and options.

use super::options::{OPTIONS, Opt};
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
    for opt in OPTIONS.iter().filter(|opt| opt.on & command.bit != 0) {
        row(&mut text, &spelling(opt), opt.about);
    }
    text
}

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
