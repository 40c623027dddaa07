//! Where the JSON of Mesos' older `mesos` package (v0) differs from that of `mesos.v1`.
//!
//! The lists are complete for Mesos 1.11.0: a test compares what comes of them with `tables/mesos-1.11.0.txt`.

use prost_types::FieldDescriptorProto;

/// A name in each dialect; `None` where the dialect lacks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names<'a> {
    pub(crate) v1: Option<&'a str>,
    pub(crate) v0: Option<&'a str>,
}

/// Messages whose `agent_id` is `slave_id`, and whose `agent_info` is `slave_info`, in v0.
const WITH_SLAVE_FIELDS: &[&str] = &[
    "mesos.v1.InverseOffer",
    "mesos.v1.Offer",
    "mesos.v1.Operation",
    "mesos.v1.OperationStatus",
    "mesos.v1.Request",
    "mesos.v1.Task",
    "mesos.v1.TaskInfo",
    "mesos.v1.TaskStatus",
    "mesos.v1.agent.Response.GetAgent",
    "mesos.v1.executor.Event.Subscribed",
    "mesos.v1.master.Response.GetExecutors.Executor",
];

/// Messages below which the same holds.
const PREFIXES_WITH_SLAVE_FIELDS: &[&str] =
    &["mesos.v1.master.Call.", "mesos.v1.scheduler.Call.", "mesos.v1.scheduler.Event."];

/// What a field of `message` is called.
pub(crate) fn field_names<'a>(message: &str, field: &'a str) -> Names<'a> {
    if (message, field) == ("mesos.v1.AgentInfo", "checkpoint") {
        return Names { v1: None, v0: Some(field) };
    }
    let has_slave_fields = WITH_SLAVE_FIELDS.contains(&message)
        || PREFIXES_WITH_SLAVE_FIELDS.iter().any(|prefix| message.starts_with(prefix));
    let v0 = match field {
        "agent_id" if has_slave_fields => "slave_id",
        "agent_info" if has_slave_fields => "slave_info",
        _ => field,
    };
    Names { v1: Some(field), v0: Some(v0) }
}

/// What a value of `enumeration` is called.
pub(crate) fn value_names<'a>(enumeration: &str, value: &'a str, slave: &'a mut String) -> Names<'a> {
    match (enumeration, value) {
        ("mesos.v1.MasterInfo.Capability.Type", "QUOTA_V2") => Names { v1: None, v0: Some(value) },
        ("mesos.v1.TaskStatus.Reason" | "mesos.v1.TaskStatus.Source", _) => {
            *slave = value.replace("REASON_AGENT_", "REASON_SLAVE_").replace("SOURCE_AGENT", "SOURCE_SLAVE");
            Names { v1: Some(value), v0: Some(slave) }
        }
        _ => Names { v1: Some(value), v0: Some(value) },
    }
}

/// The default that JSON shows for an unset field, in v1 and in v0.
///
/// Compat: Mesos writes declared defaults, save those of deprecated fields.
pub(crate) fn shown_defaults(
    message: &str,
    field: &FieldDescriptorProto,
) -> (Option<String>, Option<String>) {
    if (message, field.name()) == ("mesos.v1.quota.QuotaRequest", "force") {
        return (None, Some("false".to_owned()));
    }
    let is_deprecated = field.options.as_ref().is_some_and(prost_types::FieldOptions::deprecated);
    let default = field.default_value.clone().filter(|_| !is_deprecated);
    (default.clone(), default)
}
