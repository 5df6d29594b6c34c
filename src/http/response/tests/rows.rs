//! Rows of the catalogue of hostile and odd answers, `tests/data/catalogue/*.txt`: the parser's tests read them, and so do
//! those over sockets. How they are written is said in the README beside them.

use std::fs;
use std::path::Path;

pub(crate) const TOKEN: &str = "c4n4ry-t0k3n.that_no~text/may+show==";
/// The answer with that token.
pub(crate) const J: &str = r#"{"access_token":"c4n4ry-t0k3n.that_no~text/may+show==","expires_in":"3599"}"#;

/// What `${name}` stands for.
pub(crate) type Names = Vec<(&'static str, Vec<u8>)>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// The id, and what the row is about.
    pub(crate) name: String,
    /// RFC section, or the client that it is known from.
    pub(crate) origin: String,
    /// What must come of it, in the words of the file.
    pub(crate) outcome: String,
    /// The same for another reader, where that one differs.
    pub(crate) other: Option<String>,
    pub(crate) answers: Vec<Vec<u8>>,
}

impl Row {
    /// The answer of a row that has one.
    pub(crate) fn bytes(&self) -> &[u8] {
        assert_eq!(self.answers.len(), 1, "{}", self.name);
        &self.answers[0]
    }
}

/// The names that every file may use.
pub(crate) fn names() -> Names {
    let bytewise: String = J.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let utf_16: Vec<u8> = J.bytes().flat_map(|byte| [byte, 0]).collect();
    let chunk = format!("{:x}\r\n{J}\r\n0\r\n\r\n", J.len());
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    vec![
        ("J", J.into()),
        ("TOKEN", TOKEN.into()),
        ("J BYTE BY BYTE", bytewise.into()),
        ("J IN A CHUNK", chunk.into()),
        ("J IN UTF-16", utf_16),
        ("CHUNKED", head.into()),
        ("OK", [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ", OWN_LENGTH, b"\r\n\r\n"].concat()),
    ]
}

/// `None` in the packaged crate, which has no data; a checkout that lost them must not pass for tested.
pub(crate) fn read(file: &str, names: &Names) -> Option<Vec<Row>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/catalogue");
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", folder.display());
        eprintln!("skipped: the packaged crate has no tests/data");
        return None;
    }
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    Some(rows(&text, names))
}

pub(crate) fn rows(text: &str, names: &Names) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(bytes) = line.strip_prefix('>') {
            let bytes = bytes.strip_prefix(' ').unwrap_or(bytes);
            let answer =
                rows.last_mut().and_then(|row| row.answers.last_mut()).expect("bytes after the row's first line");
            let slashes = bytes.len() - bytes.trim_end_matches('\\').len();
            if slashes % 2 == 1 {
                answer.extend(expand(&bytes[..bytes.len() - 1], names));
            } else {
                answer.extend([expand(bytes, names), b"\r\n".to_vec()].concat());
            }
        } else if line == "--" {
            rows.last_mut().expect("an answer before another").answers.push(Vec::new());
        } else {
            rows.push(head(line, names));
        }
    }
    for row in &mut rows {
        row.answers.iter_mut().for_each(|answer| *answer = with_length(std::mem::take(answer)));
    }
    rows
}

fn head(line: &str, names: &Names) -> Row {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let text = |column: &str| String::from_utf8(expand(column, names)).expect("outcomes are text");
    let (id, what, origin, outcome, other) = match columns[..] {
        [id, what, origin, outcome] => (id, what, origin, outcome, None),
        [id, what, origin, outcome, other] => (id, what, origin, outcome, Some(other)),
        _ => panic!("not id | what | origin | outcome: {line}"),
    };
    assert!(![id, what, origin, outcome].contains(&""), "{line}");
    Row {
        id: id.to_owned(),
        name: format!("{id} {what} ({origin})"),
        origin: origin.to_owned(),
        outcome: text(outcome),
        other: other.map(text),
        answers: vec![Vec::new()],
    }
}

/// Resolves escapes and `${…}`.
fn expand(mut text: &str, names: &Names) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(c) = text.chars().next() {
        let (piece, rest) = match text.strip_prefix("${") {
            Some(inner) => {
                let (inner, rest) = inner.split_once('}').unwrap_or_else(|| panic!("no end: {text}"));
                (named(inner, names), rest)
            }
            None if c == '\\' => escape(&text[1..]),
            None => (c.to_string().into_bytes(), &text[c.len_utf8()..]),
        };
        bytes.extend(piece);
        text = rest;
    }
    bytes
}

fn escape(text: &str) -> (Vec<u8>, &str) {
    let byte = match text.as_bytes().first() {
        Some(b'r') => b'\r',
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b's') => b' ',
        Some(b'\\') => b'\\',
        Some(b'x') => {
            let byte = u8::from_str_radix(&text[1..3], 16).unwrap_or_else(|why| panic!("{why}: \\{text}"));
            return (vec![byte], &text[3..]);
        }
        _ => panic!("not an escape: \\{text}"),
    };
    (vec![byte], &text[1..])
}

fn named(inner: &str, names: &Names) -> Vec<u8> {
    let value = |name: &str| {
        let found = names.iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| panic!("nothing is called {name}")).1
    };
    match (inner.rsplit_once('*'), inner.strip_prefix('#'), inner.strip_prefix('%')) {
        (Some((text, times)), ..) => expand(text, names).repeat(times.parse().expect("how often")),
        (None, Some(""), _) => OWN_LENGTH.to_vec(),
        (None, Some(name), _) => value(name).len().to_string().into_bytes(),
        (None, None, Some(name)) => format!("{:x}", value(name).len()).into_bytes(),
        (None, None, None) => value(inner).clone(),
    }
}

/// Puts the length of what follows the first blank line in for `${#}`.
fn with_length(answer: Vec<u8>) -> Vec<u8> {
    let find = |wanted: &[u8]| answer.windows(wanted.len()).position(|part| part == wanted);
    let Some(at) = find(OWN_LENGTH) else { return answer };
    let body = answer.len() - find(b"\r\n\r\n").expect("a blank line") - 4;
    let (before, after) = (&answer[..at], &answer[at + OWN_LENGTH.len()..]);
    [before, body.to_string().as_bytes(), after].concat()
}

/// Stands for `${#}` while the body is not known; it cannot be written in a file by accident.
const OWN_LENGTH: &[u8] = b"\xfe\xfe own length \xfe\xfe";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_written() {
        let text = "# a comment\n\nA1 | one | RFC 0 | 200 ${x} y\n> a\\tb\n>\n> c\\\n\nA2 | two | nobody | cut | 200\n\
                    > \\x00\\xff${ab*3}${x*2}é\\\\\\\n> ${#x} ${%x}\\r\n--\n> H: ${#}\n>\n> 12345\\\n";
        let rows = rows(text, &vec![("x", b"sixteen bytes ok".to_vec())]);
        assert_eq!(rows.len(), 2);
        let one = &rows[0];
        assert_eq!((one.id.as_str(), one.name.as_str(), one.origin.as_str()), ("A1", "A1 one (RFC 0)", "RFC 0"));
        assert_eq!((one.outcome.as_str(), one.other.as_deref()), ("200 sixteen bytes ok y", None));
        assert_eq!(one.bytes(), b"a\tb\r\n\r\nc");
        assert_eq!((rows[1].outcome.as_str(), rows[1].other.as_deref()), ("cut", Some("200")));
        let wanted: [&[u8]; 2] = [b"\0\xffabababxx\xc3\xa9\\16 10\r\r\n", b"H: 5\r\n\r\n12345"];
        assert_eq!(rows[1].answers, wanted);
    }

    #[test]
    fn what_is_written_wrongly_is_no_row() {
        for text in [
            "A | b | c",
            "A | b |  | d",
            "> bytes first",
            "A | b | c | d\n> \\q",
            "A | b | c | d\n> ${no}",
            "--",
            "A | b | c | ${x",
        ] {
            assert!(std::panic::catch_unwind(|| rows(text, &Names::new())).is_err(), "{text}");
        }
    }
}
