//! JSON texts of every shape, for the reader of queries and serde_json.

use super::{Dice, compare};
use crate::fuzz::query;
use crate::query::Query;

#[test]
fn queries_as_serde_json_answers_them() {
    compare("queries, serde_json", 40_000, query::named(), |dice| {
        let (expression, document) = (expression(dice), document(dice));
        // The slices, too.
        query([&expression, "\n", &document].concat().as_bytes());
        query::differs(&Query::parse(&expression).unwrap(), &document)
    });
}

/// Of names and shapes that the documents have.
fn expression(dice: &mut Dice) -> String {
    let steps = [
        ".a",
        ".b",
        ".value",
        "[0]",
        "[1]",
        "[-1]",
        "[-2]",
        "[*]",
        "[]",
        r#"."a b""#,
        r#"."\u0061""#,
        r#"."é""#,
        ".\"\u{1f600}\"",
        ".\"\"",
    ];
    let text: String = (0..=dice.below(4)).map(|_| dice.pick(&steps)).collect();
    text.trim_start_matches('.').to_owned()
}

fn document(dice: &mut Dice) -> String {
    let before = dice.mostly(25, &["", "\u{feff}", "\u{feff}\u{feff}", "\u{a0}", "x"]);
    let levels = if dice.one_in(60) { [100, 127, 128, 500, 509, 513, 600][dice.below(7)] } else { 0 };
    let (open, close) = [("[", "]"), ("{\"a\":", "}"), ("[ {\"b\" : ", "} ]")][dice.below(3)];
    let levels = levels / open.matches(['[', '{']).count();
    let after = dice.mostly(40, &["", "\n", " x", ",", "\0", "{}", "\u{feff}"]);
    let text = [before, &open.repeat(levels), &value(dice, 0), &close.repeat(levels), after].concat();
    if dice.one_in(5) { dice.broken_text(&text, PIECES) } else { text }
}

pub(super) fn value(dice: &mut Dice, depth: usize) -> String {
    let text = match dice.below(if depth < 5 { 12 } else { 6 }) {
        0 => dice.pick(&["null", "true", "false", "null"]).to_owned(),
        1..=3 => number(dice),
        4 | 5 => string(dice),
        6..=8 => format!("[{}]", list(dice, |dice| value(dice, depth + 1))),
        _ => format!("{{{}}}", list(dice, |dice| [&name(dice), ":", &value(dice, depth + 1)].concat())),
    };
    spaced(dice, &text)
}

fn list(dice: &mut Dice, mut item: impl FnMut(&mut Dice) -> String) -> String {
    let items: Vec<_> = (0..dice.below(5)).map(|_| item(dice)).collect();
    items.join(",")
}

/// One of a few, so that they repeat.
fn name(dice: &mut Dice) -> String {
    let names = [r#""a""#, r#""b""#, r#""value""#, r#""a b""#, r#""\u0061""#, r#""é""#, r#""""#, r#""\ud83d\ude00""#];
    let name = if dice.one_in(8) { string(dice) } else { dice.pick(&names).to_owned() };
    spaced(dice, &name)
}

fn spaced(dice: &mut Dice, text: &str) -> String {
    [dice.mostly(6, &["", " ", "\t", "\r\n"]), text, dice.mostly(6, &["", " ", "\t", "\r\n"])].concat()
}

pub(super) fn number(dice: &mut Dice) -> String {
    let odd = [
        "-0",
        "0.0",
        "1E5",
        "1e-400",
        "1e400",
        "-1e+309",
        "1.7976931348623157e308",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "-9223372036854775809",
        "01",
        "1.",
        "-",
        "+1",
        ".5",
        "1e",
        "0x1",
        "1_0",
        "NaN",
        "-01",
        "1.0",
    ];
    if dice.one_in(6) { dice.pick(&odd).to_owned() } else { dice.below(2000).to_string() }
}

pub(super) fn string(dice: &mut Dice) -> String {
    let fit = [
        "a",
        r"\n",
        r"\u0061",
        r"\ud83d\ude00",
        r#"\""#,
        r"\\",
        r"\/",
        "é",
        "\u{7f}",
        "\u{10ffff}",
        r"\u0000",
        r"\b\f\r\t",
    ];
    let unfit =
        [r"\ud800", r"\ude00", r"\ud83d\u0041", r"\x", r"\u12g4", "\n", "\t", "\0", r"\u+123", r"\U0041", r"\'"];
    let text: String =
        (0..dice.below(4)).map(|_| if dice.one_in(60) { dice.pick(&unfit) } else { dice.mostly(3, &fit) }).collect();
    format!("\"{text}\"")
}

pub(super) const PIECES: &[&str] = &[
    "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "1e400", "\\ud800", "\\u0061", " ", "\n", "\0", "\u{feff}", "-",
    "0", ".", "e", "é", "\"a\"", "true", "//", "/**/", "'", "\u{a0}", "\u{2028}", "[]", "{}", "1",
];
