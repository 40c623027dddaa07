//! A task.

use tepui_proto::v1;

use crate::json::Object;
use crate::labels::labels;
use crate::resources::resources;
use crate::task_status::task_status;
use crate::v0_json;

/// Writes the fields of a task.
pub fn task(object: &mut Object<'_>, task: &v1::Task) {
    object.field("id", &task.task_id.value);
    object.field("name", &task.name);
    object.field("framework_id", &task.framework_id.value);
    object.field("executor_id", task.executor_id.as_ref().map_or("", |id| &id.value));
    object.field("slave_id", &task.agent_id.value);
    object.field("state", task.state().as_str_name());
    object.object("resources", |object| resources(object, &task.resources));
    if !task.limits.is_empty() {
        object.object("limits", |object| {
            for (name, limit) in &task.limits {
                object.field(name, limit.value);
            }
        });
    }
    // Tasks do not mix resources that are allocated to different roles.
    let allocation = task.resources.first().and_then(|first| first.allocation_info.as_ref());
    object.field("role", allocation.map_or("", v1::resource::AllocationInfo::role));
    object.array("statuses", |array| {
        for status in &task.statuses {
            array.object(|object| task_status(object, status));
        }
    });
    if let Some(user) = &task.user {
        object.field("user", user);
    }
    labels(object, task.labels.as_ref());
    if let Some(discovery) = &task.discovery {
        object.raw("discovery", v0_json(discovery));
    }
    if let Some(container) = &task.container {
        object.raw("container", v0_json(container));
    }
    if let Some(health_check) = &task.health_check {
        object.raw("health_check", v0_json(health_check));
    }
}
