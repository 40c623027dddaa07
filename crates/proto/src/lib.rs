//! Mesos' protobuf messages: our `.proto` files and the Rust types made from them.
//!
//! `v1` is the API that frameworks and operators speak; `internal` is what masters, agents and old drivers say to
//! each other over the link. Messages of Mesos' older `mesos` package share their field numbers with those of
//! `mesos.v1`, so one Rust type serves both, with the union of their fields.
//!
//! This crate knows no rule of Mesos beyond the shape of its messages.

mod decode;
mod descriptor;
mod json;
mod link_message;
mod message;
mod raw;
mod required;
pub mod wire_format;

/// The types that prost-build makes.
#[expect(missing_docs, reason = "generated; the `.proto` files hold the documentation")]
#[expect(unreachable_pub, clippy::pedantic, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

/// The tables and the JSON writers that `build/` makes.
#[expect(deprecated, reason = "generated")]
#[cfg_attr(not(test), expect(dead_code, reason = "an enum that no field has gets a table too"))]
mod tables {
    use crate::descriptor::{EnumDescriptor, FieldDescriptor, Kind, Label, MessageDescriptor};
    use crate::json::{JsonDialect, write};
    use crate::message::MesosMessage;

    include!(concat!(env!("OUT_DIR"), "/tables.rs"));
    include!(concat!(env!("OUT_DIR"), "/json.rs"));
}

pub use decode::MalformedMessage;
pub use generated::google;
pub use generated::mesos::internal;
pub use generated::mesos::resource_provider as resource_provider_registry;
pub use generated::mesos::scheduler as driver;
pub use generated::mesos::v1;
pub use json::write::{write_json_string, write_json_whole};
pub use json::{JsonDialect, JsonError};
pub use link_message::{LinkMessage, LinkMessageError};
pub use message::MesosMessage;
pub use raw::Raw;
