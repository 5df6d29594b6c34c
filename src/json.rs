//! Two small ways into JSON: Azure's scalars for miniserde (`"123"` or `123`), and lookups in raw text that build no tree.

#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) mod characters;
pub(crate) mod strict;

use std::borrow::Cow;

use miniserde::de::{Deserialize, Visitor};
use miniserde::{Result, make_place};
use zeroize::Zeroizing;

use crate::date;
use strict::Scan;

make_place!(Place);

/// A count of seconds as Azure's endpoints spell it: a number, the same in quotes, or for a moment in time a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seconds {
    /// `""` and `null`, which some endpoints send for "not known".
    Absent,
    Value(u64),
    /// A date, as seconds since 1970.
    Date(u64),
    /// Anything else, kept apart from a syntax error: another field may still tell the lifetime.
    Unreadable,
}

impl Seconds {
    /// As a count of seconds.
    pub(crate) fn count(self) -> Option<u64> {
        if let Self::Value(seconds) = self { Some(seconds) } else { None }
    }

    /// As a moment in time.
    pub(crate) fn moment(self) -> Option<u64> {
        if let Self::Value(seconds) | Self::Date(seconds) = self { Some(seconds) } else { None }
    }
}

impl Visitor for Place<Seconds> {
    fn null(&mut self) -> Result<()> {
        self.out = Some(Seconds::Absent);
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<()> {
        self.out = Some(match (digits(text.as_bytes()), date::expiry(text)) {
            (Some(seconds), _) => Seconds::Value(seconds),
            (None, Some(seconds)) => Seconds::Date(seconds),
            (None, None) if text.is_empty() => Seconds::Absent,
            (None, None) => Seconds::Unreadable,
        });
        Ok(())
    }

    fn nonnegative(&mut self, number: u64) -> Result<()> {
        self.out = Some(Seconds::Value(number));
        Ok(())
    }

    fn negative(&mut self, _: i64) -> Result<()> {
        self.out = Some(Seconds::Unreadable);
        Ok(())
    }

    fn float(&mut self, _: f64) -> Result<()> {
        self.out = Some(Seconds::Unreadable);
        Ok(())
    }
}

impl Deserialize for Seconds {
    fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
        Place::new(out)
    }

    fn default() -> Option<Self> {
        Some(Self::Absent)
    }
}

/// A string that is wiped when dropped, also where the rest of the document turns out to be broken; without one where the
/// document has no such member. Boxed: the wiping of a `String` goes byte by byte, that of a slice is one fill.
pub(crate) struct Secret(pub(crate) Option<Zeroizing<Box<str>>>);

impl Visitor for Place<Secret> {
    fn string(&mut self, text: &str) -> Result<()> {
        self.out = Some(Secret(Some(Zeroizing::new(text.into()))));
        Ok(())
    }
}

impl Deserialize for Secret {
    fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
        Place::new(out)
    }

    fn default() -> Option<Self> {
        Some(Self(None))
    }
}

/// Whether a token's type is `Bearer`, in any case (RFC 6749, section 7.1).
pub(crate) struct Bearer(pub(crate) bool);

impl Visitor for Place<Bearer> {
    fn string(&mut self, text: &str) -> Result<()> {
        self.out = Some(Bearer(text.eq_ignore_ascii_case("bearer")));
        Ok(())
    }
}

impl Deserialize for Bearer {
    fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
        Place::new(out)
    }
}

/// One to nineteen ASCII digits as a number. `str::parse` would also take a sign.
pub(crate) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

/// One JSON value as it stands in its document, which has been checked from end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    /// The value that fills `text`, one byte order mark before it forgiven (services behind .NET send it). `None` for
    /// anything but JSON.
    pub(crate) fn document(text: &'a str) -> Option<Self> {
        let mut scan = Scan::new(text);
        let value = scan.value().ok()?;
        scan.end().ok().map(|()| Self(value))
    }

    /// As it stands in its document.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    /// The text of a string, escapes resolved; `None` also where one is half of a surrogate pair.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('\\') {
            // Not `characters`, which would be a kilobyte more of the smallest build.
            return miniserde::json::from_str::<String>(self.0).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(inner))
    }

    /// The text of a string, or a number or boolean as it is spelled.
    pub(crate) fn scalar(self) -> Option<Cow<'a, str>> {
        match self.0.as_bytes().first()? {
            b'"' => self.string(),
            b'{' | b'[' | b'n' => None,
            _ => Some(Cow::Borrowed(self.0)),
        }
    }

    /// The beginning of that text, so many bytes of it or a few more: what is escaped takes its room twice more when it is
    /// read, and Resource Manager's answers may have megabytes of it.
    pub(crate) fn beginning(self, most: usize) -> Option<Cow<'a, str>> {
        let bytes = self.0.as_bytes();
        // No character takes more than six in an escape. The answers of identity endpoints alone are short.
        let limit = if cfg!(any(test, fuzzing, feature = "https")) { 6 * most } else { usize::MAX };
        if bytes.len() <= limit || bytes.first() != Some(&b'"') {
            return self.scalar();
        }
        let mut end = 1;
        while end < limit {
            end += match bytes.get(end..).unwrap_or(&[]) {
                // The two halves of one character stay together.
                [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..] => 12,
                [b'\\', b'u', ..] => 6,
                [b'\\', ..] => 2,
                _ => 1,
            };
        }
        while end < bytes.len() && !self.0.is_char_boundary(end) {
            end += 1;
        }
        let Some(beginning) = self.0.get(..end) else { return self.scalar() };
        let beginning = [beginning, "\""].concat();
        Raw(&beginning).string().map(|text| Cow::Owned(text.into_owned()))
    }

    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn is_null(self) -> bool {
        self.0 == "null"
    }

    pub(crate) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// The first member of that name, compared without case: ASP.NET services capitalise what others do not.
    pub(crate) fn get(self, name: &str) -> Option<Self> {
        let longest = 6 * name.len() + 2;
        self.members()
            .find(|(key, _)| key.0.len() <= longest && key.string().is_some_and(|key| key.eq_ignore_ascii_case(name)))
            .map(|(_, value)| value)
    }

    /// The members of an object; nothing for any other value.
    pub(crate) fn members(self) -> impl Iterator<Item = (Self, Self)> {
        let mut inside = self.inside(b'{');
        std::iter::from_fn(move || {
            let (scan, first) = inside.as_mut()?;
            scan.next(first, b'}').ok().filter(|more| *more)?;
            Some((Self(scan.name().ok()?), Self(scan.value().ok()?)))
        })
    }

    /// The elements of an array; nothing for any other value.
    pub(crate) fn elements(self) -> impl Iterator<Item = Self> {
        let mut inside = self.inside(b'[');
        std::iter::from_fn(move || {
            let (scan, first) = inside.as_mut()?;
            scan.next(first, b']').ok().filter(|more| *more)?;
            scan.value().ok().map(Self)
        })
    }

    /// Behind the bracket, before the first value.
    fn inside(self, open: u8) -> Option<(Scan<'a>, bool)> {
        let mut scan = Scan::new(self.0);
        let enters = scan.kind() == Some(open) && scan.enter().is_ok();
        enters.then_some((scan, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(miniserde::Deserialize)]
    struct Times {
        expires_in: Seconds,
    }

    #[test]
    fn seconds_in_every_spelling() {
        for (json, wanted) in [
            (r#"{"expires_in":3599}"#, Seconds::Value(3599)),
            (r#"{"expires_in":"3599"}"#, Seconds::Value(3599)),
            (r#"{"expires_in":""}"#, Seconds::Absent),
            (r#"{"expires_in":null}"#, Seconds::Absent),
            ("{}", Seconds::Absent),
            (r#"{"expires_in":"+3599"}"#, Seconds::Unreadable),
            (r#"{"expires_in":" 3599"}"#, Seconds::Unreadable),
            (r#"{"expires_in":"3_599"}"#, Seconds::Unreadable),
            (r#"{"expires_in":"٣"}"#, Seconds::Unreadable),
            (r#"{"expires_in":-1}"#, Seconds::Unreadable),
            (r#"{"expires_in":3599.0}"#, Seconds::Unreadable),
            (r#"{"expires_in":"99999999999999999999"}"#, Seconds::Unreadable),
        ] {
            let times: Times = miniserde::json::from_str(json).expect(json);
            assert_eq!(times.expires_in, wanted, "{json}");
        }
        assert!(miniserde::json::from_str::<Times>(r#"{"expires_in":[]}"#).is_err());
    }

    #[test]
    fn lookups_in_raw_text() {
        let document = Raw::document("\u{feff} {\"a\\u0062\" : [1.50, \"x\\n\", {\"k\":{}} ] , \"b\":true}\n").unwrap();
        let list: Vec<_> = document.get("AB").unwrap().elements().collect();
        assert_eq!(list[0].scalar().unwrap(), "1.50");
        assert_eq!(list[1].string().unwrap(), "x\n");
        assert!(list[2].get("k").unwrap().is_object());
        assert_eq!(document.get("b").unwrap().scalar().unwrap(), "true");
        assert_eq!(document.get("c"), None);
        let escaped = Raw::document(r#"{"\u0061\u0062\u0063\u0064":1}"#).unwrap();
        assert_eq!(escaped.get("abcd").unwrap().scalar().unwrap(), "1");
        assert_eq!(list[0].string(), None);
    }

    #[test]
    fn the_beginning_of_a_long_text() {
        for (unit, text) in
            [("x", "x"), ("é", "é"), ("\\n", "\n"), ("\\u00e9", "é"), ("\\ud83d\\ude00", "😀"), ("\\\\", "\\")]
        {
            for before in ["", "-", "--", "---"] {
                for count in (0..80).chain([100_000]) {
                    let json = format!("\"{before}{}\"", unit.repeat(count));
                    let whole = format!("{before}{}", text.repeat(count));
                    let found = Raw(&json).beginning(10).unwrap();
                    assert!(
                        whole.starts_with(&*found) && found.len() >= whole.len().min(10) && found.len() < 80,
                        "{unit}"
                    );
                }
            }
        }
        // A pair that begins where an odd number of halves would end.
        for most in 1..12 {
            let json = format!("\"{}\"", "\\ud83d\\ude00".repeat(100));
            assert!(Raw(&json).beginning(most).unwrap().chars().all(|c| c == '😀'), "{most}");
        }
        assert_eq!(Raw("12345").beginning(1).unwrap(), "12345");
        assert_eq!(Raw("null").beginning(1), None);
    }

    #[test]
    fn broken_text_is_no_document() {
        for text in ["", " ", "{", "[", "\"", "\"\\", "{\"a\"", "]", "nope]x y", "{} {}", "\"\u{1}\""] {
            assert_eq!(Raw::document(text), None, "{text:?}");
        }
        for text in ["{\"a\":}", "{1:2}", "[1,]", "[01]", "{\"a\":1 \"b\":2}", "[nul]", "[\"\\x\"]"] {
            assert_eq!(Raw::document(text), None, "{text:?}");
        }
        assert_eq!(Raw::document(&"[".repeat(500_000)), None);
    }

    #[test]
    fn the_beginning_of_a_text_that_ends_in_half_a_character() {
        for filling in 0..24 {
            let text = format!("\"{}\\ud800\"", "x".repeat(filling));
            let found = Raw::document(&text).unwrap().beginning(2);
            assert_eq!(found.as_deref(), (filling >= 11).then_some("xxxxxxxxxxx"), "{filling}");
        }
    }
}
