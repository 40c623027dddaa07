//! `cargo xtask test`.

use crate::command::{eprint, run, succeeds};
use crate::install;

/// Installs what the tests need, unless `offline`, then runs them all.
pub(crate) fn test(offline: bool) -> anyhow::Result<()> {
    if !offline {
        install::third_party_clients();
    }
    // Its tests pass without them, and the runner does not show what they say.
    if !succeeds("unshare --net --pid --mount-proc --fork ip link") {
        eprint("LEFT OUT: chaos on whole clusters: it wants `unshare` and `ip`, and the right to use them");
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
