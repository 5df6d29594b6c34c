//! What a service says when it refuses: one decoder for every error body that Azure sends.

use std::fmt;

use crate::json::Raw;

#[cfg(any(test, fuzzing, feature = "https"))]
mod deep;
#[cfg(any(test, fuzzing, feature = "https"))]
mod facts;

#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) use facts::Facts;
#[cfg(any(test, fuzzing, feature = "https"))]
pub use facts::PolicyViolation;

/// The service's words, as far as the body told them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) details: Vec<Detail>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) trace_id: Option<String>,
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) facts: Facts,
}

/// One nested error of an answer. `Display` is one line, fit for a terminal: `code @ target: message`.
///
/// Source: the Resource Provider Contract, "Error response content".
///
/// # Example
///
/// ```
/// fn targets(error: &azmin::Error) -> Vec<&str> {
///     error.details().filter_map(azmin::Detail::target).collect()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detail {
    code: Option<String>,
    target: Option<String>,
    message: Option<String>,
}

impl Failure {
    /// Reads an error body. In the order tried: the ARM and OData object (`error`, `odata.error`), OAuth's strings
    /// (`error`, `error_description`), the bare object of App Service and ASP.NET, storage's XML; text of anything else
    /// (a proxy, a gateway) becomes the message.
    pub(crate) fn decode(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let Some(document) = Raw::document(&text).filter(|document| document.is_object()) else {
            return Self::from_text(&text);
        };
        let nested = document.get("error").or_else(|| document.get("odata.error")).filter(|error| error.is_object());
        let mut failure = Self::from_object(nested.unwrap_or(document));
        if nested.is_none() {
            failure.code = text_at(document, "error").or_else(|| failure.code.take());
            failure.message = text_at(document, "error_description").or_else(|| failure.message.take());
        }
        failure.correlation_id = ["correlation_id", "correlationId"]
            .iter()
            .find_map(|name| text_at(document, name).or_else(|| nested.and_then(|nested| text_at(nested, name))));
        failure.trace_id = text_at(document, "trace_id");
        if failure == Self::default() { Self::from_text(&text) } else { failure }
    }

    /// Whether this is the service's code, in any case.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(code))
    }

    pub(crate) fn message_starts(&self, words: &str) -> bool {
        self.message.as_deref().is_some_and(|message| message.starts_with(words))
    }

    fn from_object(error: Raw<'_>) -> Self {
        let mut failure = Self { code: text_at(error, "code"), message: message_of(error), ..Self::default() };
        collect_details(error, 1, &mut failure.details);
        failure
    }

    /// XML of storage, or whatever a machine in between had to say, shortened.
    fn from_text(text: &str) -> Self {
        let text = text.trim().trim_start_matches('\u{feff}');
        let code = xml_element(text, "Code").map(|code| clip(code, MAX_CODE));
        let message = match (&code, xml_element(text, "Message")) {
            (Some(_), message) => message.map(|message| clip(message, MAX_MESSAGE)),
            (None, _) if text.is_empty() => None,
            // An answer with a token under the wrong status: no words of a service are worth showing that.
            (None, _) if mentions_token(text) => None,
            (None, _) => Some(clip(text, MAX_FOREIGN)),
        };
        Self { code, message, ..Self::default() }
    }
}

impl Detail {
    /// The service's code.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What the error is about: a property, a resource, a provider's namespace.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// The service's words, as they came.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    fn read(detail: Raw<'_>) -> Self {
        Self { code: text_at(detail, "code"), target: text_at(detail, "target"), message: message_of(detail) }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Plain(self.code.as_deref().unwrap_or("-")))?;
        if let Some(target) = &self.target {
            write!(f, " @ {}", Plain(target))?;
        }
        match &self.message {
            Some(message) => write!(f, ": {}", Plain(message)),
            None => Ok(()),
        }
    }
}

/// Text of a service as a person may see it: one line, no control or direction characters (CWE-150), bounded.
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for (count, c) in self.0.trim().chars().enumerate() {
            if count == MAX_SHOWN {
                return f.write_str("…");
            }
            match c {
                '\n' | '\r' | '\t' => f.write_char(' ')?,
                '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    f.write_char('\u{fffd}')?
                }
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Depth and number are bounded: a body of a megabyte can hold 100,000 levels.
fn collect_details(error: Raw<'_>, depth: usize, found: &mut Vec<Detail>) {
    let Some(details) = error.get("details").filter(|_| depth <= MAX_DEPTH) else { return };
    for detail in details.elements() {
        if found.len() == MAX_DETAILS {
            return;
        }
        found.push(Detail::read(detail));
        collect_details(detail, depth + 1, found);
    }
}

/// OData version 3 wraps the message: `{"lang":"en","value":"…"}`.
fn message_of(error: Raw<'_>) -> Option<String> {
    let message = error.get("message")?;
    let message = if message.is_object() { message.get("value")? } else { message };
    message.beginning(MAX_MESSAGE).map(|text| clip(&text, MAX_MESSAGE))
}

fn text_at(object: Raw<'_>, name: &str) -> Option<String> {
    object.get(name)?.beginning(MAX_CODE).filter(|text| !text.is_empty()).map(|text| clip(&text, MAX_CODE))
}

fn mentions_token(text: &str) -> bool {
    let name = b"access_token";
    let mut places = text.as_bytes().windows(name.len()).enumerate();
    places.any(|(at, part)| {
        let rest = text.as_bytes().get(at + name.len()..).unwrap_or(&[]);
        let next = rest.iter().find(|byte| !matches!(byte, b'"' | b' '));
        part.eq_ignore_ascii_case(name) && matches!(next, Some(b':' | b'='))
    })
}

fn xml_element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split('<').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('>')).map(str::trim)
}

fn clip(text: &str, most: usize) -> String {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("").to_owned()
}

/// Codes, ids and targets; `error_description` of Entra is the longest.
const MAX_CODE: usize = 4096;
const MAX_MESSAGE: usize = 8192;
/// Of a page that some proxy answered with.
const MAX_FOREIGN: usize = 200;
const MAX_DEPTH: usize = 5;
const MAX_DETAILS: usize = 50;
/// Longer than any message that Azure sends on purpose, short enough for a log line.
const MAX_SHOWN: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_error_body() {
        // Body, code, message; the forms of errors of ARM and of the eleven that MSAL.NET's tests name.
        let rows: &[(&str, Option<&str>, Option<&str>)] = &[
            (r#"{"error":{"code":"X","message":"m"}}"#, Some("X"), Some("m")),
            (r#"{"error":{"code":null,"message":"m"}}"#, None, Some("m")),
            (r#"{"error":{"message":"m"}}"#, None, Some("m")),
            (r#"{"error":{"code":"X"}}"#, Some("X"), None),
            (r#"{"error":{"code":"X","message":"m","innererror":{"trace":"t"}}}"#, Some("X"), Some("m")),
            (r#"{"code":"X","message":"m"}"#, Some("X"), Some("m")),
            (r#"{"Error":{"Code":"X","Message":"m"}}"#, Some("X"), Some("m")),
            (r#"{"odata.error":{"code":"X","message":{"lang":"en","value":"m"}}}"#, Some("X"), Some("m")),
            (
                r#"{"Message":"The requested resource does not support http method 'PUT'."}"#,
                None,
                Some("The requested resource does not support http method 'PUT'."),
            ),
            (
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: no","error_codes":[7000215]}"#,
                Some("invalid_client"),
                Some("AADSTS7000215: no"),
            ),
            (r#"{"error_description":"only words"}"#, None, Some("only words")),
            (r#"{"statusCode":500,"message":"m","correlationId":"c"}"#, None, Some("m")),
            (r#"{"error":{"code":42,"message":"m"}}"#, Some("42"), Some("m")),
            ("\u{feff}{\"error\":{\"code\":\"X\",\"message\":\"m\"}}", Some("X"), Some("m")),
            (r#"{"error":null}"#, None, Some(r#"{"error":null}"#)),
            (r#"{"error":[]}"#, None, Some(r#"{"error":[]}"#)),
            (r#"{"error":{}}"#, None, Some(r#"{"error":{}}"#)),
            (r#"{"error":42}"#, Some("42"), None),
            (
                "<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code><Message>gone</Message></Error>",
                Some("BlobNotFound"),
                Some("gone"),
            ),
            ("<html><body>502 Bad Gateway</body></html>", None, Some("<html><body>502 Bad Gateway</body></html>")),
            ("", None, None),
            ("\"just text\"", None, Some("\"just text\"")),
            (r#"{"access_token":"t"}"#, None, None),
            (r#"{"error":{"code":"X"},"access_token":"t"}"#, Some("X"), None),
            (r#"Bearer {"Access_Token":"t"#, None, None),
            ("access_token=t&x=y", None, None),
            ("access_token : t", None, None),
            ("The access_token is expired.", None, Some("The access_token is expired.")),
            ("access_token", None, Some("access_token")),
        ];
        for (body, code, message) in rows {
            let failure = Failure::decode(body.as_bytes());
            assert_eq!((failure.code.as_deref(), failure.message.as_deref()), (*code, *message), "{body}");
        }
    }

    #[test]
    fn ids_and_nested_details() {
        let failure = Failure::decode(
            br#"{"error":{"code":"A","message":"a","correlationId":"c-1","details":[{"code":"B","target":"/x","message":"b","details":[{"message":"c"}]},7]},"trace_id":"t-1"}"#,
        );
        let lines: Vec<_> = failure.details.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["B @ /x: b", "-: c", "-"]);
        let parts =
            |detail: &Detail| [detail.code(), detail.target(), detail.message()].map(|part| part.map(str::to_owned));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parts(&failure.details[0]), [some("B"), some("/x"), some("b")]);
        assert_eq!(parts(&failure.details[1]), [None, None, some("c")]);
        assert_eq!((failure.correlation_id.as_deref(), failure.trace_id.as_deref()), (Some("c-1"), Some("t-1")));
        let failure = Failure::decode(br#"{"error":{"details":[{"code":"\u001b[2J\n"}]}}"#);
        assert_eq!(failure.details[0].to_string(), "\u{fffd}[2J");
    }

    #[test]
    fn work_is_bounded() {
        let deep = |levels| {
            let open = r#"{"error":{"details":["#.to_owned() + &r#"{"details":["#.repeat(levels);
            Failure::decode((open + &"]}".repeat(levels + 1) + "}").as_bytes())
        };
        assert_eq!(deep(250).details.len(), MAX_DEPTH);
        // Deeper than JSON is read: as a text.
        assert!(deep(100_000).message.is_some_and(|message| message.len() == MAX_FOREIGN));
        let wide = format!(r#"{{"error":{{"code":"X","details":[{}{{}}]}}}}"#, "{},".repeat(10_000));
        assert_eq!(Failure::decode(wide.as_bytes()).details.len(), MAX_DETAILS);
        let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(100_000));
        assert_eq!(Failure::decode(long.as_bytes()).message.unwrap().len(), MAX_MESSAGE);
        assert_eq!(Failure::decode(&[0xff; 1000]).message.unwrap().len(), MAX_FOREIGN - 2);
    }

    #[test]
    fn service_text_cannot_drive_a_terminal() {
        assert_eq!(Plain("a\x1b[2Jb\r\nc\u{202e}d").to_string(), "a\u{fffd}[2Jb  c\u{fffd}d");
        assert_eq!(Plain("a\u{61c}b").to_string(), "a\u{fffd}b");
        assert_eq!(Plain(&"x".repeat(MAX_SHOWN + 5)).to_string().chars().count(), MAX_SHOWN + 1);
    }
}
