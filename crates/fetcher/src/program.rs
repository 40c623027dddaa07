//! The process that fetches: `tepui fetcher`.
//!
//! The agent gives it a plan in an environment variable and reads what came of it from the standard output. What went wrong
//! is said on the standard error, too, which is the sandbox's `stderr`: there the task's owner looks first.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tepui_types::format_duration;

use crate::beneath::Beneath;
use crate::download::{download, set_mode, size};
use crate::error::Wrong;
use crate::extract::{Kind, extract};
use crate::http;
use crate::plan::{CacheUse, Item, Plan, Report, VARIABLE};
use crate::stall::{Progress, StallWatch};
use crate::uri::{Source, destination, source};

/// The mode of an executable, as Mesos sets it.
const EXECUTABLE_MODE: u32 = 0o755;

/// `tepui fetcher`: runs the plan of the environment. `tepui fetcher status URL`: prints the status of a page, for the health
/// checks of executors.
pub fn command(args: &[OsString]) -> ExitCode {
    match args {
        [] => run_plan(),
        [name, url] if name == "status" => status(&url.to_string_lossy()),
        _ => {
            complain("error: the fetcher is started by agents; it takes no arguments but `status URL`");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the status is the program's output")]
fn status(url: &str) -> ExitCode {
    match http::status(url) {
        Ok(code) => {
            println!("{code}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run_plan() -> ExitCode {
    let plan = std::env::var(VARIABLE).ok().and_then(|plan| serde_json::from_str::<Plan>(&plan).ok());
    let Some(plan) = plan else {
        complain("error: the fetcher is started by agents, with a plan in the environment");
        return ExitCode::from(2);
    };
    let current: Arc<Mutex<String>> = Arc::default();
    let progress = Progress::default();
    let stall_timeout = Duration::from_millis(plan.stall_timeout_ms);
    let watched = Arc::clone(&current);
    let measure = plan.measure;
    let _watch = (!stall_timeout.is_zero()).then(|| {
        StallWatch::start(&progress, stall_timeout, move || {
            let why = format!("nothing came for {}", format_duration(stall_timeout));
            let uri = watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
            end(&if measure { Report::Sizes(Vec::new()) } else { Report::Failed { uri, why } });
            std::process::exit(1);
        })
    });
    let report = if plan.measure { measured(&plan, &progress) } else { fetched(&plan, &current, &progress) };
    end(&report);
    match report {
        Report::Failed { .. } => ExitCode::FAILURE,
        Report::Sizes(_) | Report::Done => ExitCode::SUCCESS,
    }
}

/// Says what came of it.
fn end(report: &Report) {
    if let Report::Failed { uri, why } = report {
        complain(&format!("Failed to fetch '{uri}': {why}"));
    }
    let line = serde_json::to_string(report).unwrap_or_default();
    let mut stdout = std::io::stdout();
    // Nobody is left to hear of an error.
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
}

#[expect(clippy::print_stderr, reason = "the sandbox's `stderr` is where the task's owner looks")]
fn complain(text: &str) {
    eprintln!("{text}");
}

fn measured(plan: &Plan, progress: &Progress) -> Report {
    let sizes = plan.items.iter().map(|item| {
        progress.note();
        size(&source(&item.value, plan.frameworks_home.as_deref()).ok()?)
    });
    Report::Sizes(sizes.collect())
}

fn fetched(plan: &Plan, current: &Mutex<String>, progress: &Progress) -> Report {
    for item in &plan.items {
        item.value.clone_into(&mut current.lock().unwrap_or_else(PoisonError::into_inner));
        progress.note();
        if let Err(Wrong(why)) = fetch(plan, item, progress) {
            return Report::Failed { uri: item.value.clone(), why };
        }
    }
    Report::Done
}

/// Fetches one file.
pub(crate) fn fetch(plan: &Plan, item: &Item, progress: &Progress) -> Result<(), Wrong> {
    let name = destination(&item.value, item.output_file.as_deref())?;
    let source = source(&item.value, plan.frameworks_home.as_deref())?;
    let mut sandbox = open_folder(&plan.sandbox)?;
    let kind = if item.extract && !item.executable { Kind::of(name) } else { Kind::Plain };
    let cached = match &item.cache {
        CacheUse::Bypass => None,
        CacheUse::Fill(file) => Some((file, true)),
        CacheUse::Use(file) => Some((file, false)),
    };
    let Some((cache_file, is_to_be_filled)) = cached else {
        let file = fetch_to(&source, &mut sandbox, name, item.executable, progress)?;
        drop(file);
        let fetched = sandbox.open_file(Path::new(name)).map_err(Wrong::io("open", name))?;
        return extract(kind, fetched, &mut sandbox, progress);
    };
    let folder =
        plan.cache_dir.as_deref().ok_or_else(|| Wrong::new("no folder for cached files was given"))?;
    let mut cache = open_folder(folder)?;
    if is_to_be_filled {
        drop(fetch_to(&source, &mut cache, cache_file, false, progress)?);
    }
    let kept = cache.open_file(Path::new(cache_file)).map_err(Wrong::io("open", cache_file))?;
    // Compat: of an archive in the cache, the sandbox gets the content only.
    if kind != Kind::Plain {
        return extract(kind, kept, &mut sandbox, progress);
    }
    let kept = Source::Local(folder.join(cache_file));
    fetch_to(&kept, &mut sandbox, name, item.executable, progress).map(drop)
}

/// Downloads a file into a folder.
fn fetch_to(
    source: &Source,
    folder: &mut Beneath,
    name: &str,
    executable: bool,
    progress: &Progress,
) -> Result<File, Wrong> {
    let mut file = folder.create_plain(Path::new(name)).map_err(Wrong::io("create", name))?;
    download(source, &mut file, progress)?;
    if executable {
        set_mode(&file, EXECUTABLE_MODE)?;
    }
    Ok(file)
}

fn open_folder(path: &Path) -> Result<Beneath, Wrong> {
    Beneath::open(path).map_err(Wrong::io("open", &path.to_string_lossy()))
}

#[cfg(test)]
mod tests;
