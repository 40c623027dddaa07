//! `POST /api/v1`: the operator API.

use tepui_http::{Request, Response, call, response};
use tepui_master_view::Encoding;
use tepui_proto::v1::master::{Call, call::Type};
use tepui_wire::ContentType;
use tokio::sync::oneshot;

use crate::answer::Answer;
use crate::front::{Handles, stopping};
use crate::inbox::{OperatorWork, Work};
use crate::reader::{OperatorRead, Read};

/// Answers a call of an operator.
pub(super) async fn operator(handles: Handles, request: Request) -> Response {
    let call = match call::decode::<Call>(&request) {
        Ok((_, call)) => call,
        Err(refusal) => return refusal,
    };
    let kind = match validate(&call) {
        Ok(kind) => kind,
        Err(reason) => return response::bad_request(&format!("Failed to validate master::Call: {reason}")),
    };
    let content_type = match call::accept(&request) {
        Ok(content_type) => content_type,
        Err(refusal) => return refusal,
    };
    if kind == Type::Subscribe {
        return handles.reads.subscribe(encoding(content_type)).await.unwrap_or_else(stopping);
    }
    match read(kind) {
        Some(read) => answer(&handles, read, content_type).await,
        None => change(&handles, call).await,
    }
}

/// Hands a call that changes something to the core and waits for its answer.
pub(super) async fn change(handles: &Handles, call: Call) -> Response {
    let (answer, answered) = oneshot::channel();
    let work = OperatorWork { call, principal: None, answer };
    if handles.inbox.send(Work::Operator(Box::new(work))).await.is_err() {
        return stopping();
    }
    answered.await.unwrap_or_else(|_| stopping())
}

async fn answer(handles: &Handles, read: OperatorRead, content_type: ContentType) -> Response {
    match handles.reads.read(Read::Operator(read, encoding(content_type))).await {
        Some(Answer::Whole(bytes)) => response::ok(content_type.name(), bytes),
        Some(Answer::Parts(parts)) => response::parts(content_type.name(), parts),
        None => stopping(),
    }
}

fn encoding(content_type: ContentType) -> Encoding {
    match content_type {
        ContentType::Json => Encoding::Json,
        ContentType::Protobuf => Encoding::Protobuf,
    }
}

/// The type of a call whose parts are there.
#[expect(clippy::wildcard_enum_match_arm, reason = "a list of the wire's, of which these have a part")]
fn validate(call: &Call) -> Result<Type, String> {
    let kind = call.r#type.and_then(|number| Type::try_from(number).ok());
    let kind = kind.ok_or("Expecting 'type' to be present")?;
    let (is_present, part) = match kind {
        Type::GetMetrics => (call.get_metrics.is_some(), "get_metrics"),
        Type::Teardown => (call.teardown.is_some(), "teardown"),
        Type::MarkAgentGone => (call.mark_agent_gone.is_some(), "mark_agent_gone"),
        Type::DrainAgent => (call.drain_agent.is_some(), "drain_agent"),
        Type::DeactivateAgent => (call.deactivate_agent.is_some(), "deactivate_agent"),
        Type::ReactivateAgent => (call.reactivate_agent.is_some(), "reactivate_agent"),
        Type::UpdateMaintenanceSchedule => {
            (call.update_maintenance_schedule.is_some(), "update_maintenance_schedule")
        }
        _ => return Ok(kind),
    };
    if is_present { Ok(kind) } else { Err(format!("Expecting '{part}' to be present")) }
}

/// What a call reads, if it is a read that the view answers.
#[expect(clippy::wildcard_enum_match_arm, reason = "a list of the wire's, of which these are the reads")]
fn read(kind: Type) -> Option<OperatorRead> {
    Some(match kind {
        Type::GetHealth => OperatorRead::Health,
        Type::GetFlags => OperatorRead::Flags,
        Type::GetVersion => OperatorRead::Version,
        Type::GetMetrics => OperatorRead::Metrics,
        Type::GetMaster => OperatorRead::Master,
        Type::GetAgents => OperatorRead::Agents,
        Type::GetFrameworks => OperatorRead::Frameworks,
        Type::GetTasks => OperatorRead::Tasks,
        Type::GetExecutors => OperatorRead::Executors,
        Type::GetState => OperatorRead::State,
        Type::GetRoles => OperatorRead::Roles,
        Type::GetMaintenanceSchedule => OperatorRead::MaintenanceSchedule,
        Type::GetMaintenanceStatus => OperatorRead::MaintenanceStatus,
        _ => return None,
    })
}
