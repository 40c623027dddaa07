//! `volume/host_path`: files and folders of the machine.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Source, is_read_only, source};
use crate::isolator::filesystem::linux::place;
use crate::isolator::{Isolator, failed};
use crate::launch::text;
use crate::launcher::Plan;
use crate::{ContainerClass, ContainerConfig, LaunchError};

const NAME: &str = "volume/host_path";

#[derive(Debug)]
pub(crate) struct HostPath {
    /// `--host_path_volume_force_creation`: the folders below which what is missing is made.
    pub(crate) creatable: Vec<PathBuf>,
}

impl Isolator for HostPath {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        for volume in config.container.iter().flat_map(|container| &container.volumes) {
            let Source::Host(path) = source(volume) else { continue };
            if config.class == ContainerClass::Debug {
                return refuse("HOST_PATH volume is not supported for DEBUG containers".to_owned());
            }
            if !path.starts_with('/') {
                return refuse("The 'host_path' in HOST_PATH volume is not absolute".to_owned());
            }
            let host = Path::new(path);
            self.find(host)?;
            let target = mount_point(config, &volume.container_path, host.is_dir())?;
            plan.bind(text(host)?, text(&target)?, is_read_only(volume));
        }
        Ok(())
    }
}

impl HostPath {
    fn find(&self, path: &Path) -> Result<(), LaunchError> {
        if path.exists() {
            return Ok(());
        }
        let has_parent = path.components().any(|part| part == std::path::Component::ParentDir);
        if !has_parent && self.creatable.iter().any(|folder| path.starts_with(folder)) {
            return fs::create_dir_all(path).map_err(failed(NAME, format!("create `{}`", path.display())));
        }
        refuse(format!("Path '{}' in HOST_PATH volume does not exist", path.display()))
    }
}

/// Makes the place where a volume is mounted.
pub(super) fn mount_point(
    config: &ContainerConfig,
    container_path: &str,
    is_folder: bool,
) -> Result<PathBuf, LaunchError> {
    if container_path.starts_with('/') {
        let target = Path::new(container_path);
        if !target.exists() {
            // Compat: nothing is made outside of the sandbox.
            return refuse(format!(
                "Mount point '{container_path}' is an absolute path. It must exist if the container shares the host \
                 filesystem"
            ));
        }
        return Ok(target.to_owned());
    }
    let target = place(&config.sandbox, container_path)?;
    let made = if is_folder {
        fs::create_dir_all(&target)
    } else {
        let parent = target.parent().map_or(Ok(()), fs::create_dir_all);
        parent.and_then(|()| fs::File::options().create(true).append(true).open(&target).map(drop))
    };
    made.map_err(failed(NAME, format!("create `{}`", target.display())))?;
    Ok(target)
}

fn refuse<T>(why: String) -> Result<T, LaunchError> {
    Err(LaunchError::Refused { isolator: NAME, why })
}
