//! What the agent tells the process that fetches, and what it hears back: JSON in an environment variable, and lines of JSON
//! on the process' standard output.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The variable that carries the plan.
pub(crate) const VARIABLE: &str = "TEPUI_FETCHER_PLAN";

/// Longest plan: Linux takes no longer string in an environment.
pub(crate) const MAX_PLAN_BYTES: usize = 120 << 10;

/// What is to be done.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Plan {
    /// Say how large the files are, instead of fetching them.
    pub measure: bool,
    /// The folder that is fetched into.
    pub sandbox: PathBuf,
    /// The folder of cached files, if any item uses it.
    pub cache_dir: Option<PathBuf>,
    /// Where relative paths start.
    pub frameworks_home: Option<String>,
    /// The longest time without progress.
    pub stall_timeout_ms: u64,
    /// The files.
    pub items: Vec<Item>,
}

/// One file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Item {
    /// Where it is.
    pub value: String,
    /// Where it goes, if not under its own name.
    pub output_file: Option<String>,
    /// Whether it is to be made executable.
    pub executable: bool,
    /// Whether it is to be unpacked, if it is an archive.
    pub extract: bool,
    /// What the cache has to do with it.
    pub cache: CacheUse,
}

/// How one file uses the cache.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) enum CacheUse {
    /// Not at all.
    Bypass,
    /// It is fetched into this file of the cache, and from there.
    Fill(String),
    /// It is in this file of the cache.
    Use(String),
}

/// What the process says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Report {
    /// How large each item is; none for those that could not be measured.
    Sizes(Vec<Option<u64>>),
    /// One item failed, and all after it.
    Failed {
        /// Its URI.
        uri: String,
        /// Why.
        why: String,
    },
    /// All are there.
    Done,
}
