//! Azure Resource Manager, and any other Azure endpoint that takes a bearer token.
//!
//! "Azure Resource Manager REST API", Microsoft Learn; the Resource Provider Contract for errors.

mod answer;
mod client;
mod request;

pub use answer::Answer;
pub use client::{Builder, Client};
pub use request::Request;
