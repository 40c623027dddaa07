//! `cargo xtask instructions`.

use crate::command::{eprint, run, succeeds};
use crate::install;

/// Counts the instructions of the core's hot paths and compares them with the kept ones, or replaces those. Counts do not
/// depend on what else the machine does. A machine without valgrind says that this was left out.
pub(crate) fn instructions(update: bool) -> anyhow::Result<()> {
    if !succeeds("valgrind --version") {
        install::valgrind();
    }
    if !succeeds("valgrind --version") {
        eprint("LEFT OUT: the comparison of instruction counts: there is no `valgrind`");
        return Ok(());
    }
    let update = if update { " update" } else { "" };
    run(&format!("cargo run --release --locked --quiet -p tepui-bench -- instructions{update}"))
}
