//! `GET_TASKS`.

use tepui_proto::v1::master::response::Type;
use tepui_proto::{JsonDialect, MesosMessage, v1};

use super::{Encoding, append, json, protobuf};
use crate::framework::Framework;
use crate::task::Task;
use crate::view::View;
use tepui_model::json::Object;

/// The field of `Response`.
const GET_TASKS: u32 = 13;

/// One of the lists of tasks.
type List = fn(&Framework) -> Box<dyn Iterator<Item = &Task> + '_>;

const TASKS: List = |framework| Box::new(framework.tasks.values());
const COMPLETED: List = |framework| Box::new(framework.completed.iter());
const UNREACHABLE: List = |framework| Box::new(framework.unreachable.values());

impl View {
    /// Answers `GET_TASKS`.
    pub fn get_tasks(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => json(Type::GetTasks, "get_tasks", |object| self.write_tasks(object)),
            Encoding::Protobuf => protobuf(Type::GetTasks, GET_TASKS, &self.encode_tasks()),
        }
    }

    /// The binary form of `GetTasks`.
    pub(super) fn encode_tasks(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.sizes.tasks_protobuf.capacity());
        for (tag, list) in [(2, TASKS), (3, COMPLETED), (5, UNREACHABLE)] {
            self.each_task(list, |task| append(tag, task, &mut out));
        }
        self.sizes.tasks_protobuf.note(out.len());
        out
    }

    pub(super) fn write_tasks(&self, object: &mut Object<'_>) {
        for (name, list) in
            [("tasks", TASKS), ("unreachable_tasks", UNREACHABLE), ("completed_tasks", COMPLETED)]
        {
            object.array(name, |array| {
                self.each_task(list, |task| {
                    array.raw(|out| v1::Task::write_json_of(JsonDialect::V1, task, out));
                });
            });
        }
    }

    /// Calls `then` with the binary form of each task of a list.
    fn each_task(&self, list: List, mut then: impl FnMut(&[u8])) {
        let mut encoded = Vec::new();
        for framework in self.frameworks.values().chain(&self.completed_frameworks) {
            let id = framework.id();
            for task in list(framework) {
                encoded.clear();
                task.encode(id.as_str(), &mut encoded);
                then(&encoded);
            }
        }
    }
}
