//! Refusals of Entra, in its own answers and in those of the services that pass them on.

use super::clock;
use super::json;
use super::response::Response;
use super::token;
use super::world::TENANT;

/// Before it has a time and ids.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) code: u32,
    pub(super) message: String,
}

impl Refusal {
    /// `host` is the one whose error page the answer points to.
    pub(super) fn response(&self, now: u64, host: &str) -> Response {
        let (trace, correlation, timestamp) = (token::guid(), token::guid(), clock::entra(now));
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            self.code, self.message
        );
        let body = json::object([
            ("error", json::text(self.error)),
            ("error_description", json::text(&description)),
            ("error_codes", format!("[{}]", self.code)),
            ("timestamp", json::text(&timestamp)),
            ("trace_id", json::text(&trace)),
            ("correlation_id", json::text(&correlation)),
            ("error_uri", json::text(&format!("https://{host}/error?code={}", self.code))),
        ]);
        Response::json(self.status, body)
    }
}

/// Whether there could be such a resource: an absolute URI (`api://…` is one too) or the GUID of an application.
pub(super) fn knows(resource: &str) -> bool {
    let guid = resource.len() == 36
        && resource.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let uri = resource.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
            && rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    });
    guid || uri
}

/// What it says of a resource that it does not know.
pub(super) fn unknown_resource(resource: &str) -> Refusal {
    let message = format!(
        "The resource principal named {resource} was not found in the tenant named {TENANT}. \
         This can happen if the application has not been installed by the administrator of the tenant or consented to by \
         any user in the tenant. You might have sent your authentication request to the wrong tenant."
    );
    Refusal { status: 400, error: "invalid_resource", code: 500_011, message }
}
