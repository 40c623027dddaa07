//! The launcher alone, for tests of the shell that have no `tepui` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    tepui_agent::launcher_process(None)
}
