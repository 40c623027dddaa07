//! The command executor: one task, one process.
//!
//! `driver` waits for what happens (events of the agent, the end of the process, deadlines) and does what is to be
//! done; `escalation` and `outcome` (shared with the default executor) decide without I/O how a kill proceeds and what an end
//! means. The task's checks run beside it.
//!
//! The executor takes in the orphans of its task, so that all of the task's processes stay below it: they are killed
//! when the task's process ends, and the agent finds them if it has to kill the executor.

mod driver;
mod launch;

use tepui_client::ContentType;
use tepui_client::executor::{Environment, Recovery, subscribe};
use tracing::{error, info, warn};

use driver::{Driver, End};

use crate::flags::Flags;
use crate::variables::Variables;
use crate::{FAILURE, SUCCESS};

/// Runs the command executor in the environment that the agent made, until its task has ended and the agent knows.
/// Gives the exit status.
pub fn run_command_executor(flags: Flags) -> u8 {
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => {
            error!("{error}");
            return FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!("failed to start: {error}");
            return FAILURE;
        }
    };
    let variables =
        std::env::vars_os().filter(|(name, _)| name != "MESOS_EXECUTOR_AUTHENTICATION_TOKEN").collect();
    let end = runtime.block_on(run(environment, variables, flags));
    // The system takes it apart faster.
    std::mem::forget(runtime);
    match end {
        End::Done => SUCCESS,
        End::Failed => FAILURE,
    }
}

/// Runs the executor in a given environment; tasks start with `variables`.
async fn run(environment: Environment, variables: Variables, flags: Flags) -> End {
    if let Err(error) = tepui_linux::become_subreaper() {
        warn!("failed to take in the orphans of the task: {error}");
    }
    let lasting = environment.recovery.map_or_else(String::new, |Recovery { timeout, .. }| {
        format!(" (recovery timeout {})", tepui_types::format_duration(timeout))
    });
    info!("Using the agent at {}{lasting}", environment.agent);
    let (updates, events) = subscribe(&environment, ContentType::Protobuf);
    Driver::new(environment, variables, flags, updates).run(events).await
}
