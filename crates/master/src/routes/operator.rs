//! `POST /api/v1`: the operator API.

use http::StatusCode;
use tepui_http::{Request, Response, call, response};
use tepui_proto::v1::master::{Call, call::Type};
use tepui_wire::ContentType;

use crate::front::{Handles, stopping};
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
    let Some(read) = read(kind) else {
        let text = format!("Call {} is not implemented", kind.as_str_name());
        return response::text(StatusCode::NOT_IMPLEMENTED, text);
    };
    answer(&handles, read, content_type).await
}

async fn answer(handles: &Handles, read: OperatorRead, content_type: ContentType) -> Response {
    let written = match content_type {
        ContentType::Json => tepui_master_view::Encoding::Json,
        ContentType::Protobuf => tepui_master_view::Encoding::Protobuf,
    };
    match handles.reads.read(Read::Operator(read, written)).await {
        Some(bytes) => response::ok(content_type.name(), bytes),
        None => stopping(),
    }
}

/// The type of a call whose parts are there.
fn validate(call: &Call) -> Result<Type, &'static str> {
    let kind = call.r#type.and_then(|number| Type::try_from(number).ok());
    let kind = kind.ok_or("Expecting 'type' to be present")?;
    if kind == Type::GetMetrics && call.get_metrics.is_none() {
        return Err("Expecting 'get_metrics' to be present");
    }
    Ok(kind)
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
        _ => return None,
    })
}
