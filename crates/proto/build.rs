//! Compiles `proto/` to Rust, without protoc: protox parses, prost-build writes the types, `codegen` the rest.

use std::path::PathBuf;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};

const FILES: &[&str] = &[
    "v1/mesos.proto",
    "v1/scheduler.proto",
    "v1/executor.proto",
    "v1/master.proto",
    "v1/agent.proto",
    "v1/allocator.proto",
    "v1/maintenance.proto",
    "v1/quota.proto",
    "v1/resource_provider.proto",
    "internal/messages.proto",
    "internal/registry.proto",
    "internal/resource_provider_registry.proto",
    "internal/authentication.proto",
    "internal/checkpoint.proto",
    "internal/scheduler.proto",
];

/// Messages that are passed along: wherever one is a field it is a `Raw`, which keeps what we do not know.
const RAW: &[&str] = &["TaskInfo", "ExecutorInfo"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut descriptors = protox::compile(FILES, ["proto"])?;
    let link_messages = link_messages(&descriptors);
    keep_raw(&mut descriptors);
    let mut config = prost_build::Config::new();
    config
        .out_dir(&out)
        .btree_map(["."])
        .compile_well_known_types()
        .disable_comments(["."])
        .boxed(".mesos.v1.Resource.disk")
        .boxed(".mesos.v1.ExecutorInfo.container")
        .boxed(".mesos.v1.TaskInfo.container")
        .boxed(".mesos.v1.TaskInfo.health_check")
        .boxed(".mesos.v1.TaskInfo.check")
        .boxed(".mesos.v1.TaskInfo.discovery")
        .boxed(".mesos.v1.TaskStatus.container_status")
        .include_file("messages.rs");
    for name in RAW {
        config.extern_path(format!(".tepui.raw.{name}"), format!("crate::Raw<crate::v1::{name}>"));
    }
    config.compile_fds(descriptors)?;
    std::fs::write(out.join("link_message.rs"), link_messages)?;
    Ok(())
}

/// Redirects the fields whose type is in `RAW` to stand-ins that prost-build maps to `Raw<T>`.
fn keep_raw(descriptors: &mut FileDescriptorSet) {
    for file in &mut descriptors.file {
        let mut touched = false;
        for message in &mut file.message_type {
            redirect(message, &mut touched);
        }
        if touched {
            file.dependency.push("tepui/raw.proto".to_owned());
        }
    }
    // A double and a string, so that prost-build derives neither `Eq` nor `Copy` for what contains a stand-in.
    let field = |name: &str, number, kind| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional as i32),
        r#type: Some(kind as i32),
        ..Default::default()
    };
    let fields = vec![field("no_eq", 1, Type::Double), field("no_copy", 2, Type::String)];
    let stand_ins = RAW.iter().map(|name| DescriptorProto {
        name: Some((*name).to_owned()),
        field: fields.clone(),
        ..Default::default()
    });
    descriptors.file.insert(
        0,
        FileDescriptorProto {
            name: Some("tepui/raw.proto".to_owned()),
            package: Some("tepui.raw".to_owned()),
            message_type: stand_ins.collect(),
            ..Default::default()
        },
    );
}

fn redirect(message: &mut DescriptorProto, touched: &mut bool) {
    for field in &mut message.field {
        if let Some(name) = RAW.iter().find(|name| field.type_name() == format!(".mesos.v1.{name}")) {
            field.type_name = Some(format!(".tepui.raw.{name}"));
            *touched = true;
        }
    }
    for nested in &mut message.nested_type {
        redirect(nested, touched);
    }
}

/// The closed list of what travels over the link: `mesos.internal.*Message` and the old driver's `Call`.
fn link_messages(descriptors: &FileDescriptorSet) -> String {
    use heck::ToUpperCamelCase;
    let mut rows = String::new();
    for file in &descriptors.file {
        if !matches!(file.name(), "internal/messages.proto" | "internal/authentication.proto") {
            continue;
        }
        for message in file.message_type.iter().filter(|message| message.name().ends_with("Message")) {
            let variant = message.name().trim_end_matches("Message").to_upper_camel_case();
            let path = message.name().to_upper_camel_case();
            rows += &format!("    {variant}(crate::internal::{path}) = \"{}.{}\",\n", file.package(), message.name());
        }
    }
    rows += "    SchedulerCall(crate::driver::Call) = \"mesos.scheduler.Call\",\n";
    format!("link_messages! {{\n{rows}}}\n")
}
