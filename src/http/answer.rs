//! A complete answer, and what its headers say.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Buffer;
use crate::date;
use crate::json::digits;

/// A complete answer in the buffer it came in.
pub(crate) struct Response {
    pub(crate) status: u16,
    buffer: Buffer,
    head: Range<usize>,
    body: Range<usize>,
}

impl Response {
    /// `head` and `body` are ranges of the buffer.
    pub(super) fn new(status: u16, buffer: Buffer, head: Range<usize>, body: Range<usize>) -> Self {
        Self { status, buffer, head, body }
    }

    /// An answer that was not read by `Parser`, but by ureq.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn from_parts(status: u16, headers: &[(String, String)], body: &[u8]) -> Self {
        let mut buffer = Buffer::default();
        for (name, value) in headers {
            for part in [name, ": ", value, "\n"] {
                buffer.extend(part.as_bytes());
            }
        }
        let head = 0..buffer.len();
        buffer.extend(body);
        let body = head.end..buffer.len();
        Self { status, buffer, head, body }
    }

    /// The value of the first header of that name. Values that are not UTF-8 count as absent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let head = self.buffer.filled().get(self.head.clone()).unwrap_or(&[]);
        head.split(|byte| *byte == b'\n').filter_map(|line| {
            let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            Some((name, value.trim_matches(BLANKS)))
        })
    }

    /// How long the service asks to wait (RFC 9110, section 10.2.3): seconds, an HTTP date, or the milliseconds that some of
    /// Azure's services send. Anything else counts as absent.
    pub(crate) fn retry_after(&self, wall: SystemTime) -> Option<Duration> {
        retry_after(|name| self.header(name), wall)
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.buffer.filled().get(self.body.clone()).unwrap_or(&[])
    }
}

/// What stands around a header's value, the end of its line included.
const BLANKS: &[char] = &[' ', '\t', '\r'];

/// The wait that response headers ask for.
pub(crate) fn retry_after<'a>(header: impl Fn(&str) -> Option<&'a str>, wall: SystemTime) -> Option<Duration> {
    let milliseconds =
        ["retry-after-ms", "x-ms-retry-after-ms"].iter().find_map(|name| digits(header(name)?.as_bytes()));
    if let Some(milliseconds) = milliseconds {
        return Some(Duration::from_millis(milliseconds));
    }
    let value = header("retry-after")?;
    if let Some(seconds) = digits(value.as_bytes()) {
        return Some(Duration::from_secs(seconds));
    }
    let date = UNIX_EPOCH.checked_add(Duration::from_secs(date::http(value)?))?;
    Some(date.duration_since(wall).unwrap_or_default())
}
