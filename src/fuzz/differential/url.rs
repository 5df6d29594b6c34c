//! URLs and links of every shape, for our readers and that of browsers.

use super::{Dice, compare};
use crate::fuzz::url::{links, named, readings};

#[test]
fn urls_as_browsers_read_them() {
    compare("URLs, url", 40_000, named(false), |dice| readings::differs(&url(dice)));
}

#[test]
fn links_as_browsers_follow_them() {
    compare("links, url", 40_000, named(true), |dice| {
        let base = dice.pick(BASES);
        let link = link(dice, base);
        if dice.one_in(20) {
            crate::fuzz::link([base, "\n", &link].concat().as_bytes());
        }
        links::differs(base, &link)
    });
}

const BASES: &[&str] = &[
    "https://management.azure.com/subscriptions/s/resources?api-version=2021-04-01",
    "https://management.azure.com/subscriptions/s/resources?api-version=2021-04-01",
    "https://westus.management.azure.com",
    "https://a.vault.azure.net/secrets/",
    "https://localhost:8443/a/b/c",
    "https://[::1]:8443/a?b",
    "https://127.0.0.1/",
];

fn url(dice: &mut Dice) -> String {
    let scheme = dice.mostly(12, &["https", "http", "HTTPS", "hTTp", "ftp", "file", "data", "httpss", ""]);
    let slashes = dice.mostly(15, &["://", ":///", ":/", ":", "//", ":\\\\", ":/\\", ":////"]);
    let text = [scheme, slashes, &authority(dice), &rest(dice)].concat();
    if dice.one_in(5) { dice.broken_text(&text, PIECES) } else { text }
}

fn authority(dice: &mut Dice) -> String {
    let user = dice.mostly(25, &["", "u@", "u:p@", "@", "management.azure.com@", "%40@", ":@"]);
    let port = match dice.below(10) {
        0 => format!(":{}", dice.below(65_540)),
        1 => format!(":{:0>1$}", dice.below(9000), 1 + dice.below(22)),
        2 => dice.pick(&[":", ":0", ":443", ":80", ":65535", ":65536", ":+1", ":1:2", ":٣", ": 1"]).to_owned(),
        _ => String::new(),
    };
    [user, &host(dice), &port].concat()
}

fn host(dice: &mut Dice) -> String {
    match dice.below(12) {
        0 => (0..4).map(|_| dice.below(260).to_string()).collect::<Vec<_>>().join("."),
        1 => dice
            .pick(&[
                "127.1",
                "0x7f.0.0.1",
                "2130706433",
                "127.0.0.01",
                "127.0.0.1.",
                "1.2.3",
                "a.1",
                "a.0x1",
                "a.1b",
                "1b",
            ])
            .to_owned(),
        2 => address(dice),
        3 => {
            let label = "a".repeat(60 + dice.below(6));
            vec![label; 1 + dice.below(5)].join(".")
        }
        4 => dice
            .pick(&[
                "xn--bcher-kva.example",
                "xn--a",
                "XN--BCHER-KVA.example",
                "xn--",
                "bücher.example",
                "ｅ.example",
                "xn--a.b",
            ])
            .to_owned(),
        _ => {
            let labels = 1 + dice.below(4);
            let names = &["a", "management", "azure", "com", "vault", "A-1", "a_b", "-", "9", "x1", "localhost"];
            let mut host: Vec<_> = (0..labels).map(|_| dice.pick(names).to_owned()).collect();
            if dice.one_in(3) {
                let odd =
                    ["", "a%6d", "a!b", "a&b", "a;", "é", "a*", "(a)", "~", "a=b", "a$", "%2e", "\u{ad}", "a\u{301}"];
                let at = dice.below(labels);
                host[at] = dice.pick(&odd).to_owned();
            }
            host.join(".") + dice.mostly(15, &["", ".", "..", "%2e"])
        }
    }
}

/// IPv6, with every way to write it.
fn address(dice: &mut Dice) -> String {
    let parts = dice.mostly(4, &["8", "7", "6", "3", "9"]).parse().unwrap();
    let mut groups: Vec<String> =
        (0..parts).map(|_| format!("{:x}", dice.below(0x10_ffff) >> dice.below(20))).collect();
    if dice.one_in(2) {
        let at = dice.below(parts);
        let end = (at + dice.below(4)).min(parts);
        groups.splice(at..end, [String::new()]);
    }
    if dice.one_in(6) {
        groups.push("1.2.3.4".to_owned());
    }
    let text = groups.join(":");
    let text = if dice.one_in(4) {
        dice.pick(&["::1", "::", "fe80::1%25eth0", "::ffff:1.2.3.4", "v1.x", "0:0::1"])
    } else {
        &text
    };
    let text = if dice.one_in(3) { text.to_ascii_uppercase() } else { text.to_owned() };
    ["[", &text, dice.mostly(15, &["]", "", "]]", "]a"])].concat()
}

fn rest(dice: &mut Dice) -> String {
    let mut rest = String::new();
    for _ in 0..dice.below(5) {
        rest += "/";
        let others = &[
            "a",
            "",
            "subscriptions",
            "..",
            ".",
            "%2e",
            ".%2E",
            "a.b",
            "...",
            "a b",
            "é",
            "{x}",
            "a:b",
            "a:",
            "a:",
            "..",
            "..",
            "@",
            "%00",
            "%zz",
            "'",
        ];
        rest += dice.mostly(3, others);
    }
    if dice.one_in(2) {
        rest += "?";
        for _ in 0..dice.below(3) {
            let others =
                &["a=b&", "api-version=2021-04-01", "$filter=name eq 'x'", "?", "/../", "'", "%", "[]", "|", "`", "é"];
            rest += dice.mostly(3, others);
        }
    }
    rest + dice.mostly(25, &["", "#", "#a", "\t", "\n", " ", "\0"])
}

fn link(dice: &mut Dice, base: &str) -> String {
    let origin = base.split('/').take(3).collect::<Vec<_>>().join("/");
    let text = match dice.below(8) {
        0 => url(dice),
        1 | 2 => origin + &rest(dice),
        3 => origin + &dice.broken_text("", PIECES) + &rest(dice),
        4 => format!(
            "https://{}management.azure.com{}{}",
            dice.pick(&["", "", "westus.", "x", ".", "u@", "westus.é.", "a%61.", "a!.", LONG]),
            dice.pick(&["", "", ":443", ":444", ".", ":00000000000000000443"]),
            rest(dice)
        ),
        5 => {
            dice.pick(&["//", "/\\", "\\\\", "///", "https:", "https:/", "https:///"]).to_owned()
                + origin.trim_start_matches("https://")
                + &rest(dice)
        }
        6 => {
            dice.pick(&[
                "https://[0:0::1]:8443",
                "https://[::0001]:8443",
                "https://127.1",
                "https://localhost:08443",
                "https://LOCALHOST:8443",
                "",
            ])
            .to_owned()
                + &rest(dice)
        }
        _ => rest(dice).trim_start_matches(if dice.one_in(2) { "/" } else { "#" }).to_owned(),
    };
    if dice.one_in(700) {
        return text + "?" + &"x".repeat(16_300 + dice.below(100));
    }
    if dice.one_in(6) { dice.broken_text(&text, PIECES) } else { text }
}

/// A label one longer than a label may be.
const LONG: &str = "a123456789b123456789c123456789d123456789e123456789f123456789abcd.";

const PIECES: &[&str] = &[
    "/", "//", "\\", "@", ":", "#", "?", ".", "..", "%2e", "%2f", "%5c", "\t", "\n", "\r", " ", "\0", "\u{ad}", "。",
    "：", "／", "é", "[", "]", "::", "{", "}", "|", "^", "`", "'", "\"", "<", "https://", "https:", "xn--", "0x7f",
    "u:p@", ":443", ":0443", "*", "_",
];
