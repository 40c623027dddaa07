//! `cargo xtask ci`.

use crate::command::{eprint, run, succeeds};
use crate::{instructions, test, tidy};

/// Runs every check; the tests come last, so that their closing line is the last word.
pub(crate) fn ci() -> anyhow::Result<()> {
    run("cargo fmt --all --check")?;
    tidy::tidy()?;
    run("cargo clippy --workspace --all-targets --locked -- -D warnings")?;
    documentation()?;
    deny()?;
    instructions::instructions(false)?;
    test::test(false)
}

fn documentation() -> anyhow::Result<()> {
    run("env RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked --document-private-items")
}

/// Licenses and advisories, where cargo-deny is installed: building it takes longer than all the rest.
fn deny() -> anyhow::Result<()> {
    if succeeds("cargo deny --version") {
        return run("cargo deny check licenses bans sources");
    }
    eprint(
        "cargo-deny is not installed: licenses, bans and sources were not checked (`cargo install cargo-deny`)",
    );
    Ok(())
}
