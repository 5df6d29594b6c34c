//! HTTP/1.1 as far as an identity endpoint needs it: one request, one answer, then close (RFC 9110, RFC 9112).
//! Pure: bytes in, bytes out; the sockets are in `dial`.

mod answer;
mod buffer;
mod challenge;
mod request;
mod response;

pub(crate) use answer::Response;
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) use answer::retry_after;
pub(crate) use buffer::Buffer;
pub(crate) use challenge::basic_realms;
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) use challenge::{Bearer, bearer};
#[cfg(feature = "https")]
pub(crate) use request::FORM;
pub(crate) use request::{Request, push_form, push_query};
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) use request::{percent_encode, push_escape};
#[cfg(any(test, fuzzing))]
pub(crate) use response::parse;
pub(crate) use response::{Fault, Limits, Parser, Progress};

/// A method's name, a header's name: RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let special = |byte| matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || special(*byte))
}

/// What may stand in a header's value or a reason phrase: RFC 9110, section 5.5.
pub(crate) fn is_field_text(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff))
}
