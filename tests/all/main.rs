//! The command and the stand-in as a whole, over real sockets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod namespace;
mod peers;
mod tools;
