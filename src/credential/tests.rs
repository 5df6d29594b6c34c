//! A credential against endpoints on loopback, and against a world that is made up.

use super::*;

mod cache;
mod clock;
mod table;
mod world;
