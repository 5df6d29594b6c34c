//! Which bytes may stand where. A token has a thousand characters and more: they are looked up, eight at a time, since to
//! compare each with the ranges of its grammar costs three times as much.

/// Whether it is a method's name or a header's: RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && span(text, TOKEN) == text.len()
}

/// Whether it may stand in a header's value or a reason phrase: RFC 9110, section 5.5.
pub(crate) fn is_field_text(text: &[u8]) -> bool {
    span(text, FIELD_TEXT) == text.len()
}

/// How much of it, from the start on, may stand in a bearer token: RFC 6750, section 2.1, but with `=` anywhere.
pub(crate) fn b64token(text: &[u8]) -> usize {
    span(text, B64TOKEN)
}

/// How many bytes from the start on are all of that class.
fn span(text: &[u8], class: u8) -> usize {
    let classes = |byte: &u8| CLASSES.get(usize::from(*byte)).copied().unwrap_or_default();
    let mut rest = text;
    while let [a, b, c, d, e, f, g, h, later @ ..] = rest {
        let first = classes(a) & classes(b) & classes(c) & classes(d);
        let second = classes(e) & classes(f) & classes(g) & classes(h);
        if first & second & class == 0 {
            break;
        }
        rest = later;
    }
    while let [byte, later @ ..] = rest {
        if classes(byte) & class == 0 {
            break;
        }
        rest = later;
    }
    text.len() - rest.len()
}

const TOKEN: u8 = 1;
const FIELD_TEXT: u8 = 2;
const B64TOKEN: u8 = 4;

/// The classes that a byte is in.
#[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "evaluated by the compiler")]
static CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'+' | b'-' | b'.' | b'_' | b'~' => TOKEN | FIELD_TEXT | B64TOKEN,
            b'/' | b'=' => FIELD_TEXT | B64TOKEN,
            b'!' | b'#'..=b'\'' | b'*' | b'^' | b'`' | b'|' => TOKEN | FIELD_TEXT,
            b'\t' | 0x20..=0x7e | 0x80..=0xff => FIELD_TEXT,
            _ => 0,
        };
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_in_its_classes_wherever_it_stands() {
        for byte in 0..=255u8 {
            let letter = byte.is_ascii_alphanumeric();
            let wanted = [
                (TOKEN, letter || b"!#$%&'*+-.^_`|~".contains(&byte)),
                (FIELD_TEXT, byte == b'\t' || byte >= b' ' && byte != 0x7f),
                (B64TOKEN, letter || b"-._~+/=".contains(&byte)),
            ];
            for (class, is_in) in wanted {
                for place in 0..20 {
                    let mut text = [b'a'; 20];
                    text[place] = byte;
                    assert_eq!(span(&text, class), if is_in { 20 } else { place }, "{byte} at {place}");
                }
            }
        }
        assert!(!is_token(b"") && is_field_text(b""));
    }
}
