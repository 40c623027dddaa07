//! How things look on a terminal.

use std::io::Write as _;

/// Where a piece of a task's output belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printed {
    /// The task's standard output, on ours.
    Stdout,
    /// The task's standard error, on ours.
    Stderr,
}

/// Passes a task's output on, byte for byte. A closed terminal is no reason to stop following the task.
pub fn output(to: Printed, bytes: &[u8]) {
    let _ = match to {
        Printed::Stdout => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        }
        Printed::Stderr => std::io::stderr().lock().write_all(bytes),
    };
}

/// Says something about what is going on.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says what went wrong, with its causes, on as many lines.
pub fn error(error: &anyhow::Error) {
    note(&format!("error: {error}"));
    for cause in error.chain().skip(1) {
        note(&format!("caused by: {cause}"));
    }
}
