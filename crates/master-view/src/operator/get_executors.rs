//! `GET_EXECUTORS`.

use tepui_proto::v1::master::response::{GetExecutors, Type, get_executors};

use super::{Encoding, encode, json, list, response};
use crate::view::View;
use tepui_model::json::Object;

impl View {
    /// Answers `GET_EXECUTORS`.
    pub fn get_executors(&self, encoding: Encoding) -> Vec<u8> {
        let content = self.gather_executors();
        match encoding {
            Encoding::Json => {
                json(Type::GetExecutors, "get_executors", |object| write_executors(object, &content))
            }
            Encoding::Protobuf => {
                let mut answer = response(Type::GetExecutors);
                answer.get_executors = Some(content);
                encode(encoding, &answer)
            }
        }
    }

    pub(super) fn gather_executors(&self) -> GetExecutors {
        let frameworks = self.frameworks.values().chain(&self.completed_frameworks);
        let executors = frameworks.flat_map(|framework| &framework.executors);
        GetExecutors {
            executors: executors
                .map(|((agent, _), info)| get_executors::Executor {
                    executor_info: (**info).clone(),
                    agent_id: agent.to_proto(),
                })
                .collect(),
            ..Default::default()
        }
    }
}

pub(super) fn write_executors(object: &mut Object<'_>, content: &GetExecutors) {
    list(object, "executors", &content.executors);
}
