//! An executor.

use tepui_proto::v1;

use super::command::command;
use tepui_model::json::Object;
use tepui_model::labels::labels;
use tepui_model::resources::resources;

/// Writes the fields of an executor.
pub(crate) fn executor(object: &mut Object<'_>, info: &v1::ExecutorInfo) {
    object.field("executor_id", &info.executor_id.value);
    object.field("name", info.name());
    object.field("framework_id", info.framework_id.as_ref().map_or("", |id| &id.value));
    object.object("command", |object| {
        if let Some(info) = &info.command {
            command(object, info);
        } else {
            command(object, &v1::CommandInfo::default());
        }
    });
    object.object("resources", |object| resources(object, &info.resources));
    // Executors do not mix resources that are allocated to different roles.
    if let Some(first) = info.resources.first() {
        object.field("role", first.allocation_info.as_ref().map_or("", v1::resource::AllocationInfo::role));
    }
    labels(object, info.labels.as_ref());
    if info.r#type.is_some() {
        object.field("type", info.r#type().as_str_name());
    }
}
