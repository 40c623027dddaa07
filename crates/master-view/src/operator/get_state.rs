//! `GET_STATE`.

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use tepui_model::json::Object;
use tepui_proto::v1::master::response::Type;

use super::get_executors::write_executors;
use super::get_frameworks::write_frameworks;
use super::{Encoding, append, json_in, response};
use crate::view::View;

/// The field of `Response`.
const GET_STATE: u32 = 9;

impl View {
    /// Answers `GET_STATE`: tasks, executors, frameworks and agents in one.
    pub fn get_state(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => self.sizes.get_state_json.render(|out| {
                json_in(out, Type::GetState, "get_state", |object| self.write_get_state(object))
            }),
            Encoding::Protobuf => self.sizes.get_state_protobuf.render(|out| self.encode_get_state(out)),
        }
    }

    pub(super) fn write_get_state(&self, object: &mut Object<'_>) {
        object.object("get_tasks", |object| self.write_tasks(object));
        object.object("get_executors", |object| write_executors(object, &self.gather_executors()));
        object.object("get_frameworks", |object| write_frameworks(object, &self.gather_frameworks()));
        object.object("get_agents", |object| self.write_agents(object));
    }

    /// The parts of `GetState`, which are its fields 1 to 4.
    fn encode_state_parts(&self) -> [Vec<u8>; 4] {
        [
            self.encode_tasks(),
            self.gather_executors().encode_to_vec(),
            self.gather_frameworks().encode_to_vec(),
            self.encode_agents(),
        ]
    }

    /// The binary form of `GetState`.
    pub(super) fn encode_state_content(&self) -> Vec<u8> {
        let parts = self.encode_state_parts();
        let mut out = Vec::with_capacity(parts.iter().map(Vec::len).sum::<usize>() + 64);
        for (tag, part) in (1..).zip(parts) {
            append(tag, &part, &mut out);
        }
        out
    }

    /// A field's length stands before it, so the parts are made first.
    fn encode_get_state(&self, mut out: Vec<u8>) -> Vec<u8> {
        let parts = self.encode_state_parts();
        let field = |length: usize| 1 + encoded_len_varint(length as u64) + length;
        let length: usize = parts.iter().map(|part| field(part.len())).sum();
        response(Type::GetState).encode(&mut out).expect("a vector takes whatever is written");
        encode_key(GET_STATE, WireType::LengthDelimited, &mut out);
        encode_varint(length as u64, &mut out);
        for (tag, part) in (1..).zip(parts) {
            append(tag, &part, &mut out);
        }
        out
    }
}
