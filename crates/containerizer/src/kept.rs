//! What a container that only the containerizer knows was started from, as far as an agent that comes back must know it; in Mesos' form.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use prost::Message;
use tepui_proto::v1;
use tepui_types::ContainerId;

use crate::runtime::write_whole;
use crate::{ContainerClass, ContainerConfig};

const FILE: &str = "config";

/// Mesos' numbers of the classes.
const CLASS_DEFAULT: i32 = 0;
const CLASS_DEBUG: i32 = 1;

/// Marks a container that stands alone.
const STANDALONE_FILE: &str = "standalone.marker";

/// A part of Mesos' `ContainerConfig`.
#[derive(Clone, PartialEq, Message)]
struct Kept {
    #[prost(string, tag = "3")]
    directory: String,
    #[prost(string, optional, tag = "4")]
    user: Option<String>,
    #[prost(message, required, tag = "11")]
    command: v1::CommandInfo,
    #[prost(message, optional, tag = "12")]
    container: Option<v1::ContainerInfo>,
    #[prost(message, repeated, tag = "13")]
    resources: Vec<v1::Resource>,
    #[prost(int32, optional, tag = "14")]
    class: Option<i32>,
    #[prost(map = "string, message", tag = "16")]
    limits: std::collections::HashMap<String, v1::value::Scalar>,
}

/// Writes it into the container's runtime folder.
pub(crate) fn keep(folder: &Path, config: &ContainerConfig) -> io::Result<()> {
    let limits =
        config.limits.iter().map(|(name, value)| (name.clone(), v1::value::Scalar { value: *value }));
    let kept = Kept {
        directory: config.sandbox.to_string_lossy().into_owned(),
        user: config.user.clone(),
        command: config.command.clone(),
        container: config.container.clone(),
        resources: config.resources.clone(),
        class: Some(match config.class {
            ContainerClass::Default => CLASS_DEFAULT,
            ContainerClass::Debug => CLASS_DEBUG,
        }),
        limits: limits.collect(),
    };
    if config.is_standalone {
        write_whole(&folder.join(STANDALONE_FILE), b"")?;
    }
    write_whole(&folder.join(FILE), &kept.encode_to_vec())
}

/// Reads what was kept of this container; `None` if there is nothing.
pub(crate) fn read(folder: &Path, id: &ContainerId) -> Option<ContainerConfig> {
    let kept = Kept::decode(std::fs::read(folder.join(FILE)).ok()?.as_slice()).ok()?;
    let limits: BTreeMap<String, f64> =
        kept.limits.into_iter().map(|(name, scalar)| (name, scalar.value)).collect();
    Some(ContainerConfig {
        container: kept.container,
        class: if kept.class == Some(CLASS_DEBUG) { ContainerClass::Debug } else { ContainerClass::Default },
        user: kept.user,
        resources: kept.resources,
        limits,
        is_standalone: folder.join(STANDALONE_FILE).exists(),
        ..ContainerConfig::new(id.clone(), kept.command, kept.directory)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let id = ContainerId::new("a").child("b");
        assert!(read(folder.path(), &id).is_none());
        let command = v1::CommandInfo { value: Some("true".to_owned()), ..v1::CommandInfo::default() };
        let mut config = ContainerConfig::new(id.clone(), command, "/sandbox");
        config.class = ContainerClass::Debug;
        config.limits.insert("mem".to_owned(), 64.0);
        keep(folder.path(), &config).unwrap();
        let read = read(folder.path(), &id).unwrap();
        assert_eq!(format!("{read:?}"), format!("{config:?}"));
    }
}
