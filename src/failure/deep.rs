//! The whole of an error body: nested details, errors that stand as text in a message, inner codes, policies, versions.
//!
//! The Resource Provider Contract ("Error response content") for the object; the rest are forms that services really send.

use std::time::Duration;

use super::facts::PolicyViolation;
use super::{Detail, Failure, MAX_CODE, MAX_DEPTH, MAX_DETAILS, MAX_FOREIGN, MAX_MESSAGE, clip, message_of, text_at};
use crate::json::{Raw, digits};

impl Failure {
    /// As [`decode`](Self::decode), and everything that only Azure's services say.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut failure = Self::decode(body);
        let text = String::from_utf8_lossy(body);
        match Raw::document(&text) {
            Some(document) if document.is_object() => failure.deepen(error_of(document).unwrap_or(document)),
            // ASP.NET answers with a mere string now and then.
            Some(document) if document.string().is_some() => {
                failure.message = document.string().map(|text| clip(&text, MAX_MESSAGE));
            }
            _ => failure.take_xml(&text),
        }
        let versions = failure.messages().map(versions_in).find(|found| !found.is_empty());
        failure.facts.api_versions = versions.unwrap_or_default();
        failure
    }

    /// The wait that a throttled call is told in words: "try again after '372' seconds".
    pub(crate) fn wait_in_words(&self) -> Option<Duration> {
        self.messages().find_map(wait_in)
    }

    /// Every code of the refusal, the innermost first.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &str> {
        let details = self.details.iter().rev().filter_map(Detail::code);
        self.facts.inner_codes.iter().rev().map(String::as_str).chain(details).chain(self.code.as_deref())
    }

    fn messages(&self) -> impl Iterator<Item = &str> {
        self.message.as_deref().into_iter().chain(self.details.iter().filter_map(Detail::message))
    }

    fn deepen(&mut self, error: Raw<'_>) {
        self.details.clear();
        self.gather(error, 1, true);
        let Some(text) = wrapped(error) else { return };
        let Some(inner) = Raw::document(&text).and_then(error_of) else { return };
        let code = text_at(inner, "code");
        self.message = message_of(inner).or_else(|| code.clone());
        if self.code.is_none() {
            self.code = code;
        } else if code.is_some() && code != self.code {
            self.facts.inner_codes.extend(code);
        }
        self.gather(inner, 1, false);
    }

    /// What stands below an error. `unwraps`: whether a message may still be an error of its own, which goes one level.
    fn gather(&mut self, error: Raw<'_>, depth: usize, unwraps: bool) {
        let mut inner = error.get("innererror");
        for _ in 0..MAX_DEPTH {
            let Some(found) = inner else { break };
            if self.facts.inner_codes.len() < MAX_DETAILS {
                self.facts.inner_codes.extend(text_at(found, "code"));
            }
            inner = found.get("innererror");
        }
        for element in error.get("additionalInfo").into_iter().flat_map(Raw::elements) {
            if self.facts.policies.len() == MAX_DETAILS {
                break;
            }
            let violation = PolicyViolation::read(element);
            self.facts.policies.extend(violation.filter(|violation| !self.facts.policies.contains(violation)));
        }
        if depth > MAX_DEPTH {
            return;
        }
        for element in error.get("details").into_iter().flat_map(Raw::elements) {
            if self.details.len() == MAX_DETAILS {
                return;
            }
            let mut detail = Detail::read(element);
            let text = if unwraps { wrapped(element) } else { None };
            let inner = text.as_deref().and_then(Raw::document).and_then(error_of);
            if inner.is_some() {
                detail.message = None;
            }
            self.details.push(detail);
            self.gather(element, depth + 1, unwraps);
            if let Some(inner) = inner.filter(|_| self.details.len() < MAX_DETAILS) {
                self.details.push(Detail::read(inner));
                self.gather(inner, depth + 2, false);
            }
        }
    }

    /// XML of storage, also with a prefix and a small letter as tables have it: `<m:code>`.
    fn take_xml(&mut self, text: &str) {
        match xml(text, "code") {
            Some(code) => {
                self.code = Some(clip(code, MAX_CODE));
                self.message = xml(text, "message").map(|message| clip(message, MAX_MESSAGE));
            }
            None => {
                self.facts.is_foreign = self.message.is_some();
                self.message = self.message.take().map(|text| clip(&text, MAX_FOREIGN));
            }
        }
    }
}

/// The error in a document: an object named so, else the document where it has a code or a message.
fn error_of(document: Raw<'_>) -> Option<Raw<'_>> {
    let named = document.get("error").or_else(|| document.get("odata.error")).filter(|error| error.is_object());
    let error = named.unwrap_or(document);
    (text_at(error, "code").is_some() || message_of(error).is_some() || named.is_some()).then_some(error)
}

/// A message that is an object of JSON again, as AKS and Compute have it.
fn wrapped(error: Raw<'_>) -> Option<String> {
    let text = error.get("message").filter(|message| message.text().len() <= MAX_WRAPPED)?.string()?;
    Raw::document(&text).filter(|document| document.is_object())?;
    Some(text.into_owned())
}

/// It is in memory a second time when it is read.
const MAX_WRAPPED: usize = 1 << 20;

/// The text of the first element of that name, in any case, with any prefix.
fn xml<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pieces = text.split('<');
    pieces.find_map(|piece| {
        let (tag, content) = piece.split_once('>')?;
        let tag = tag.split_ascii_whitespace().next()?;
        let local = tag.rsplit_once(':').map_or(tag, |(_, local)| local);
        let content = content.trim();
        (local.eq_ignore_ascii_case(name) && !content.is_empty()).then_some(content)
    })
}

/// The list in "The supported api-versions are '2015-01-01, 2016-02-01'", and in its other spellings.
fn versions_in(text: &str) -> Vec<String> {
    let text = text.to_ascii_lowercase();
    let mut versions = Vec::new();
    let lists = text.split("supported ").skip(1).filter_map(|rest| {
        let rest = ["api-", "api "].iter().find_map(|prefix| rest.strip_prefix(prefix)).unwrap_or(rest);
        let rest = rest.strip_prefix("versions")?.trim_start_matches(|c| " :".contains(c));
        Some(rest.strip_prefix("are").unwrap_or(rest))
    });
    for list in lists {
        let list = list.trim_start_matches(|c: char| " :'\"[`".contains(c));
        for item in list.split(',') {
            let item = item.trim_matches(|c: char| " '\"`".contains(c));
            let end = item.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(item.len());
            match item.get(..end) {
                Some(version) if is_version(version) && versions.len() < MAX_VERSIONS => {
                    versions.push(version.to_owned())
                }
                _ => break,
            }
            // The list ends where something follows: a quote, a full stop.
            if end < item.len() {
                break;
            }
        }
    }
    versions
}

/// `2021-04-01`, or with a suffix such as `-preview`.
fn is_version(text: &str) -> bool {
    let date = |text: &str| {
        let digit = |at| if at == 4 || at == 7 { b'-' } else { b'0' };
        text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| if byte.is_ascii_digit() { b'0' } else { byte } == digit(at))
    };
    text.split_at_checked(10).is_some_and(|(day, rest)| date(day) && (rest.is_empty() || rest.starts_with('-')))
}

fn wait_in(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let quotes = |c: char| " '\"".contains(c);
    ["try again after", "retry after", "try again in", "retry in"].iter().find_map(|words| {
        let (_, rest) = text.split_once(words)?;
        let rest = rest.trim_start_matches(quotes);
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = rest.split_at_checked(end)?;
        let count = digits(count.as_bytes())?;
        let unit = unit.trim_start_matches(quotes);
        let seconds = if unit.starts_with("second") {
            1
        } else if unit.starts_with("minute") {
            60
        } else {
            return None;
        };
        Some(Duration::from_secs(count.saturating_mul(seconds)))
    })
}

/// More than any resource type has.
const MAX_VERSIONS: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_versions() {
        for (text, wanted) in [
            (
                "The supported api-versions are '2015-01-01, 2016-02-01-preview'. The supported locations are 'x'.",
                "2015-01-01 2016-02-01-preview",
            ),
            ("The supported versions are '2024-11-01,2024-10-01'.", "2024-11-01 2024-10-01"),
            ("Supported API versions: 2018-01-01, 2019-01-01.", "2018-01-01 2019-01-01"),
            ("supported versions are: \"2018-01-01\", \"2019-01-01\"", "2018-01-01 2019-01-01"),
            ("The supported api-versions are ''.", ""),
            ("Unsupported api version '2018-01-01'", ""),
            ("The supported locations are '2018-01-01'", ""),
            ("The supported versions are '7.5, 7.4'", ""),
            ("The supported versions are 'é2018-01-01'", ""),
            ("supported versions", ""),
        ] {
            assert_eq!(versions_in(text).join(" "), wanted, "{text}");
        }
        assert_eq!(versions_in(&format!("supported versions are '{}'", "2018-01-01,".repeat(900))).len(), MAX_VERSIONS);
    }

    #[test]
    fn waits_in_words() {
        for (text, wanted) in [
            ("Please try again after '372' seconds.", Some(372)),
            ("please retry after 5 minutes", Some(300)),
            ("Retry after '1' second", Some(1)),
            ("try again after 99999999999999999999 seconds", None),
            ("try again after 9999999999999999999 minutes", Some(u64::MAX)),
            ("try again after a while", None),
            ("try again after 7", None),
            ("try again after 7 days", None),
        ] {
            assert_eq!(wait_in(text), wanted.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn work_is_bounded() {
        let deep = r#"{"error":{"code":"X","innererror":{"code":"Y","details":["#.to_owned()
            + &r#"{"innererror":"#.repeat(100_000);
        Failure::read(deep.as_bytes());
        let wide = format!(
            r#"{{"error":{{"code":"X","additionalInfo":[{}{{}}]}}}}"#,
            r#"{"type":"PolicyViolation","info":{"policyDefinitionId":"a"}},"#.repeat(10_000)
        );
        assert_eq!(Failure::read(wide.as_bytes()).facts.policies.len(), 1);
        let inner = r#"{\"code\":\"Y\",\"message\":\"{}\"}"#;
        let wrapped = format!(
            r#"{{"error":{{"code":"X","details":[{}{{}}]}}}}"#,
            format!(r#"{{"message":"{inner}"}},"#).repeat(1000)
        );
        assert_eq!(Failure::read(wrapped.as_bytes()).details.len(), MAX_DETAILS);
    }
}
