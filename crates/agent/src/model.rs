//! How the older endpoints show things: not as their messages' JSON, but in shapes of their own.

pub(crate) mod attributes;
pub(crate) mod labels;
pub(crate) mod resources;
pub(crate) mod task;
pub(crate) mod task_status;

use tepui_proto::{JsonDialect, MesosMessage};

/// Appends the JSON of a message in the older names, as these endpoints embed it.
pub(crate) fn v0_json(message: &impl MesosMessage) -> impl FnOnce(&mut Vec<u8>) {
    |out| message.write_json(JsonDialect::V0, out)
}
