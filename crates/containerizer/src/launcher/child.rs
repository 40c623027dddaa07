//! What a forked child does before it becomes the container's program.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use prost::Message;
use tepui_linux::{
    Capabilities, Credentials, Fork, Forked, LimitedResource, Namespaces, PidFd, SingleThread,
};

use super::own_command::Own;
use super::protocol::{Failure, LAUNCH_FILES, Limit, Mount, Plan};

/// What a child whose start failed exits with; nobody sees it, the failure is told otherwise.
const FAILED: i32 = 127;

/// Becomes the program of the plan. What fails is written to `failures`, which is closed when all went well.
pub(super) fn run(
    plan: &Plan,
    standard: &[OwnedFd; LAUNCH_FILES],
    failures: OwnedFd,
    alone: &SingleThread,
    own: Option<&Own>,
) -> ! {
    match become_program(plan, standard, alone, own) {
        Ok(never) => match never {},
        Err(failure) => fail(failures, &failure),
    }
}

fn fail(failures: OwnedFd, failure: &Failure) -> ! {
    // Nobody is left to be told if this fails.
    let _ = File::from(failures).write_all(&failure.encode_to_vec());
    tepui_linux::exit_now(FAILED)
}

/// Enters the namespaces of the parent container and forks once more, because a process id namespace holds for children
/// only. The child of that is the launcher's, which hears its id over the pipe.
pub(super) fn enter_and_fork(
    plan: &Plan,
    standard: &[OwnedFd; LAUNCH_FILES],
    failures: OwnedFd,
    fork: &Fork<'_>,
    alone: &SingleThread,
    told: OwnedFd,
) -> ! {
    let entered = PidFd::open(plan.parent)
        .and_then(|parent| tepui_linux::enter_namespaces(&parent, Namespaces::from_bits(plan.entered)))
        .and_then(|()| alone.fork(fork));
    match entered {
        Ok(Forked::Child) => {
            drop(told);
            run(plan, standard, failures, alone, None)
        }
        Ok(Forked::Parent { pid, .. }) => {
            let _ = File::from(told).write_all(&pid.to_ne_bytes());
            tepui_linux::exit_now(0)
        }
        Err(error) => fail(failures, &Failure::new("enter the namespaces of the parent", &error)),
    }
}

fn become_program(
    plan: &Plan,
    standard: &[OwnedFd; LAUNCH_FILES],
    alone: &SingleThread,
    own: Option<&Own>,
) -> Result<Infallible, Failure> {
    tepui_linux::lead_session().map_err(failed("start a session"))?;
    redirect(standard).map_err(failed("redirect input and output"))?;
    for tasks in &plan.join {
        // A thread that moves itself makes nobody else wait, unlike one that is moved.
        std::fs::write(tasks, "0").map_err(|error| Failure::new(format!("enter `{tasks}`"), &error))?;
    }
    if plan.has_nested_processes() {
        step_inside(alone)?;
    }
    mount(plan)?;
    if plan.has_init {
        stay_first(plan, alone)?;
    }
    if plan.has_terminal {
        tepui_linux::control_terminal().map_err(failed("take the terminal"))?;
    }
    let program = text(&plan.program)?;
    let arguments = plan.arguments.iter().map(|value| text(value)).collect::<Result<Vec<_>, _>>()?;
    let environment = plan.environment.iter().map(|value| text(value)).collect::<Result<Vec<_>, _>>()?;
    std::env::set_current_dir(&plan.directory)
        .map_err(|error| Failure::new(format!("enter `{}`", plan.directory), &error))?;
    for Limit { resource, soft, hard } in &plan.limits {
        tepui_linux::set_limit(LimitedResource::from_number(*resource), *soft, *hard)
            .map_err(|error| Failure::new(format!("set resource limit {resource}"), &error))?;
    }
    tepui_linux::close_on_execute().map_err(failed("close files"))?;
    tepui_linux::reset_signals().map_err(failed("reset signals"))?;
    give_up_power(plan)?;
    if plan.no_new_privileges {
        filter_system_calls(plan)?;
    }
    if let Some(own) = own
        && own.is_meant_by(plan)
    {
        return own.run(plan, &arguments, &environment);
    }
    let error = tepui_linux::execute(&program, &arguments, &environment);
    Err(Failure::new(format!("execute `{}`", plan.program), &error))
}

/// Mounts what the plan has, seen by nobody outside.
fn mount(plan: &Plan) -> Result<(), Failure> {
    if !Namespaces::from_bits(plan.namespaces).contains(Namespaces::MOUNT) {
        return Ok(());
    }
    tepui_linux::receive_mounts_only().map_err(failed("make mounts private"))?;
    for Mount { kind, source, target, options, read_only, content } in &plan.mounts {
        let mounted = match (kind, content) {
            (_, Some(content)) => std::fs::write(target, content),
            (Some(kind), None) => tepui_linux::mount_new(kind, Path::new(target), options),
            (None, None) => tepui_linux::bind(Path::new(source), Path::new(target), *read_only),
        };
        mounted.map_err(|error| Failure::new(format!("mount `{target}`"), &error))?;
    }
    Ok(())
}

fn filter_system_calls(plan: &Plan) -> Result<(), Failure> {
    match &plan.system_calls {
        Some(program) => tepui_linux::set_system_call_filter(program).map_err(failed("filter system calls")),
        None => Ok(()),
    }
}

/// Becomes another user, with no more of root's power than the plan says.
fn give_up_power(plan: &Plan) -> Result<(), Failure> {
    if let Some(bounding) = plan.bounding {
        tepui_linux::limit_capabilities(Capabilities::from_bits(bounding))
            .map_err(failed("limit the capabilities"))?;
    }
    // Without `no_new_privs` only root may do it, and after that as little as possible is left to do.
    if !plan.no_new_privileges {
        filter_system_calls(plan)?;
    }
    if plan.effective.is_some() {
        tepui_linux::keep_capabilities().map_err(failed("keep capabilities"))?;
    }
    if let Some(user) = &plan.user {
        let credentials = Credentials { uid: user.uid, gid: user.gid, groups: user.groups.clone() };
        tepui_linux::become_user(&credentials).map_err(failed("switch the user"))?;
    }
    if let Some(effective) = plan.effective {
        tepui_linux::set_capabilities(Capabilities::from_bits(effective))
            .map_err(failed("set the capabilities"))?;
    }
    if plan.no_new_privileges {
        tepui_linux::set_no_new_privileges().map_err(failed("set no_new_privs"))?;
    }
    Ok(())
}

/// Forks into a new process id namespace; the child returns, and this process ends with it. Who has entered a namespace of
/// process ids cannot be born in a new one at once.
fn step_inside(alone: &SingleThread) -> Result<(), Failure> {
    tepui_linux::unshare_namespaces(Namespaces::PID).map_err(failed("make a process namespace"))?;
    tepui_linux::block_signals().map_err(failed("block signals"))?;
    let null = File::open("/dev/null").map_err(failed("open /dev/null"))?;
    match alone.fork(&Fork::default()).map_err(failed("fork"))? {
        Forked::Child => tepui_linux::lead_session().map_err(failed("start a session")),
        Forked::Parent { pid, .. } => {
            tepui_linux::close_all_but(null.as_fd());
            let ended = tepui_linux::wait_for(pid).unwrap_or_default();
            tepui_linux::exit_now(i32::from(ended != 0))
        }
    }
}

/// Forks; the child returns. This process stays the first one of its process id namespace, passes signals on, and ends when
/// the child does, whose status it leaves in the runtime folder: its own could not say which signal ended the child.
fn stay_first(plan: &Plan, alone: &SingleThread) -> Result<(), Failure> {
    let status =
        File::create(Path::new(&plan.runtime).join("init_status")).map_err(failed("note the status"))?;
    tepui_linux::block_signals().map_err(failed("block signals"))?;
    match alone.fork(&Fork::default()).map_err(failed("fork"))? {
        Forked::Child => tepui_linux::lead_session().map_err(failed("start a session")),
        Forked::Parent { pid, .. } => {
            // The files of the plan are the child's now: whoever waits for their end waits for it alone.
            tepui_linux::close_all_but(status.as_fd());
            let ended = tepui_linux::wait_for(pid).unwrap_or_default();
            let _ = (&status).write_all(ended.to_string().as_bytes());
            tepui_linux::exit_now(i32::from(ended != 0))
        }
    }
}

fn redirect(standard: &[OwnedFd; LAUNCH_FILES]) -> io::Result<()> {
    (0..).zip(standard).try_for_each(|(number, file)| tepui_linux::take_as_standard(file.as_fd(), number))
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::new(step, &error)
}

/// Text as the kernel takes it.
fn text(value: &str) -> Result<CString, Failure> {
    CString::new(value).map_err(|error| Failure::new("pass a text with a NUL", &error.into()))
}
