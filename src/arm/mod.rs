//! Azure Resource Manager, and any other Azure endpoint that takes a bearer token.
//!
//! "Azure Resource Manager REST API", Microsoft Learn; the Resource Provider Contract for errors.

mod answer;
mod client;
#[allow(dead_code, reason = "paging and waiting are to ask it")]
pub(crate) mod link;
#[allow(dead_code, reason = "waiting is to drive it")]
pub(crate) mod operation;
mod request;

pub use answer::Answer;
pub use client::{Builder, Client};
pub use request::Request;
