//! Containers of real processes.

#![expect(clippy::unwrap_used, reason = "this is a test")]

mod attach;
mod fixture;
mod linux;
mod machine;
mod plain;
mod ports;
mod seccomp;
mod secrets;
