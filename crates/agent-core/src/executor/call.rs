//! A call of the executor API: the checks that all calls share, in Mesos' order.

use tepui_proto::v1;
use tepui_proto::v1::executor::call::Type;
use tepui_types::{ExecutorId, FrameworkId, Uuid};

use crate::agent::{Agent, State};
use crate::change::ExecutorState;
use crate::effect::{Effect, Effects, Rejection, RejectionKind, Response};
use crate::input::{ExecutorCall, RequestId};
use crate::status_update::is_executors_word;

impl Agent {
    /// Answers a call of an executor.
    pub(crate) fn executor_call(&mut self, call: ExecutorCall, effects: &mut Effects) {
        let request = call.request;
        match self.admit(&call) {
            Err(rejection) => respond(request, Response::Rejected(rejection), effects),
            Ok(None) => respond(request, Response::Accepted, effects),
            Ok(Some((framework, executor))) => {
                self.dispatch(request, &framework, &executor, call.call, effects);
            }
        }
    }

    /// Carries out a call that passed the checks.
    fn dispatch(
        &mut self,
        request: RequestId,
        framework: &FrameworkId,
        executor: &ExecutorId,
        call: v1::executor::Call,
        effects: &mut Effects,
    ) {
        match call.r#type() {
            Type::Subscribe => {
                self.subscribe(request, framework, executor, call.subscribe.unwrap_or_default(), effects);
            }
            Type::Update => {
                respond(request, Response::Accepted, effects);
                if let Some(update) = call.update {
                    self.executor_update(framework, executor, update.status, effects);
                }
            }
            Type::Message => {
                respond(request, Response::Accepted, effects);
                if let Some(message) = call.message {
                    self.executor_message(framework, executor, message.data, effects);
                }
            }
            Type::Heartbeat => respond(request, Response::Accepted, effects),
            Type::Unknown => {
                let message = String::new();
                let rejection = Rejection { kind: RejectionKind::NotImplemented, message };
                respond(request, Response::Rejected(rejection), effects);
            }
        }
    }

    /// Finds whom a call is from; `None` for a call that is accepted without looking.
    fn admit(&self, call: &ExecutorCall) -> Result<Option<(FrameworkId, ExecutorId)>, Rejection> {
        validate(&call.call)
            .map_err(|error| bad_request(format!("Failed to validate Executor::Call: {error}")))?;
        let subscribes = call.call.r#type() == Type::Subscribe;
        if subscribes && !call.acceptable {
            return Err(Rejection { kind: RejectionKind::NotAcceptable, message: NOT_ACCEPTABLE.to_owned() });
        }
        // Before that, an executor that is being looked for would be taken for a stranger.
        if !self.containers_recovered || self.state == State::Recovering && !subscribes {
            let message = "Agent has not finished recovery".to_owned();
            return Err(Rejection { kind: RejectionKind::Unavailable, message });
        }
        if call.call.r#type() == Type::Heartbeat {
            return Ok(None);
        }
        let framework_id = FrameworkId::from(&call.call.framework_id);
        let executor_id = ExecutorId::from(&call.call.executor_id);
        let framework = self.frameworks.get(&framework_id);
        let framework = framework.ok_or_else(|| bad_request("Framework cannot be found"))?;
        let executor = framework.executors.get(&executor_id);
        let executor = executor.ok_or_else(|| bad_request("Executor cannot be found"))?;
        if executor.state == ExecutorState::Registering && !subscribes {
            let message = "Executor is not subscribed".to_owned();
            return Err(Rejection { kind: RejectionKind::Forbidden, message });
        }
        Ok(Some((framework_id, executor_id)))
    }
}

const NOT_ACCEPTABLE: &str = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";

fn bad_request(message: impl Into<String>) -> Rejection {
    Rejection { kind: RejectionKind::BadRequest, message: message.into() }
}

fn respond(request: RequestId, response: Response, effects: &mut Effects) {
    effects.push(Effect::Respond { request, response });
}

/// Checks what can be checked without knowing the executor. The texts are Mesos' own.
fn validate(call: &v1::executor::Call) -> Result<(), String> {
    let expecting = |what: &str| Err(format!("Expecting '{what}' to be present"));
    if call.r#type.is_none() {
        return expecting("type");
    }
    match call.r#type() {
        Type::Subscribe if call.subscribe.is_none() => expecting("subscribe"),
        Type::Update => match &call.update {
            None => expecting("update"),
            Some(update) => validate_update(call, &update.status),
        },
        Type::Message if call.message.is_none() => expecting("message"),
        Type::Subscribe | Type::Message | Type::Heartbeat | Type::Unknown => Ok(()),
    }
}

/// Checks the status of an UPDATE.
fn validate_update(call: &v1::executor::Call, status: &v1::TaskStatus) -> Result<(), String> {
    let executor = &call.executor_id.value;
    let Some(uuid) = &status.uuid else { return Err("Expecting 'uuid' to be present".to_owned()) };
    // Compat: sixteen bytes whose version no UUID has are refused too.
    if Uuid::from_slice(uuid).is_none_or(|uuid| !matches!(uuid.as_bytes()[6] >> 4, 1..=5)) {
        return Err("Not a valid UUID".to_owned());
    }
    if let Some(own) = &status.executor_id
        && own.value != *executor
    {
        return Err(format!(
            "ExecutorID in Call: {executor} does not match ExecutorID in TaskStatus: {}",
            own.value
        ));
    }
    let caller = || format!("executor {executor} of framework {}", call.framework_id.value);
    // Compat: an absent source reads as SOURCE_MASTER, the first of its enum, and is refused too.
    if status.source() != v1::task_status::Source::Executor {
        return Err(format!(
            "Received Call from {} with invalid source, expecting 'SOURCE_EXECUTOR'",
            caller()
        ));
    }
    if !is_executors_word(status.state()) {
        return Err(format!(
            "Received {} from {} which is not allowed",
            status.state().as_str_name(),
            caller()
        ));
    }
    match &status.check_status {
        Some(check) => validate_check_status(check),
        None => Ok(()),
    }
}

/// Checks that a check's status has the part that its type names.
fn validate_check_status(check: &v1::CheckStatusInfo) -> Result<(), String> {
    use v1::check_info::Type;
    if check.r#type.is_none() {
        return Err("CheckStatusInfo must specify 'type'".to_owned());
    }
    let missing =
        |part: &str, kind: &str| Err(format!("Expecting '{part}' to be set for {kind} check's status"));
    match check.r#type() {
        Type::Command if check.command.is_none() => missing("command", "COMMAND"),
        Type::Http if check.http.is_none() => missing("http", "HTTP"),
        Type::Tcp if check.tcp.is_none() => missing("tcp", "TCP"),
        Type::Unknown => Err("'UNKNOWN' is not a valid check's status type".to_owned()),
        Type::Command | Type::Http | Type::Tcp => Ok(()),
    }
}
