//! The `tepui` binary: finds out which command is meant, and calls it.
//!
//! It also answers to Mesos' names (`mesos-master`, `mesos-agent`, `mesos-slave`, `mesos-local`, `mesos-execute`) when it is
//! called by a link of that name, so that unit files stay as they are.

mod daemon;
mod logging;

use std::ffi::OsString;
use std::process::ExitCode;

/// A master allocates and frees several hundred times for each task; glibc's allocator took a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the launcher forks without executing it.
const OWN_COMMAND: tepui_agent::OwnCommand =
    tepui_agent::OwnCommand { name: "executor", run: tepui_executor::status };

const HELP: &str = "\
Tepui runs clusters that speak Apache Mesos' API.

Usage: tepui COMMAND [FLAGS]

Commands:
  local      Run a master and agents in one process; with --execute, a task on them
  master     Run a master
  agent      Run an agent
  execute    Run a task on a cluster and follow it
  executor   The built-in executors; agents start these
  fetcher    Fetches what a command needs; agents start this

`tepui COMMAND --help` says more of each. A first try: tepui local --execute 'echo hello'
";

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_default();
    match command_of_name(&program) {
        Some(command) => dispatch(command, args.collect()),
        None => match args.next().and_then(|command| command.into_string().ok()) {
            Some(command) => dispatch(&command, args.collect()),
            None => usage("no command was given"),
        },
    }
}

/// The command that a link's name means.
fn command_of_name(program: &OsString) -> Option<&'static str> {
    match std::path::Path::new(program).file_name()?.to_str()? {
        "mesos-master" => Some("master"),
        "mesos-agent" | "mesos-slave" => Some("agent"),
        "mesos-local" => Some("local"),
        "mesos-execute" => Some("execute"),
        _ => None,
    }
}

fn dispatch(command: &str, args: Vec<OsString>) -> ExitCode {
    match command {
        "master" => daemon::master(args),
        "agent" => daemon::agent(args),
        "local" => tepui_local::command(args, logging::start),
        "execute" => tepui_cli::execute(args),
        "executor" => tepui_executor::command(&args),
        "fetcher" => tepui_fetcher::command(&args),
        // Agents start them; of no use to anybody else.
        "launcher" => tepui_agent::launcher_process(Some(OWN_COMMAND)),
        "switchboard" => tepui_agent::switchboard_process(&args),
        "help" | "--help" | "-h" => say(HELP),
        "version" | "--version" | "-V" => say(&format!("tepui {}\n", env!("CARGO_PKG_VERSION"))),
        _ => usage(&format!("there is no command `{command}`")),
    }
}

#[expect(clippy::print_stdout, reason = "help and version are the program's output")]
fn say(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "the terminal is where a wrong call is explained")]
fn usage(why: &str) -> ExitCode {
    eprint!("error: {why}\n\n{HELP}");
    ExitCode::from(2)
}
