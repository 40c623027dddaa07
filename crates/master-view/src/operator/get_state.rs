//! `GET_STATE`.

use tepui_proto::v1::master::response::{GetState, Type};

use super::get_agents::write_agents;
use super::get_executors::write_executors;
use super::get_frameworks::write_frameworks;
use super::get_tasks::write_tasks;
use super::{Encoding, encode, json, response};
use crate::view::View;

impl View {
    /// Answers `GET_STATE`: tasks, executors, frameworks and agents in one.
    pub fn get_state(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => json(Type::GetState, "get_state", |object| {
                object.object("get_tasks", |object| write_tasks(object, &self.gather_tasks()));
                object.object("get_executors", |object| write_executors(object, &self.gather_executors()));
                object.object("get_frameworks", |object| write_frameworks(object, &self.gather_frameworks()));
                object.object("get_agents", |object| write_agents(object, &self.gather_agents()));
            }),
            Encoding::Protobuf => {
                let mut answer = response(Type::GetState);
                answer.get_state = Some(GetState {
                    get_tasks: Some(self.gather_tasks()),
                    get_executors: Some(self.gather_executors()),
                    get_frameworks: Some(self.gather_frameworks()),
                    get_agents: Some(self.gather_agents()),
                });
                encode(encoding, &answer)
            }
        }
    }
}
