//! What a forked child does before it becomes the container's program.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use prost::Message;
use tepui_linux::Credentials;

use super::protocol::{Failure, LAUNCH_FILES, Plan};

/// What a child whose start failed exits with; nobody sees it, the failure is told otherwise.
const FAILED: i32 = 127;

/// Becomes the program of the plan. What fails is written to the first of the files, which is closed when all went well.
pub(super) fn run(plan: &Plan, files: [OwnedFd; LAUNCH_FILES]) -> ! {
    let [failures, stdout, stderr] = files;
    let failure = match become_program(plan, &stdout, &stderr) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    // Nobody is left to be told if this fails.
    let _ = File::from(failures).write_all(&failure.encode_to_vec());
    tepui_linux::exit_now(FAILED)
}

fn become_program(
    plan: &Plan,
    stdout: &OwnedFd,
    stderr: &OwnedFd,
) -> Result<std::convert::Infallible, Failure> {
    tepui_linux::lead_session().map_err(failed("start a session"))?;
    redirect(stdout, stderr).map_err(failed("redirect the output"))?;
    let program = text(&plan.program)?;
    let arguments = plan.arguments.iter().map(|value| text(value)).collect::<Result<Vec<_>, _>>()?;
    let environment = plan.environment.iter().map(|value| text(value)).collect::<Result<Vec<_>, _>>()?;
    std::env::set_current_dir(&plan.directory)
        .map_err(|error| Failure::new(format!("enter `{}`", plan.directory), &error))?;
    if let Some(user) = &plan.user {
        let credentials = Credentials { uid: user.uid, gid: user.gid, groups: user.groups.clone() };
        tepui_linux::become_user(&credentials).map_err(failed("switch the user"))?;
    }
    tepui_linux::close_on_execute().map_err(failed("close files"))?;
    tepui_linux::reset_signals().map_err(failed("reset signals"))?;
    let error = tepui_linux::execute(&program, &arguments, &environment);
    Err(Failure::new(format!("execute `{}`", plan.program), &error))
}

fn redirect(stdout: &OwnedFd, stderr: &OwnedFd) -> io::Result<()> {
    let null = File::open("/dev/null")?;
    tepui_linux::take_as_standard(null.as_fd(), 0)?;
    tepui_linux::take_as_standard(stdout.as_fd(), 1)?;
    tepui_linux::take_as_standard(stderr.as_fd(), 2)
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::new(step, &error)
}

/// Text as the kernel takes it.
fn text(value: &str) -> Result<CString, Failure> {
    CString::new(value).map_err(|error| Failure::new("pass a text with a NUL", &error.into()))
}
