//! `POST /api/v1`: the operator API.

use http::StatusCode;
use tepui_http::{Request, Response, call, response};
use tepui_proto::v1;
use tepui_proto::v1::agent::call::Type;
use tepui_proto::v1::agent::response as answer;
use tepui_proto::v1::agent::{Call, Response as Answer};

use tepui_wire::ContentType;

use super::{Routes, container, containers};
use crate::view::VERSION;

/// Answers a call.
pub(super) async fn call(routes: Routes, request: Request) -> Response {
    if let Some(refusal) = routes.refusal_while_recovering() {
        return refusal;
    }
    let (_, call) = match call::decode::<Call>(&request) {
        Ok(decoded) => decoded,
        Err(refusal) => return refusal,
    };
    if call.r#type.is_none() {
        return response::bad_request("Failed to validate agent::Call: Expecting 'type' to be present");
    }
    if call.r#type() == Type::LaunchNestedContainerSession {
        return container::session(&routes, &request, call.launch_nested_container_session).await;
    }
    if call.r#type() == Type::AttachContainerOutput {
        return container::attach_output(&routes, &request, call.attach_container_output).await;
    }
    if call.r#type() == Type::AttachContainerInput {
        let text = "Expecting 'Content-Type' to be application/recordio for ATTACH_CONTAINER_INPUT call";
        return response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    }
    let content_type = match call::accept(&request) {
        Ok(content_type) => content_type,
        Err(refusal) => return refusal,
    };
    let kind = call.r#type();
    if let Some(answer) = about_container(&routes, call, content_type).await {
        return answer;
    }
    if let Some(answer) = reply(&routes, kind) {
        return response::ok(content_type.name(), tepui_wire::encode(content_type, &answer));
    }
    let text = format!("{} is not implemented by this agent yet", kind.as_str_name());
    response::text(StatusCode::NOT_IMPLEMENTED, text)
}

/// The answer of a call about a container; none for other calls.
#[expect(deprecated, reason = "older executors use the older forms")]
#[expect(clippy::wildcard_enum_match_arm, reason = "all other calls are answered elsewhere")]
async fn about_container(routes: &Routes, call: Call, accept: ContentType) -> Option<Response> {
    Some(match call.r#type() {
        Type::LaunchContainer => container::launch(routes, call.launch_container).await,
        Type::LaunchNestedContainer => container::launch_nested(routes, call.launch_nested_container).await,
        Type::WaitContainer => container::wait(routes, call.wait_container, accept).await,
        Type::WaitNestedContainer => container::wait_nested(routes, call.wait_nested_container, accept).await,
        Type::KillContainer => container::kill(routes, call.kill_container).await,
        Type::KillNestedContainer => container::kill_nested(routes, call.kill_nested_container).await,
        Type::RemoveContainer => container::remove(routes, call.remove_container).await,
        Type::GetContainers => {
            let answer = containers::get(routes, call.get_containers).await;
            response::ok(accept.name(), tepui_wire::encode(accept, &answer))
        }
        Type::RemoveNestedContainer => container::remove_nested(routes, call.remove_nested_container).await,
        _ => return None,
    })
}

/// The answer, for calls that have one.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other calls are refused alike")]
fn reply(routes: &Routes, kind: Type) -> Option<Answer> {
    use answer::Type as T;
    let of = |kind: T| Answer { r#type: Some(kind.into()), ..Answer::default() };
    Some(match kind {
        Type::GetHealth => {
            Answer { get_health: Some(answer::GetHealth { healthy: true }), ..of(T::GetHealth) }
        }
        Type::GetVersion => {
            let version_info = v1::VersionInfo { version: VERSION.to_owned(), ..v1::VersionInfo::default() };
            Answer { get_version: Some(answer::GetVersion { version_info }), ..of(T::GetVersion) }
        }
        Type::GetFlags => {
            let given = routes.view().given_flags().to_vec();
            let flags =
                given.into_iter().map(|(name, value)| v1::Flag { name, value: Some(value) }).collect();
            Answer { get_flags: Some(answer::GetFlags { flags }), ..of(T::GetFlags) }
        }
        Type::GetMetrics => {
            let metrics = routes.view().v1_metrics();
            Answer { get_metrics: Some(answer::GetMetrics { metrics }), ..of(T::GetMetrics) }
        }
        Type::GetAgent => {
            let agent_info = Some(routes.view().agent_info());
            let get_agent = answer::GetAgent { agent_info, ..answer::GetAgent::default() };
            Answer { get_agent: Some(get_agent), ..of(T::GetAgent) }
        }
        _ => return None,
    })
}
