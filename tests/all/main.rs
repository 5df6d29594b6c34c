//! The command and the library as their users meet them: real sockets, real TLS, the stand-in on loopback.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

mod namespace;
mod peers;
mod support;
mod tidy;
mod token_command;
mod tools;
