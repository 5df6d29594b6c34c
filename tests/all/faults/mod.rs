//! Faults on real sockets: system calls that fail.

mod syscalls;
