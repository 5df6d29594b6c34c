//! The crate's rule of one fetch for each resource, under a scheduler that tries every order of its threads.
//!
//! `src/credential/flight.rs` is compiled here as it stands, with loom's locks in the place of the standard library's:
//! `cargo test --release --manifest-path tests/model/Cargo.toml`. A caller that would never return is a deadlock, which loom
//! reports. Reference counts are the standard library's, cells that are set once are made of loom's locks; a panic is what it leaves of a fetch, a landing that is dropped.

#![cfg(test)]

#[path = "../../../src/credential/flight.rs"]
mod flight;
mod models;
mod once;
mod world;

mod sync {
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard, RwLock};

    pub(crate) use crate::once::OnceLock;
}
