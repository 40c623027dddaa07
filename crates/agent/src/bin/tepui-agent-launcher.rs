//! The launcher alone, for tests of the shell that have no `tepui` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    tepui_agent::launcher_process(&arguments)
}
