//! Text of every kind, for our encoders and those of the crates url and base64.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};

use super::{Dice, compare};
use crate::base64::{URL_SAFE, decode, encode, encode_padded};
use crate::fuzz::http_request::encoding::{OF_PARAMETERS, OF_QUERIES, parameters_differ, queries_differ};
use crate::fuzz::strictness::{Named, Verdict};

#[test]
fn parameters_as_the_url_crate_encodes_them() {
    let named = OF_PARAMETERS.iter();
    compare("parameters, url", 40_000, named, |dice| parameters_differ(&text(dice), &text(dice)));
}

#[test]
fn queries_as_the_url_crate_encodes_them() {
    compare("stray characters, url", 40_000, OF_QUERIES.iter(), |dice| queries_differ(&text(dice)));
}

#[test]
fn bytes_as_the_base64_crate_encodes_them() {
    compare("Base64 written, base64", 40_000, [].iter(), |dice| {
        let bytes: Vec<u8> = (0..dice.below(70)).map(|_| dice.next() as u8).collect();
        assert_eq!(encode(URL_SAFE, &bytes), general_purpose::URL_SAFE_NO_PAD.encode(&bytes));
        assert_eq!(encode_padded(&bytes), general_purpose::STANDARD.encode(&bytes));
        assert_eq!(decode(&encode_padded(&bytes)).as_deref(), Some(&*bytes));
        Verdict::Same
    });
}

#[test]
fn base64_as_the_base64_crate_decodes_it() {
    compare("Base64 read, base64", 40_000, OF_BASE64.iter(), |dice| {
        let alphabet = dice.mostly(30, &["Aa0-_", "Aa0+/", "Aa0+/", "Aa0+_", "Aa0-_ \n", "Aa0-_é"]);
        let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain(alphabet.chars()).collect();
        let mut text: String = (0..dice.below(24)).map(|_| letters[dice.below(letters.len())]).collect();
        text += &"=".repeat(if dice.one_in(3) { dice.below(5) } else { 0 });
        if dice.one_in(20) {
            text = dice.broken_text(&text, &["=", "==", "*", " ", "\0"]);
        }
        base64_differs(&text)
    });
}

/// Theirs is one alphabet at a time, with the padding that belongs there or none, and no bits left over.
fn base64_differs(text: &str) -> Verdict {
    let read = |text: &str, bits: bool| {
        let padding = DecodePaddingMode::Indifferent;
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(padding).with_decode_allow_trailing_bits(bits);
        let alphabets = [alphabet::URL_SAFE, alphabet::STANDARD];
        alphabets.iter().find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
    };
    let (ours, theirs) = (decode(text), read(text, false));
    if ours == theirs {
        return if ours.is_some() { Verdict::Same } else { Verdict::Refused };
    }
    assert!(theirs.is_none(), "{text:?} is {ours:?} to us, {theirs:?} to them");
    // Read once what is lenient about it has been put right.
    let one = text.replace('+', "-").replace('/', "_");
    if ours == read(text, true) {
        return Verdict::Named(BITS);
    }
    if ours == read(&one, true) {
        return Verdict::Named(MIXED);
    }
    assert_eq!(ours, read(one.trim_end_matches('='), true), "{text:?}");
    Verdict::Named(PADDING)
}

const BITS: &str = "bits that are left over";
const MIXED: &str = "both alphabets in one text";
const PADDING: &str = "any number of padding characters";

const OF_BASE64: &[Named] = &[
    Named { name: BITS, why: "RFC 4648, section 3.5, lets them pass; what is decoded is compared, never the text" },
    Named { name: MIXED, why: "claims are read to compare an id, never trusted; services differ in the alphabet" },
    Named { name: PADDING, why: "some pad where RFC 7515, section 2, has no padding, and not always rightly" },
];

fn text(dice: &mut Dice) -> String {
    let pieces = [
        "a",
        "Z9",
        "-._~",
        " ",
        "%20",
        "%",
        "+",
        "&",
        "=",
        "#",
        "?",
        "/",
        "\\",
        "'",
        "\"",
        "<",
        "{id}",
        "|",
        "^`",
        "*",
        "é",
        "\u{10ffff}",
        "日本",
        "\n",
        "\0",
        "\t",
        "\u{7f}",
        "\u{80}",
        ":",
        "@",
        "!",
        "$filter",
        "(",
        ",",
        ";",
        "[",
        "\u{feff}",
        "\u{2028}",
    ];
    // A third of it is plain, so that not everything differs.
    let few = &pieces[..if dice.one_in(3) {
        3
    } else if dice.one_in(3) {
        4
    } else {
        pieces.len()
    }];
    (0..dice.below(5)).map(|_| dice.pick(few)).collect()
}
