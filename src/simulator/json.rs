//! JSON as text: just enough to write what Azure answers.

/// A string with its quotes.
pub(super) fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// An object of members whose values are JSON already.
pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let members: Vec<String> = members.into_iter().map(|(name, value)| format!("{}:{value}", text(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// An array of values that are JSON already.
pub(super) fn array(values: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", values.into_iter().collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_would_end_a_string_or_a_line() {
        for (plain, coded) in [
            ("", r#""""#),
            ("DevTest", r#""DevTest""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("a\r\n\u{0}\u{7f}", r#""a\u000d\u000a\u0000\u007f""#),
            ("Grüße/", "\"Grüße/\""),
        ] {
            assert_eq!(text(plain), coded);
        }
        assert_eq!(
            object([("a", text("b")), ("c", array(["1".to_owned(), "2".to_owned()]))]),
            r#"{"a":"b","c":[1,2]}"#
        );
        assert_eq!(object([]), "{}");
    }
}
