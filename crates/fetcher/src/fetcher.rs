//! The agent's half: keeps the cache, and runs a process per container that fetches.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tepui_linux::{Credentials, Output, Process, Signal, Spawn};
use tepui_proto::v1::command_info::Uri;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::unix::pipe;
use tokio::sync::Notify;
use tracing::{debug, warn};

use crate::FetchError;
use crate::cache::{Acquired, Cache, Evicted, Key, State, is_file_name};
use crate::plan::{CacheUse, Item, MAX_PLAN_BYTES, Plan, Report, VARIABLE};
use crate::uri::basename;

/// Longest report of the process.
const MAX_REPORT_BYTES: u64 = 256 << 10;

/// What the fetcher is told at the agent's start.
#[derive(Clone, Debug)]
pub struct FetcherConfig {
    /// Our own binary.
    pub program: PathBuf,
    /// Its arguments for a fetch, its name included.
    pub arguments: Vec<String>,
    /// Where cached files are kept: a folder per user.
    pub cache_dir: PathBuf,
    /// How much is kept.
    pub cache_bytes: u64,
    /// Where relative URIs start.
    pub frameworks_home: Option<String>,
    /// The longest time without progress; zero for no limit.
    pub stall_timeout: Duration,
}

/// What a container needs.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The files.
    pub uris: Vec<Uri>,
    /// Where they go. It exists, and belongs to the user.
    pub sandbox: PathBuf,
    /// Who fetches; the agent's own user if absent.
    pub user: Option<String>,
}

/// What `/metrics/snapshot` shows, by Mesos' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// `containerizer/fetcher/task_fetches_succeeded`.
    pub task_fetches_succeeded: u64,
    /// `containerizer/fetcher/task_fetches_failed`.
    pub task_fetches_failed: u64,
    /// `containerizer/fetcher/cache_size_total_bytes`.
    pub cache_size_total_bytes: u64,
    /// `containerizer/fetcher/cache_size_used_bytes`.
    pub cache_size_used_bytes: u64,
}

/// Fetches for all containers of an agent. Clones share the cache.
#[derive(Clone, Debug)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: FetcherConfig,
    /// Locked for a look-up or a change, never across an await.
    cache: Mutex<Cache>,
    /// Something in the cache came or failed.
    changed: Notify,
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl Fetcher {
    /// Makes a fetcher with an empty cache: what an earlier agent left of it is removed. Blocks on the file system.
    pub fn new(config: FetcherConfig) -> Self {
        clear(&config.cache_dir);
        let cache = Mutex::new(Cache::new(config.cache_bytes, fastrand::u64(..u64::from(u32::MAX))));
        let shared = Shared {
            config,
            cache,
            changed: Notify::new(),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Fetches all that a container needs. To drop the future is to cancel the fetch: its process is killed.
    ///
    /// # Errors
    /// One of the files cannot be had; the message names it.
    pub async fn fetch(&self, fetch: Fetch) -> Result<(), FetchError> {
        if fetch.uris.is_empty() {
            return Ok(());
        }
        let result = self.shared.fetch(fetch).await;
        let counter = if result.is_ok() { &self.shared.succeeded } else { &self.shared.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        result
    }

    /// The counters and the cache's size.
    pub fn metrics(&self) -> Metrics {
        let cache = self.shared.lock();
        Metrics {
            task_fetches_succeeded: self.shared.succeeded.load(Ordering::Relaxed),
            task_fetches_failed: self.shared.failed.load(Ordering::Relaxed),
            cache_size_total_bytes: cache.capacity(),
            cache_size_used_bytes: cache.used(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Cache> {
        // Nothing panics while it holds the lock halfway through a change.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(self: &Arc<Self>, fetch: Fetch) -> Result<(), FetchError> {
        let mut leases = BTreeMap::new();
        for (uri, lease) in self.acquire_all(&fetch) {
            if let Some(lease) = self.settle(&fetch, uri, lease).await? {
                leases.insert(uri.value.clone(), lease);
            }
        }
        let items = items(&fetch.uris, &leases);
        self.run(&fetch, items, false).await?;
        for lease in leases.into_values() {
            lease.complete(&self.cache_folder(fetch.user.as_deref()));
        }
        Ok(())
    }

    /// Finds or begins the cached copies of all files at once. A fetch waits only for those that began before it, so that no
    /// two wait for each other.
    fn acquire_all<'a>(self: &Arc<Self>, fetch: &'a Fetch) -> Vec<(&'a Uri, Lease)> {
        let mut cache = self.lock();
        let mut leases: Vec<(&Uri, Lease)> = Vec::new();
        for uri in fetch.uris.iter().filter(|uri| uri.cache()) {
            let is_known = leases.iter().any(|(other, _)| other.value == uri.value);
            let Ok(name) = basename(uri.value.trim_start()) else { continue };
            if is_known {
                continue;
            }
            let key = Key { user: fetch.user.clone(), uri: uri.value.clone() };
            let acquired = cache.acquire(&key, name);
            leases.push((uri, Lease::new(self, key, acquired)));
        }
        leases
    }

    /// Makes a cached copy ready to be filled or used. None if the file must be had without the cache.
    async fn settle(
        self: &Arc<Self>,
        fetch: &Fetch,
        uri: &Uri,
        lease: Lease,
    ) -> Result<Option<Lease>, FetchError> {
        if lease.is_new {
            return Ok(self.make_space(fetch, uri, &lease).await?.then_some(lease));
        }
        if self.wait_for(&lease).await {
            let path = self.cache_folder(fetch.user.as_deref()).join(&lease.file);
            if path.symlink_metadata().is_ok() {
                return Ok(Some(lease));
            }
            // Somebody removed the file.
            self.lock().fail(&lease.key, &lease.file);
        }
        let Ok(name) = basename(uri.value.trim_start()) else { return Ok(None) };
        let key = lease.key.clone();
        let acquired = self.lock().acquire(&key, name);
        let again = Lease::new(self, key, acquired);
        // One that somebody else is getting is not waited for: he may be waiting for one of ours.
        if again.is_new && self.make_space(fetch, uri, &again).await? { Ok(Some(again)) } else { Ok(None) }
    }

    /// Waits until a pending file is there, or will never be.
    async fn wait_for(&self, lease: &Lease) -> bool {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let state = self.lock().state(&lease.key, &lease.file);
            match state {
                None => return false,
                Some(State::Ready) => return true,
                Some(State::Pending) => changed.await,
            }
        }
    }

    /// Sets space aside for a new file. Whoever does not say how large his file is gets none.
    async fn make_space(&self, fetch: &Fetch, uri: &Uri, lease: &Lease) -> Result<bool, FetchError> {
        let item = item(uri, CacheUse::Bypass);
        let Report::Sizes(sizes) = self.run(fetch, vec![item], true).await? else { return Ok(false) };
        let Some(bytes) = sizes.first().copied().flatten() else { return Ok(false) };
        let Some(evicted) = self.lock().reserve(&lease.key, bytes) else {
            debug!(uri = uri.value, bytes, "no space in the cache; fetching without it");
            return Ok(false);
        };
        self.remove(evicted);
        let folder = self.cache_folder(fetch.user.as_deref());
        make_folder(&self.config.cache_dir, &folder, fetch.user.as_deref())
            .map_err(|source| FetchError::Process { action: "create the folder of cached files", source })?;
        Ok(true)
    }

    fn cache_folder(&self, user: Option<&str>) -> PathBuf {
        user.map_or_else(|| self.config.cache_dir.clone(), |user| self.config.cache_dir.join(user))
    }

    fn remove(&self, evicted: Vec<Evicted>) {
        for Evicted { user, file } in evicted {
            let path = self.cache_folder(user.as_deref()).join(file);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    warn!(path = %path.display(), %error, "failed to remove a cached file");
                }
            }
        }
    }

    /// Runs the process.
    async fn run(&self, fetch: &Fetch, items: Vec<Item>, measure: bool) -> Result<Report, FetchError> {
        let count = items.len();
        let plan = Plan {
            measure,
            sandbox: fetch.sandbox.clone(),
            cache_dir: Some(self.cache_folder(fetch.user.as_deref())),
            frameworks_home: self.config.frameworks_home.clone(),
            stall_timeout_ms: u64::try_from(self.config.stall_timeout.as_millis()).unwrap_or(u64::MAX),
            items,
        };
        let failed = |action: &'static str| move |source| FetchError::Process { action, source };
        let plan = serde_json::to_string(&plan)
            .map_err(|error| failed("describe what to fetch")(io::Error::other(error)))?;
        if plan.len() > MAX_PLAN_BYTES {
            return Err(FetchError::TooMany { count, bytes: plan.len() });
        }
        let (reader, writer) = io::pipe().map_err(failed("make a pipe"))?;
        let mut report = pipe::Receiver::from_owned_fd(reader.into()).map_err(failed("watch a pipe"))?;
        let spawn = self.spawn(fetch, plan, OwnedFd::from(writer))?;
        // Wrapped there and then: if we are dropped meanwhile, the process is killed all the same.
        let started =
            tokio::task::spawn_blocking(move || spawn.spawn().map(|process| Running(Some(process))));
        let mut running = started
            .await
            .map_err(|_| FetchError::Died("was not started: the agent is stopping".to_owned()))?
            .map_err(failed("start the fetcher"))?;
        let mut text = Vec::new();
        let mut limited = (&mut report).take(MAX_REPORT_BYTES);
        limited.read_to_end(&mut text).await.map_err(failed("hear the fetcher"))?;
        let status = running.wait().await.map_err(failed("wait for the fetcher"))?;
        match serde_json::from_slice(&text) {
            Ok(Report::Failed { uri, why }) => Err(FetchError::Uri { uri, why }),
            Ok(report) => Ok(report),
            Err(_) => Err(FetchError::Died(format!("ended with {status} and without a word"))),
        }
    }

    fn spawn(&self, fetch: &Fetch, plan: String, report: OwnedFd) -> Result<Spawn, FetchError> {
        let credentials = match &fetch.user {
            Some(user) if tepui_linux::is_root() => Some(Credentials::of_user(user)?),
            Some(_) | None => None,
        };
        let stderr = open_stderr(&fetch.sandbox, credentials.as_ref())
            .map_err(|source| FetchError::Process { action: "open the sandbox's `stderr`", source })?;
        let mut spawn = Spawn::new(&self.config.program, &fetch.sandbox);
        spawn.arguments = self.config.arguments.iter().map(OsString::from).collect();
        spawn.environment = std::env::vars_os()
            .filter(|(name, _)| {
                let name = name.to_string_lossy();
                !name.starts_with("MESOS_") && !name.starts_with("LIBPROCESS_")
            })
            .collect();
        spawn.environment.insert(VARIABLE.into(), plan.into());
        spawn.stdout = Output::File(report.into());
        spawn.stderr = Output::File(stderr);
        spawn.credentials = credentials;
        Ok(spawn)
    }
}

/// The items of a plan. A file that is to be cached is filled once, by the first that names it.
fn items(uris: &[Uri], leases: &BTreeMap<String, Lease>) -> Vec<Item> {
    let mut filled = Vec::new();
    uris.iter()
        .map(|uri| {
            let cache = match leases.get(&uri.value).filter(|_| uri.cache()) {
                None => CacheUse::Bypass,
                Some(lease) if lease.is_new && !filled.contains(&&uri.value) => {
                    filled.push(&uri.value);
                    CacheUse::Fill(lease.file.clone())
                }
                Some(lease) => CacheUse::Use(lease.file.clone()),
            };
            item(uri, cache)
        })
        .collect()
}

fn item(uri: &Uri, cache: CacheUse) -> Item {
    Item {
        value: uri.value.clone(),
        output_file: uri.output_file.clone(),
        executable: uri.executable(),
        extract: uri.extract(),
        cache,
    }
}

/// The use of a cached file. Dropped before it is complete, a new one is given up, so that nobody waits for it for ever.
#[derive(Debug)]
struct Lease {
    shared: Arc<Shared>,
    key: Key,
    file: String,
    /// We are the ones to get it.
    is_new: bool,
}

impl Lease {
    fn new(shared: &Arc<Shared>, key: Key, acquired: Acquired) -> Self {
        let (file, is_new) = match acquired {
            Acquired::New(file) => (file, true),
            Acquired::Known(file, _) => (file, false),
        };
        Self { shared: Arc::clone(shared), key, file, is_new }
    }

    /// The file was fetched, or used.
    fn complete(mut self, folder: &Path) {
        if !self.is_new {
            return;
        }
        if let Ok(metadata) = folder.join(&self.file).symlink_metadata() {
            self.is_new = false;
            let evicted = self.shared.lock().complete(&self.key, &self.file, metadata.len());
            self.shared.remove(evicted);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_new {
            let left = self.shared.lock().fail(&self.key, &self.file);
            self.shared.remove(left.into_iter().collect());
        } else {
            self.shared.lock().release(&self.key, &self.file);
        }
        self.shared.changed.notify_waiters();
    }
}

/// A process that is killed when nobody waits for it any more.
#[derive(Debug)]
struct Running(Option<Process>);

impl Running {
    async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        let Some(process) = &mut self.0 else { return Err(io::ErrorKind::NotFound.into()) };
        {
            #[expect(
                deprecated,
                reason = "its successor is unsafe; a `PidFd` is one open descriptor for as long as it is borrowed"
            )]
            let handle = AsyncFd::with_interest(process.handle().as_fd(), Interest::READABLE)?;
            handle.readable().await.map(drop)?;
        }
        let status = process.wait();
        self.0 = None;
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut process) = self.0.take() {
            let _ = process.handle().send(Signal::KILL);
            // A killed process ends at once; reaping it here would block all the same.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn_blocking(move || process.wait());
            }
        }
    }
}

/// Opens the sandbox's `stderr` for appending. The sandbox is the user's, so a link in it is not followed.
fn open_stderr(sandbox: &Path, owner: Option<&Credentials>) -> io::Result<File> {
    let file = File::options()
        .create(true)
        .append(true)
        .mode(0o644)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(sandbox.join("stderr"))?;
    if let Some(owner) = owner {
        fchown(&file, Some(owner.uid), Some(owner.gid))?;
    }
    Ok(file)
}

/// Makes the folder of a user's cached files; it is the user's alone.
fn make_folder(cache_dir: &Path, folder: &Path, user: Option<&str>) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(cache_dir)?;
    if folder != cache_dir {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => return Err(error),
        }
        if let Some(user) = user.filter(|_| tepui_linux::is_root()) {
            let owner = Credentials::of_user(user).map_err(io::Error::other)?;
            chown(folder, Some(owner.uid), Some(owner.gid))?;
        }
    }
    Ok(())
}

/// Removes the cached files of an earlier agent, and nothing else: the flag may name any folder.
fn clear(cache_dir: &Path) {
    let Ok(entries) = fs::read_dir(cache_dir) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            for file in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
                remove_if_ours(&file);
            }
        } else {
            remove_if_ours(&entry);
        }
    }
}

fn remove_if_ours(entry: &fs::DirEntry) {
    let is_ours = entry.file_name().to_str().is_some_and(is_file_name);
    if is_ours && let Err(error) = fs::remove_file(entry.path()) {
        warn!(path = %entry.path().display(), %error, "failed to remove a cached file of an earlier agent");
    }
}
