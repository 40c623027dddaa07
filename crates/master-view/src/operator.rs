//! The reads of the v1 operator API, one file each.
//!
//! What there is much of (tasks, agents) is written one by one, from its binary form: as it is into a protobuf answer, and
//! turned into JSON else. Of the rest each read gathers its message once. In JSON the lists of the big reads are shown even
//! when they are empty, as Mesos shows them, which a message's own JSON does not do.

mod get_agents;
mod get_executors;
mod get_flags;
mod get_frameworks;
mod get_health;
mod get_maintenance_schedule;
mod get_maintenance_status;
mod get_master;
mod get_metrics;
mod get_roles;
mod get_state;
mod get_tasks;
mod get_version;
mod subscribe;

use prost::Message;
use tepui_proto::v1::master::Response;
use tepui_proto::v1::master::response::Type;
use tepui_proto::{JsonDialect, MesosMessage};

use tepui_model::json::{Object, document_in};

pub(crate) use get_agents::encode_agent;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON in the names of `mesos.v1`.
    Json,
    /// Binary protobuf.
    Protobuf,
}

/// Encodes an answer that has no lists to be shown empty.
fn encode(encoding: Encoding, response: &Response) -> Vec<u8> {
    match encoding {
        Encoding::Json => response.to_json(JsonDialect::V1),
        Encoding::Protobuf => response.encode_to_vec(),
    }
}

/// Formats the protobuf of an answer with this content, whose field in `Response` is `tag`.
fn protobuf(kind: Type, tag: u32, content: &[u8]) -> Vec<u8> {
    let mut out = response(kind).encode_to_vec();
    out.reserve_exact(content.len() + 16);
    append(tag, content, &mut out);
    out
}

/// Appends a field that holds a message in its binary form.
fn append(tag: u32, content: &[u8], out: &mut Vec<u8>) {
    prost::encoding::encode_key(tag, prost::encoding::WireType::LengthDelimited, out);
    prost::encoding::encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// Makes an answer of this type, yet without content.
fn response(kind: Type) -> Response {
    Response { r#type: Some(kind as i32), ..Default::default() }
}

/// Formats the JSON of an answer whose content `fill` writes under `name`.
fn json(kind: Type, name: &str, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    json_in(Vec::with_capacity(4096), kind, name, fill)
}

/// The same in memory that is there already.
fn json_in(out: Vec<u8>, kind: Type, name: &str, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    document_in(out, |object| {
        object.field("type", kind.as_str_name());
        object.object(name, fill);
    })
}

/// Writes a list, also if it is empty.
fn list(object: &mut Object<'_>, name: &str, messages: &[impl MesosMessage]) {
    object.array(name, |array| {
        for message in messages {
            array.raw(|out| message.write_json(JsonDialect::V1, out));
        }
    });
}
