//! `GET_STATE`.

use prost::Message as _;
use tepui_proto::v1::master::response::Type;

use super::get_executors::write_executors;
use super::get_frameworks::write_frameworks;
use super::{Encoding, append, json, protobuf};
use crate::view::View;

/// The field of `Response`.
const GET_STATE: u32 = 9;

impl View {
    /// Answers `GET_STATE`: tasks, executors, frameworks and agents in one.
    pub fn get_state(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => json(Type::GetState, "get_state", |object| {
                object.object("get_tasks", |object| self.write_tasks(object));
                object.object("get_executors", |object| write_executors(object, &self.gather_executors()));
                object.object("get_frameworks", |object| write_frameworks(object, &self.gather_frameworks()));
                object.object("get_agents", |object| self.write_agents(object));
            }),
            Encoding::Protobuf => {
                let mut content = Vec::new();
                append(1, &self.encode_tasks(), &mut content);
                append(2, &self.gather_executors().encode_to_vec(), &mut content);
                append(3, &self.gather_frameworks().encode_to_vec(), &mut content);
                append(4, &self.encode_agents(), &mut content);
                protobuf(Type::GetState, GET_STATE, &content)
            }
        }
    }
}
