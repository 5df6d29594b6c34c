//! What must hold of base64.

use crate::base64::{URL_SAFE, decode, encode, encode_padded};

/// The decoder of claims takes both alphabets, padded or not, and nothing else, and gives the bits that the digits stand for;
/// what the encoders write is read back.
pub fn base64(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert_eq!(decode(&text), bits(text.trim_end_matches('=')), "{text:?}");
    assert_eq!(decode(&encode(URL_SAFE, data)).as_deref(), Some(data));
    let padded = encode_padded(data);
    assert!(padded.len() % 4 == 0 && padded.trim_end_matches('=').len() + 2 >= padded.len(), "{padded}");
    assert_eq!(decode(&padded).as_deref(), Some(data));
}

/// Six bits a digit, cut to whole bytes. A digit that stands alone is less than a byte, which nobody writes.
fn bits(text: &str) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    for c in text.chars() {
        let alphabet = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']);
        let c = if c == '+' {
            '-'
        } else if c == '/' {
            '_'
        } else {
            c
        };
        let value = alphabet.into_iter().position(|known| known == c)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    (text.len() % 4 != 1).then(|| bits.chunks_exact(8).map(byte).collect())
}
