//! HTTP/1.1 as far as an identity endpoint needs it: one request, one answer, then close (RFC 9110, RFC 9112).
//! Pure: bytes in, bytes out; the sockets are in `dial`.

mod answer;
mod buffer;
mod challenge;
mod classes;
mod request;
mod response;

pub(crate) use answer::Response;
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) use answer::retry_after;
pub(crate) use buffer::Buffer;
pub(crate) use challenge::basic_realms;
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) use challenge::{Bearer, bearer};
pub(crate) use classes::{b64token, is_field_text, is_token};
#[cfg(feature = "https")]
pub(crate) use request::FORM;
pub(crate) use request::{Request, push_form, push_query};
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) use request::{percent_encode, push_escape};
#[cfg(any(test, fuzzing))]
pub(crate) use response::parse;
pub(crate) use response::{Fault, Limits, Parser, Progress};
