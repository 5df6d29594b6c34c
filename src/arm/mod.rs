//! Azure Resource Manager, and any other Azure endpoint that takes a bearer token.
//!
//! "Azure Resource Manager REST API", Microsoft Learn; the Resource Provider Contract for errors.

mod answer;
mod call;
mod client;
mod pages;
mod plan;
mod provider;
mod request;
mod rim;
mod verdict;

pub use answer::Answer;
pub use client::{Builder, Client};
pub use pages::{Items, Pages};
pub use request::Request;
