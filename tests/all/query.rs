//! Queries against what others published: JMESPath's compliance cases, another implementation of it, and JSONTestSuite.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use azmin::{ErrorKind, Query};
use jmespath::ast::Ast;
use serde_json::{Map, Value};

#[test]
fn jmespaths_own_cases() {
    let (mut selected, mut refused) = (0, 0);
    let mut files: Vec<_> = fs::read_dir(data("jmespath")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let suites: Vec<Map<String, Value>> = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for suite in suites {
            let given = serde_json::to_string_pretty(&suite["given"]).unwrap();
            for case in suite["cases"].as_array().unwrap() {
                let expression = case["expression"].as_str().unwrap();
                let query = Query::parse(expression);
                if !in_subset(expression) {
                    let error = query.expect_err(expression);
                    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{expression}");
                    refused += 1;
                    continue;
                }
                let wanted = case.get("result").unwrap_or_else(|| panic!("{expression} has no result"));
                let found = query.expect(expression).select(&given).unwrap();
                assert_eq!(value(found), *wanted, "{expression} in {}", file.display());
                selected += 1;
            }
        }
    }
    assert_eq!((selected, refused), (272, 589));
}

#[test]
fn any_query_selects_what_another_implementation_selects() {
    let mut chance = Chance(0x5eed);
    let mut lists = 0;
    for round in 0..20_000 {
        let mut document = String::new();
        chance.document(5, &mut document);
        let expression = chance.expression();
        assert!(in_subset(&expression), "{expression}");
        let query = Query::parse(&expression).unwrap_or_else(|why| panic!("{expression}: {why}"));
        let found = value(query.select(&document).unwrap());
        lists += usize::from(found.as_array().is_some_and(|list| !list.is_empty()));
        assert_eq!(found, reference(&expression, &document), "round {round}: {expression} in {document}");
    }
    assert!(lists > 500, "{lists} rounds selected anything in a list");
}

#[test]
fn a_page_at_a_time_is_as_good_as_all_at_once() {
    let mut chance = Chance(0xface);
    for round in 0..5_000 {
        let expression = "value".to_owned() + chance.one(&["[*]", "[]"]) + &chance.steps();
        let query = Query::parse(&expression).unwrap();
        assert!(query.is_over_items(), "{expression}");
        let (mut items, mut paged) = (Vec::new(), Vec::new());
        for _ in 0..chance.below(4) {
            let mut page = String::from("[");
            for index in 0..chance.below(4) {
                page.push_str(if index == 0 { "" } else { "," });
                let start = page.len();
                chance.document(4, &mut page);
                items.push(page[start..].to_owned());
            }
            let found = query.select(&format!("{{\"value\":{page}]}}")).unwrap();
            paged.extend(value(found).as_array().unwrap().clone());
        }
        let whole = query.select(&format!("{{\"value\":[{}]}}", items.join(","))).unwrap();
        assert_eq!(Value::Array(paged), value(whole), "round {round}: {expression} in {items:?}");
    }
}

#[test]
fn what_is_a_query_is_one_elsewhere_and_the_other_way_round() {
    let tokens = [
        "a",
        "b",
        "_9",
        "\"a b\"",
        "\"\\u0062\"",
        "\"",
        ".",
        ".",
        ".",
        "[",
        "]",
        "[",
        "]",
        "[]",
        "[*]",
        "[0]",
        "[-1]",
        "*",
        "0",
        "-1",
        "-",
        " ",
        "\n",
        "@",
        "?",
        "|",
        "||",
        "&&",
        "&",
        "!",
        "==",
        "<",
        "(",
        ")",
        "a(b)",
        "{",
        "}",
        "{a:b}",
        ":",
        ",",
        "'",
        "'a'",
        "`",
        "`1`",
        "[?a]",
        "[0:1]",
        ".*",
        "é",
        "$",
        "#",
        "\u{0}",
    ];
    let mut chance = Chance(0xdecade);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..100_000 {
        let mut expression = if chance.below(2) == 0 { chance.expression() } else { String::new() };
        for _ in 0..1 + chance.below(4) {
            let at = chance.boundary(&expression);
            expression.insert_str(at, chance.one(&tokens));
        }
        // The reference takes no zero after a minus, which JMESPath's grammar does.
        if expression.contains("-0") {
            continue;
        }
        let ours = Query::parse(&expression);
        assert_eq!(ours.is_ok(), in_subset(&expression), "{expression:?}: {ours:?}");
        if ours.is_ok() { accepted += 1 } else { refused += 1 }
    }
    assert!(accepted > 5_000 && refused > 5_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn json_is_json() {
    let suite: Map<String, Value> =
        serde_json::from_str(&fs::read_to_string(data("json/suite.json")).unwrap()).unwrap();
    let mut cases: Vec<_> =
        suite.iter().map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned())).collect();
    cases.push(("n_structure_100000_opening_arrays".to_owned(), "[".repeat(100_000)));
    cases.push(("n_structure_open_array_object".to_owned(), "[{\"\":".repeat(50_000) + "\n"));
    let mut wrong = Vec::new();
    for query in [Query::whole(), Query::parse("[*].a[-1]").unwrap(), Query::parse("a[].a[]").unwrap()] {
        for (name, text) in &cases {
            let accepted = query.select(text).is_ok();
            if (accepted, &name[..1]) == (true, "n") || (accepted, &name[..1]) == (false, "y") {
                wrong.push(name.clone());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(cases.iter().filter(|(name, _)| name.starts_with("y_")).count(), 95);
    assert_eq!(cases.iter().filter(|(name, _)| name.starts_with("n_")).count(), 188);
}

/// A moment's work where it is linear; many minutes where it grows with the square.
#[test]
fn the_work_is_linear() {
    let many = |unit: &str| unit.repeat(200_000 / unit.len());
    let documents = [
        "[".to_owned() + &many("[[1]],") + "1]",
        "{".to_owned() + &many("\"a\":{\"a\":[1]},") + "\"a\":[[]]}",
        "[".repeat(500) + &many("1,") + "1" + &"]".repeat(500),
        "\"".to_owned() + &many("\\u0061") + "\"",
        "{\"".to_owned() + &many("\\u0061") + "\":1}",
        many(" ") + "1",
    ];
    for expression in
        ["[*][*]", "[].a[].a[]", "a.a", &"[-1]".repeat(64), &"[0]".repeat(64), &"[]".repeat(64), "[-200000]"]
    {
        let query = Query::parse(expression).unwrap();
        for document in &documents {
            query.select(document).unwrap();
        }
    }
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn value(json: Option<String>) -> Value {
    json.map_or(Value::Null, |json| serde_json::from_str(&json).unwrap_or_else(|why| panic!("{json}: {why}")))
}

fn reference(expression: &str, document: &str) -> Value {
    let document = jmespath::Variable::from_json(document).unwrap();
    serde_json::to_value(jmespath::compile(expression).unwrap().search(document).unwrap()).unwrap()
}

/// Whether it is JMESPath and has nothing in it but what the subset knows.
fn in_subset(expression: &str) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    // Parentheses and the current node leave no trace in the tree, and a pipe looks like a dot.
    let hidden = expression.chars().any(|c| {
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        !quoted && matches!(c, '@' | '(' | '|')
    });
    !hidden && jmespath::parse(expression).is_ok_and(|ast| is_plain(&ast))
}

fn is_plain(ast: &Ast) -> bool {
    match ast {
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } => true,
        Ast::Flatten { node, .. } => is_plain(node),
        Ast::Subexpr { lhs, rhs, .. } | Ast::Projection { lhs, rhs, .. } => is_plain(lhs) && is_plain(rhs),
        _ => false,
    }
}

/// xorshift64*
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % bound
    }

    fn one<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn boundary(&mut self, text: &str) -> usize {
        let at = self.below(text.len() + 1);
        (at..).find(|at| text.is_char_boundary(*at)).unwrap()
    }

    fn blank(&mut self) -> &'static str {
        self.one(&["", "", "", "", "", " ", "\t", "\r\n"])
    }

    fn document(&mut self, depth: usize, out: &mut String) {
        let (open, close) = match if depth == 0 { 11 } else { self.below(12) } {
            0..=3 => ('{', '}'),
            4..=9 => ('[', ']'),
            _ => {
                let scalars =
                    ["null", "true", "false", "0", "-1.5e3", "12345678901", "\"\"", "\"\\\"]\\u00e9\"", "\"a\""];
                return out.push_str(self.one(&scalars));
            }
        };
        out.push(open);
        for index in 0..self.below(7) {
            out.push_str(if index == 0 { "" } else { "," });
            out.push_str(self.blank());
            if open == '{' {
                out.push_str(self.one(&[
                    "\"a\"",
                    "\"\\u0061\"",
                    "\"b\"",
                    "\"A\"",
                    "\"a b\"",
                    "\"\\n\\\\\"",
                    "\"\"",
                    "\"é\"",
                ]));
                out.push_str(self.blank());
                out.push(':');
                out.push_str(self.blank());
            }
            self.document(depth - 1, out);
            out.push_str(self.blank());
        }
        out.push(close);
    }

    fn name(&mut self) -> &'static str {
        let names = [
            "a",
            "a",
            "a",
            "a",
            "a",
            "a",
            "b",
            "A",
            "\"a\"",
            "\"a\"",
            "\"a b\"",
            "\"\\n\\\\\"",
            "\"\"",
            "\"é\"",
            "\"\\u00E9\"",
            "_x",
        ];
        self.one(&names)
    }

    fn expression(&mut self) -> String {
        let mut text = self.blank().to_owned();
        if self.below(3) > 0 {
            text.push_str(self.name());
        } else {
            self.bracket(&mut text);
        }
        text + &self.steps()
    }

    fn steps(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(6) {
            text.push_str(self.blank());
            if self.below(2) == 0 {
                write!(text, ".{}{}", self.blank(), self.name()).unwrap();
            } else {
                self.bracket(&mut text);
            }
        }
        text + self.blank()
    }

    fn bracket(&mut self, text: &mut String) {
        let inner = self.one(&["*", "*", "*", "0", "1", "00", "-1", "-2", "12"]);
        if self.below(3) == 0 {
            text.push_str("[]");
        } else {
            write!(text, "[{}{inner}{}]", self.blank(), self.blank()).unwrap();
        }
    }
}
