//! The `WWW-Authenticate` header: RFC 9110, section 11.6.1.

#[cfg(any(test, fuzzing, feature = "https"))]
use crate::json::Raw;

/// The realms of the `Basic` challenges in one header value, in order. Agents of Arc write the realm without quotes, though
/// it is a path.
pub(crate) fn basic_realms(value: &str) -> Vec<String> {
    let mut realms = Vec::new();
    read(value, |scheme, parameter| {
        if let Some((name, value)) = parameter {
            if scheme.eq_ignore_ascii_case("basic") && name.eq_ignore_ascii_case("realm") {
                realms.push(value);
            }
        }
    });
    realms
}

/// What a `Bearer` challenge says (RFC 6750, section 3), in the names that Azure's services use. Each as the header has it,
/// but for the claims.
#[cfg(any(test, fuzzing, feature = "https"))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// Where the service would send us for a token: to be shown, never to be followed.
    pub(crate) authorization_uri: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
    /// What a token must claim, decoded: the text of a JSON object.
    pub(crate) claims: Option<String>,
}

#[cfg(any(test, fuzzing, feature = "https"))]
impl Bearer {
    /// The first of a name counts.
    fn keep(&mut self, name: &str, value: String) {
        let named = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let slot = match () {
            () if named(&["authorization_uri", "authorization"]) => &mut self.authorization_uri,
            () if named(&["resource", "resource_id"]) => &mut self.resource,
            () if named(&["scope"]) => &mut self.scope,
            () if named(&["error"]) => &mut self.error,
            () if named(&["error_description"]) => &mut self.error_description,
            () if named(&["claims"]) => {
                self.claims = self.claims.take().or_else(|| decoded(&value));
                return;
            }
            () => return,
        };
        slot.get_or_insert(value);
    }
}

/// The `Bearer` challenge of these header values: of several the one with claims, else the one with an error.
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) fn bearer<'a>(values: impl Iterator<Item = &'a str>) -> Option<Bearer> {
    let mut found: Vec<Bearer> = Vec::new();
    for value in values {
        read(value, |scheme, parameter| match (parameter, found.last_mut()) {
            _ if !scheme.eq_ignore_ascii_case("bearer") => {}
            (None, _) => found.push(Bearer::default()),
            (Some((name, value)), Some(last)) => last.keep(name, value),
            (Some(_), None) => {}
        });
    }
    let rank = |bearer: &Bearer| (bearer.claims.is_none(), bearer.error.is_none());
    found.into_iter().min_by_key(rank)
}

/// Claims as the text of their JSON object. Azure's services use either alphabet of base64, padded or not.
#[cfg(any(test, fuzzing, feature = "https"))]
fn decoded(claims: &str) -> Option<String> {
    let text = String::from_utf8(crate::base64::decode(claims)?).ok()?;
    Raw::document(&text).filter(|claims| claims.is_object())?;
    Some(text)
}

/// Tells of each challenge, and then of each of its parameters.
///
/// Parameters without quotes, and with blanks instead of commas between them, are common in Azure. What is neither scheme nor
/// parameter is passed over; a quote that does not close ends at the next comma, so that later challenges are not lost. No
/// later quote is read twice: one that can open a string would have closed this one.
fn read<'a>(header: &'a str, mut tell: impl FnMut(&'a str, Option<(&'a str, String)>)) {
    let (mut scheme, mut rest, mut first) = ("", header, true);
    while !rest.is_empty() {
        let (word, after) = split(rest.trim_start_matches(BLANKS), b" \t,=");
        let after = after.trim_start_matches(BLANKS);
        rest = match after.strip_prefix('=') {
            Some(value) => {
                let (content, after) = content(value.trim_start_matches(BLANKS));
                if let Some(content) = content {
                    tell(scheme, Some((word, content)));
                }
                after
            }
            None => {
                if first && !word.is_empty() {
                    scheme = word;
                    tell(scheme, None);
                }
                after
            }
        };
        let next = rest.strip_prefix(',');
        first = next.is_some();
        rest = next.unwrap_or(rest);
    }
}

/// A value and what follows it: a quoted string's content, or the text up to a blank or comma; `None` for a string that does
/// not close, or that something clings to.
fn content(value: &str) -> (Option<String>, &str) {
    let Some(inner) = value.strip_prefix('"') else {
        let (text, after) = split(value, b" \t,");
        return (Some(text.to_owned()), after);
    };
    let mut content = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                let after = chars.as_str();
                let ends = after.is_empty() || after.starts_with([' ', '\t', ',']);
                return (ends.then_some(content), after);
            }
            '\\' => content.extend(chars.next()),
            c => content.push(c),
        }
    }
    (None, split(inner, b",").1)
}

/// Splits before the first of these characters.
fn split<'a>(text: &'a str, ends: &[u8]) -> (&'a str, &'a str) {
    let end = text.bytes().position(|byte| ends.contains(&byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

const BLANKS: &[char] = &[' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_claims_are_claims() {
        let claims = |name: &str| {
            let challenge = format!("Bearer error=\"e\", {name}=\"eyJhIjoxfQ\"");
            bearer([challenge.as_str()].into_iter()).unwrap().claims
        };
        assert_eq!(claims("claims").as_deref(), Some("{\"a\":1}"));
        assert_eq!(claims("realm"), None);
    }

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
            ("Basic realm=\"/a\"x, Basic realm=/b", &["/b"]),
            ("Bearer realm=\"a, Basic realm=/b", &["/b"]),
            ("Bearer =\"a\\\", Basic realm=/b\\\"", &["/b\\\""]),
            ("Negotiate abc==, Basic realm=/b", &["/b"]),
            ("Negotiate a/b+c=, =, ?, Basic realm=/b charset=UTF-8", &["/b"]),
            ("\"Digest, Basic realm=/b", &["/b"]),
            ("Bearer realm=/a Basic realm=/b", &[]),
            (",,, ,", &[]),
            ("", &[]),
        ];
        for (value, realms) in rows {
            assert_eq!(basic_realms(value), *realms, "{value}");
        }
    }

    #[test]
    fn bearer_challenges() {
        // Header values; authorization_uri, resource, scope, error, error_description, claims.
        type Row<'a> = (&'a [&'a str], Option<[&'a str; 6]>);
        let vault =
            "Bearer authorization=\"https://login.microsoftonline.com/t\", resource=\"https://vault.azure.net\"";
        let storage = "Bearer authorization_uri=https://login.microsoftonline.com/t/oauth2/authorize resource_id=https://storage.azure.com";
        let claims = "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"eyJhIjoiPz8_In0=\"";
        let rows: &[Row<'_>] = &[
            (&[vault], Some(["https://login.microsoftonline.com/t", "https://vault.azure.net", "", "", "", ""])),
            (
                &[storage],
                Some([
                    "https://login.microsoftonline.com/t/oauth2/authorize",
                    "https://storage.azure.com",
                    "",
                    "",
                    "",
                    "",
                ]),
            ),
            (
                &["Bearer error=\"invalid_token\", error_description=\"a \\\"b\\\", c\", SCOPE = x"],
                Some(["", "", "x", "invalid_token", "a \"b\", c", ""]),
            ),
            (&[claims], Some(["", "", "", "insufficient_claims", "", r#"{"a":"???"}"#])),
            // Of several, in one header or more.
            (&[vault, claims], Some(["", "", "", "insufficient_claims", "", r#"{"a":"???"}"#])),
            (&["Bearer scope=a, Bearer error=b", "Bearer error=c"], Some(["", "", "", "b", "", ""])),
            (&["Bearer", "Bearer scope=b"], Some([""; 6])),
            (&["Basic realm=/a, bearer", "scope=a"], Some([""; 6])),
            (&["PoP nonce=\"x\", claims=e30, Bearer error=e"], Some(["", "", "", "e", "", ""])),
            (&["Bearer error=a, error=b"], Some(["", "", "", "a", "", ""])),
            // Claims in either alphabet, padded or not; nothing else is taken for claims.
            (&["Bearer claims=e30="], Some(["", "", "", "", "", "{}"])),
            (&["Bearer claims=\"e30\""], Some(["", "", "", "", "", "{}"])),
            (&["Bearer claims=eyJhIjoiPz8/In0="], Some(["", "", "", "", "", r#"{"a":"???"}"#])),
            (&["Bearer claims=W10"], Some([""; 6])),
            (&["Bearer claims=e"], Some([""; 6])),
            (&["Bearer claims=, claims=e30"], Some(["", "", "", "", "", "{}"])),
            (&["Basic realm=/a", "Bearerx error=e", "error=e"], None),
            (&[], None),
        ];
        for (values, wanted) in rows {
            let found = bearer(values.iter().copied()).map(|found| {
                let Bearer { authorization_uri, resource, scope, error, error_description, claims } = found;
                [authorization_uri, resource, scope, error, error_description, claims].map(Option::unwrap_or_default)
            });
            assert_eq!(found, wanted.map(|wanted| wanted.map(str::to_owned)), "{values:?}");
        }
    }

    #[test]
    fn takes_linear_time() {
        for value in [
            "\"".repeat(60_000),
            "\\".repeat(60_000),
            "a=b,".repeat(15_000),
            "Basic realm=\"\\".repeat(4_000),
            "Basic a=\"\\\",=\\\"".repeat(4_000),
        ] {
            basic_realms(&value);
            bearer([value.as_str()].into_iter());
        }
    }
}
