//! `GET_TASKS`.

use tepui_proto::v1;
use tepui_proto::v1::master::response::{GetTasks, Type};

use super::{Encoding, encode, json, list, response};
use crate::framework::Framework;
use crate::view::View;
use tepui_model::json::Object;

impl View {
    /// Answers `GET_TASKS`.
    pub fn get_tasks(&self, encoding: Encoding) -> Vec<u8> {
        let content = self.gather_tasks();
        match encoding {
            Encoding::Json => json(Type::GetTasks, "get_tasks", |object| write_tasks(object, &content)),
            Encoding::Protobuf => {
                let mut answer = response(Type::GetTasks);
                answer.get_tasks = Some(content);
                encode(encoding, &answer)
            }
        }
    }

    pub(super) fn gather_tasks(&self) -> GetTasks {
        let frameworks = || self.frameworks.values().chain(&self.completed_frameworks);
        let clone = |task: &crate::task::Task| -> v1::Task { task.proto.clone() };
        GetTasks {
            tasks: frameworks().flat_map(|framework| framework.tasks.values()).map(clone).collect(),
            unreachable_tasks: frameworks()
                .flat_map(|framework| framework.unreachable.values())
                .map(clone)
                .collect(),
            completed_tasks: frameworks().flat_map(completed).map(clone).collect(),
            ..Default::default()
        }
    }
}

pub(super) fn write_tasks(object: &mut Object<'_>, content: &GetTasks) {
    list(object, "tasks", &content.tasks);
    list(object, "unreachable_tasks", &content.unreachable_tasks);
    list(object, "completed_tasks", &content.completed_tasks);
}

fn completed(framework: &Framework) -> impl Iterator<Item = &crate::task::Task> {
    framework.completed.iter()
}
