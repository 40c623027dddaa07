//! A scheduler that runs a shell command as a task, and starts it again wherever it was lost, until it finishes.
//!
//! `cargo run -p tepui-client --example run_task -- MASTERS COMMAND`, where MASTERS is `host:port`, several of them,
//! `zk://host:port/mesos` or `etcd://host:port/tepui`.

#![expect(clippy::print_stdout, clippy::wildcard_enum_match_arm, reason = "an example prints what it gets")]

use tepui_client::Masters;
use tepui_client::scheduler::{self, Acknowledge, Calls, Event, Options};
use tepui_proto::v1;
use tepui_proto::v1::framework_info::{Capability, capability};
use tepui_types::{DEFAULT_ROLE, Resources, is_terminal};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(masters), Some(command)) = (arguments.next(), arguments.next()) else {
        return Err("usage: run_task MASTERS COMMAND".into());
    };
    run(masters.parse()?, &command).await
}

/// Runs the command to its successful end.
pub(crate) async fn run(masters: Masters, command: &str) -> Result<()> {
    let capability = |kind: capability::Type| Capability { r#type: Some(kind.into()) };
    let framework = v1::FrameworkInfo {
        user: "root".into(),
        name: "run_task".into(),
        // How long the tasks run on without us: a failover of the masters takes seconds.
        failover_timeout: Some(60.0),
        capabilities: vec![
            capability(capability::Type::MultiRole),
            capability(capability::Type::ReservationRefinement),
        ],
        roles: vec![DEFAULT_ROLE.to_owned()],
        ..Default::default()
    };
    let options = Options { acknowledge: Acknowledge::Implicit, ..Options::default() };
    let (calls, mut events) = scheduler::subscribe(masters, framework, options);
    let mut attempts = 0;
    let mut running: Option<v1::TaskId> = None;
    loop {
        match events.next().await? {
            Event::Subscribed(subscribed) => {
                println!("subscribed as {}", subscribed.framework_id.value);
                // If the launch was lost with a master, nobody knows the task: the answer says so.
                let tasks = running
                    .clone()
                    .map(|task_id| v1::scheduler::call::reconcile::Task { task_id, agent_id: None });
                if let Some(task) = tasks {
                    transient(calls.reconcile(vec![task]).await)?;
                }
            }
            Event::Offers(offers) => {
                for offer in offers {
                    if running.is_some() {
                        transient(calls.decline(vec![offer.id], None).await)?;
                    } else {
                        attempts += 1;
                        running = Some(launch(&calls, offer, command, attempts).await?);
                    }
                }
            }
            Event::Update(status) if running.as_ref() == Some(&status.task_id) => {
                println!("{:?}: {}", status.state(), status.message());
                if status.state() == v1::TaskState::TaskFinished {
                    return Ok(calls.teardown().await?);
                } else if is_terminal(status.state()) || status.state() == v1::TaskState::TaskUnknown {
                    running = None;
                }
            }
            Event::Error(message) => return Err(message.into()),
            Event::Disconnected { reason } => println!("disconnected: {reason}"),
            other => println!("{other:?}"),
        }
    }
}

async fn launch(calls: &Calls, offer: v1::Offer, command: &str, attempt: u32) -> Result<v1::TaskId> {
    let task_id = v1::TaskId { value: format!("task-{attempt}") };
    let task = v1::TaskInfo {
        name: "task".into(),
        task_id: task_id.clone(),
        agent_id: offer.agent_id,
        resources: Resources::parse("cpus:0.1;mem:32", DEFAULT_ROLE)?.to_protos(),
        command: Some(v1::CommandInfo { value: Some(command.to_owned()), ..Default::default() }),
        ..Default::default()
    };
    transient(calls.launch(vec![offer.id], vec![task]).await)?;
    Ok(task_id)
}

/// A call that fails because the master was lost is made good by what follows upon the next subscription.
fn transient(result: std::result::Result<(), tepui_client::CallError>) -> Result<()> {
    result.or_else(|error| if error.is_transient() { Ok(()) } else { Err(error.into()) })
}
