//! The runtime folder: what is known of running containers, for as long as the machine runs.
//!
//! `<runtime_dir>/containers/<id>[/containers/<nested>]` has, in Mesos' names, `pid`, `status` (the wait status) and
//! `termination`; our own `process` has the start time beside the process id, which tells a process from a later one of
//! the same id.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tepui_linux::ProcessTable;
use tepui_types::{ContainerId, validate_id};

/// Where Linux says which run of the machine this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The process that a container's folder is about.
const PROCESS: &str = "process";

/// The same, as Mesos has it.
const PID: &str = "pid";

/// The folder of all containers' folders, and of all nested ones of a container.
const CONTAINERS: &str = "containers";

/// A runtime folder, and nobody else's while this lives.
#[derive(Debug)]
pub(crate) struct RuntimeFolder {
    path: PathBuf,
    /// The kernel unlocks it when the agent ends, however it ends.
    _lock: File,
}

/// A runtime folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Another agent has it.
    #[error(
        "failed to use the folder `{}`: another agent uses it\nhint: give each agent of a machine a `--runtime_dir` of \
         its own", path.display()
    )]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("failed to {action} `{}`\nhint: `--runtime_dir` names a folder that the agent may write to", path.display())]
    File {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RuntimeFolder {
    /// Makes the folder if need be and locks it. What is left of an earlier run of the machine is removed.
    pub(crate) fn open(path: &Path) -> Result<Self, RuntimeError> {
        let containers = path.join(CONTAINERS);
        DirBuilder::new().recursive(true).create(&containers).map_err(failed("create", &containers))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).map_err(failed("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(RuntimeError::InUse { path: path.to_owned() }),
            Err(fs::TryLockError::Error(error)) => return Err(failed("lock", &lock_path)(error)),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        folder.forget_earlier_boot()?;
        Ok(folder)
    }

    fn forget_earlier_boot(&self) -> Result<(), RuntimeError> {
        let boot_path = Path::new(BOOT_ID);
        let current = fs::read_to_string(boot_path).map_err(failed("read", boot_path))?;
        let known_path = self.path.join("boot_id");
        match fs::read_to_string(&known_path) {
            Ok(known) if known == current => return Ok(()),
            Ok(_) => {
                let containers = self.path.join(CONTAINERS);
                fs::remove_dir_all(&containers).map_err(failed("remove", &containers))?;
                fs::create_dir(&containers).map_err(failed("create", &containers))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", &known_path)(error)),
        }
        fs::write(&known_path, current).map_err(failed("write", &known_path))
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a container.
    pub(crate) fn container(&self, id: &ContainerId) -> PathBuf {
        let mut path = match id.parent() {
            Some(parent) => self.container(parent),
            None => self.path.clone(),
        };
        path.push(CONTAINERS);
        path.push(id.as_str());
        path
    }

    /// All containers that have a folder, parents before their children.
    pub(crate) fn containers(&self) -> io::Result<Vec<ContainerId>> {
        let mut found = Vec::new();
        collect(&self.path.join(CONTAINERS), None, &mut found)?;
        Ok(found)
    }

    /// Removes the folder of a container, with those of the containers in it.
    pub(crate) fn remove(&self, id: &ContainerId) -> io::Result<()> {
        let folder = self.container(id);
        // Most have nothing else in them, and need not be looked into.
        for name in [PROCESS, PID] {
            let _ = fs::remove_file(folder.join(name));
        }
        if fs::remove_dir(&folder).is_ok() {
            return Ok(());
        }
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RuntimeError {
    move |source| RuntimeError::File { action, path: path.to_owned(), source }
}

fn collect(folder: &Path, parent: Option<&ContainerId>, found: &mut Vec<ContainerId>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if validate_id(&name).is_err() {
            continue;
        }
        let id = match parent {
            Some(parent) => parent.child(name),
            None => ContainerId::new(name),
        };
        found.push(id.clone());
        collect(&entry.path().join(CONTAINERS), Some(&id), found)?;
    }
    Ok(())
}

/// Makes the folder of a container.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder),
        made => made,
    }
}

/// Notes that a container's first process is about to be started: from here on it may run.
pub(crate) fn announce_process(folder: &Path) -> io::Result<File> {
    File::create(folder.join(PROCESS))
}

/// Notes the first process of a container, which must be a child of ours, in the file that announced it.
pub(crate) fn write_process(folder: &Path, announced: &mut File, pid: u32) -> io::Result<()> {
    let start_time = ProcessTable::start_time(pid).ok_or(io::ErrorKind::NotFound)?;
    announced.write_all(format!("{pid} {start_time}").as_bytes())?;
    fs::write(folder.join(PID), pid.to_string())
}

/// Whether a process of a container was announced.
pub(crate) fn has_process(folder: &Path) -> bool {
    // Who cannot tell must not believe that there was none.
    folder.join(PROCESS).try_exists().unwrap_or(true)
}

/// The first process of a container, if it is the one that was noted and is still there.
pub(crate) fn read_process(folder: &Path) -> Option<u32> {
    let text = fs::read_to_string(folder.join(PROCESS)).ok()?;
    let (pid, start_time) = text.split_once(' ')?;
    let (pid, start_time) = (pid.parse().ok()?, start_time.parse::<u64>().ok()?);
    let is_it = ProcessTable::start_time(pid) == Some(start_time);
    (is_it && ProcessTable::read_one(pid).is_some_and(|entry| !entry.is_zombie)).then_some(pid)
}

/// Notes how the first process of a container ended; at once, so that no reader sees half of it.
pub(crate) fn write_status(folder: &Path, status: i32) -> io::Result<()> {
    write_whole(&folder.join("status"), status.to_string().as_bytes())
}

/// How the first process of a container ended, if that was noted.
pub(crate) fn read_status(folder: &Path) -> Option<i32> {
    fs::read_to_string(folder.join("status")).ok()?.trim().parse().ok()
}

/// How a container's program ended, if that was not its first process.
pub(crate) fn read_init_status(folder: &Path) -> Option<i32> {
    fs::read_to_string(folder.join("init_status")).ok()?.trim().parse().ok()
}

/// Writes a file such that it is there as a whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    File::create(&fresh)?.write_all(bytes)?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_containers_have_their_folders_in_their_parents() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = RuntimeFolder::open(folder.path()).unwrap();
        let (parent, child) = (ContainerId::new("a"), ContainerId::new("a").child("b"));
        fs::create_dir_all(runtime.container(&child)).unwrap();
        assert_eq!(runtime.container(&child), folder.path().join("containers/a/containers/b"));
        assert_eq!(runtime.containers().unwrap(), [parent.clone(), child]);
        runtime.remove(&parent).unwrap();
        runtime.remove(&parent).unwrap();
        assert_eq!(runtime.containers().unwrap(), []);
    }

    #[test]
    fn two_agents_cannot_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = RuntimeFolder::open(folder.path()).unwrap();
        assert!(matches!(RuntimeFolder::open(folder.path()), Err(RuntimeError::InUse { .. })));
        drop(first);
        RuntimeFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn a_reboot_makes_all_of_it_void() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = RuntimeFolder::open(folder.path()).unwrap();
        fs::create_dir_all(runtime.container(&ContainerId::new("a"))).unwrap();
        drop(runtime);
        let runtime = RuntimeFolder::open(folder.path()).unwrap();
        assert_eq!(runtime.containers().unwrap().len(), 1);
        drop(runtime);
        fs::write(folder.path().join("boot_id"), "another").unwrap();
        assert_eq!(RuntimeFolder::open(folder.path()).unwrap().containers().unwrap(), []);
    }

    #[test]
    fn a_process_is_known_by_its_start() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_process(folder.path()));
        let mut announced = announce_process(folder.path()).unwrap();
        assert!(has_process(folder.path()));
        assert_eq!(read_process(folder.path()), None, "only announced");
        write_process(folder.path(), &mut announced, std::process::id()).unwrap();
        assert_eq!(read_process(folder.path()), Some(std::process::id()));
        fs::write(folder.path().join("process"), format!("{} 1", std::process::id())).unwrap();
        assert_eq!(read_process(folder.path()), None, "another process of the same id");
        assert_eq!(read_status(folder.path()), None);
        write_status(folder.path(), 256).unwrap();
        assert_eq!(read_status(folder.path()), Some(256));
    }
}
