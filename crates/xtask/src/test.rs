//! `cargo xtask test`.

use crate::command::{eprint, run, succeeds};
use crate::install;

/// Installs what the tests need, unless `offline`, then runs them all.
pub(crate) fn test(offline: bool) -> anyhow::Result<()> {
    if !offline {
        install::third_party_clients();
    }
    // Its tests pass without it, and the runner does not show what they say.
    if std::env::var_os("CHAOS_ROUNDS").is_none() {
        eprint("LEFT OUT: chaos on whole clusters: `CHAOS_ROUNDS` does not say how many rounds");
    }
    // The examples of the documentation, which nextest does not run.
    run("cargo test --workspace --doc --locked --quiet")?;
    if succeeds("cargo nextest --version") {
        run(
            "cargo nextest run --workspace --locked --no-fail-fast --status-level slow --final-status-level flaky",
        )
    } else {
        run("cargo test --workspace --locked --all-targets --no-fail-fast")
    }
}
