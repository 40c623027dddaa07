//! Compares our messages, field by field, with those of the real libmesos 1.11.0 (`tables/mesos-1.11.0.txt`).
//!
//! The table has each message of v1 and of v0; ours are the union of both. So each of ours is held against all its
//! counterparts there, and must have one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

use crate::json::JsonDialect;
use crate::tables;

/// An item's rows, in the order of declaration: a message's fields or an enum's values.
type Items = BTreeMap<String, Vec<String>>;

/// What we leave out, by the beginning of its name, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("mesos.ACL", "arrives with authorization"),
    ("mesos.authorization.", "arrives with authorization; never on the wire"),
    ("mesos.DockerTaskExecutorPrepareInfo", "a hook's answer, inside the agent"),
    ("mesos.Modules", "we load no C++ modules"),
    ("mesos.URI", "inside Mesos' fetcher"),
    ("mesos.csi.state.", "a checkpoint of the storage provider; arrives with CSI"),
    ("mesos.fetcher.", "what the agent tells its fetcher program; ours is built in"),
    ("mesos.internal.ContainerDNSInfo", "a flag of the agent; arrives with its isolation"),
    ("mesos.internal.Firewall", "a flag; arrives with it"),
    ("mesos.internal.ImageGcConfig", "a flag of the agent; arrives with its images"),
    ("mesos.internal.SlaveCapabilities", "a flag of the agent"),
    ("mesos.internal.log.", "the replicated log; our registry lives in a store"),
    ("mesos.internal.slave.", "checkpoints of the agent's images, isolators and providers; arrive with them"),
    ("mesos.internal.state.", "the replicated log; our registry lives in a store"),
    (
        "mesos.resource_provider.ResourceProviderState",
        "a checkpoint of the storage provider; arrives with CSI",
    ),
    ("mesos.seccomp.", "a parsed profile inside the agent; arrives with its isolation"),
    ("mesos.slave.", "between containerizer, isolators and modules; arrives with the agent's isolation"),
];

/// What is ours and not in the table, and why.
const OURS_ALONE: &[(&str, &str)] =
    &[("google.protobuf.Duration", "it lies in protobuf's own library, not in Mesos'")];

/// Rows that differ from one counterpart: its name, the row's number, and why. (`AgentInfo.checkpoint` and `QUOTA_V2`,
/// which only v0 has, are no such rows: the v1 dialect does not know them.)
const KNOWN_DIFFERENCES: &[(&str, u32, &str)] = &[
    ("mesos.quota.QuotaRequest", 1, "v0 declares a default; the dialect shows it in v0 JSON"),
    (
        "mesos.master.Call.DrainAgent",
        2,
        "v0 has DurationInfo here, but v0's operator calls stay inside Mesos' master",
    ),
    ("mesos.scheduler.Response", 2, "deprecated in v1 alone, which has no effect without a default"),
    ("mesos.scheduler.Response.ReconcileOperations", 1, "deprecated in v1 alone, which has no effect"),
];

/// The items of the table.
fn theirs() -> Items {
    let mut items = Items::new();
    let mut current = String::new();
    for line in include_str!("../../tables/mesos-1.11.0.txt").lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("message" | "enum"), Some(name)) => {
                name.clone_into(&mut current);
                items.insert(current.clone(), Vec::new());
            }
            (Some("file"), _) => {}
            _ => items.get_mut(&current).unwrap().push(line.trim().to_owned()),
        }
    }
    items
}

/// Our items in the table's format.
fn ours() -> Items {
    let descriptors =
        FileDescriptorSet::decode(&include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"))[..]).unwrap();
    let mut items = Items::new();
    for file in &descriptors.file {
        for message in &file.message_type {
            add_message(&mut items, file.package(), message);
        }
        for enumeration in &file.enum_type {
            add_enum(&mut items, file.package(), enumeration);
        }
    }
    items
}

fn add_message(items: &mut Items, scope: &str, message: &DescriptorProto) {
    let name = format!("{scope}.{}", message.name());
    let rows = message.field.iter().map(|field| {
        let label = match field.label() {
            Label::Optional => "optional",
            Label::Required => "required",
            Label::Repeated => "repeated",
        };
        let type_name = field.type_name().trim_start_matches('.');
        let mut kind = field.r#type().as_str_name().trim_start_matches("TYPE_").to_lowercase();
        if matches!(field.r#type(), Type::Message | Type::Enum) {
            kind = format!("{kind} {type_name}");
        }
        let mut row = format!("{} {label} {kind} {}", field.number(), field.name());
        if let Some(default) = &field.default_value {
            write!(row, " default={default:?}").unwrap();
        }
        let options = field.options.clone().unwrap_or_default();
        row += if options.deprecated() { " deprecated" } else { "" };
        row += if options.packed() { " packed" } else { "" };
        if let Some(oneof) = field.oneof_index {
            let oneof = &message.oneof_decl[usize::try_from(oneof).unwrap()];
            write!(row, " oneof={}", oneof.name()).unwrap();
        }
        row
    });
    items.insert(name.clone(), rows.collect());
    for nested in &message.nested_type {
        add_message(items, &name, nested);
    }
    for nested in &message.enum_type {
        add_enum(items, &name, nested);
    }
}

fn add_enum(items: &mut Items, scope: &str, enumeration: &EnumDescriptorProto) {
    let rows = enumeration.value.iter().map(|value| format!("{} {}", value.number(), value.name()));
    items.insert(format!("{scope}.{}", enumeration.name()), rows.collect());
}

/// Our name for one of Mesos' messages or enums.
fn our_name(ours: &Items, theirs: &str) -> Option<String> {
    if ours.contains_key(theirs) {
        return Some(theirs.to_owned());
    }
    let renamed: Vec<&str> = theirs
        .strip_prefix("mesos.")?
        .split('.')
        .map(|part| match part {
            "SlaveID" => "AgentID",
            "SlaveInfo" => "AgentInfo",
            other => other,
        })
        .collect();
    Some(format!("mesos.v1.{}", renamed.join("."))).filter(|name| ours.contains_key(name))
}

/// Renders one of Mesos' rows with our names of types.
fn with_our_types(ours: &Items, row: &str) -> String {
    let rename = |word: &str| our_name(ours, word).unwrap_or_else(|| word.to_owned());
    row.split(' ').map(rename).collect::<Vec<_>>().join(" ")
}

/// Our rows with the names that `dialect` gives to fields and values.
fn in_dialect(name: &str, rows: &[String], dialect: JsonDialect) -> Vec<String> {
    let renamed = |number: u32, default: &str| -> Option<String> {
        if let Some(message) = tables::MESSAGES.iter().find(|message| message.name == name) {
            return message.field(number)?.1.names[dialect as usize].map(str::to_owned);
        }
        let table = tables::ENUMS.iter().find(|table| table.name == name)?;
        let found = table.values.iter().find(|value| value.0 == i32::try_from(number).unwrap());
        found.map_or(Some(default), |value| value.1[dialect as usize]).map(str::to_owned)
    };
    rows.iter()
        .filter_map(|row| {
            let mut words: Vec<&str> = row.split(' ').collect();
            let at = match words[..] {
                [_, _] => 1,
                [_, _, "message" | "enum", ..] => 4,
                _ => 3,
            };
            let name = renamed(number_of(row), words[at])?;
            words[at] = &name;
            Some(words.join(" "))
        })
        .collect()
}

fn number_of(row: &str) -> u32 {
    row.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn our_messages_are_those_of_mesos() {
    let (ours, theirs) = (ours(), theirs());
    let mut complaints = Vec::new();
    let mut matched = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (their_name, their_rows) in &theirs {
        let Some(name) = our_name(&ours, their_name) else {
            match LEFT_OUT.iter().position(|(prefix, _)| their_name.starts_with(prefix)) {
                Some(at) => drop(used.insert(at)),
                None => complaints.push(format!("{their_name} is neither among ours nor left out")),
            }
            continue;
        };
        let is_v0 = name != *their_name;
        let dialect = if is_v0 { JsonDialect::V0 } else { JsonDialect::V1 };
        // What has no v1 counterpart is the same in both dialects.
        let is_v1 = name.starts_with("mesos.v1.");
        let our_rows = if is_v1 { in_dialect(&name, &ours[&name], dialect) } else { ours[&name].clone() };
        let their_rows: Vec<String> = their_rows.iter().map(|row| with_our_types(&ours, row)).collect();
        let is_known = |row: &&String| {
            !KNOWN_DIFFERENCES.iter().any(|known| (known.0, known.1) == (their_name.as_str(), number_of(row)))
        };
        let our_rows: Vec<&String> = our_rows.iter().filter(is_known).collect();
        let their_rows: Vec<&String> = their_rows.iter().filter(is_known).collect();
        if our_rows != their_rows {
            complaints
                .push(format!("{their_name} differs\n  ours:   {our_rows:?}\n  theirs: {their_rows:?}"));
        }
        matched.insert(name);
    }
    matched.extend(OURS_ALONE.iter().map(|(name, _)| (*name).to_owned()));
    for name in ours.keys().filter(|name| !matched.contains(*name)) {
        complaints.push(format!("{name} is not Mesos'"));
    }
    for (at, (prefix, _)) in LEFT_OUT.iter().enumerate().filter(|(at, _)| !used.contains(at)) {
        complaints.push(format!("row {at} of LEFT_OUT, {prefix}, leaves nothing out"));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
