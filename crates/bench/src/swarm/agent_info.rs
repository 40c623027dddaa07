//! How emulated agents and their tasks describe themselves.

use prost::Message as _;
use tepui_proto::v1;

use crate::plan::Plan;
use crate::protobuf::{bytes, id, number};

/// A scalar resource.
pub(crate) fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

/// A resource as an agent of several roles reports it of its tasks: with the role that it is allocated to.
pub(crate) fn allocated(mut resource: v1::Resource) -> v1::Resource {
    resource.allocation_info = Some(v1::resource::AllocationInfo { role: Some("*".to_owned()) });
    resource
}

/// What one task takes.
pub(crate) fn slot() -> [v1::Resource; 3] {
    [scalar("cpus", 1.0), scalar("mem", 64.0), scalar("disk", 64.0)]
}

/// The fields of `AgentInfo` that all agents share: its port, its resources and that it checkpoints.
pub(crate) fn template(plan: &Plan, port: u16) -> Vec<u8> {
    let slots = u32::try_from(plan.slots).unwrap_or(u32::MAX);
    let mut resources = slot();
    for resource in &mut resources {
        if let Some(scalar) = &mut resource.scalar {
            scalar.value *= f64::from(slots);
        }
    }
    let ports = v1::Resource {
        name: "ports".to_owned(),
        r#type: v1::value::Type::Ranges as i32,
        ranges: Some(v1::value::Ranges { range: vec![v1::value::Range { begin: 31_000, end: 32_000 }] }),
        ..Default::default()
    };
    let info = v1::AgentInfo {
        port: Some(i32::from(port)),
        resources: resources.into_iter().chain([ports]).collect(),
        checkpoint: Some(true),
        ..Default::default()
    };
    // The host name differs; without it the message is only a part of one.
    let encoded = info.encode_to_vec();
    without_field(&encoded, 1)
}

/// The fields of registration messages that all agents share; numbers differ between the two messages.
pub(crate) fn registration_tail(version: u32, capabilities: u32, resource_version: u32) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, version, b"1.11.0");
    // MULTI_ROLE, HIERARCHICAL_ROLE, RESERVATION_REFINEMENT, AGENT_OPERATION_FEEDBACK: what 1.11.0 has by default, less
    // what would have the master expect resource providers of us.
    for capability in [1, 2, 3, 6] {
        crate::protobuf::message(&mut out, capabilities, |out| number(out, 1, capability));
    }
    id(&mut out, resource_version, &[7; 16]);
    out
}

/// The fields of a `Task` that all tasks of an agent's report share: what the benchmark of Mesos' failover uses.
pub(crate) fn task_tail() -> Vec<u8> {
    let labels = (0..10)
        .map(|number| v1::Label { key: format!("key{number}"), value: Some(format!("value{number}")) });
    let task = v1::Task {
        name: "task".to_owned(),
        state: v1::TaskState::TaskRunning as i32,
        resources: vec![allocated(scalar("cpus", 0.1)), allocated(scalar("mem", 5.0))],
        labels: Some(v1::Labels { labels: labels.collect() }),
        ..Default::default()
    };
    let encoded = task.encode_to_vec();
    [2, 3, 5].iter().fold(encoded, |encoded, tag| without_field(&encoded, *tag))
}

/// A message without its fields of this number, which prost writes even when they are empty if they are required.
pub(crate) fn without_field(message: &[u8], tag: u64) -> Vec<u8> {
    use crate::protobuf::{Fields, Value, double};
    let mut out = Vec::new();
    for (number_of, value) in Fields(message).filter(|(found, _)| *found != tag) {
        let number_of = u32::try_from(number_of).expect("field numbers are small");
        match value {
            Value::Number(value) => number(&mut out, number_of, value),
            Value::Fixed64(value) => double(&mut out, number_of, f64::from_bits(value)),
            Value::Bytes(value) => bytes(&mut out, number_of, value),
        }
    }
    out
}
