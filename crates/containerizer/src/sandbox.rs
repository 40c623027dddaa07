//! The folder that a container runs in, where Mesos has it: tools and people look for it there.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use tepui_linux::{Credentials, CredentialsError};
use tepui_types::{AgentId, ContainerId, ExecutorId, FrameworkId, IdError, validate_id};

/// Private data of a task: nothing for others.
const SANDBOX_MODE: u32 = 0o750;

/// The place of one run of an executor under the agent's work folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// `.../executors/<executor>/runs`.
    runs: PathBuf,
    /// `.../runs/<container>`.
    path: PathBuf,
}

/// A sandbox that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// An id that must not become the name of a folder.
    #[error("failed to name the sandbox after the {what} id")]
    Id {
        /// Whose id.
        what: &'static str,
        /// What is wrong with it.
        source: IdError,
    },
    /// The owner is not known here.
    #[error("failed to give the sandbox to its user")]
    User(#[from] CredentialsError),
    /// The file system refused.
    #[error("failed to {action} `{}`", path.display())]
    File {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Sandbox {
    /// Names the sandbox of a container: `<work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/
    /// <container>`. Ids that would lead elsewhere are refused.
    pub fn new(
        work_dir: &Path,
        agent: &AgentId,
        framework: &FrameworkId,
        executor: &ExecutorId,
        container: &ContainerId,
    ) -> Result<Self, SandboxError> {
        let checked = [
            ("agent", agent.as_str()),
            ("framework", framework.as_str()),
            ("executor", executor.as_str()),
            ("container", container.as_str()),
        ];
        for (what, id) in checked {
            validate_id(id).map_err(|source| SandboxError::Id { what, source })?;
        }
        let mut runs = work_dir.join("slaves");
        runs.push(agent.as_str());
        runs.push("frameworks");
        runs.push(framework.as_str());
        runs.push("executors");
        runs.push(executor.as_str());
        runs.push("runs");
        let path = runs.join(container.as_str());
        Ok(Self { runs, path })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The link that leads to the newest run of the same executor.
    pub fn latest_path(&self) -> PathBuf {
        self.runs.join("latest")
    }

    /// Makes the folder, owned by `user` and closed to others, and points `latest` to it. Blocks on the file system.
    pub fn create(&self, user: Option<&str>) -> Result<(), SandboxError> {
        // Most often the executor is new, and only its own three folders are missing.
        for folder in [self.runs.parent(), Some(self.runs.as_path())].into_iter().flatten() {
            match fs::create_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Something above is missing, or this is no folder: said when the sandbox cannot be made.
                Err(_) => break,
                Ok(()) => {}
            }
        }
        create_folder(&self.path, user)?;
        self.point_latest_here()
    }

    /// Replaces the link in one step, so that a reader always finds one.
    fn point_latest_here(&self) -> Result<(), SandboxError> {
        let latest = self.latest_path();
        match symlink(&self.path, &latest) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map_err(failed("create", &latest)),
        }
        let fresh = self.runs.join(".latest");
        match fs::remove_file(&fresh) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("remove", &fresh)(error)),
        }
        symlink(&self.path, &fresh).map_err(failed("create", &fresh))?;
        fs::rename(&fresh, &latest).map_err(failed("replace", &latest))
    }
}

/// Makes a folder that is owned by `user` and closed to others. Blocks on the file system.
pub(crate) fn create_folder(path: &Path, user: Option<&str>) -> Result<(), SandboxError> {
    let owner = user.map(Credentials::of_user_lately).transpose()?;
    DirBuilder::new().recursive(true).create(path).map_err(failed("create", path))?;
    fs::set_permissions(path, Permissions::from_mode(SANDBOX_MODE)).map_err(failed("restrict", path))?;
    if let Some(owner) = owner {
        chown(path, Some(owner.uid), Some(owner.gid)).map_err(failed("change the owner of", path))?;
    }
    Ok(())
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SandboxError {
    move |source| SandboxError::File { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn sandbox(work_dir: &Path, executor: &str, container: &str) -> Result<Sandbox, SandboxError> {
        Sandbox::new(
            work_dir,
            &AgentId::new("S0"),
            &FrameworkId::new("F"),
            &ExecutorId::new(executor),
            &ContainerId::new(container),
        )
    }

    #[test]
    fn the_folder_is_where_mesos_has_it_and_private() {
        let work = tempfile::tempdir().unwrap();
        let made = sandbox(work.path(), "e", "c1").unwrap();
        made.create(None).unwrap();
        assert_eq!(made.path(), work.path().join("slaves/S0/frameworks/F/executors/e/runs/c1"));
        assert_eq!(made.path().metadata().unwrap().mode() & 0o7777, 0o750);
    }

    #[test]
    fn latest_follows_the_newest_run() {
        let work = tempfile::tempdir().unwrap();
        for container in ["c1", "c2"] {
            let made = sandbox(work.path(), "e", container).unwrap();
            made.create(None).unwrap();
            assert_eq!(fs::read_link(made.latest_path()).unwrap(), made.path());
        }
    }

    #[test]
    fn the_user_owns_the_sandbox_alone() {
        if !tepui_linux::is_root() {
            return;
        }
        let work = tempfile::tempdir().unwrap();
        let made = sandbox(work.path(), "e", "c1").unwrap();
        made.create(Some("nobody")).unwrap();
        let nobody = Credentials::of_user("nobody").unwrap();
        assert_eq!(made.path().metadata().unwrap().uid(), nobody.uid);
        assert_eq!(made.path().parent().unwrap().metadata().unwrap().uid(), 0);
    }

    #[test]
    fn ids_that_lead_elsewhere_are_refused() {
        let long = "x".repeat(256);
        for id in ["..", ".", "", "a/b", "a\0b", long.as_str()] {
            for (executor, container) in [(id, "c"), ("e", id)] {
                let refused = sandbox(Path::new("/work"), executor, container);
                assert!(matches!(refused, Err(SandboxError::Id { .. })), "{id:?}");
            }
        }
    }

    #[test]
    fn an_unknown_user_leaves_nothing_behind() {
        let work = tempfile::tempdir().unwrap();
        let made = sandbox(work.path(), "e", "c1").unwrap();
        assert!(matches!(made.create(Some("no-such-user")), Err(SandboxError::User(_))));
        assert!(!made.path().exists());
    }
}
