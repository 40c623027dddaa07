//! What events become on their way to a driver.

use tepui_proto::v1::scheduler::{Event, event};
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::{FrameworkId, Upid};

/// The address of nobody, as Mesos writes it: a driver does not acknowledge a status that comes from there.
const NOBODY: &str = "@0.0.0.0:0";

/// The message that tells a driver of an event; none if drivers are not told of its like.
///
/// `agent` is the agent that repeats a status until it is acknowledged; none if the master made the status.
pub(crate) fn message(framework: &FrameworkId, event: Event, agent: Option<&Upid>) -> Option<LinkMessage> {
    let framework_id = framework.to_proto();
    Some(match event.r#type() {
        event::Type::Subscribed => internal::FrameworkRegisteredMessage {
            framework_id,
            master_info: event.subscribed?.master_info.unwrap_or_default(),
        }
        .into(),
        event::Type::Offers => {
            let offers = event.offers?.offers;
            let pids = offers.iter().map(|offer| agent_pid(offer.url.as_ref())).collect();
            internal::ResourceOffersMessage { offers, pids }.into()
        }
        event::Type::Rescind => {
            internal::RescindResourceOfferMessage { offer_id: event.rescind?.offer_id }.into()
        }
        event::Type::Update => status_update(framework_id, event.update?.status, agent).into(),
        event::Type::Message => {
            let event::Message { agent_id, executor_id, data } = event.message?;
            internal::ExecutorToFrameworkMessage { slave_id: agent_id, framework_id, executor_id, data }
                .into()
        }
        event::Type::Failure => failure(framework_id, event.failure?)?,
        event::Type::Error => internal::FrameworkErrorMessage { message: event.error?.message }.into(),
        // Drivers have no callbacks for the first three and keep their links without heartbeats.
        event::Type::InverseOffers
        | event::Type::RescindInverseOffer
        | event::Type::UpdateOperationStatus
        | event::Type::Heartbeat
        | event::Type::Unknown => return None,
    })
}

/// Drivers send messages for executors straight to the agent, so they are told its address with each offer.
fn agent_pid(url: Option<&v1::Url>) -> String {
    let Some(url) = url else { return NOBODY.to_owned() };
    let id = url.path().trim_matches('/');
    format!("{id}@{}:{}", url.address.ip(), url.address.port)
}

fn status_update(
    framework_id: v1::FrameworkId,
    status: v1::TaskStatus,
    agent: Option<&Upid>,
) -> internal::StatusUpdateMessage {
    let update = internal::StatusUpdate {
        framework_id,
        executor_id: status.executor_id.clone(),
        slave_id: status.agent_id.clone(),
        timestamp: status.timestamp.unwrap_or_default(),
        uuid: status.uuid.clone(),
        status,
        latest_state: None,
    };
    let pid = agent.map_or_else(|| NOBODY.to_owned(), Upid::to_string);
    internal::StatusUpdateMessage { update, pid: Some(pid) }
}

fn failure(framework_id: v1::FrameworkId, failure: event::Failure) -> Option<LinkMessage> {
    let slave_id = failure.agent_id?;
    Some(match failure.executor_id {
        Some(executor_id) => internal::ExitedExecutorMessage {
            slave_id,
            framework_id,
            executor_id,
            status: failure.status.unwrap_or_default(),
        }
        .into(),
        None => internal::LostSlaveMessage { slave_id }.into(),
    })
}
