//! What only a service's refusal has, beyond code, message and details.

use std::fmt;

use super::{Plain, text_at};
use crate::json::Raw;

/// Facts from the whole body and from the headers beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Of `innererror`, outermost first; then of errors that stood as text in a message.
    pub(crate) inner_codes: Vec<String>,
    pub(crate) policies: Vec<PolicyViolation>,
    pub(crate) api_versions: Vec<String>,
    pub(crate) failure_cause: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) client_request_id: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) claims: Option<String>,
    pub(crate) advice: Option<String>,
    /// The body is no error of Azure's, but a page or text of something else.
    pub(crate) is_foreign: bool,
}

/// A policy that a request was refused by: one `additionalInfo` of type `PolicyViolation`.
///
/// Source: "RequestDisallowedByPolicy error with Azure resource policy", Microsoft Learn. `Display` is one line: the
/// definition, the assignment and the assignment's id, whichever are known.
///
/// # Example
///
/// ```no_run
/// # fn main() -> Result<(), azmin::Error> {
/// # let arm = azmin::arm::Client::new(azmin::Credential::detect()?);
/// if let Err(error) = arm.put("/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/x").send() {
///     for policy in error.policy_violations() {
///         println!("ask the owner of {}", policy.assignment_id().unwrap_or("the policy"));
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyViolation {
    definition: Option<String>,
    definition_id: Option<String>,
    assignment: Option<String>,
    assignment_id: Option<String>,
}

impl PolicyViolation {
    /// The definition's display name, else its name.
    pub fn definition(&self) -> Option<&str> {
        self.definition.as_deref()
    }

    /// The definition's resource id.
    pub fn definition_id(&self) -> Option<&str> {
        self.definition_id.as_deref()
    }

    /// The assignment's display name, else its name.
    pub fn assignment(&self) -> Option<&str> {
        self.assignment.as_deref()
    }

    /// The assignment's resource id.
    pub fn assignment_id(&self) -> Option<&str> {
        self.assignment_id.as_deref()
    }

    /// From an element of `additionalInfo`.
    pub(super) fn read(element: Raw<'_>) -> Option<Self> {
        text_at(element, "type").filter(|name| name.eq_ignore_ascii_case("PolicyViolation"))?;
        let info = element.get("info")?;
        let first = |names: [&str; 2]| names.into_iter().find_map(|name| text_at(info, name));
        let violation = Self {
            definition: first(["policyDefinitionDisplayName", "policyDefinitionName"]),
            definition_id: text_at(info, "policyDefinitionId"),
            assignment: first(["policyAssignmentDisplayName", "policyAssignmentName"]),
            assignment_id: text_at(info, "policyAssignmentId"),
        };
        (violation != Self::default()).then_some(violation)
    }
}

impl fmt::Display for PolicyViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let definition = self.definition().or_else(|| self.definition_id()).unwrap_or("-");
        write!(f, "{}", Plain(definition))?;
        if let Some(assignment) = self.assignment() {
            write!(f, ", assigned as {}", Plain(assignment))?;
        }
        match self.assignment_id() {
            Some(id) => write!(f, " ({})", Plain(id)),
            None => Ok(()),
        }
    }
}
