//! The command and the library as their users meet them: real sockets, real TLS, the stand-in on loopback.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

mod azurite;
mod boot;
mod bounds;
#[cfg(target_os = "linux")]
mod calls;
mod canaries;
mod catalogue;
mod doctor;
mod faults;
#[cfg(target_os = "linux")]
mod files;
mod fleet;
mod instance;
mod island;
mod library;
mod management_peer;
#[cfg(target_os = "linux")]
mod memory;
mod namespace;
mod peak;
mod peers;
#[cfg(target_os = "linux")]
mod poverty;
mod proxy;
mod public_api;
mod query;
mod real_proxy;
mod recipes;
mod relay;
mod rest_command;
mod rest_options;
#[cfg(target_os = "linux")]
mod search;
mod shown;
mod sources;
mod streams;
mod supply;
mod support;
mod tidy;
mod tls;
mod token_command;
mod tools;
