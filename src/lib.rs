//! Azure managed identity tokens and Azure Resource Manager calls.
#![forbid(unsafe_code)]

mod base64;
#[cfg(feature = "simulator")]
pub mod simulator;
