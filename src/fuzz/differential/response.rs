//! Responses of every shape, for our parser, httparse and ureq-proto.

use super::{Dice, compare};
use crate::fuzz::http_response::{Peer, differs, named};

#[test]
fn responses_as_httparse_reads_them() {
    compare("responses, httparse", 40_000, named(Peer::Httparse), |dice| differs(&response(dice), Peer::Httparse));
}

#[test]
fn responses_as_ureq_proto_reads_them() {
    compare("responses, ureq-proto", 40_000, named(Peer::UreqProto), |dice| differs(&response(dice), Peer::UreqProto));
}

/// Made from the pieces of the grammar, then sometimes cut, or broken anywhere.
fn response(dice: &mut Dice) -> Vec<u8> {
    let mut text = dice.mostly(80, &["", "\r\n", "\n", " "]).as_bytes().to_vec();
    let interim = if dice.one_in(40) { 7 + dice.below(4) } else { dice.below(8) / 6 };
    for _ in 0..interim {
        let others = &["100 Continue", "103 Early Hints", "102", "199 ", "102", "101 Switching Protocols"];
        let status = dice.mostly(3, others);
        text.extend(format!("HTTP/1.1 {status}\r\n").bytes());
        if dice.one_in(3) {
            fields(dice, &mut text);
        }
        if dice.one_in(12) {
            text.extend(framing(dice, 5).bytes());
        }
        text.extend(b"\r\n");
    }
    if dice.one_in(300) {
        let hints = format!("HTTP/1.1 103 Hints\r\n{}\r\n", "X: y\r\n".repeat(40 + dice.below(8)));
        text.extend(hints.repeat(3).bytes());
    }
    text.extend(final_answer(dice));
    if dice.one_in(12) {
        text.extend(b"HTTP/1.1 500 Another\r\nContent-Length: 0\r\n\r\n");
    }
    if dice.one_in(16) {
        text.truncate(dice.below(text.len() + 1));
    }
    if dice.one_in(5) { dice.broken(text, PIECES) } else { text }
}

fn final_answer(dice: &mut Dice) -> Vec<u8> {
    let version =
        dice.mostly(30, &["HTTP/1.1", "HTTP/1.0", "HTTP/1.0", "HTTP/1.0", "HTTP/1.2", "HTTP/2", "http/1.1", "ICY"]);
    let status = dice
        .mostly(3, &["200", "201", "400", "404", "204", "304", "302", "500", "599", "600", "999", "099", "20", "+20"]);
    let reason = dice.mostly(15, &[" OK", "", " ", " très bien", "  two", " \t", " O\0K", "OK", "\tOK"]);
    let mut text = [version, " ", status, reason, end_of_line(dice)].concat().into_bytes();
    fields(dice, &mut text);
    let large = dice.one_in(600);
    let body: Vec<u8> = if large {
        vec![b'x'; (1 << 20) + dice.below(3)]
    } else {
        (0..dice.below(40)).map(|_| dice.next() as u8).collect()
    };
    match dice.below(8) {
        0 => text.extend([b"\r\n", &body[..]].concat()),
        1..=3 => {
            let length = (body.len() + dice.below(20) / 19).saturating_sub(dice.below(20) / 19);
            text.extend(framing(dice, length).bytes());
            fields(dice, &mut text);
            text.extend([b"\r\n", &body[..]].concat());
        }
        _ => {
            text.extend(coding(dice, body.len()).bytes());
            fields(dice, &mut text);
            text.extend(b"\r\n");
            chunks(dice, &body, &mut text);
        }
    }
    text
}

fn end_of_line(dice: &mut Dice) -> &'static str {
    dice.mostly(100, &["\r\n", "\n", "\r", "\r\r\n", "\n\r\n", "\r\n "])
}

/// Header lines that say nothing about the framing, or not in earnest.
fn fields(dice: &mut Dice, text: &mut Vec<u8>) {
    for _ in 0..dice.below(3) {
        let name =
            dice.mostly(20, &["X-Id", "content-type", "X", "Date", "x-id", "X Y", "", "X\t", "é", "X!#$%&'*+-.^_`|~9"]);
        let colon = dice.mostly(60, &[":", " :", ": :", ""]);
        let value = dice.mostly(12, &[" 1", "", "\t a, b \t", " é", " \0", " \x7f", " a\r\n folded", " a\u{b}"]);
        text.extend([name, colon, value, end_of_line(dice)].concat().bytes());
    }
    if dice.one_in(60) {
        let coding = dice.pick(&["gzip", "identity", "Identity", "", "br, gzip"]);
        text.extend(format!("Content-Encoding: {coding}\r\n").bytes());
    }
    if dice.one_in(200) {
        text.extend("X: y\r\n".repeat(20 + dice.below(120)).bytes());
    }
    if dice.one_in(500) {
        text.extend(format!("X: {}\r\n", "y".repeat(60_000 + dice.below(8_000))).bytes());
    }
}

/// A length, mostly, and mostly the one that is meant.
fn framing(dice: &mut Dice, length: usize) -> String {
    let name = dice.pick(&["Content-Length", "content-length", "CONTENT-LENGTH"]);
    let other = length + 1 + dice.below(3);
    match dice.below(24) {
        0 => format!("{name}: {length}\r\n{name}: {length}\r\n"),
        1 => format!("{name}: {length}, {length}\r\n"),
        2 => format!("{name}: {length}\r\n{name}: {other}\r\n"),
        3 => format!("{name}: {length},{other}\r\n"),
        4 => format!("{name}: {length:0>0$}\r\n", 2 + dice.below(24)),
        5 => format!("{name}: {}{length}\r\n", dice.pick(&["+", "-", "0x", "\u{b}", "1_", "٣", " \t"])),
        6 => format!("{name}: {length}{}\r\n", dice.pick(&["\t ", ",", " 1", ".0", "e0", "\u{c}"])),
        7 => format!(
            "{name}: {}\r\n",
            dice.pick(&["", "five", "18446744073709551615", "18446744073709551621", "1048577"])
        ),
        8 => format!("{name}: {length}\r\nTransfer-Encoding: chunked\r\n"),
        _ => format!("{name}: {length}\r\n"),
    }
}

/// `chunked`, mostly.
fn coding(dice: &mut Dice, length: usize) -> String {
    let name = dice.pick(&["Transfer-Encoding", "transfer-encoding"]);
    match dice.below(20) {
        0 => {
            format!("{name}: {}\r\n", dice.pick(&["gzip, chunked", "chunked, gzip", "chunked,chunked", "identity", ""]))
        }
        1 => format!(
            "{name}: {}\r\n",
            dice.pick(&["xchunked", "chunkedx", "\u{b}chunked", "\"chunked\"", "chunked;a=b"])
        ),
        2 => format!("{name}: chunked\r\n{name}: {}\r\n", dice.pick(&["chunked", "identity", "gzip"])),
        3 => format!("{name}: chunked\r\nContent-Length: {}\r\n", dice.pick(&["5", "+5", "x", ""])),
        4 => format!("Content-Length: {length}\r\n{name}: chunked\r\n"),
        _ => format!("{name}: {}\r\n", dice.pick(&["chunked", "Chunked", "\t chunked "])),
    }
}

fn chunks(dice: &mut Dice, mut body: &[u8], text: &mut Vec<u8>) {
    while !body.is_empty() {
        let most = body.len().min(1 << 19);
        let (chunk, rest) = body.split_at(1 + dice.below(most));
        let size = chunk.len() + dice.below(60) / 59;
        text.extend(size_line(dice, &format!("{size:x}")).bytes());
        text.extend(chunk);
        text.extend(dice.mostly(80, &["\r\n", "\n", "\r", "", "xx", "\r\n\r\n"]).bytes());
        body = rest;
    }
    let zeros = dice.pick(&["0", "0", "0", "0000", "0000000000000000"]);
    text.extend(size_line(dice, zeros).bytes());
    if dice.one_in(40) {
        return;
    }
    for _ in 0..dice.below(5) / 3 {
        let trailer = dice.mostly(5, &["X: y", "Content-Length: 5", "junk", " X: y", "X : y", ": y", "X: \0", "X: é"]);
        text.extend([trailer, end_of_line(dice)].concat().bytes());
    }
    if dice.one_in(500) {
        text.extend("X: y\r\n".repeat(2500 + dice.below(500)).bytes());
    }
    text.extend(end_of_line(dice).bytes());
}

fn size_line(dice: &mut Dice, size: &str) -> String {
    let before = dice.mostly(60, &["", "+", "-", "0x", " ", "\t", "\u{a0}", "\u{b}", "00", "0000000000000000", "１"]);
    let size = if dice.one_in(150) { "" } else { size };
    let after = dice.mostly(60, &["", " ", "\t", "\u{c}", "_0", "\u{a0}", "g"]);
    let extension = if dice.one_in(400) {
        format!(";{}", "x".repeat(1000 + dice.below(60)))
    } else {
        dice.mostly(10, &["", ";a=b", ";a=\"b c\"", ";", " ;a", ";a\nb", ";\0", ";é", ";one=1;two=2;three=3;four"])
            .to_owned()
    };
    [before, size, after, &extension, end_of_line(dice)].concat()
}

const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b"0\r\n\r\n",
    b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"1",
    b"ffffffffffffffff",
    b"5\r\n",
    b",",
    b"\xff",
];
