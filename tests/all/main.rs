//! The command and the library as their users meet them: real sockets, real TLS, the stand-in on loopback.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

mod azurite;
mod boot;
mod catalogue;
mod doctor;
mod faults;
mod fleet;
mod instance;
mod island;
mod library;
mod management_peer;
mod namespace;
mod peers;
mod proxy;
mod public_api;
mod query;
mod real_proxy;
mod recipes;
mod relay;
mod rest_command;
mod rest_options;
mod sources;
mod supply;
mod support;
mod tidy;
mod tls;
mod token_command;
mod tools;
