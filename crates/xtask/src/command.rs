//! Running other programs.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Runs a command line, split at spaces, with our output; an unsuccessful end is an error.
pub(crate) fn run(line: &str) -> anyhow::Result<()> {
    eprint(&format!("$ {line}"));
    let status = split(line).status().with_context(|| format!("failed to start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Whether a command line ends well; its output is thrown away.
pub(crate) fn succeeds(line: &str) -> bool {
    let status = split(line).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Says something to whoever ran the chore.
#[expect(clippy::print_stderr, reason = "a chore talks to a terminal")]
pub(crate) fn eprint(text: &str) {
    eprintln!("{text}");
}

fn split(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("true"));
    command.args(words);
    command
}
