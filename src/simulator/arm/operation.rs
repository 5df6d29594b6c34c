//! The URLs that long-running operations are polled by.

use super::super::job;
use super::super::refusal::error;
use super::super::response::{Outcome, Response};
use super::super::world::lock;
use super::access::Call;
use super::wrong_method;

/// <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>.
pub(super) fn poll(call: &Call<'_>, id: &str, document: bool) -> Outcome {
    if call.request.method() != "GET" {
        return Err(wrong_method(call.request, "GET"));
    }
    let poll = job::poll(&mut lock(&call.world.estate), call.request, id, document);
    poll.ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> Response {
    error(404, "OperationNotFound", &format!("The operation '{id}' could not be found."))
}
