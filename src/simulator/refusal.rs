//! Refusals that do not follow from what the stand-in holds, in the services' own words.

use std::time::Duration;

use super::Service;
use super::fault::{Fault, Kind};
use super::json;
use super::request::Received;
use super::response::Response;
use super::world::{ManagedIdentity, RESOURCE_GROUP, SUBSCRIPTION};
use super::{key_vault, storage};

/// What the words are to say.
#[derive(Clone, Debug)]
pub(super) enum Words {
    Throttled(Option<Duration>),
    ComputeThrottled(Option<Duration>),
    Policy,
    Locked,
    Linked,
    Firewall,
}

/// Refusals in the real words. They come before the service looks at the token.
impl Fault {
    /// 429 SubscriptionRequestsThrottled of Azure Resource Manager, with `Retry-After` in whole seconds or without it:
    /// <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>.
    ///
    /// ```
    /// use std::time::Duration;
    /// use azmin::simulator::{Azure, Fault, Service};
    ///
    /// let azure = Azure::start()?;
    /// azure.on(Service::Arm, Fault::throttled(Some(Duration::from_secs(17))).times(3));
    /// azure.on(Service::Arm, Fault::throttled(None));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn throttled(retry_after: Option<Duration>) -> Self {
        Self::new(Kind::Words(Words::Throttled(retry_after)))
    }

    /// 429 of a resource provider, as Compute has it: OperationNotAllowed, and in its details TooManyRequests:
    /// <https://learn.microsoft.com/troubleshoot/azure/virtual-machines/troubleshooting-throttling-errors>.
    pub fn compute_throttled(retry_after: Option<Duration>) -> Self {
        Self::new(Kind::Words(Words::ComputeThrottled(retry_after)))
    }

    /// 403 RequestDisallowedByPolicy, with the policy as `additionalInfo`:
    /// <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy>.
    pub fn disallowed_by_policy() -> Self {
        Self::new(Kind::Words(Words::Policy))
    }

    /// 409 ScopeLocked: <https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources>.
    pub fn scope_locked() -> Self {
        Self::new(Kind::Words(Words::Locked))
    }

    /// 403 LinkedAuthorizationFailed: the caller may write the resource, but not use another one that it names.
    pub fn linked_authorization_failed() -> Self {
        Self::new(Kind::Words(Words::Linked))
    }

    /// 403 of a service whose firewall does not know the caller's address: ForbiddenByFirewall of Key Vault, and of
    /// Storage AuthorizationFailure: <https://learn.microsoft.com/azure/key-vault/general/rest-error-codes>.
    ///
    /// ```
    /// use azmin::simulator::{Azure, Fault, Service};
    ///
    /// let azure = Azure::builder().key_vault().start()?;
    /// azure.on(Service::KeyVault, Fault::firewall());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn firewall() -> Self {
        Self::new(Kind::Words(Words::Firewall))
    }
}

/// The refusal as an answer to this request.
pub(super) fn answer(words: &Words, request: &Received) -> Response {
    let scope = request.target().split('?').next().unwrap_or_default();
    // Nobody has looked at the token; it is likely this one's.
    let caller = ManagedIdentity::system_assigned();
    match words {
        Words::Throttled(retry_after) => {
            let (kind, header) = match request.method() {
                "GET" | "HEAD" => ("read", "x-ms-ratelimit-remaining-subscription-reads"),
                "DELETE" => ("delete", "x-ms-ratelimit-remaining-subscription-deletes"),
                _ => ("write", "x-ms-ratelimit-remaining-subscription-writes"),
            };
            let message = format!(
                "Number of '{kind}' requests for subscription '{SUBSCRIPTION}' actor '{}' exceeded. \
                 Please try again after '{}' seconds after additional tokens are available. \
                 Refer to https://aka.ms/arm-throttling for additional information.",
                caller.object_id(),
                retry_after.unwrap_or(Duration::from_secs(1)).as_secs()
            );
            late(error(429, "SubscriptionRequestsThrottled", &message).header(header, "0"), *retry_after)
        }
        Words::ComputeThrottled(retry_after) => {
            let measured = "{\"operationGroup\":\"HighCostGet3Min\",\"startTime\":\"2018-06-29T19:54:21.0914017+00:00\",\
                            \"endTime\":\"2018-06-29T20:14:21.0914017+00:00\",\"allowedRequestCount\":800,\
                            \"measuredRequestCount\":1238}";
            let detail = json::object([
                ("code", json::text("TooManyRequests")),
                ("target", json::text("HighCostGet3Min")),
                ("message", json::text(measured)),
            ]);
            let message = "The server rejected the request because too many requests have been received for this \
                           subscription.";
            let more = [("details", json::array([detail]))];
            let refusal = error_with(429, "OperationNotAllowed", message, more).header("x-ms-failure-cause", "service");
            let left = "Microsoft.Compute/HighCostGet3Min;0,Microsoft.Compute/HighCostGet30Min;577";
            late(refusal.header("x-ms-ratelimit-remaining-resource", left), *retry_after)
        }
        Words::Policy => policy(scope),
        Words::Locked => {
            let verb = if request.method() == "DELETE" { "delete" } else { "write" };
            let locked = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}");
            let message = format!(
                "The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '{locked}'. \
                 Please remove the lock and try again."
            );
            error(409, "ScopeLocked", &message)
        }
        Words::Linked => {
            let (client, object) = (caller.client_id(), caller.object_id());
            let linked = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/providers");
            let message = format!(
                "The client '{client}' with object id '{object}' has permission to perform action \
                 'Microsoft.Compute/virtualMachines/write' on scope '{scope}'; however, it does not have permission to \
                 perform action(s) 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) \
                 '{linked}/Microsoft.Network/virtualNetworks/vnet/subnets/default' (respectively) or the linked scope(s) \
                 are invalid."
            );
            error(403, "LinkedAuthorizationFailed", &message)
        }
        Words::Firewall if request.service == Service::Storage => storage::refused_by_firewall(request),
        Words::Firewall => key_vault::refused_by_firewall(),
    }
}

/// The one shape of errors: <https://learn.microsoft.com/azure/azure-resource-manager/management/common-deployment-errors>.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    error_with(status, code, message, [])
}

/// The same with more members.
pub(super) fn error_with<const N: usize>(
    status: u16,
    code: &str,
    message: &str,
    more: [(&'static str, String); N],
) -> Response {
    let members = [("code", json::text(code)), ("message", json::text(message))].into_iter().chain(more);
    Response::json(status, json::object([("error", json::object(members))]))
}

fn late(response: Response, retry_after: Option<Duration>) -> Response {
    match retry_after {
        Some(time) => response.header("Retry-After", time.as_secs().to_string()),
        None => response,
    }
}

fn policy(scope: &str) -> Response {
    let name = scope.rsplit('/').next().unwrap_or_default();
    let definition = "/providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c";
    let assignment = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/4d2b5c1f6e7a48d0b3f0a1c2"
    );
    let called = json::object([("name", json::text("Allowed locations")), ("id", json::text(definition))]);
    let assigned = json::object([("name", json::text("Only westus")), ("id", json::text(&assignment))]);
    let identifiers = json::array([json::object([("policyAssignment", assigned), ("policyDefinition", called)])]);
    let message = format!("Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'.");
    let expression = json::object([
        ("result", json::text("True")),
        ("expressionKind", json::text("Field")),
        ("expression", json::text("location")),
        ("path", json::text("location")),
        ("expressionValue", json::text("eastus")),
        ("targetValue", json::array([json::text("westus")])),
        ("operator", json::text("NotIn")),
    ]);
    let info = json::object([
        ("evaluationDetails", json::object([("evaluatedExpressions", json::array([expression]))])),
        ("policyDefinitionId", json::text(definition)),
        ("policyDefinitionName", json::text("e56962a6-4747-49cd-b67b-bf8b01975c4c")),
        ("policyDefinitionDisplayName", json::text("Allowed locations")),
        ("policyDefinitionVersion", json::text("1.0.0")),
        ("policyDefinitionEffect", json::text("deny")),
        ("policyAssignmentId", json::text(&assignment)),
        ("policyAssignmentName", json::text("4d2b5c1f6e7a48d0b3f0a1c2")),
        ("policyAssignmentDisplayName", json::text("Only westus")),
        ("policyAssignmentScope", json::text(&format!("/subscriptions/{SUBSCRIPTION}"))),
        ("policyExemptionIds", json::array([])),
    ]);
    let violation = json::object([("type", json::text("PolicyViolation")), ("info", info)]);
    let more = [("target", json::text(name)), ("additionalInfo", json::array([violation]))];
    error_with(403, "RequestDisallowedByPolicy", &message, more)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::request::received;
    use super::*;

    #[test]
    fn words() {
        let five = Some(Duration::from_secs(5));
        for (words, status, retry_after, parts) in [
            (
                Words::Throttled(five),
                429,
                Some("5"),
                ["SubscriptionRequestsThrottled", "Number of 'delete' requests", "after '5' seconds"],
            ),
            (Words::Throttled(None), 429, None, ["SubscriptionRequestsThrottled", "aka.ms/arm-throttling", ""]),
            (
                Words::ComputeThrottled(None),
                429,
                None,
                ["OperationNotAllowed", r#""code":"TooManyRequests","target":"HighCostGet3Min""#, ""],
            ),
            (
                Words::Policy,
                403,
                None,
                [
                    "Resource 'x' was disallowed by policy.",
                    r#""target":"x""#,
                    r#""additionalInfo":[{"type":"PolicyViolation","#,
                ],
            ),
            (Words::Locked, 409, None, ["ScopeLocked", "cannot perform delete operation", "Please remove the lock"]),
            (Words::Linked, 403, None, ["LinkedAuthorizationFailed", "on the linked scope(s) '/subscriptions/", ""]),
            (
                Words::Firewall,
                403,
                None,
                ["Client address is not authorized", r#""innererror":{"code":"ForbiddenByFirewall"}"#, ""],
            ),
        ] {
            let request = received(Service::Arm, "DELETE /subscriptions/s/x?a=b HTTP/1.1\nHost: a");
            let answer = answer(&words, &request);
            let body = String::from_utf8(answer.body).unwrap();
            assert_eq!(answer.status, status, "{words:?}");
            let after = answer.headers.iter().find(|(name, _)| name == "Retry-After").map(|(_, value)| value.as_str());
            assert_eq!(after, retry_after, "{words:?}");
            assert!(parts.iter().all(|part| body.contains(part)), "{words:?}: {body}");
            assert!(miniserde::json::from_str::<miniserde::json::Value>(&body).is_ok(), "{body}");
        }
    }
}
