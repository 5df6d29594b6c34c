//! What must hold of the forms of output.

use serde_json::Value;
use serde_json::value::RawValue;

// The command is another crate: its pure parts are built here a second time.
#[path = "../cli/format.rs"]
mod form;

/// A JSON text in every form: as many lines as it has items, each the item that another JSON parser finds there, with no tab
/// or line end that the form did not put there. Any other bytes do no harm.
pub fn format(data: &[u8]) {
    for form in [form::json, form::raw, form::jsonl, form::tsv, form::none] {
        form(data);
    }
    let Ok(document) = serde_json::from_slice::<&RawValue>(data) else { return };
    assert_eq!(form::json(data), [data, b"\n"].concat());
    assert!(form::none(data).is_empty());
    let text = std::str::from_utf8(data).unwrap();
    let raw = String::from_utf8(form::raw(text.trim().as_bytes())).unwrap();
    match serde_json::from_str::<String>(document.get()) {
        Ok(string) => assert_eq!(raw, string + "\n"),
        Err(_) if document.get().starts_with('"') => assert!(raw.contains('\u{fffd}')),
        Err(_) => assert_eq!(raw, format!("{}\n", text.trim())),
    }
    let items = elements(document.get()).unwrap_or_else(|| vec![document.get()]);
    let lines = String::from_utf8(form::jsonl(data)).unwrap();
    let found: Vec<_> = lines.split_terminator('\n').collect();
    assert_eq!(found.len(), items.len(), "{lines}");
    for (line, item) in found.iter().zip(&items) {
        assert!(!line.contains('\r') && (line == item || is_same(line, item)), "{line:?} for {item:?}");
    }
    table(data, &items);
}

fn table(data: &[u8], items: &[&str]) {
    let text = String::from_utf8(form::tsv(data)).unwrap();
    let lines: Vec<_> = text.split_terminator('\n').collect();
    assert_eq!(lines.len(), items.len(), "{text:?}");
    for (line, item) in lines.iter().zip(items) {
        let columns = elements(item).or_else(|| values(item)).unwrap_or_else(|| vec![item]);
        let cells: Vec<_> = line.split('\t').collect();
        assert_eq!(cells.len(), columns.len().max(1), "{line:?} for {item}");
        for (cell, value) in cells.iter().zip(columns) {
            let cell = unescaped(cell);
            match serde_json::from_str::<Option<String>>(value) {
                Ok(string) => assert_eq!(cell, string.unwrap_or_default()),
                Err(_) if value.starts_with('"') => assert!(cell.contains('\u{fffd}')),
                Err(_) => assert!(is_same(&cell, value), "{cell:?} for {value}"),
            }
        }
    }
}

fn elements(text: &str) -> Option<Vec<&str>> {
    let list: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(list.into_iter().map(RawValue::get).collect())
}

/// The values of an object as they stand, repeated names among them, which a map would lose: its braces and names are taken away.
fn values(text: &str) -> Option<Vec<&str>> {
    let mut rest = text.strip_prefix('{')?.trim_start();
    let mut values = Vec::new();
    while rest.starts_with('"') {
        let mut names = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        names.next()?.ok()?;
        rest = rest[names.byte_offset()..].trim_start().strip_prefix(':')?;
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        values.push(stream.next()?.ok()?.get());
        rest = rest[stream.byte_offset()..].trim_start().trim_start_matches(',').trim_start();
    }
    Some(values)
}

/// The same but for blanks. What the other parser refuses, such as a number too large for it, is compared as it is spelled.
fn is_same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => spelled(one) == spelled(other),
    }
}

/// Without the blanks between its tokens.
fn spelled(text: &str) -> String {
    // What lies between quotes that are not escaped is in strings.
    let (mut in_string, mut escaped) = (false, false);
    text.chars()
        .filter(|c| {
            let quote = *c == '"' && !escaped;
            escaped = in_string && *c == '\\' && !escaped;
            in_string ^= quote;
            in_string || !matches!(c, ' ' | '\t' | '\r' | '\n')
        })
        .collect()
}

fn unescaped(cell: &str) -> String {
    let (mut text, mut chars) = (String::new(), cell.chars());
    while let Some(c) = chars.next() {
        assert!(!matches!(c, '\n' | '\r' | '\t'));
        text.push(match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('\\') => '\\',
                other => panic!("{other:?} after a backslash in {cell:?}"),
            },
            c => c,
        });
    }
    text
}
