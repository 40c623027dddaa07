//! Compiles `proto/` to Rust without protoc: protox parses, prost-build writes the types, and our own modules in
//! `build/` write what prost lacks (descriptors, JSON, the list of link messages).

use std::path::PathBuf;

use prost::Message as _;

#[path = "build/dialect.rs"]
mod dialect;
#[path = "build/json_writer.rs"]
mod json_writer;
#[path = "build/link_messages.rs"]
mod link_messages;
#[path = "build/names.rs"]
mod names;
#[path = "build/raw.rs"]
mod raw;
#[path = "build/tables.rs"]
mod tables;

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

/// Members that are big and rarely set: kept behind a pointer, so that what contains them stays small.
const BOXED: &[&str] = &[
    ".mesos.v1.Resource.disk",
    ".mesos.v1.ExecutorInfo.container",
    ".mesos.v1.TaskInfo.container",
    ".mesos.v1.TaskInfo.health_check",
    ".mesos.v1.TaskInfo.check",
    ".mesos.v1.TaskInfo.discovery",
    ".mesos.v1.TaskStatus.container_status",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut descriptors = protox::compile(FILES, ["proto"])?;
    // The test that compares our messages with those of Mesos reads this.
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    std::fs::write(out.join("link_message.rs"), link_messages::link_messages(&descriptors))?;
    let index = names::Index::new(&descriptors);
    std::fs::write(out.join("tables.rs"), tables::tables(&index))?;
    std::fs::write(out.join("json.rs"), json_writer::writers(&index))?;
    raw::keep_raw(&mut descriptors);
    let mut config = prost_build::Config::new();
    config
        .out_dir(&out)
        .btree_map(["."])
        .compile_well_known_types()
        .disable_comments(["."])
        .include_file("messages.rs");
    for member in BOXED {
        config.boxed(member);
    }
    raw::map_stand_ins(&mut config);
    config.compile_fds(descriptors)?;
    Ok(())
}
