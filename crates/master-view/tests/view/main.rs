//! Hand-made journals, folded and rendered, against the shapes that a Mesos master was recorded with.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it left out"
)]

mod journal;
mod resources;
mod shape;
mod shapes;
