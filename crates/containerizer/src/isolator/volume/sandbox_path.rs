//! `volume/sandbox_path`: folders of the container's own sandbox elsewhere, and of its parent's in its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::host_path::mount_point;
use super::{Source, is_read_only, source};
use crate::isolator::filesystem::linux::{own_as, place};
use crate::isolator::{Isolator, failed};
use crate::launch::text;
use crate::launcher::Plan;
use crate::{ContainerClass, ContainerConfig, LaunchError};

const NAME: &str = "volume/sandbox_path";

#[derive(Debug)]
pub(crate) struct SandboxPath {
    /// Whether containers have mounts of their own; if not, links are made.
    pub(crate) can_mount: bool,
}

impl Isolator for SandboxPath {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        for volume in config.container.iter().flat_map(|container| &container.volumes) {
            let (root, path) = match source(volume) {
                Source::OwnSandbox(path) => (config.sandbox.clone(), path),
                Source::ParentSandbox(path) => (parent_sandbox(config)?, path),
                Source::Host(_) | Source::Secret(_) | Source::Other(_) => continue,
            };
            if config.class == ContainerClass::Debug {
                return refuse("SANDBOX_PATH volume is not supported for DEBUG containers");
            }
            let is_absolute = volume.container_path.starts_with('/');
            if !is_absolute && root == config.sandbox {
                return refuse("'container_path' is relative for SANDBOX_PATH volume SELF type");
            }
            if is_absolute && !self.can_mount {
                return refuse(
                    "The 'linux' launcher and 'filesystem/linux' isolator must be enabled to support SANDBOX_PATH \
                     volume with absolute container path",
                );
            }
            let source = place(&root, path)?;
            if !source.exists() {
                fs::create_dir_all(&source)
                    .map_err(failed(NAME, format!("create `{}`", source.display())))?;
                own_as(&root, &source).map_err(failed(NAME, "give a volume to its user"))?;
            }
            if self.can_mount {
                let target = mount_point(config, &volume.container_path, source.is_dir())?;
                plan.bind(text(&source)?, text(&target)?, is_read_only(volume));
            } else {
                link(&source, &place(&config.sandbox, &volume.container_path)?)?;
            }
        }
        Ok(())
    }
}

/// The sandbox of the container that this one is nested in: the layout says where it is.
fn parent_sandbox(config: &ContainerConfig) -> Result<PathBuf, LaunchError> {
    let parent = config.sandbox.parent().and_then(Path::parent);
    match (config.container_id.parent(), parent) {
        (Some(_), Some(parent)) => Ok(parent.to_owned()),
        _ => refuse("SANDBOX_PATH volume PARENT type only works for nested container"),
    }
}

fn link(source: &Path, target: &Path) -> Result<(), LaunchError> {
    let linked = target.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| symlink(source, target));
    linked.map_err(failed(NAME, format!("create `{}`", target.display())))
}

fn refuse<T>(why: &str) -> Result<T, LaunchError> {
    Err(LaunchError::Refused { isolator: NAME, why: why.to_owned() })
}
