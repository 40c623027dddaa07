//! Removes the sandboxes of executors that have ended: after `--gc_delay`, and earlier when the disk is full.
//!
//! A run's folder is as old as its modification time, which is set when its executor is done. What an earlier agent of the
//! same work folder left is found by the same walk, so nothing need be remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use nix::sys::statvfs::statvfs;
use tracing::{info, warn};

use crate::files::Files;
use crate::journal::SHOW_DELAY;
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
    /// How old a sandbox may be when so much of the disk is in use. What Mesos' layout has of it must be there by then, to be
    /// removed with it.
    fn max_age(&self, usage: f64) -> Duration {
        self.delay.mul_f64((1.0 - self.disk_headroom - usage).clamp(0.0, 1.0)).max(2 * SHOW_DELAY)
    }
}

/// What must stay, however old it is.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// The agent's own id, once it has one.
    pub(crate) agent: Option<String>,
    /// The ids of frameworks that have something here.
    pub(crate) frameworks: BTreeSet<String>,
    /// The sandboxes of executors that are not completed, and the ids of their tasks that are not.
    pub(crate) sandboxes: BTreeMap<PathBuf, BTreeSet<String>>,
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
            let old = Old::find(&root, max_age);
            // Asked after the walk: an executor is in the view before its sandbox is made.
            let mut view = seen.write().unwrap_or_else(PoisonError::into_inner);
            view.set_max_age(max_age);
            let live = view.live();
            drop(view);
            live.map(|live| old.remove(&root, &live)).unwrap_or_default()
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

/// What is old enough to go, if it is not live.
#[derive(Debug, Default)]
struct Old {
    sandboxes: Vec<PathBuf>,
    /// What Mesos' layout says of runs.
    known: Vec<PathBuf>,
    /// What it says of tasks, in runs that are not among the old ones: an executor may live for years.
    tasks: Vec<PathBuf>,
}

impl Old {
    fn find(work_dir: &Path, max_age: Duration) -> Self {
        let is_old = |path: &PathBuf| age(path) >= max_age;
        let sandboxes = runs(&work_dir.join("slaves")).into_iter().filter(is_old).collect();
        let known = runs(&work_dir.join("meta/slaves"));
        let tasks = known.iter().flat_map(|run| folders(&run.join("tasks")));
        let tasks = tasks.filter(|task| age(&task.join("task.updates")) >= max_age && is_old(task)).collect();
        Self { sandboxes, tasks, known: known.into_iter().filter(is_old).collect() }
    }

    /// Removes what is not live, and the folders around it that have nothing left in them; gives the sandboxes.
    fn remove(self, work_dir: &Path, live: &Live) -> Vec<PathBuf> {
        let meta = work_dir.join("meta");
        let sandbox_of = |known: &Path| known.strip_prefix(&meta).map(|below| work_dir.join(below));
        let mut removed = Vec::new();
        for sandbox in self.sandboxes {
            if !live.sandboxes.contains_key(&sandbox) && remove_folder(&sandbox) {
                info!(sandbox = %sandbox.display(), "removed an old sandbox");
                removed.push(sandbox);
            }
        }
        for run in self.known {
            // What is known of a sandbox stays as long as the sandbox.
            if sandbox_of(&run).is_ok_and(|it| !live.sandboxes.contains_key(&it) && !it.exists()) {
                remove_folder(&run);
            }
        }
        for task in self.tasks {
            let owner = task.ancestors().nth(2).and_then(|run| sandbox_of(run).ok());
            let open = owner.and_then(|sandbox| live.sandboxes.get(&sandbox));
            let name = task.file_name().unwrap_or_default().to_string_lossy();
            if open.is_some_and(|open| !open.contains(name.as_ref())) {
                remove_folder(&task);
            }
        }
        for tree in [work_dir.join("slaves"), meta.join("slaves")] {
            remove_hollow(&tree, live);
        }
        removed
    }
}

/// The folders of all runs, of all agents that used the work folder.
fn runs(tree: &Path) -> Vec<PathBuf> {
    let frameworks = folders(tree).into_iter().flat_map(|at| folders(&at.join("frameworks")));
    let executors = frameworks.flat_map(|at| folders(&at.join("executors")));
    executors.flat_map(|at| folders(&at.join("runs"))).collect()
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

/// Whether the folder is gone. One that cannot be removed is looked at again.
fn remove_folder(path: &Path) -> bool {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            warn!(path = %path.display(), %error, "failed to remove what is old");
            false
        }
        _ => true,
    }
}

/// Removes executors without runs, frameworks without executors, and earlier agents without frameworks.
fn remove_hollow(tree: &Path, live: &Live) {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for agent in folders(tree) {
        for framework in folders(&agent.join("frameworks")) {
            for executor in folders(&framework.join("executors")) {
                if folders(&executor.join("runs")).is_empty() && !is_live(&executor, live) {
                    remove_folder(&executor);
                }
            }
            if folders(&framework.join("executors")).is_empty()
                && !live.frameworks.contains(&name(&framework))
            {
                remove_folder(&framework);
            }
        }
        let is_former = live.agent.as_ref().is_some_and(|own| *own != name(&agent));
        if is_former && folders(&agent.join("frameworks")).is_empty() {
            remove_folder(&agent);
        }
    }
}

/// Whether an executor of this name has a sandbox, or is about to have one.
fn is_live(executor: &Path, live: &Live) -> bool {
    // Both trees have the same paths below them: agent, frameworks, framework, executors, executor.
    let below: PathBuf = executor.components().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect();
    live.sandboxes.keys().any(|sandbox| sandbox.ancestors().nth(2).is_some_and(|path| path.ends_with(&below)))
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
        assert_eq!(config.max_age(0.9), 2 * SHOW_DELAY);
        assert_eq!(config.max_age(1.0), 2 * SHOW_DELAY);
        assert_eq!(config.max_age(0.4).as_secs(), 302_400);
    }

    fn live(sandboxes: &[(&Path, &[&str])]) -> Live {
        let tasks = |tasks: &[&str]| tasks.iter().map(|task| (*task).to_owned()).collect();
        Live {
            agent: Some("S0".to_owned()),
            frameworks: BTreeSet::new(),
            sandboxes: sandboxes.iter().map(|(path, open)| (path.to_path_buf(), tasks(open))).collect(),
        }
    }

    fn make_old(path: &Path) {
        File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
    }

    #[test]
    fn old_runs_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let (old, alive, young) = (run(root, "a", "old"), run(root, "b", "live"), run(root, "c", "young"));
        let meta = |sandbox: &Path| root.join("meta").join(sandbox.strip_prefix(root).unwrap());
        for path in [&old, &alive] {
            make_old(path);
            make_old(&meta(path));
        }
        let found = Old::find(root, Duration::from_secs(50));
        assert_eq!(found.remove(root, &live(&[(&alive, &[])])), std::slice::from_ref(&old));
        assert!(!old.exists() && alive.exists() && young.exists());
        assert!(meta(&alive).exists() && meta(&young).exists());
        assert!(!root.join("slaves/S0/frameworks/f/executors/a").exists());
        assert!(!root.join("meta/slaves/S0/frameworks/f/executors/a").exists());
        touch(&alive.to_string_lossy());
        assert!(age(&alive) < Duration::from_secs(50));
    }

    #[test]
    fn what_has_nothing_in_it_goes_unless_it_is_live() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let sandbox = run(root, "a", "only");
        fs::create_dir_all(root.join("slaves/S9/frameworks/g/executors")).unwrap();
        let framework = root.join("meta/slaves/S0/frameworks/f");
        fs::write(framework.join("framework.info"), "").unwrap();
        let mut alive = live(&[]);
        alive.frameworks.insert("f".to_owned());
        assert_eq!(Old::find(root, Duration::ZERO).remove(root, &alive), [sandbox]);
        assert!(framework.exists() && !framework.join("executors/a").exists());
        assert!(root.join("slaves/S0").exists() && !root.join("slaves/S9").exists());
        Old::find(root, Duration::ZERO).remove(root, &live(&[]));
        assert!(!framework.exists() && root.join("meta/slaves/S0").exists());
    }

    #[test]
    fn what_is_known_of_a_long_lived_executor_s_tasks_goes_when_they_are_done() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = run(folder.path(), "a", "long");
        let tasks =
            folder.path().join("meta").join(sandbox.strip_prefix(folder.path()).unwrap()).join("tasks");
        for task in ["done", "open"] {
            fs::create_dir_all(tasks.join(task)).unwrap();
            fs::write(tasks.join(task).join("task.updates"), "").unwrap();
        }
        let live = live(&[(&sandbox, &["open"])]);
        Old::find(folder.path(), Duration::from_hours(1)).remove(folder.path(), &live);
        assert!(tasks.join("done").exists(), "it is young");
        Old::find(folder.path(), Duration::ZERO).remove(folder.path(), &live);
        assert!(!tasks.join("done").exists() && tasks.join("open").exists());
    }
}
