//! Azure managed identity tokens and Azure Resource Manager calls.
#![forbid(unsafe_code)]
#![cfg_attr(
    any(test, fuzzing),
    allow(clippy::as_conversions, clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)
)]

#[cfg(feature = "https")]
pub mod arm;
mod base64;
mod cloud;
mod credential;
mod dial;
mod env;
mod error;
mod failure;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod http;
mod identity;
mod json;
#[cfg(feature = "https")]
mod proxy;
#[cfg(feature = "https")]
mod send;
#[cfg(feature = "simulator")]
pub mod simulator;
mod source;
mod token;
mod trace;
mod url;

pub use cloud::Cloud;
pub use credential::{Builder, Credential};
pub use error::{Error, ErrorKind};
pub use identity::Identity;
pub use token::AccessToken;
pub use trace::Attempt;
