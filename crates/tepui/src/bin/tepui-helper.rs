//! What runs once for each container, as a small program: the executors, the launcher and the switchboard.
//!
//! `tepui` has them as well. But it has all else, too, and each start of it links and maps that: a start of this one takes a
//! third of the time, and half the memory. Agents whose program is called `tepui` start this one if it lies beside it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// What the launcher forks without executing it.
const OWN_COMMAND: tepui_agent::OwnCommand =
    tepui_agent::OwnCommand { name: "executor", run: tepui_executor::status };

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let command = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    match command.to_str() {
        Some("executor") => tepui_executor::command(&args),
        Some("launcher") => tepui_agent::launcher_process(Some(OWN_COMMAND)),
        Some("switchboard") => tepui_agent::switchboard_process(&args),
        Some("version") => print_version(),
        // Executors ask this of whatever program they are.
        Some("fetcher") => become_tepui(&args),
        _ => say("agents start this program; see `tepui help`"),
    }
}

/// The agent asks this before it uses us.
#[expect(clippy::print_stdout, reason = "it is the answer")]
fn print_version() -> ExitCode {
    println!("{}", tepui_agent::helper_version());
    ExitCode::SUCCESS
}

/// Goes on as the program beside this one.
fn become_tepui(args: &[OsString]) -> ExitCode {
    match std::env::current_exe() {
        Ok(own) => {
            let error = Command::new(own.with_file_name("tepui")).arg("fetcher").args(args).exec();
            say(&format!("failed to start `tepui`: {error}"))
        }
        Err(error) => say(&format!("failed to find this program's own file: {error}")),
    }
}

#[expect(clippy::print_stderr, reason = "it has nowhere else to say it")]
fn say(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(2)
}
