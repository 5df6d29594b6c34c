//! Calls in a world where time passes only when somebody waits.

mod calls;
mod lists;
mod operations;
mod promises;
mod refusals;
mod suite;
mod world;
