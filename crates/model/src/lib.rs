//! How the older endpoints (`/state`, `/slaves`, `/files/browse`) show things: not as their messages' JSON, but in shapes of
//! their own, which master and agent share.
//!
//! `json` writes JSON as those endpoints do; each other module shows one entity.

pub mod attributes;
pub mod encoded_task;
pub mod json;
pub mod labels;
mod memo;
pub mod resources;
pub mod task;
pub mod task_status;

use tepui_proto::{JsonDialect, MesosMessage};

/// Appends the JSON of a message in the older names, as these endpoints embed it.
pub fn v0_json(message: &impl MesosMessage) -> impl FnOnce(&mut Vec<u8>) {
    |out| message.write_json(JsonDialect::V0, out)
}
