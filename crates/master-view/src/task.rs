//! A task as the view holds it: there are hundreds of thousands, so it is kept in its binary form.

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, int32, message};
use tepui_model::encoded_task::EncodedTask;
use tepui_proto::v1;
use tepui_proto::wire_format::{WireField, WireFields, WireValue};
use tepui_types::{AgentId, FrameworkId, Resources, TaskId, Uuid, is_terminal};

use crate::held::parse_resources;

/// Field numbers of `Task`.
mod tag {
    pub(super) const TASK_ID: u32 = 2;
    pub(super) const FRAMEWORK_ID: u32 = 3;
    pub(super) const EXECUTOR_ID: u32 = 4;
    pub(super) const AGENT_ID: u32 = 5;
    pub(super) const STATE: u32 = 6;
    pub(super) const RESOURCES: u32 = 7;
    pub(super) const STATUSES: u32 = 8;
    pub(super) const STATUS_UPDATE_STATE: u32 = 9;
    pub(super) const STATUS_UPDATE_UUID: u32 = 10;
    pub(super) const LABELS: u32 = 11;
}

/// The field number of `TaskStatus.state`.
const STATUS_STATE: u32 = 2;

/// A task on an agent, completed, or unreachable.
#[derive(Debug)]
pub(crate) struct Task {
    id: TaskId,
    agent: AgentId,
    /// The newest state that the agent knows. The status update that was passed on may lag behind.
    state: v1::TaskState,
    /// Whether its resources are still taken.
    pub(crate) holds_resources: bool,
    /// The fields of `v1::Task` in the order of their numbers, without the three ids and the state.
    fields: Box<[u8]>,
}

impl Task {
    /// Keeps a task. The ids are those that others hold already, so that their texts are shared.
    pub(crate) fn new(id: TaskId, agent: AgentId, task: &v1::Task) -> Self {
        let encoded = task.encode_to_vec();
        let mut kept = Vec::with_capacity(encoded.len());
        for field in fields(&encoded) {
            if !matches!(field.number, tag::TASK_ID | tag::FRAMEWORK_ID | tag::AGENT_ID | tag::STATE) {
                kept.extend_from_slice(field.bytes);
            }
        }
        let holds_resources = !is_terminal(task.state());
        Self { id, agent, state: task.state(), holds_resources, fields: kept.into_boxed_slice() }
    }

    pub(crate) fn id(&self) -> &TaskId {
        &self.id
    }

    pub(crate) fn agent(&self) -> &AgentId {
        &self.agent
    }

    pub(crate) fn state(&self) -> v1::TaskState {
        self.state
    }

    pub(crate) fn resources(&self) -> Resources {
        let messages = messages(self.part(tag::RESOURCES, tag::STATUSES));
        let resources: Vec<_> = messages.filter_map(|bytes| v1::Resource::decode(bytes).ok()).collect();
        parse_resources(&resources)
    }

    /// When its first status was made.
    pub(crate) fn first_time(&self) -> Option<f64> {
        let first = messages(self.part(tag::STATUSES, tag::STATUS_UPDATE_STATE)).next()?;
        Some(v1::TaskStatus::decode(first).ok()?.timestamp())
    }

    /// Applies an update: the state, the state and uuid of the update that was passed on last, and a status to remember,
    /// which replaces the last one if that has the same state. Tells whether the status did not replace one.
    pub(crate) fn update(
        &mut self,
        state: v1::TaskState,
        update: Option<(v1::TaskState, Uuid)>,
        status: Option<&v1::TaskStatus>,
    ) -> bool {
        self.state = state;
        let [end_of_statuses, end_of_update] = self.positions([tag::STATUS_UPDATE_STATE, tag::LABELS]);
        let (before, after) = (&self.fields[..end_of_statuses], &self.fields[end_of_update..]);
        let mut fields = Vec::with_capacity(self.fields.len() + 128);
        fields.extend_from_slice(before);
        let mut is_appended = false;
        if let Some(status) = status {
            let kept = self.without_last_status(status.state);
            is_appended = kept == end_of_statuses;
            fields.truncate(kept);
            message::encode(tag::STATUSES, status, &mut fields);
        }
        match update {
            Some((state, uuid)) => {
                int32::encode(tag::STATUS_UPDATE_STATE, &(state as i32), &mut fields);
                encode_key(tag::STATUS_UPDATE_UUID, WireType::LengthDelimited, &mut fields);
                encode_varint(uuid.as_bytes().len() as u64, &mut fields);
                fields.extend_from_slice(uuid.as_bytes());
            }
            None => fields.extend_from_slice(&self.fields[end_of_statuses..end_of_update]),
        }
        fields.extend_from_slice(after);
        self.fields = fields.into_boxed_slice();
        is_appended
    }

    /// The task for who shows it as JSON.
    pub(crate) fn encoded<'a>(&'a self, framework: &'a FrameworkId) -> EncodedTask<'a> {
        EncodedTask {
            id: self.id.as_str(),
            framework: framework.as_str(),
            agent: self.agent.as_str(),
            state: self.state,
            fields: &self.fields,
        }
    }

    /// Appends the binary form of `v1::Task`, as prost writes it.
    pub(crate) fn encode(&self, framework: &str, out: &mut Vec<u8>) {
        let [executor, resources] = self.positions([tag::EXECUTOR_ID, tag::RESOURCES]);
        out.extend_from_slice(&self.fields[..executor]);
        encode_id(tag::TASK_ID, self.id.as_str(), out);
        encode_id(tag::FRAMEWORK_ID, framework, out);
        out.extend_from_slice(&self.fields[executor..resources]);
        encode_id(tag::AGENT_ID, self.agent.as_str(), out);
        int32::encode(tag::STATE, &(self.state as i32), out);
        out.extend_from_slice(&self.fields[resources..]);
    }

    /// Where the statuses end if the last of them is left out, if that has this state.
    fn without_last_status(&self, state: i32) -> usize {
        let [mut at, end] = self.positions([tag::STATUSES, tag::STATUS_UPDATE_STATE]);
        let mut last = None;
        for field in fields(&self.fields[at..end]) {
            last = Some((at, field));
            at += field.bytes.len();
        }
        match last {
            Some((start, field)) if status_state(&field) == Some(state) => start,
            Some(_) | None => at,
        }
    }

    /// The fields with numbers from `from` to before `to`.
    fn part(&self, from: u32, to: u32) -> &[u8] {
        let [from, to] = self.positions([from, to]);
        &self.fields[from..to]
    }

    /// Where the fields begin that have these numbers, which ascend, or higher ones.
    fn positions<const N: usize>(&self, numbers: [u32; N]) -> [usize; N] {
        let mut positions = [self.fields.len(); N];
        let (mut at, mut found) = (0, 0);
        for field in fields(&self.fields) {
            while found < N && field.number >= numbers[found] {
                positions[found] = at;
                found += 1;
            }
            if found == N {
                break;
            }
            at += field.bytes.len();
        }
        positions
    }
}

/// Appends a message that holds a text and nothing else.
fn encode_id(tag: u32, text: &str, out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint((1 + encoded_len_varint(text.len() as u64) + text.len()) as u64, out);
    encode_key(1, WireType::LengthDelimited, out);
    encode_varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn fields(bytes: &[u8]) -> impl Iterator<Item = WireField<'_>> {
    WireFields::new(bytes).map_while(Result::ok)
}

fn messages(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    fields(bytes).filter_map(|field| content(&field))
}

fn content<'a>(field: &WireField<'a>) -> Option<&'a [u8]> {
    match field.value {
        WireValue::Bytes(bytes) => Some(bytes),
        WireValue::Varint(_) | WireValue::Fixed64(_) | WireValue::Fixed32 | WireValue::Group => None,
    }
}

fn status_state(status: &WireField<'_>) -> Option<i32> {
    let state = fields(content(status)?).find(|field| field.number == STATUS_STATE)?;
    match state.value {
        WireValue::Varint(number) => i32::try_from(number).ok(),
        WireValue::Bytes(_) | WireValue::Fixed64(_) | WireValue::Fixed32 | WireValue::Group => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tepui_proto::{JsonDialect, MesosMessage as _};

    use super::*;

    /// The state, the update that was passed on, and the status, as numbers choose them.
    type Step = (i32, Option<u8>, Option<(i32, u8)>);

    fn state(number: i32) -> v1::TaskState {
        v1::TaskState::try_from(number).unwrap_or_default()
    }

    fn status((number, length): (i32, u8)) -> v1::TaskStatus {
        v1::TaskStatus {
            task_id: v1::TaskId { value: "t".to_owned() },
            state: number,
            message: Some("m".repeat(usize::from(length))),
            timestamp: Some(f64::from(length)),
            ..Default::default()
        }
    }

    /// What a task is, without any encoding.
    fn apply(task: &mut v1::Task, (number, update, change): Step) {
        task.set_state(state(number));
        if let Some(uuid) = update {
            task.set_status_update_state(state(number));
            task.status_update_uuid = Some(vec![uuid; 16]);
        }
        if let Some(status) = change.map(status) {
            task.statuses.pop_if(|last| last.state == status.state);
            task.statuses.push(status);
        }
    }

    fn whole() -> v1::Task {
        let json = r#"{"name":"n","task_id":{"value":"t"},"framework_id":{"value":"f"},"executor_id":{"value":"e"},
            "agent_id":{"value":"a"},"state":"TASK_STAGING","resources":[
            {"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"allocation_info":{"role":"r"}},
            {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":5}]},"allocation_info":{"role":"r"}}],
            "labels":{"labels":[{"key":"k"}]},"user":"u","health_check":{"type":"HTTP"},"kill_policy":{},
            "limits":{"mem":{"value":1}}}"#;
        v1::Task::from_json(JsonDialect::V1, json.as_bytes()).unwrap()
    }

    fn check(mut plain: v1::Task, steps: Vec<Step>) {
        let mut kept = Task::new(TaskId::new("t"), AgentId::new("a"), &plain);
        for step in steps {
            let (number, update, change) = step;
            let update = update.map(|uuid| (state(number), Uuid::from_bytes([uuid; 16])));
            kept.update(state(number), update, change.map(status).as_ref());
            apply(&mut plain, step);
            let mut encoded = Vec::new();
            kept.encode("f", &mut encoded);
            assert_eq!(encoded, plain.encode_to_vec());
            assert_eq!(kept.state(), plain.state());
            assert_eq!(kept.first_time(), plain.statuses.first().map(v1::TaskStatus::timestamp));
            assert_eq!(kept.resources(), parse_resources(&plain.resources));
        }
    }

    proptest! {
        #[test]
        fn a_kept_task_is_what_it_would_be_decoded(
            steps in prop::collection::vec((0..14, any::<Option<u8>>(), any::<Option<(bool, u8)>>()), 1..6),
        ) {
            let steps: Vec<Step> = steps
                .into_iter()
                .map(|(state, update, status)| (state, update, status.map(|(more, length)| (i32::from(more), length))))
                .collect();
            check(whole(), steps.clone());
            let ids = v1::Task {
                task_id: v1::TaskId { value: "t".to_owned() },
                framework_id: v1::FrameworkId { value: "f".to_owned() },
                agent_id: v1::AgentId { value: "a".to_owned() },
                ..Default::default()
            };
            check(ids, steps);
        }
    }
}
