//! Runs a shell command as a task and prints its states: `run_task HOST:PORT COMMAND [json]`.

#![expect(clippy::print_stdout, reason = "the output of the example")]

use tepui_client::ContentType;
use tepui_client::scheduler::{self, Event, Options};
use tepui_proto::v1;
use tepui_proto::v1::framework_info::{Capability, capability};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(master), Some(command)) = (arguments.next(), arguments.next()) else {
        return Err("usage: run_task HOST:PORT COMMAND [json]".into());
    };
    let content_type =
        if arguments.next().as_deref() == Some("json") { ContentType::Json } else { ContentType::Protobuf };
    let options = Options { content_type, ..Options::default() };
    let killing = Capability { r#type: Some(capability::Type::TaskKillingState.into()) };
    let framework = v1::FrameworkInfo {
        user: "root".into(),
        name: "run_task".into(),
        capabilities: vec![killing],
        ..Default::default()
    };
    let (calls, mut events) = scheduler::subscribe(master.parse()?, framework, options);
    let mut command = Some(command);
    loop {
        match events.next().await? {
            Event::Subscribed(subscribed) => println!("subscribed as {}", subscribed.framework_id.value),
            Event::Offers(offers) => {
                for offer in offers {
                    let ids = vec![offer.id.clone()];
                    if let Some(command) = command.take() {
                        calls.launch(ids, vec![task(&offer, command)]).await?;
                    } else {
                        calls.decline(ids, None).await?;
                    }
                }
            }
            Event::Update(status) => {
                println!("{:?}: {}", status.state(), status.message.as_deref().unwrap_or_default());
                calls.acknowledge(&status).await?;
                if tepui_types::is_terminal(status.state()) {
                    return Ok(calls.teardown().await?);
                }
            }
            Event::Error(message) => return Err(message.into()),
            Event::Disconnected { reason } => println!("disconnected: {reason}"),
            Event::InverseOffers(_)
            | Event::Rescind(_)
            | Event::RescindInverseOffer(_)
            | Event::UpdateOperationStatus(_)
            | Event::Message(_)
            | Event::Failure(_)
            | Event::Heartbeat => {}
        }
    }
}

fn task(offer: &v1::Offer, command: String) -> v1::TaskInfo {
    let scalar = |name: &str, value| v1::Resource {
        name: name.into(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    };
    v1::TaskInfo {
        name: "task".into(),
        task_id: v1::TaskId { value: "task".into() },
        agent_id: offer.agent_id.clone(),
        resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
        command: Some(v1::CommandInfo { value: Some(command), ..Default::default() }),
        ..Default::default()
    }
}
