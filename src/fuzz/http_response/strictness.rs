//! In what our response parser and the other two may differ.

use super::anatomy::{Anatomy, Part};
use super::readings::Peer::{self, Httparse, UreqProto};
use crate::fuzz::strictness::Named;
use crate::http::{Fault, is_field_text, is_token};

/// A difference: what we said, and what must be seen in the message for it to be this one.
pub(super) struct Strictness {
    pub(super) named: Named,
    /// Who reads it otherwise.
    pub(super) peers: &'static [Peer],
    /// Why we refuse it; none where it is the other reader who does.
    pub(super) faults: &'static [Fault],
    pub(super) evidence: fn(&Anatomy<'_>) -> bool,
}

const fn strict(
    name: &'static str,
    why: &'static str,
    peers: &'static [Peer],
    faults: &'static [Fault],
    evidence: fn(&Anatomy<'_>) -> bool,
) -> Strictness {
    Strictness { named: Named { name, why }, peers, faults, evidence }
}

const BOTH: &[Peer] = &[Httparse, UreqProto];
const STATUS_LINE: Fault = Fault::Malformed("not an HTTP/1 status line");
const LENGTH: Fault = Fault::Malformed("content length");
const LENGTHS: Fault = Fault::Malformed("content lengths that differ");
const CHUNK: Fault = Fault::Malformed("chunk size");

/// Ours first, then what only we take.
pub(super) const TABLE: &[Strictness] = &[
    strict(
        "a line ends in LF alone",
        "RFC 9112, section 2.2, lets a recipient take it; two readers in a row then see different heads",
        BOTH,
        &[Fault::Malformed("a line ends in LF alone")],
        |it| it.lines().any(|line| line.ends_with(b"\n") && !line.ends_with(b"\r\n")),
    ),
    strict(
        "a blank line before the status line",
        "RFC 9112, section 2.2, forgives it in requests only; here it is the rest of an earlier message",
        BOTH,
        &[STATUS_LINE],
        |it| it.heads.iter().any(|head| head.blank_first),
    ),
    strict(
        "a status outside 100 to 599",
        "RFC 9110, section 15: no class of answers, so nothing says whether a body follows",
        BOTH,
        &[STATUS_LINE],
        |it| it.heads.iter().any(|head| !matches!(head.code().first(), Some(b'1'..=b'5'))),
    ),
    strict(
        "a change of protocol",
        "RFC 9110, section 15.2.2: only after an Upgrade that we never send",
        BOTH,
        &[Fault::Malformed("a change of protocol that was not asked for")],
        |it| it.heads.iter().any(|head| head.code() == b"101"),
    ),
    strict(
        "more than eight interim answers",
        "nobody sends them; without a bound an answer never begins",
        BOTH,
        &[Fault::TooLarge("number of interim answers")],
        |it| it.heads.iter().filter(|head| head.is_interim()).count() > 8,
    ),
    strict(
        "an interim answer with a body",
        "RFC 9110, section 6.4.1: it has none, so its length is a lie about what follows",
        BOTH,
        &[Fault::Malformed("an interim answer with a body"), Fault::Malformed("a length and a transfer coding")],
        |it| {
            it.heads
                .iter()
                .any(|head| head.is_interim() && (head.has("content-length") || head.has("transfer-encoding")))
        },
    ),
    strict(
        "more than 128 lines in all",
        "memory: the others count each head alone, or as many as their caller wants",
        BOTH,
        &[Fault::TooLarge("number of headers")],
        |it| it.heads.iter().map(|head| head.fields.len()).sum::<usize>() > 128,
    ),
    strict(
        "heads of more than 64 KiB",
        "memory: the others leave it to their caller",
        BOTH,
        &[Fault::TooLarge("headers")],
        |it| it.heads.iter().map(|head| head.length).sum::<usize>() > 64 << 10,
    ),
    strict(
        "a length beside a transfer coding",
        "RFC 9112, section 6.3: an attempt to smuggle; the coding would win",
        BOTH,
        &[Fault::Malformed("a length and a transfer coding")],
        |it| it.heads.iter().any(|head| head.has("content-length") && head.has("transfer-encoding")),
    ),
    strict(
        "a broken length where none counts",
        "RFC 9110, section 8.6: who sends it cannot be trusted with the framing, nor who forwards it",
        &[Httparse],
        &[LENGTH, LENGTHS],
        |it| {
            it.heads
                .iter()
                .any(|head| head.has("content-length") && (head.is_bodiless() || head.has("transfer-encoding")))
        },
    ),
    strict(
        "a length of more than nineteen digits",
        "no honest length: zeros in front of it are a trick on parsers that cut",
        BOTH,
        &[LENGTH, LENGTHS],
        |it| it.heads.iter().any(|head| head.values("content-length").any(has_twenty_digits)),
    ),
    strict(
        "a transfer coding other than one chunked",
        "RFC 9112, section 6.1: none other can be undone here, and twice chunked is forbidden",
        BOTH,
        &[Fault::Malformed("transfer coding")],
        |it| {
            it.heads.iter().any(|head| {
                let codings: Vec<_> = head.values("transfer-encoding").collect();
                !codings.is_empty() && !matches!(*codings, [one] if one.eq_ignore_ascii_case(b"chunked"))
            })
        },
    ),
    strict(
        "a transfer coding under HTTP/1.0",
        "RFC 9112, section 6.1: such framing is faulty, whatever it says",
        &[UreqProto],
        &[Fault::Malformed("transfer coding")],
        |it| it.heads.iter().any(|head| head.line.starts_with(b"HTTP/1.0") && head.has("transfer-encoding")),
    ),
    strict(
        "a transfer coding of an answer without body",
        "RFC 9112, section 6.1: forbidden there; a broken one shows a sender that is",
        &[Httparse],
        &[Fault::Malformed("transfer coding")],
        |it| it.heads.iter().any(|head| head.is_bodiless() && head.has("transfer-encoding")),
    ),
    strict(
        "a content coding",
        "RFC 9110, section 12.5.3: none was asked for, and the body would be taken for JSON",
        BOTH,
        &[Fault::Malformed("a content coding that was not asked for")],
        |it| it.heads.iter().any(|head| head.values("content-encoding").any(|value| value != b"identity")),
    ),
    strict(
        "blanks beside a chunk's size",
        "RFC 9112, section 7.1, has none; readers differ in which they trim",
        BOTH,
        &[CHUNK],
        |it| it.of_part(Part::ChunkSize).any(|line| size_of(line).chars().any(char::is_whitespace)),
    ),
    strict(
        "a chunk size with a sign",
        "RFC 9112, section 7.1: not a hexadecimal digit, yet the number parser of std takes it",
        &[UreqProto],
        &[CHUNK],
        |it| it.of_part(Part::ChunkSize).any(|line| size_of(line).contains('+')),
    ),
    strict(
        "a chunk size without a digit",
        "RFC 9112, section 7.1: one digit at least; an empty line read as the last chunk cuts the body",
        &[Httparse],
        &[CHUNK],
        |it| it.of_part(Part::ChunkSize).any(|line| size_of(line).trim().is_empty()),
    ),
    strict(
        "a chunk size of more than sixteen digits",
        "no honest size: it wraps where it is not checked",
        &[UreqProto],
        &[CHUNK],
        |it| it.of_part(Part::ChunkSize).any(|line| size_of(line).trim().len() > 16),
    ),
    strict(
        "a control character in a chunk's extension",
        "RFC 9112, section 7.1.1: tokens and quoted text only",
        BOTH,
        &[CHUNK],
        |it| it.of_part(Part::ChunkSize).any(|line| !is_field_text(line.strip_suffix(b"\r\n").unwrap_or(line))),
    ),
    strict(
        "a chunk extension of more than a kilobyte",
        "memory and time: nobody sends one",
        &[Httparse],
        &[Fault::TooLarge("chunk extension")],
        |it| it.of_part(Part::ChunkSize).any(|line| line.len() > 1 << 10),
    ),
    strict(
        "a trailer that is no field",
        "RFC 9112, section 7.1.2: the end of the message is found by them",
        &[UreqProto],
        &[
            Fault::Malformed("a header without a colon"),
            Fault::Malformed("header name"),
            Fault::Malformed("header value"),
        ],
        |it| it.of_part(Part::Trailer).any(|line| !is_field(line)),
    ),
    strict(
        "trailers of more than 16 KiB",
        "memory and time: nobody sends them",
        BOTH,
        &[Fault::TooLarge("trailers")],
        |it| it.of_part(Part::Trailer).map(<[u8]>::len).sum::<usize>() > 16 << 10,
    ),
    strict(
        "a body of more than 1 MiB",
        "memory: a token's answer is a thousandth of that",
        BOTH,
        &[Fault::TooLarge("body")],
        |it| it.body > 1 << 20,
    ),
    strict(
        "an end after the last chunk's size",
        "RFC 9112, section 8: an incomplete message; ureq forgives it to reach more servers",
        &[UreqProto],
        &[Fault::Truncated],
        |it| {
            it.of_part(Part::ChunkSize).last().is_some_and(|line| size_of(line).trim().bytes().all(|byte| byte == b'0'))
        },
    ),
    strict(
        "headers in a 100",
        "RFC 9110, section 15.2, allows them, and proxies add some; ureq takes none",
        &[UreqProto],
        &[],
        |it| it.heads.iter().any(|head| head.code() == b"100" && !head.fields.is_empty()),
    ),
    strict(
        "a chunk's line of more than twenty bytes",
        "RFC 9112, section 7.1.1: an extension is to be ignored, not refused; ureq bounds it more tightly",
        &[UreqProto],
        &[],
        |it| it.of_part(Part::ChunkSize).any(|line| line.len() > 22),
    ),
];

fn has_twenty_digits(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|length| {
        let digits = length.trim_ascii();
        digits.len() > 19 && digits.iter().all(u8::is_ascii_digit)
    })
}

/// What stands before the extension, bytes as characters of Latin-1 where they are no UTF-8.
fn size_of(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
    let size = line.split(|byte| *byte == b';').next().unwrap_or(line);
    String::from_utf8(size.to_owned()).unwrap_or_else(|_| size.iter().map(|byte| char::from(*byte)).collect())
}

fn is_field(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
    is_token(&line[..colon]) && is_field_text(&line[colon..])
}
