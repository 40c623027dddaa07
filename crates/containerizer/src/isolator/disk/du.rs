//! `disk/du`: measures sandboxes now and then, and ends containers that use more than they were promised, if told to.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tepui_proto::v1;
use tepui_types::format_bytes;

use crate::ContainerConfig;
use crate::isolator::{Isolator, Latest, Limitation, Watch, promised};

/// The size of a block, as the file system counts them for us.
const BLOCK_BYTES: u64 = 512;

#[derive(Debug)]
pub(crate) struct Du {
    /// `--container_disk_watch_interval`.
    pub(crate) interval: Duration,
    /// `--enforce_container_disk_quota`.
    pub(crate) is_enforced: bool,
}

impl Isolator for Du {
    fn name(&self) -> &'static str {
        "disk/du"
    }

    fn usage(&self, config: &ContainerConfig, _: Option<u32>, statistics: &mut v1::ResourceStatistics) {
        if config.container_id.parent().is_some() {
            return;
        }
        statistics.disk_limit_bytes = quota(config);
        statistics.disk_used_bytes = used(&config.sandbox).ok();
    }

    fn watch(&self, config: &ContainerConfig, latest: &Latest) -> Option<Watch> {
        // Nested containers use their parent's disk.
        if !self.is_enforced || config.container_id.parent().is_some() {
            return None;
        }
        let latest = Arc::clone(latest);
        let sandbox = config.sandbox.clone();
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Some(Box::pin(async move {
            loop {
                ticks.tick().await;
                // Without a promise there is nothing to exceed.
                let Some(quota) = latest().and_then(|config| quota(&config)) else { continue };
                let folder: PathBuf = sandbox.clone();
                let measured = tokio::task::spawn_blocking(move || used(&folder)).await;
                if let Ok(Ok(used)) = measured
                    && used > quota
                {
                    return limitation(used, quota);
                }
            }
        }))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
fn quota(config: &ContainerConfig) -> Option<u64> {
    promised(config, "disk").map(|megabytes| (megabytes * f64::from(1 << 20)) as u64)
}

#[expect(clippy::cast_precision_loss, reason = "exact for all disks there are")]
fn limitation(used: u64, quota: u64) -> Limitation {
    let message = format!("Disk usage ({}) exceeds quota ({})", format_bytes(used), format_bytes(quota));
    let reason = v1::task_status::Reason::ContainerLimitationDisk;
    Limitation::scalar("disk", quota as f64 / f64::from(1 << 20), message, reason)
}

/// The space that a folder and all in it takes. Links are not followed, and other file systems not entered.
fn used(folder: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(folder)?;
    let device = metadata.dev();
    let mut bytes = metadata.blocks() * BLOCK_BYTES;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What is gone or closed by now takes no space that we could see.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.dev() != device {
                continue;
            }
            bytes += metadata.blocks() * BLOCK_BYTES;
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_folders_are_counted_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let before = used(folder.path()).unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), vec![1; 1 << 20]).unwrap();
        std::os::unix::fs::symlink("/usr", folder.path().join("link")).unwrap();
        let after = used(folder.path()).unwrap();
        assert!(after >= before + (1 << 20) && after < before + (2 << 20), "{before} {after}");
    }
}
