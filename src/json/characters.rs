//! The characters of a JSON string, escapes resolved (RFC 8259, section 7).

/// The characters that a string stands for, escapes resolved; `text` is what lies between its quotes and has been passed.
/// `None` in the place of an escape that is half of a surrogate pair, which is no character.
pub(crate) fn characters(text: &str) -> impl Iterator<Item = Option<char>> {
    let mut rest = text.chars();
    std::iter::from_fn(move || match rest.next()? {
        '\\' => Some(match rest.next()? {
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => escaped(&mut rest),
            itself => Some(itself),
        }),
        c => Some(Some(c)),
    })
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let first = hex(rest)?;
    if let (0xd800..=0xdbff, Some(mut after)) = (first, rest.as_str().strip_prefix("\\u").map(str::chars)) {
        if let Some(second @ 0xdc00..=0xdfff) = hex(&mut after) {
            *rest = after;
            return char::from_u32(0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff));
        }
    }
    char::from_u32(first)
}

fn hex(digits: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |sum, _| Some(sum * 16 + digits.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_resolved() {
        for (text, wanted) in [
            (r#"a\u0062\/\"\\\b\f\n\r\t"#, "ab/\"\\\u{8}\u{c}\n\r\t"),
            (r"\ud83d\ude00", "\u{1f600}"),
            (r"\uD83D\u0041", "\u{fffd}A"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\ude00\\u", "\u{fffd}\\u"),
        ] {
            let characters = characters(text).map(|c| c.unwrap_or('\u{fffd}'));
            assert_eq!(characters.collect::<String>(), wanted);
        }
    }
}
