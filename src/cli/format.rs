//! The forms in which a JSON text is printed: pure functions over valid JSON, without a tree.
//!
//! The text has been checked by `azmin::Query`; of any other nothing is promised but that there is no panic.

/// `-o json`: as it came, and a line's end.
pub(super) fn json(text: &[u8]) -> Vec<u8> {
    [text, b"\n"].concat()
}

/// `-o raw`: a string without its quotes, escapes resolved; anything else as it stands. And a line's end.
pub(super) fn raw(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1);
    match inside(text) {
        Some(inner) => resolve(inner, |byte| out.push(byte)),
        None => out.extend(text),
    }
    out.push(b'\n');
    out
}

/// `-o jsonl`: the elements of an array one a line, anything else one line. Text that holds a line's end loses the blanks
/// between its tokens; any other stays as it stands.
pub(super) fn jsonl(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1);
    for item in items(text) {
        one_line(item, |byte| out.push(byte));
        out.push(b'\n');
    }
    out
}

/// `-o tsv`: the elements of an array one a line, anything else one line. The elements of an array and the values of an object
/// in such a line are its columns, apart by tabs.
///
/// A string stands without its quotes, with `\t`, `\n`, `\r` and `\\` for those characters; `null` is empty; an array or object
/// in a column is its JSON on one line, escaped like a string. az (knack's `_TsvOutput`) differs: it escapes nothing, prints a
/// nested array as its length and a nested object as nothing, `null` as `None`, and booleans in columns as `True` and `False`.
pub(super) fn tsv(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1);
    for item in items(text) {
        match item.first() {
            Some(b'[' | b'{') => {
                for (index, value) in parts(item).enumerate() {
                    out.extend((index > 0).then_some(b'\t'));
                    cell(value, &mut out);
                }
            }
            _ => cell(item, &mut out),
        }
        out.push(b'\n');
    }
    out
}

/// `-o none`.
pub(super) fn none(_: &[u8]) -> Vec<u8> {
    Vec::new()
}

fn cell(value: &[u8], out: &mut Vec<u8>) {
    let escaped = |byte| match byte {
        b'\t' => out.extend(b"\\t"),
        b'\n' => out.extend(b"\\n"),
        b'\r' => out.extend(b"\\r"),
        b'\\' => out.extend(b"\\\\"),
        byte => out.push(byte),
    };
    match inside(value) {
        Some(inner) => resolve(inner, escaped),
        None if value == b"null" => {}
        None => compact(value, escaped),
    }
}

fn one_line(value: &[u8], mut push: impl FnMut(u8)) {
    if value.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        compact(value, push);
    } else {
        value.iter().for_each(|byte| push(*byte));
    }
}

/// Without the blanks between its tokens.
fn compact(value: &[u8], mut push: impl FnMut(u8)) {
    let mut strings = Strings::default();
    for byte in value.iter().copied() {
        if strings.within(byte) || !is_blank(byte) {
            push(byte);
        }
    }
}

/// The elements of an array, or the value itself.
fn items(text: &[u8]) -> Box<dyn Iterator<Item = &[u8]> + '_> {
    let text = text.trim_ascii();
    if text.first() == Some(&b'[') { Box::new(parts(text)) } else { Box::new(std::iter::once(text)) }
}

/// The elements of an array or the values of an object.
fn parts(container: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inner = container.get(1..container.len().saturating_sub(1)).unwrap_or_default();
    let mut rest = Some(inner).filter(|inner| !inner.trim_ascii().is_empty());
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let (mut strings, mut depth, mut start) = (Strings::default(), 0usize, 0);
        for (at, byte) in text.iter().copied().enumerate() {
            if strings.within(byte) {
                continue;
            }
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                // The colon after a member's name.
                b':' if depth == 0 => start = at + 1,
                b',' if depth == 0 => {
                    rest = text.get(at + 1..);
                    return text.get(start..at).map(<[u8]>::trim_ascii);
                }
                _ => {}
            }
        }
        text.get(start..).map(<[u8]>::trim_ascii)
    })
}

/// Tells, byte after byte, what lies in strings.
#[derive(Default)]
struct Strings {
    open: bool,
    escaped: bool,
}

impl Strings {
    fn within(&mut self, byte: u8) -> bool {
        let before = self.open;
        if self.escaped {
            self.escaped = false;
        } else if byte == b'"' {
            self.open = !self.open;
        } else {
            self.escaped = self.open && byte == b'\\';
        }
        before || self.open
    }
}

/// What lies between the quotes of a string.
fn inside(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// A string's bytes with its escapes resolved; half a surrogate pair is U+FFFD.
fn resolve(inner: &[u8], mut push: impl FnMut(u8)) {
    let mut rest = inner;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            push(*byte);
            continue;
        }
        let Some((escape, after)) = rest.split_first() else { return };
        rest = after;
        match escape {
            b'b' => push(8),
            b'f' => push(12),
            b'n' => push(b'\n'),
            b'r' => push(b'\r'),
            b't' => push(b'\t'),
            b'u' => {
                let (c, after) = escaped(rest);
                c.encode_utf8(&mut [0; 4]).bytes().for_each(&mut push);
                rest = after;
            }
            itself => push(*itself),
        }
    }
}

fn escaped(text: &[u8]) -> (char, &[u8]) {
    let (first, rest) = hex(text);
    if let (0xd800..=0xdbff, Some(after)) = (first, rest.strip_prefix(b"\\u")) {
        if let (second @ 0xdc00..=0xdfff, after) = hex(after) {
            let code = 0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
            return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), after);
        }
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), rest)
}

fn hex(text: &[u8]) -> (u32, &[u8]) {
    let (digits, rest) = text.split_at_checked(4).unwrap_or((text, &[]));
    (digits.iter().fold(0, |sum, digit| sum * 16 + char::from(*digit).to_digit(16).unwrap_or_default()), rest)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: fn(&[u8]) -> Vec<u8>, text: &str) -> String {
        String::from_utf8(format(text.as_bytes())).unwrap()
    }

    #[test]
    fn each_format() {
        for (text, as_raw, as_tsv, as_jsonl) in [
            ("1.50", "1.50\n", "1.50\n", "1.50\n"),
            ("null", "null\n", "\n", "null\n"),
            ("[]", "[]\n", "", ""),
            ("[ \n]", "[ \n]\n", "", ""),
            ("{}", "{}\n", "\n", "{}\n"),
            (r#""a\tb\\c""#, "a\tb\\c\n", "a\\tb\\\\c\n", "\"a\\tb\\\\c\"\n"),
            (
                r#""\ud83d\ude00\ud83dx\u00e9\/""#,
                "😀\u{fffd}xé/\n",
                "😀\u{fffd}xé/\n",
                "\"\\ud83d\\ude00\\ud83dx\\u00e9\\/\"\n",
            ),
            (
                r#"["a" , null, true,"x,]"]"#,
                "[\"a\" , null, true,\"x,]\"]\n",
                "a\n\ntrue\nx,]\n",
                "\"a\"\nnull\ntrue\n\"x,]\"\n",
            ),
            (
                "[{\"a:\":1, \"b\":\n\"x y\"}]",
                "[{\"a:\":1, \"b\":\n\"x y\"}]\n",
                "1\tx y\n",
                "{\"a:\":1,\"b\":\"x y\"}\n",
            ),
            (
                "[[1, null, {\"k\": \"\\\"\"}]]",
                "[[1, null, {\"k\": \"\\\"\"}]]\n",
                "1\t\t{\"k\":\"\\\\\"\"}\n",
                "[1, null, {\"k\": \"\\\"\"}]\n",
            ),
            (
                "{\"a\":[1, 2],\"b\":\"c\"}",
                "{\"a\":[1, 2],\"b\":\"c\"}\n",
                "[1,2]\tc\n",
                "{\"a\":[1, 2],\"b\":\"c\"}\n",
            ),
        ] {
            assert_eq!(shown(raw, text), as_raw, "raw {text}");
            assert_eq!(shown(tsv, text), as_tsv, "tsv {text}");
            assert_eq!(shown(jsonl, text), as_jsonl, "jsonl {text}");
            assert_eq!(shown(json, text), format!("{text}\n"));
            assert_eq!(shown(none, text), "");
        }
    }

    #[test]
    fn broken_text_does_no_harm() {
        let text = r#"{"a\":[1,{"\ud800\u12":"]},"b"#;
        for start in 0..text.len() {
            for end in start..text.len() {
                let part = text.as_bytes().get(start..end).unwrap();
                for format in [json, raw, tsv, jsonl, none] {
                    format(part);
                }
            }
        }
    }
}
