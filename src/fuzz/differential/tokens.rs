//! Token answers of every shape, for our reader and serde_json.

use super::json::{PIECES, number, string, value};
use super::{Dice, compare};
use crate::base64::{URL_SAFE, encode};
use crate::fuzz::token_response::readings::{differs, named};

#[test]
fn tokens_as_serde_json_reads_them() {
    compare("token answers, serde_json", 40_000, named(), |dice| differs(answer(dice).as_bytes()));
}

/// Fields in any order, spelling and type, some of them twice, and others between them.
fn answer(dice: &mut Dice) -> String {
    let mut fields = vec!["access_token", "expires_in", "expires_on", "token_type", "client_id"];
    while dice.one_in(2) {
        fields.push(dice.pick(&[
            "access_token",
            "expires_on",
            "expires_in",
            "object_id",
            "mi_res_id",
            "other",
            "other",
        ]));
    }
    for at in 0..fields.len() {
        let other = dice.below(fields.len());
        fields.swap(at, other);
    }
    if dice.one_in(3) {
        fields.truncate(fields.len() - 1 - dice.below(2));
    }
    let members: Vec<_> = fields.iter().map(|field| member(dice, field)).collect();
    let before = dice.mostly(25, &["", "\u{feff}", " ", "\u{feff}\u{feff}"]);
    let after = dice.mostly(40, &["}", "}\n", "} x", "", "]", "}}"]);
    let text = [before, "{", &members.join(","), after].concat();
    if dice.one_in(6) { dice.broken_text(&text, PIECES) } else { text }
}

fn member(dice: &mut Dice, field: &str) -> String {
    let name = match dice.below(40) {
        0 => format!("\\u{:04x}{}", u32::from(field.as_bytes()[0]), &field[1..]),
        1 => field.to_uppercase(),
        2 => format!("{field} "),
        _ => field.to_owned(),
    };
    let value = match field {
        _ if dice.one_in(60) => value(dice, 3),
        "access_token" => format!("\"{}\"", secret(dice)),
        "token_type" => dice
            .mostly(6, &[r#""Bearer""#, r#""bearer""#, r#""PoP""#, "null", r#""BEARE\u0052""#, r#""""#, "1"])
            .to_owned(),
        "expires_in" => {
            let odd = [
                r#""""#,
                "null",
                r#""+1""#,
                r#"" 1""#,
                r#""0""#,
                r#""9999999999""#,
                r#""2023-11-14T22:14:20Z""#,
                "true",
            ];
            let count = dice.below(90_000);
            seconds(dice, count, &odd)
        }
        "expires_on" => {
            let odd = [
                r#""""#,
                "null",
                r#""11/14/2023 10:14:20 PM +00:00""#,
                r#""2023-11-15T22:14:20\u005a""#,
                r#""99999999999999999999""#,
            ];
            let count = 1_699_999_000 + dice.below(400_000);
            seconds(dice, count, &odd)
        }
        "other" => {
            let depth = if dice.one_in(8) { [126, 127, 600][dice.below(3)] } else { dice.below(3) };
            ["[".repeat(depth), value(dice, 0), "]".repeat(depth)].concat()
        }
        _ if dice.one_in(3) => string(dice),
        _ => dice.pick(&[r#""8a9b0c1d-2e3f""#, r#""""#, "null"]).to_owned(),
    };
    format!("\"{name}\"{}{value}", dice.mostly(8, &[":", " :\n"]))
}

/// A count as a number or in quotes, or something that is none.
fn seconds(dice: &mut Dice, count: usize, odd: &[&str]) -> String {
    match dice.below(12) {
        0 => number(dice),
        1 | 2 => dice.pick(odd).to_owned(),
        3 | 4 => count.to_string(),
        _ => format!("\"{count}\""),
    }
}

/// What stands between the quotes.
fn secret(dice: &mut Dice) -> String {
    if dice.one_in(300) {
        return "x".repeat((32 << 10) - 1 + dice.below(3));
    }
    match dice.below(12) {
        0 => {
            let odd = ["", "a b", r"a\r\nX: y", "é", r"\u0041\u0042", r"a\u0000", "a=b", "a\u{7f}", r"a\/b+c~"];
            dice.pick(&odd).to_owned()
        }
        1..=4 => {
            let id = dice.pick(&[r#""8a9b0c1d""#, "5", "1.50", r#""\u00e9""#, "null", "[]", r#""""#]);
            let claims = match dice.below(4) {
                0 => dice.pick(&["{}", "[]", "x", "", "{\"appid\":"]).to_owned(),
                1 => format!(r#"{{"a":1, "appid" : {id} ,"b":[]}}"#),
                _ => format!(r#"{{"appid":{id}}}"#),
            };
            format!("e30.{}{}.c2ln", encode(URL_SAFE, claims.as_bytes()), dice.mostly(5, &["", "=", "=="]))
        }
        _ => "eyJ0.eyJhIjoxfQ.c2ln".to_owned(),
    }
}
