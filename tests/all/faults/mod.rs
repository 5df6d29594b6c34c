//! Faults on real sockets: a wire that goes wrong by plan, before the stand-in's metadata service and its Resource Manager;
//! routes and links that fail; system calls that fail.

mod place;
mod routes;
pub(crate) mod schedule;
mod schedules;
mod syscalls;
mod table;
pub(crate) mod task;
pub(crate) mod wire;
