//! Containers whose program is the launcher's own.
//!
//! The built-in executors are in the program that the launcher is. To execute it once more costs more than all that an
//! executor of a short task does; a forked child has its code in memory and can just go on with it.

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::fs::MetadataExt;

use tepui_linux::Layout;

use super::protocol::{Failure, Plan};

/// A command of the launcher's own program: what `PROGRAM NAME ARGUMENTS...` does.
#[derive(Clone, Copy, Debug)]
pub struct OwnCommand {
    /// The first argument.
    pub name: &'static str,
    /// Does it, with the arguments that follow, and gives the exit status. Only called in a process of one thread.
    pub run: fn(&[OsString]) -> u8,
}

/// The command, and how to tell that it is meant.
#[derive(Debug)]
pub(super) struct Own {
    command: OwnCommand,
    /// The device and the inode of this program's file.
    file: (u64, u64),
    layout: Layout,
}

impl Own {
    /// Looks at the file of this program. Nothing is known of one that was replaced since it started.
    pub(super) fn find(command: OwnCommand) -> io::Result<Self> {
        let file = std::fs::metadata("/proc/self/exe")?;
        Ok(Self { command, file: (file.dev(), file.ino()), layout: Layout::of_this_process()? })
    }

    /// Whether a plan's program is this command. To be asked where its program would be executed: in its namespaces.
    pub(super) fn is_meant_by(&self, plan: &Plan) -> bool {
        // What executing does to a process' power is not done here.
        let keeps_power = plan.bounding.is_none()
            && plan.effective.is_none()
            && !plan.no_new_privileges
            && plan.system_calls.is_none();
        keeps_power
            && plan.limits.is_empty()
            && plan.arguments.get(1).is_some_and(|name| name == self.command.name)
            && std::fs::metadata(&plan.program).is_ok_and(|file| (file.dev(), file.ino()) == self.file)
    }

    /// Goes on as this command. Closes all files but the standard ones, also that to which failures are told.
    pub(super) fn run(
        &self,
        plan: &Plan,
        arguments: &[CString],
        environment: &[CString],
    ) -> Result<std::convert::Infallible, Failure> {
        tepui_linux::go_on(&self.layout, arguments, environment)
            .map_err(|error| Failure::new(format!("go on as `{}`", plan.program), &error))?;
        let arguments: Vec<OsString> = plan.arguments.iter().skip(2).map(OsString::from).collect();
        // What is due at the end of a program is the launcher's; of the command nothing is.
        tepui_linux::exit_now((self.command.run)(&arguments).into())
    }
}
