//! `filesystem/linux`: containers have mounts of their own; persistent volumes are mounted into the sandbox.

use std::fs;
use std::path::{Component, Path};

use tepui_linux::Namespaces;

use crate::isolator::{Isolator, failed};
use crate::launch::text;
use crate::launcher::Plan;
use crate::{ContainerClass, ContainerConfig, LaunchError, PersistentVolume, create_volume};

const NAME: &str = "filesystem/linux";

#[derive(Debug)]
pub(crate) struct Linux;

impl Isolator for Linux {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        if config.container_id.parent().is_some() {
            plan.enter(Namespaces::MOUNT);
        }
        if config.class == ContainerClass::Debug {
            return Ok(());
        }
        plan.create(Namespaces::MOUNT);
        for PersistentVolume { path, container_path } in &config.volumes {
            create_volume(path)?;
            own_as(&config.sandbox, path).map_err(failed(NAME, "give a volume to its user"))?;
            let target = place(&config.sandbox, container_path)?;
            fs::create_dir_all(&target).map_err(failed(NAME, format!("create `{}`", target.display())))?;
            plan.bind(text(path)?, text(&target)?, false);
        }
        Ok(())
    }
}

/// Gives a folder to the owner of the sandbox.
pub(crate) fn own_as(sandbox: &Path, path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let owner = sandbox.metadata()?;
    if owner.uid() == 0 {
        return Ok(());
    }
    std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))
}

/// Where a relative path of a container is in its sandbox. Nothing leads out of it.
pub(crate) fn place(sandbox: &Path, path: &str) -> Result<std::path::PathBuf, LaunchError> {
    let relative = Path::new(path);
    let is_inside =
        relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // The sandbox is the user's, who may have made links in it.
    let mut place = sandbox.to_owned();
    for part in relative.components() {
        place.push(part);
        if !is_inside || place.is_symlink() {
            let why = format!("the container path `{path}` leads out of the sandbox");
            return Err(LaunchError::Refused { isolator: NAME, why });
        }
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_sandbox() {
        let sandbox = tempfile::tempdir().unwrap();
        assert_eq!(place(sandbox.path(), "a/b").unwrap(), sandbox.path().join("a/b"));
        std::os::unix::fs::symlink("/etc", sandbox.path().join("link")).unwrap();
        for path in ["../x", "a/../../x", "/etc", "link", "link/x"] {
            assert!(place(sandbox.path(), path).is_err(), "{path}");
        }
    }
}
