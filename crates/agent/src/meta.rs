//! Mesos' own layout under `<work_dir>/meta`: written from what the journal has kept, so that a Mesos agent can take the
//! folder back; read when there is no journal, or when a Mesos agent has used the folder since.
//!
//! The files are written without a sync, each in one step. After a clean stop they are complete; after a crash the journal
//! is replayed over them. `boot_id` tells whose the folder is: every agent writes it anew when its recovery is over, and we
//! note in the journal's neighbour file when we did.

mod paths;
mod read;
mod write;

use std::path::Path;

pub(crate) use paths::Paths;
pub(crate) use read::read;
pub(crate) use write::Meta;

/// The id of this boot of the machine.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The boot that the folder's last agent ran in, if one did.
pub(crate) fn recorded_boot_id(paths: &Paths) -> Option<String> {
    std::fs::read_to_string(paths.boot_id()).ok().map(|text| text.trim().to_owned())
}

/// Tells whether another agent has used the folder since we last did.
pub(crate) fn is_used_by_another(paths: &Paths) -> bool {
    let noted = std::fs::read_to_string(paths.ours()).unwrap_or_default();
    stamp(&paths.boot_id()).is_some_and(|stamp| !noted.lines().any(|line| line == stamp))
}

/// What changes whenever a file is written anew.
fn stamp(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some(format!("{}.{:09}", metadata.mtime(), metadata.mtime_nsec()))
}
