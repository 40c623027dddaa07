//! The rows of `LinkMessage`.

use std::fmt::Write as _;

use heck::ToUpperCamelCase;
use prost_types::FileDescriptorSet;

/// The closed list of what travels over the link: `mesos.internal.*Message` and the old driver's `Call`.
pub(crate) fn link_messages(descriptors: &FileDescriptorSet) -> String {
    let mut rows = String::new();
    for file in &descriptors.file {
        if !matches!(file.name(), "internal/messages.proto" | "internal/authentication.proto") {
            continue;
        }
        for message in file.message_type.iter().filter(|message| message.name().ends_with("Message")) {
            let variant = message.name().trim_end_matches("Message").to_upper_camel_case();
            let path = message.name().to_upper_camel_case();
            writeln!(
                rows,
                "    {variant}(crate::internal::{path}) = \"{}.{}\",",
                file.package(),
                message.name()
            )
            .expect("a string grows");
        }
    }
    rows += "    SchedulerCall(crate::driver::Call) = \"mesos.scheduler.Call\",\n";
    format!("link_messages! {{\n{rows}}}\n")
}
