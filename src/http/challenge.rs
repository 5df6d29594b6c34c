//! The `WWW-Authenticate` header: RFC 9110, section 11.6.1.

/// The realms of the `Basic` challenges in one header value, in order. Agents of Arc write the realm without quotes, though
/// it is a path.
pub(crate) fn basic_realms(value: &str) -> Vec<String> {
    let mut basic = false;
    let mut realms = Vec::new();
    for element in elements(value) {
        let element = element.trim_matches(BLANKS);
        let parameter = match element.find(&[' ', '\t', '='][..]).and_then(|end| element.split_at_checked(end)) {
            // A scheme alone.
            None => {
                basic = element.eq_ignore_ascii_case("basic");
                continue;
            }
            Some((_, rest)) if rest.trim_start_matches(BLANKS).starts_with('=') => element,
            Some((scheme, rest)) => {
                basic = scheme.eq_ignore_ascii_case("basic");
                rest.trim_matches(BLANKS)
            }
        };
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if basic && name.trim_matches(BLANKS).eq_ignore_ascii_case("realm") {
            realms.extend(unquoted(value.trim_matches(BLANKS)));
        }
    }
    realms
}

/// The parts between commas that stand outside quotes.
fn elements(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |c| {
        let escape = quoted && c == '\\' && !escaped;
        quoted ^= c == '"' && !escaped;
        escaped = escape;
        c == ',' && !quoted
    })
}

/// A quoted string's content, or the text itself; `None` for quotes that do not close.
fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let mut content = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(content),
            '\\' => content.push(chars.next()?),
            c => content.push(c),
        }
    }
}

const BLANKS: &[char] = &[' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realms_of_basic_challenges() {
        let rows: &[(&str, &[&str])] = &[
            ("Basic realm=/a/x.key", &["/a/x.key"]),
            ("basic REALM=/a/x.key", &["/a/x.key"]),
            ("Basic realm=\"/a/x.key\"", &["/a/x.key"]),
            ("Basic realm=\"/a\\\\x \\\"y\\\".key\"", &["/a\\x \"y\".key"]),
            ("Basic realm = /a/x.key", &["/a/x.key"]),
            ("Basic charset=\"UTF-8\", realm=/a/x.key", &["/a/x.key"]),
            ("Negotiate, Basic realm=/a/x.key", &["/a/x.key"]),
            ("Bearer realm=\"no, Basic realm=/b\", Basic realm=/a/x.key", &["/a/x.key"]),
            ("Basic realm=/a, Basic realm=/b", &["/a", "/b"]),
            ("Basic realm=/a=b.key", &["/a=b.key"]),
            ("Basic   realm=/a", &["/a"]),
            ("Basic realm=", &[""]),
            ("Basic", &[]),
            ("Basic ", &[]),
            ("Bearer realm=/a", &[]),
            ("Basic foo, Bearer realm=/a", &[]),
            ("Basic realm=\"/a", &[]),
            ("Basic realm=\"/a\"x", &[]),
            ("Basic realm=\"/a\\", &[]),
            ("realm=/a", &[]),
            (",,, ,", &[]),
            ("", &[]),
        ];
        for (value, realms) in rows {
            assert_eq!(basic_realms(value), *realms, "{value}");
        }
    }

    #[test]
    fn takes_linear_time() {
        for value in ["\"".repeat(60_000), "\\".repeat(60_000), "a=b,".repeat(15_000), "Basic realm=\"\\".repeat(4_000)]
        {
            basic_realms(&value);
        }
    }
}
