//! Persistent volumes: folders that outlive the tasks that use them.
//!
//! A sandbox has a link to each volume, as with Mesos' `filesystem/posix` isolator. What is destroyed is first renamed, so
//! that a new volume of the same name can be made at once, and then removed at leisure.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sandbox::{SandboxError, failed};

/// Makes each new name of a destroyed volume another.
static DESTROYED: AtomicU64 = AtomicU64::new(0);

/// Makes the folder of a volume, if it is not there. Blocks on the file system.
pub fn create_volume(path: &Path) -> Result<(), SandboxError> {
    DirBuilder::new().recursive(true).create(path).map_err(failed("create", path))
}

/// Takes a volume off its place; what is returned is to be removed. None if there was no such volume.
pub fn retire_volume(path: &Path) -> Result<Option<PathBuf>, SandboxError> {
    let Some(name) = path.file_name() else { return Ok(None) };
    let number = DESTROYED.fetch_add(1, Ordering::Relaxed);
    let retired =
        path.with_file_name(format!(".destroyed-{}-{number}-{}", std::process::id(), name.to_string_lossy()));
    match fs::rename(path, &retired) {
        Ok(()) => Ok(Some(retired)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("rename", path)(error)),
    }
}

/// Removes a folder and all that is in it. Blocks on the file system.
pub fn remove_volume(path: &Path) -> Result<(), SandboxError> {
    fs::remove_dir_all(path).map_err(failed("remove", path))
}

/// Removes all that is in a folder. Blocks on the file system.
pub fn empty_volume(path: &Path) -> Result<(), SandboxError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read", path)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed("read", path))?;
        let path = entry.path();
        let is_folder = entry.file_type().map_err(failed("read", &path))?.is_dir();
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(failed("remove", &path))?;
    }
    Ok(())
}

/// Links a volume into a sandbox and gives it to the sandbox's owner. Blocks on the file system.
///
/// Says whether it did: a path of several parts cannot be a link in the sandbox.
pub fn link_volume(sandbox: &Path, container_path: &str, volume: &Path) -> Result<bool, SandboxError> {
    if container_path.contains('/') {
        return Ok(false);
    }
    create_volume(volume)?;
    let owner = sandbox.metadata().map_err(failed("read", sandbox))?;
    if owner.uid() != 0 {
        chown(volume, Some(owner.uid()), Some(owner.gid())).map_err(failed("change the owner of", volume))?;
    }
    let link = sandbox.join(container_path);
    if link.exists() {
        let there = link.canonicalize().map_err(failed("resolve", &link))?;
        let wanted = volume.canonicalize().map_err(failed("resolve", volume))?;
        if there == wanted {
            return Ok(true);
        }
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "something else is there");
        return Err(failed("link a persistent volume to", &link)(error));
    }
    symlink(volume, &link).map_err(failed("create", &link))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_outlives_the_sandbox_and_not_its_destruction() {
        let work = tempfile::tempdir().unwrap();
        let volume = work.path().join("volumes/roles/r/v");
        let sandbox = work.path().join("sandbox");
        fs::create_dir(&sandbox).unwrap();
        create_volume(&volume).unwrap();
        assert!(link_volume(&sandbox, "data", &volume).unwrap());
        assert!(link_volume(&sandbox, "data", &volume).unwrap(), "a link that is there is left");
        fs::write(sandbox.join("data/file"), "x").unwrap();
        fs::remove_dir_all(&sandbox).unwrap();
        assert_eq!(fs::read_to_string(volume.join("file")).unwrap(), "x");
        let retired = retire_volume(&volume).unwrap().unwrap();
        create_volume(&volume).unwrap();
        assert_eq!(fs::read_dir(&volume).unwrap().count(), 0);
        remove_volume(&retired).unwrap();
        assert_eq!(fs::read_dir(volume.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(retire_volume(&work.path().join("none")).unwrap(), None);
    }

    #[test]
    fn a_link_leads_nowhere_but_into_the_sandbox() {
        let work = tempfile::tempdir().unwrap();
        let (sandbox, volume) = (work.path().join("s"), work.path().join("v"));
        fs::create_dir(&sandbox).unwrap();
        for path in ["..", ".", ""] {
            assert!(link_volume(&sandbox, path, &volume).is_err(), "{path:?}");
        }
        for path in ["a/b", "/etc/x", "../x"] {
            assert!(!link_volume(&sandbox, path, &volume).unwrap(), "{path:?}");
        }
    }

    #[test]
    fn a_mounted_volume_is_emptied_only() {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir_all(work.path().join("a/b")).unwrap();
        fs::write(work.path().join("c"), "x").unwrap();
        symlink("/etc", work.path().join("d")).unwrap();
        empty_volume(work.path()).unwrap();
        assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0);
        assert!(Path::new("/etc/passwd").exists());
    }
}
