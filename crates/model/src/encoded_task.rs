//! A task, of which only the binary form is kept: shows the same as [`crate::task`], and decodes only what is rare.

use prost::Message as _;
use tepui_proto::wire_format::{WireField, WireFields, WireValue};
use tepui_proto::{JsonDialect, MesosMessage, v1};
use tepui_types::Scalar;

use crate::json::{self, Array, Object, Raw};
use crate::memo::Memo;
use crate::resources::Sums;
use crate::task_status::write_container_status;

/// What of a task is kept apart, and the rest.
#[derive(Clone, Copy, Debug)]
pub struct EncodedTask<'a> {
    /// Its id.
    pub id: &'a str,
    /// The id of its framework.
    pub framework: &'a str,
    /// The id of its agent.
    pub agent: &'a str,
    /// Its state.
    pub state: v1::TaskState,
    /// The other fields of `v1::Task` as prost writes them, which is in the order of their numbers.
    pub fields: &'a [u8],
}

/// Writes tasks one after another.
#[derive(Debug, Default)]
pub struct TaskWriter {
    resources: Memo,
    labels: Memo,
    discovery: Memo,
    container: Memo,
    health_check: Memo,
}

impl TaskWriter {
    /// Writes the fields of a task.
    pub fn write(&mut self, object: &mut Object<'_>, task: &EncodedTask<'_>) {
        let parts = Parts::of(task.fields);
        object.field("id", task.id);
        object.field("name", Raw(parts.name));
        object.field("framework_id", task.framework);
        object.field("executor_id", Raw(value(parts.executor_id)));
        object.field("slave_id", task.agent);
        object.field("state", task.state.as_str_name());
        object.raw("resources", |out| {
            self.resources.write(out, parts.resources, |out| {
                json::object(out, |object| sums(parts.resources).write(object));
            });
        });
        if parts.has_limits {
            let decoded = v1::Task::decode(task.fields).unwrap_or_default();
            object.object("limits", |object| {
                for (name, limit) in &decoded.limits {
                    object.field(name, limit.value);
                }
            });
        }
        object.field("role", Raw(role(parts.resources)));
        object.array("statuses", |array| statuses(array, parts.statuses));
        if let Some(user) = parts.user {
            object.field("user", Raw(user));
        }
        if let Some(labels) = parts.labels {
            object.raw("labels", |out| self.labels.write(out, labels, |out| write_labels(out, labels)));
        }
        message::<v1::DiscoveryInfo>(object, "discovery", parts.discovery, &mut self.discovery);
        message::<v1::ContainerInfo>(object, "container", parts.container, &mut self.container);
        message::<v1::HealthCheck>(object, "health_check", parts.health_check, &mut self.health_check);
    }
}

/// What stands once in a task.
#[derive(Default)]
struct Parts<'a> {
    name: &'a [u8],
    executor_id: &'a [u8],
    /// The fields with the resources, and those with the statuses.
    resources: &'a [u8],
    statuses: &'a [u8],
    labels: Option<&'a [u8]>,
    discovery: Option<&'a [u8]>,
    container: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    health_check: Option<&'a [u8]>,
    has_limits: bool,
}

impl<'a> Parts<'a> {
    fn of(task: &'a [u8]) -> Self {
        let mut parts = Self::default();
        let (mut at, mut ends) = (0, [[0; 2]; 2]);
        for field in fields(task) {
            let start = at;
            at += field.bytes.len();
            match (field.number, field.value) {
                (1, WireValue::Bytes(bytes)) => parts.name = bytes,
                (4, WireValue::Bytes(bytes)) => parts.executor_id = bytes,
                (number @ (7 | 8), _) => {
                    let [first, end] = &mut ends[usize::from(number == 8)];
                    *first = if *end == 0 { start } else { *first };
                    *end = at;
                }
                (11, WireValue::Bytes(bytes)) => parts.labels = Some(bytes),
                (12, WireValue::Bytes(bytes)) => parts.discovery = Some(bytes),
                (13, WireValue::Bytes(bytes)) => parts.container = Some(bytes),
                (14, WireValue::Bytes(bytes)) => parts.user = Some(bytes),
                (15, WireValue::Bytes(bytes)) => parts.health_check = Some(bytes),
                (17, _) => parts.has_limits = true,
                _ => {}
            }
        }
        let [resources, statuses] = ends.map(|[first, end]| &task[first..end]);
        Self { resources, statuses, ..parts }
    }
}

fn fields(message: &[u8]) -> impl Iterator<Item = WireField<'_>> {
    WireFields::new(message).map_while(Result::ok)
}

/// The occurrences of a field that holds messages.
fn messages(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    fields(message).filter(move |field| field.number == number).filter_map(|field| match field.value {
        WireValue::Bytes(bytes) => Some(bytes),
        WireValue::Varint(_) | WireValue::Fixed64(_) | WireValue::Fixed32 | WireValue::Group => None,
    })
}

/// The text of an id, or another message with a single text.
fn value(id: &[u8]) -> &[u8] {
    messages(id, 1).next().unwrap_or_default()
}

fn state(number: u64) -> v1::TaskState {
    i32::try_from(number).ok().and_then(|number| number.try_into().ok()).unwrap_or_default()
}

/// The sums of a task's resources.
fn sums(resources: &[u8]) -> Sums<'_> {
    let mut sums = Sums::default();
    for resource in messages(resources, 7) {
        match amount(resource) {
            Some((name, is_revocable, amount)) => sums.add_scalar(name, is_revocable, amount),
            None => sums.add(&v1::Resource::decode(resource).unwrap_or_default()),
        }
    }
    sums
}

/// Name, whether it is revocable, and amount of a resource that has one.
fn amount(resource: &[u8]) -> Option<(&str, bool, Scalar)> {
    let (mut name, mut is_revocable, mut amount) = (None, false, None);
    for field in fields(resource) {
        match (field.number, field.value) {
            (1, WireValue::Bytes(text)) => name = std::str::from_utf8(text).ok(),
            (2, WireValue::Varint(kind)) if kind != v1::value::Type::Scalar as u64 => return None,
            (3, WireValue::Bytes(scalar)) => amount = fields(scalar).find_map(double),
            (9, _) => is_revocable = true,
            _ => {}
        }
    }
    Some((name?, is_revocable, Scalar::from_f64(amount?)))
}

fn double(field: WireField<'_>) -> Option<f64> {
    match field.value {
        WireValue::Fixed64(bits) => Some(f64::from_bits(bits)),
        WireValue::Varint(_) | WireValue::Fixed32 | WireValue::Bytes(_) | WireValue::Group => None,
    }
}

/// Tasks do not mix resources that are allocated to different roles.
fn role(resources: &[u8]) -> &[u8] {
    let allocation = messages(resources, 7).next().and_then(|first| messages(first, 11).next());
    allocation.map_or(b"", value)
}

fn statuses(array: &mut Array<'_>, statuses: &[u8]) {
    for status in messages(statuses, 8) {
        array.object(|object| write_status(object, status));
    }
}

fn write_status(object: &mut Object<'_>, status: &[u8]) {
    let (mut number, mut timestamp, mut healthy, mut with_labels, mut container) = (0, 0.0, None, None, None);
    for field in fields(status) {
        match (field.number, field.value) {
            (2, WireValue::Varint(state)) => number = state,
            (6, WireValue::Fixed64(bits)) => timestamp = f64::from_bits(bits),
            (8, WireValue::Varint(is_healthy)) => healthy = Some(is_healthy != 0),
            (12, WireValue::Bytes(bytes)) => with_labels = Some(bytes),
            (13, WireValue::Bytes(bytes)) => container = Some(bytes),
            _ => {}
        }
    }
    object.field("state", state(number).as_str_name());
    object.field("timestamp", timestamp);
    if let Some(labels) = with_labels {
        object.raw("labels", |out| write_labels(out, labels));
    }
    if let Some(container) = container.and_then(|bytes| v1::ContainerStatus::decode(bytes).ok()) {
        object.object("container_status", |object| write_container_status(object, &container));
    }
    if let Some(healthy) = healthy {
        object.field("healthy", healthy);
    }
}

fn write_labels(out: &mut Vec<u8>, labels: &[u8]) {
    json::array(out, |array| {
        for label in messages(labels, 1) {
            array.raw(|out| v1::Label::write_json_of(JsonDialect::V0, label, out));
        }
    });
}

fn message<T: MesosMessage>(object: &mut Object<'_>, name: &str, binary: Option<&[u8]>, memo: &mut Memo) {
    if let Some(binary) = binary {
        object.raw(name, |out| {
            memo.write(out, binary, |out| T::write_json_of(JsonDialect::V0, binary, out));
        });
    }
}

#[cfg(test)]
mod tests {
    use tepui_proto::MesosMessage as _;

    use super::*;
    use crate::json::document;
    use crate::task::task;

    fn check(json: &str) {
        let message = v1::Task::from_json(JsonDialect::V1, json.as_bytes()).unwrap();
        let decoded = document(|object| task(object, &message));
        let kept = EncodedTask {
            id: &message.task_id.value,
            framework: &message.framework_id.value,
            agent: &message.agent_id.value,
            state: message.state(),
            fields: &message.encode_to_vec(),
        };
        let mut writer = TaskWriter::default();
        // The first is written, and what the second one has in common with it is copied.
        for _ in 0..2 {
            let encoded = document(|object| writer.write(object, &kept));
            assert_eq!(String::from_utf8(encoded).unwrap(), String::from_utf8(decoded.clone()).unwrap());
        }
        let other = EncodedTask { fields: &[], ..kept };
        let encoded = String::from_utf8(document(|object| writer.write(object, &other))).unwrap();
        let plain = r#""resources":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0},"role":"","statuses":[]}"#;
        assert!(encoded.ends_with(plain), "{encoded}");
    }

    #[test]
    fn a_small_task_is_shown_as_if_it_were_decoded() {
        check(
            r#"{"name":"","task_id":{"value":"t"},"framework_id":{"value":""},"agent_id":{"value":"a"},
                "state":"TASK_STARTING"}"#,
        );
    }

    #[test]
    fn a_task_with_everything_is_shown_as_if_it_were_decoded() {
        check(
            r#"{"name":"n\"é","task_id":{"value":"t"},"framework_id":{"value":"f"},"executor_id":{"value":"e"},
                "agent_id":{"value":"a"},"state":"TASK_RUNNING",
                "resources":[
                    {"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"allocation_info":{"role":"r"}},
                    {"name":"cpus","type":"SCALAR","scalar":{"value":0.2},"allocation_info":{"role":"r"}},
                    {"name":"cpus","type":"SCALAR","scalar":{"value":3},"revocable":{}},
                    {"name":"mem","type":"SCALAR","scalar":{"value":64}},
                    {"name":"tokens","type":"SCALAR","scalar":{"value":1e3}},
                    {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":5},{"begin":7,"end":7}]}},
                    {"name":"zones","type":"SET","set":{"item":["b","a"]}},
                    {"name":"disk","type":"SCALAR","scalar":{"value":8},"reservations":[{"type":"STATIC","role":"r"}],
                     "disk":{"persistence":{"id":"p"},"volume":{"mode":"RW","container_path":"x"}}}],
                "statuses":[
                    {"task_id":{"value":"t"},"state":"TASK_STARTING","timestamp":1.5,"message":"m","uuid":"AAAA"},
                    {"task_id":{"value":"t"},"state":"TASK_RUNNING","healthy":false,"labels":{"labels":[{"key":"k"}]},
                     "container_status":{"container_id":{"value":"c","parent":{"value":"p"}},"network_infos":[
                        {"ip_addresses":[{"ip_address":"10.0.0.1"}],"groups":["g"],"name":"net",
                         "port_mappings":[{"host_port":1,"container_port":2}]}],"cgroup_info":{"net_cls":{"classid":7}}}},
                    {"task_id":{"value":"t"},"state":"TASK_RUNNING","healthy":true,"labels":{}}],
                "status_update_state":"TASK_RUNNING","status_update_uuid":"AAAA",
                "labels":{"labels":[{"key":"k","value":"v"},{"key":"empty"}]},
                "discovery":{"visibility":"CLUSTER","name":"d","ports":{"ports":[{"number":80,"protocol":"tcp"}]}},
                "container":{"type":"DOCKER","docker":{"image":"i"}},"user":"u",
                "health_check":{"type":"HTTP","http":{"port":80}},"kill_policy":{"grace_period":{"nanoseconds":5}},
                "limits":{"mem":{"value":128},"cpus":{"value":"Infinity"}}}"#,
        );
    }
}
