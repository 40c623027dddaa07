//! The launcher alone, for tests that have no `tepui` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    tepui_containerizer::launcher_process(&arguments)
}
