//! The launcher and the switchboard alone, for tests that have no `tepui` binary; and a command of its own, `tell`, that says
//! how it came to be.

#![expect(clippy::print_stdout, reason = "tests read it")]

use std::ffi::OsString;
use std::process::ExitCode;

use tepui_containerizer::OwnCommand;

const NAME: &str = "tell";
const STATUS: u8 = 7;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.split_first() {
        Some((name, rest)) if name == NAME => tell(rest).into(),
        Some((name, job)) if name == "switchboard" => tepui_containerizer::switchboard_process(job),
        _ => tepui_containerizer::launcher_process(Some(OwnCommand { name: NAME, run: tell })),
    }
}

fn tell(arguments: &[OsString]) -> u8 {
    // Whoever was only forked still has the arguments of the launcher.
    let was_executed = std::env::args_os().nth(1).is_some_and(|name| name == NAME);
    let shown = std::fs::read_to_string("/proc/self/cmdline").unwrap_or_default();
    let folder = std::env::current_dir().unwrap_or_default();
    let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    println!("{}", if was_executed { "executed" } else { "forked" });
    println!("arguments {arguments:?}, shown {:?}", shown.split('\0').skip(1).collect::<Vec<_>>());
    println!(
        "environment {:?}, folder {}, files {files}",
        std::env::vars_os().collect::<Vec<_>>(),
        folder.display()
    );
    STATUS
}
