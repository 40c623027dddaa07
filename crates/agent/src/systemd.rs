//! A slice of executors' own, so that systemd does not end them with the agent's unit (`--systemd_enable_support`).
//!
//! systemd ends a unit by its cgroup: the one of its own hierarchy (`name=systemd`), or of version 2. The launcher, the parent
//! of all containers, is moved to the slice in each of them that the machine has.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;
use tracing::info;

/// The slice, by Mesos' name.
const SLICE: &str = "mesos_executors.slice";

const UNIT: &str = "[Unit]\nDescription=Mesos Executors Slice\n";

/// Where systemd is.
#[derive(Clone, Debug)]
pub struct Systemd {
    /// `--systemd_runtime_directory`: the folder of transient units. systemd runs the machine if it is there.
    pub runtime_directory: PathBuf,
    /// `--cgroups_hierarchy`: where cgroups are mounted.
    pub cgroups_hierarchy: PathBuf,
    /// The program that talks to systemd.
    pub control: PathBuf,
}

/// A slice that cannot be had.
#[derive(Debug, Error)]
#[error(
    "failed to {step} for executors\nhint: --no-systemd_enable_support leaves executors in the agent's unit, which then needs \
     KillMode=process"
)]
pub struct SliceError {
    step: String,
    source: io::Error,
}

impl Systemd {
    /// Has systemd make the slice; gives its cgroups, none where systemd does not run the machine.
    pub(crate) fn executors_slice(&self) -> Result<Vec<PathBuf>, SliceError> {
        if !self.runtime_directory.is_dir() {
            return Ok(Vec::new());
        }
        let unit = self.runtime_directory.join(SLICE);
        let failed = |step: String| move |source| SliceError { step, source };
        if !unit.exists() {
            std::fs::write(&unit, UNIT)
                .map_err(failed(format!("create the systemd slice `{}`", unit.display())))?;
            self.control(&["daemon-reload"])?;
        }
        self.control(&["start", SLICE])?;
        let base = &self.cgroups_hierarchy;
        let hierarchies = [base.join("systemd"), base.join("unified"), base.clone()];
        let slices: Vec<PathBuf> = hierarchies
            .iter()
            .map(|it| it.join(SLICE))
            .filter(|it| it.join("cgroup.procs").exists())
            .collect();
        if slices.is_empty() {
            let missing = io::Error::new(io::ErrorKind::NotFound, format!("there is no `{SLICE}` in it"));
            return Err(failed(format!("use the cgroups below `{}`", base.display()))(missing));
        }
        info!(slice = SLICE, "executors outlive the agent's unit");
        Ok(slices)
    }

    fn control(&self, arguments: &[&str]) -> Result<(), SliceError> {
        let failed = |source| SliceError { step: format!("run `systemctl {}`", arguments.join(" ")), source };
        let program: &Path = &self.control;
        let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().map_err(failed)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(failed(io::Error::other(format!("{}: {said}", output.status))))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A machine whose systemd is a script that notes what it is told, and makes the slice when it is started.
    fn machine(folder: &Path, script: &str) -> Systemd {
        let (units, cgroups, control) =
            (folder.join("units"), folder.join("cgroup"), folder.join("systemctl"));
        fs::create_dir_all(&units).unwrap();
        fs::create_dir_all(cgroups.join("systemd")).unwrap();
        fs::write(&control, format!("#!/bin/sh\ncd {}\n{script}\n", folder.display())).unwrap();
        fs::set_permissions(&control, fs::Permissions::from_mode(0o755)).unwrap();
        Systemd { runtime_directory: units, cgroups_hierarchy: cgroups, control }
    }

    const NOTE: &str = "echo $* >>told\n[ $1 = start ] && mkdir -p cgroup/systemd/$2 && : >cgroup/systemd/$2/cgroup.procs\n:";

    #[test]
    fn the_slice_is_made_once_and_started_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let systemd = machine(folder.path(), NOTE);
        for _ in 0..2 {
            let slices = systemd.executors_slice().unwrap();
            assert_eq!(slices, [folder.path().join("cgroup/systemd/mesos_executors.slice")]);
        }
        let told = fs::read_to_string(folder.path().join("told")).unwrap();
        let start = "start mesos_executors.slice\n";
        assert_eq!(told, format!("daemon-reload\n{start}{start}"));
        let unit = fs::read_to_string(folder.path().join("units/mesos_executors.slice")).unwrap();
        assert!(unit.starts_with("[Unit]\n"), "{unit}");
    }

    #[test]
    fn without_systemd_nothing_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let systemd = machine(folder.path(), NOTE);
        fs::remove_dir(&systemd.runtime_directory).unwrap();
        assert!(systemd.executors_slice().unwrap().is_empty());
        assert!(!folder.path().join("told").exists());
    }

    #[test]
    fn what_systemd_says_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = machine(folder.path(), "echo no such bus >&2; exit 1").executors_slice().unwrap_err();
        assert!(error.to_string().starts_with("failed to run `systemctl daemon-reload`"), "{error}");
        assert!(error.source.to_string().contains("no such bus"));
        let error = machine(folder.path(), ":").executors_slice().unwrap_err();
        assert!(error.source.to_string().contains("there is no `mesos_executors.slice`"));
    }
}
