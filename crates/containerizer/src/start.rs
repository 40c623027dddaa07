//! Asking for a prepared process to be started.

use std::os::fd::AsFd;

use crate::LaunchError;
use crate::launch::Prepared;
use crate::launcher::{Launcher, Launching};

/// Has the launcher start the process.
pub(crate) fn start(launcher: &Launcher, prepared: Prepared) -> Result<Launching, LaunchError> {
    let Prepared { plan, stdin, stdout, stderr } = prepared;
    launcher.launch(plan, [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]).map_err(LaunchError::from)
}
