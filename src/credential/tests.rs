//! A credential against endpoints on loopback, and against a world that is made up.

use super::*;

mod cache;
mod clock;
#[cfg(feature = "https")]
mod instance;
mod table;
mod world;
