//! Who calls, and what they may do.

use super::super::bearer::{self, Flaw};
use super::super::clock;
use super::super::refusal::error;
use super::super::request::Received;
use super::super::response::Response;
use super::super::world::{ManagedIdentity, SUBSCRIPTION, TENANT, World};
use crate::base64::{URL_SAFE, encode};

/// A request with the identity that makes it.
pub(super) struct Call<'a> {
    pub(super) world: &'a World,
    pub(super) request: &'a Received,
    pub(super) caller: ManagedIdentity,
}

impl Call<'_> {
    /// Whether the caller may do that to what lies there, below the subscription. To be asked once a request.
    pub(super) fn check(&self, action: &str, below: &str) -> Result<(), Response> {
        if self.world.may_act(&self.caller) {
            return Ok(());
        }
        if self.world.hides_subscription {
            return Err(no_such_subscription(SUBSCRIPTION));
        }
        let message = format!(
            "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope \
             '/subscriptions/{SUBSCRIPTION}{below}' or the scope is invalid. If access was recently granted, please refresh \
             your credentials.",
            self.caller.client_id(),
            self.caller.object_id()
        );
        Err(error(403, "AuthorizationFailed", &message))
    }
}

/// The identity behind the bearer token, or the 401 that says what is wrong with it.
pub(super) fn authenticate(world: &World, request: &Received) -> Result<ManagedIdentity, Response> {
    bearer::identify(world, request, &AUDIENCES).map_err(|flaw| match flaw {
        Flaw::Missing => {
            unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        }
        Flaw::Scheme => {
            let message = "Authentication failed. The 'Authorization' header is provided in an invalid format.";
            unauthorized("AuthenticationFailedInvalidHeader", message)
        }
        Flaw::Unknown => unauthorized("InvalidAuthenticationToken", "The access token is invalid."),
        Flaw::Audience(audience) => {
            let message = format!(
                "The access token has been obtained for wrong audience or resource '{audience}'. \
                 It should exactly match with one of the allowed audiences '{}'.",
                AUDIENCES.join("','")
            );
            unauthorized("InvalidAuthenticationTokenAudience", &message)
        }
        Flaw::Expired(moment) => {
            let message = format!(
                "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                clock::american(moment),
                clock::american(clock::epoch(request.at))
            );
            unauthorized("ExpiredAuthenticationToken", &message)
        }
        Flaw::Revoked(moment) => revoked(moment),
    })
}

/// What it says of a subscription that is not there for the caller.
pub(super) fn no_such_subscription(id: &str) -> Response {
    error(404, "SubscriptionNotFound", &format!("The subscription '{id}' could not be found."))
}

fn unauthorized(code: &str, message: &str) -> Response {
    let challenge = format!(
        "Bearer authorization_uri=\"https://login.windows.net/{TENANT}\", error=\"invalid_token\", \
         error_description=\"{}\"",
        // The audience in it is what the client once asked for.
        message.replace(['"', '\\'], "'")
    );
    error(401, code, message).header("WWW-Authenticate", challenge)
}

/// The challenge of continuous access evaluation: <https://learn.microsoft.com/entra/identity-platform/claims-challenge>.
fn revoked(moment: u64) -> Response {
    let claims = format!(r#"{{"access_token":{{"nbf":{{"essential":true,"value":"{moment}"}}}}}}"#);
    let challenge = format!(
        "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
         error=\"insufficient_claims\", claims=\"{}\"",
        encode(URL_SAFE, claims.as_bytes())
    );
    let message = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: \
                   TokenIssuedBeforeRevocationTimestamp";
    error(401, "InvalidAuthenticationToken", message).header("WWW-Authenticate", challenge)
}

/// In the order of the service's own message.
pub(super) const AUDIENCES: [&str; 4] = [
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
];
