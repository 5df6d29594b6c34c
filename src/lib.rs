//! Access tokens for a machine's Azure managed identity, and Azure Resource Manager calls with them: blocking, small, without
//! an async runtime.
//!
//! A [`Credential`] finds the identity endpoint and keeps tokens while they are good; `arm::Client` (feature
//! `https`) calls Azure with them; every failure is one [`Error`], whose [`kind`](Error::kind) says what a caller can do.
//!
//! ```no_run
//! # fn main() -> Result<(), azmin::Error> {
//! let credential = azmin::Credential::detect()?;
//! let token = credential.token("https://management.azure.com/")?;
//! println!("expires {:?}", token.expires_on());
//! # Ok(()) }
//! ```
//!
//! # Features
//!
//! - `https` (default): the module `arm`, with ureq on rustls and the bundled roots of webpki-roots.
//! - `cli` (default): the command `azmin`.
//! - `simulator`: the module `simulator`, a stand-in for Azure on loopback. With it, nothing but loopback is dialled outside
//!   an isolated network namespace.
//!
//! Without features the library gets tokens only, and depends on miniserde and zeroize alone.
//!
//! # What may be relied on
//!
//! No call outlasts its deadline, and no answer makes it panic. A token leaves over https only. Nothing that is shown, be it an
//! error, a trace or `Debug` text, contains a token. ureq logs what it sends at level `trace`: a program that installs a
//! logger keeps `ureq` and `ureq_proto` below that.

#![forbid(unsafe_code)]
#![cfg_attr(
    any(test, fuzzing),
    allow(clippy::as_conversions, clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)
)]

// In the order in which data flows through them; cargo fmt would sort them within a block.
mod env;

mod source;

mod http;

mod dial;

mod token;

mod credential;

#[cfg(feature = "https")]
mod send;

#[cfg(feature = "https")]
pub mod arm;
// The pure parts of it, for the properties: the fuzz targets are built without TLS.
#[cfg(all(any(test, fuzzing), not(feature = "https")))]
mod arm {
    mod advice;
    pub(crate) mod link;
    pub(crate) mod list;
    pub(crate) mod operation;
    pub(crate) mod refusal;
}

// What they all stand on.

mod base64;
mod clock;
mod cloud;
mod date;
mod error;
mod failure;
mod identity;
#[cfg(any(test, fuzzing, feature = "https"))]
mod instance;
mod json;
#[cfg(any(test, fuzzing, feature = "https"))]
mod proxy;
#[cfg(any(feature = "https", test, fuzzing))]
mod query;
mod retry;
mod trace;
mod url;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "simulator")]
pub mod simulator;

pub use cloud::Cloud;
pub use credential::{Builder, Credential};
pub use error::{Error, ErrorKind};
pub use failure::Detail;
#[cfg(any(test, fuzzing, feature = "https"))]
pub use failure::PolicyViolation;
pub use identity::Identity;
#[cfg(any(test, fuzzing, feature = "https"))]
pub use instance::Instance;
#[cfg(any(feature = "https", test, fuzzing))]
pub use query::Query;
pub use token::AccessToken;
pub use trace::Attempt;

/// Compiles the README's example.
#[cfg(all(doctest, feature = "https"))]
#[doc = include_str!("../README.md")]
struct Readme;
