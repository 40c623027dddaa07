//! The default executor: task groups, each task in a container of its own within the executor's.
//!
//! `core` decides everything without I/O: what a group's end means for its tasks, how a kill proceeds, what is to be done again
//! when the agent was away. `driver` does what it says: it speaks with the agent, which makes the containers. `child` is what
//! the core knows of a task, `ending` what the end of a container means, `check_container` how commands of checks run.

mod check_container;
mod child;
mod core;
mod driver;
mod ending;

use tepui_client::ContentType;
use tepui_client::executor::{Environment, subscribe};
use tracing::error;

pub(crate) use check_container::CheckContainer;
use driver::Driver;

use crate::{FAILURE, SUCCESS};

/// Runs the default executor in the environment that the agent made, until it has nothing left to do.
/// Gives the exit status.
pub fn run_default_executor() -> u8 {
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
    runtime.block_on(async {
        let (updates, events) = subscribe(&environment, ContentType::Protobuf);
        Driver::new(environment, updates).run(events).await;
    });
    SUCCESS
}
