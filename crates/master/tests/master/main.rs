//! A real master on a free port, driven with raw HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it left out"
)]

mod agents;
mod exchange;
mod followers;
mod http_api;
mod recordings;
mod running_master;
mod slow_readers;
