//! Removes the sandboxes of executors that have ended: after `--gc_delay`, and earlier when the disk is full.
//!
//! A run's folder is as old as its modification time, which is set when its executor is done. What an earlier agent of the
//! same work folder left is found by the same walk, so nothing need be remembered.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use nix::sys::statvfs::statvfs;
use tracing::{info, warn};

use crate::files::Files;
use crate::view::View;

/// When sandboxes are removed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GcConfig {
    /// The longest life of the sandbox of an executor that has ended.
    pub delay: Duration,
    /// The share of the disk that is kept free by removing sandboxes earlier.
    pub disk_headroom: f64,
    /// How often the disk is looked at.
    pub disk_watch_interval: Duration,
}

impl Default for GcConfig {
    fn default() -> Self {
        Self {
            delay: Duration::from_hours(7 * 24),
            disk_headroom: 0.1,
            disk_watch_interval: Duration::from_mins(1),
        }
    }
}

impl GcConfig {
    /// How old a sandbox may be when so much of the disk is in use.
    fn max_age(&self, usage: f64) -> Duration {
        self.delay.mul_f64((1.0 - self.disk_headroom - usage).clamp(0.0, 1.0))
    }
}

/// Looks at the disk again and again, until it is aborted.
pub(crate) async fn collect(work_dir: PathBuf, config: GcConfig, view: Arc<RwLock<View>>, files: Files) {
    // An operator who sets no interval must not make us spin.
    let mut interval = tokio::time::interval(config.disk_watch_interval.max(Duration::from_secs(1)));
    loop {
        interval.tick().await;
        let max_age = config.max_age(usage(&work_dir));
        let (root, seen) = (work_dir.clone(), Arc::clone(&view));
        let removed = tokio::task::spawn_blocking(move || {
            let old = old_runs(&root, max_age);
            // Asked after the walk: an executor is in the view before its sandbox is made.
            let mut view = seen.write().unwrap_or_else(PoisonError::into_inner);
            view.set_max_age(max_age);
            let live = view.live_sandboxes().map(|live| live.map(PathBuf::from).collect());
            drop(view);
            remove(&root, old, live.as_ref())
        })
        .await;
        for sandbox in removed.unwrap_or_default() {
            files.detach_sandbox(&sandbox.to_string_lossy());
        }
    }
}

/// The share of the disk that is in use; nothing if it cannot be learned.
#[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
fn usage(path: &Path) -> f64 {
    match statvfs(path) {
        Ok(stat) if stat.blocks() > 0 => 1.0 - stat.blocks_available() as f64 / stat.blocks() as f64,
        Ok(_) | Err(_) => 0.0,
    }
}

/// Makes a sandbox as young as can be: its executor is done now.
pub(crate) fn touch(sandbox: &str) {
    let touched = File::open(sandbox).and_then(|folder| folder.set_modified(SystemTime::now()));
    if let Err(error) = touched {
        warn!(sandbox, %error, "failed to note when an executor was done");
    }
}

/// The runs that are old enough to go.
fn old_runs(work_dir: &Path, max_age: Duration) -> Vec<PathBuf> {
    let runs = executors(work_dir).into_iter().flat_map(|executor| folders(&executor.join("runs")));
    runs.filter(|run| age(run) >= max_age).collect()
}

/// Removes those of the runs that are not live, with what Mesos' layout says of them; gives their folders. Nothing goes as
/// long as it is not known what is live.
fn remove(work_dir: &Path, runs: Vec<PathBuf>, live: Option<&BTreeSet<PathBuf>>) -> Vec<PathBuf> {
    let mut removed = Vec::new();
    let Some(live) = live else { return removed };
    for run in runs {
        if live.contains(&run) {
            continue;
        }
        let Ok(below) = run.strip_prefix(work_dir) else { continue };
        let meta = work_dir.join("meta").join(below);
        match fs::remove_dir_all(&run) {
            Ok(()) => info!(sandbox = %run.display(), "removed an old sandbox"),
            Err(error) => {
                warn!(sandbox = %run.display(), %error, "failed to remove an old sandbox");
                continue;
            }
        }
        remove_empty(&run, "latest");
        if meta.exists() {
            if let Err(error) = fs::remove_dir_all(&meta) {
                warn!(path = %meta.display(), %error, "failed to remove what is known of an old run");
            }
            remove_executor_meta(&meta);
        }
        removed.push(run);
    }
    removed
}

/// The folders of all executors, of all agents that used the work folder.
fn executors(work_dir: &Path) -> Vec<PathBuf> {
    let frameworks =
        folders(&work_dir.join("slaves")).into_iter().flat_map(|at| folders(&at.join("frameworks")));
    frameworks.flat_map(|at| folders(&at.join("executors"))).collect()
}

/// The folders in a folder; links are not followed.
fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries.flatten().filter(is_folder).map(|entry| entry.path()).collect()
}

fn age(path: &Path) -> Duration {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.ok().and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default()
}

/// Removes the folders above that have nothing left in them but a link that leads nowhere.
fn remove_empty(run: &Path, link: &str) {
    let Some(runs) = run.parent() else { return };
    if folders(runs).is_empty() {
        // Whatever cannot be removed stays, and is looked at again.
        let _ = fs::remove_file(runs.join(link));
        for folder in runs.ancestors().take(3) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// Removes what is known of an executor without runs.
fn remove_executor_meta(run: &Path) {
    if let Some(runs) = run.parent()
        && folders(runs).is_empty()
        && let Some(executor) = runs.parent()
        && let Err(error) = fs::remove_dir_all(executor)
    {
        warn!(path = %executor.display(), %error, "failed to remove what is known of an old executor");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(work_dir: &Path, executor: &str, container: &str) -> PathBuf {
        let below = format!("slaves/S0/frameworks/f/executors/{executor}/runs/{container}");
        let (sandbox, meta) = (work_dir.join(&below), work_dir.join("meta").join(&below));
        fs::create_dir_all(sandbox.join("some/folder")).unwrap();
        fs::create_dir_all(meta).unwrap();
        sandbox
    }

    #[test]
    fn a_full_disk_shortens_lives() {
        let config = GcConfig::default();
        assert_eq!(config.max_age(0.9), Duration::ZERO);
        assert_eq!(config.max_age(1.0), Duration::ZERO);
        assert_eq!(config.max_age(0.4).as_secs(), 302_400);
    }

    #[test]
    fn old_runs_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (old, live, young) = (
            run(folder.path(), "a", "old"),
            run(folder.path(), "b", "live"),
            run(folder.path(), "c", "young"),
        );
        let long_ago = SystemTime::now() - Duration::from_secs(100);
        for path in [&old, &live] {
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        let runs = old_runs(folder.path(), Duration::from_secs(50));
        assert!(remove(folder.path(), runs.clone(), None).is_empty(), "recovery has not told what is live");
        let removed = remove(folder.path(), runs, Some(&BTreeSet::from([live.clone()])));
        assert_eq!(removed, std::slice::from_ref(&old));
        assert!(!old.exists() && live.exists() && young.exists());
        assert!(!folder.path().join("slaves/S0/frameworks/f/executors/a").exists());
        assert!(!folder.path().join("meta/slaves/S0/frameworks/f/executors/a").exists());
        touch(&live.to_string_lossy());
        assert!(age(&live) < Duration::from_secs(50));
    }
}
