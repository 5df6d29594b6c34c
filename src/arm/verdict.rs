//! What can be done about a call that failed: pure, from what was sent and what came back.
//!
//! The retry rules are those of the Resource Provider Contract ("Asynchronous operations" and "Retries"), made stricter where
//! other clients have sent a write twice.

use std::io;

use crate::error::{Error, ErrorKind, Stage};

/// What matters of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// Doing it twice is doing it once (RFC 9110, section 9.2.2), or the service refuses the second.
    pub(super) repeatable: bool,
    /// The endpoint is Resource Manager, whose 401 is about the token and never about a role.
    pub(super) is_arm: bool,
}

impl Ask {
    pub(super) fn new(method: &str, headers: &[(String, String)], is_arm: bool) -> Self {
        // `If-Match: *` holds as often as it is asked.
        let guarded = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("if-none-match") || name.eq_ignore_ascii_case("if-match") && value.trim() != "*"
        });
        Self { repeatable: !matches!(method, "POST" | "PATCH") || guarded, is_arm }
    }

    /// Whether the same request may simply be sent again.
    pub(super) fn again(self, error: &Error) -> bool {
        if error.kind() == ErrorKind::Connection && error.stage() != Stage::Sent {
            // The socket's failures pass; a certificate's and a proxy's refusals do not.
            return error.has_cause::<io::Error>() || error.status().is_some_and(|status| status >= 500);
        }
        match status(error) {
            Some(429) => true,
            Some(503) => self.repeatable || error.retry_after().is_some(),
            Some(408 | 500 | 502 | 504) => self.repeatable,
            Some(401 | 403 | 404 | 412) => false,
            Some(400..) => self.repeatable && error.retry_after().is_some(),
            Some(_) => false,
            // An answer that could not be read says nothing, and the next would be as unreadable.
            None => self.repeatable && is_cut(error),
        }
    }

    /// Whether the service may have done what was asked, though it did not say so.
    pub(super) fn may_be_done(self, error: &Error) -> bool {
        match status(error) {
            Some(status) => matches!(status, 408 | 500 | 502 | 504),
            None => error.stage() == Stage::Sent && !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Local),
        }
    }

    /// Whether a role that is still on its way would explain the refusal. Policies, firewalls and locks do not heal.
    pub(super) fn awaits_role(self, error: &Error) -> bool {
        let code = error.code().unwrap_or_default();
        let is = |known: &str| code.eq_ignore_ascii_case(known);
        match status(error) {
            Some(403) => {
                ["AuthorizationFailed", "LinkedAuthorizationFailed", "AuthorizationPermissionMismatch"]
                    .into_iter()
                    .any(is)
                    || is("Forbidden") && error.inner_codes().any(|inner| inner.eq_ignore_ascii_case("ForbiddenByRbac"))
                    // What vaults say that name no inner code.
                    || error.message().is_some_and(|message| message.contains("observe propagation time"))
            }
            Some(401) => !self.is_arm && error.claims().is_none(),
            Some(404) => is("SubscriptionNotFound"),
            _ => false,
        }
    }
}

/// What the service answered; a proxy's status is none of it.
pub(super) fn status(error: &Error) -> Option<u16> {
    error.status().filter(|_| error.kind() != ErrorKind::Connection)
}

fn is_cut(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Connection | ErrorKind::BadAnswer) && error.has_cause::<io::Error>()
}
