//! The launcher and the switchboard alone, for tests of the shell that have no `tepui` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.split_first() {
        Some((first, job)) if first == "switchboard" => tepui_agent::switchboard_process(job),
        _ => tepui_agent::launcher_process(None),
    }
}
