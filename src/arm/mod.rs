//! Azure Resource Manager, and any other Azure endpoint that takes a bearer token.
//!
//! "Azure Resource Manager REST API", Microsoft Learn; the Resource Provider Contract for errors.

mod advice;
mod answer;
mod call;
mod client;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod operation;
mod pages;
mod plan;
mod provider;
pub(crate) mod refusal;
mod request;
mod rim;
mod verdict;
mod wait;

pub use answer::Answer;
pub use client::{Builder, Client};
pub use pages::{Items, Pages};
pub use request::Request;

#[cfg(test)]
mod tests;
