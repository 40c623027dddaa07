//! What executors say.

use tepui_agent_core::{ExecutorCall, Input, RequestId};
use tepui_proto::v1;
use tepui_proto::v1::executor::call::{self, Type};

use super::World;
use super::master::{executor_id, framework_id, task, task_id};
use crate::grammar;
use crate::source::Source;

const STATES: &[v1::TaskState] = &[
    v1::TaskState::TaskRunning,
    v1::TaskState::TaskFinished,
    v1::TaskState::TaskStarting,
    v1::TaskState::TaskKilling,
    v1::TaskState::TaskFailed,
    v1::TaskState::TaskKilled,
    v1::TaskState::TaskStaging,
    v1::TaskState::TaskLost,
    v1::TaskState::TaskUnreachable,
];

impl World {
    pub(super) fn executor_call(&self, source: &mut Source<'_>) -> Input {
        let framework_id = framework_id(source);
        let executor_id = executor_id(source);
        let call = |kind: Type| v1::executor::Call {
            framework_id: framework_id.clone(),
            executor_id: executor_id.clone(),
            r#type: Some(kind.into()),
            ..v1::executor::Call::default()
        };
        let call = match source.below(6) {
            0 | 1 => {
                let unacknowledged_tasks = (0..source.below(3)).map(|_| task(source).into()).collect();
                let unacknowledged_updates =
                    (0..source.below(3)).map(|_| call::Update { status: status(source) }).collect();
                let subscribe = call::Subscribe { unacknowledged_tasks, unacknowledged_updates };
                v1::executor::Call { subscribe: Some(subscribe), ..call(Type::Subscribe) }
            }
            2 | 3 => {
                let update = call::Update { status: status(source) };
                v1::executor::Call { update: Some(update), ..call(Type::Update) }
            }
            4 => {
                let message = call::Message { data: vec![1] };
                v1::executor::Call { message: Some(message), ..call(Type::Message) }
            }
            _ => call(Type::Heartbeat),
        };
        let call = grammar::embellished(source, call, &self.known);
        wrap(source, call)
    }

    /// Any call, from whoever.
    pub(super) fn any_executor_call(&self, source: &mut Source<'_>) -> Option<Input> {
        let call = grammar::decoded(source, &self.known)?;
        Some(wrap(source, call))
    }
}

fn wrap(source: &mut Source<'_>, call: v1::executor::Call) -> Input {
    let acceptable = source.byte() != 255;
    Input::ExecutorCall(Box::new(ExecutorCall { request: RequestId(0), call, acceptable }))
}

fn status(source: &mut Source<'_>) -> v1::TaskStatus {
    let task_id = task_id(source);
    let state = source.pick(STATES).unwrap_or(v1::TaskState::TaskRunning);
    let mut uuid = vec![source.byte(); 16];
    uuid[6] = 0x40;
    v1::TaskStatus {
        task_id,
        state: state.into(),
        uuid: Some(uuid),
        source: Some(v1::task_status::Source::Executor.into()),
        ..v1::TaskStatus::default()
    }
}
