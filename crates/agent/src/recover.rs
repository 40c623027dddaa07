//! Finds what an earlier process left in the work folder: the journal, or Mesos' layout.

use std::io;
use std::path::Path;

use tepui_agent_core::{Record, Recovery};
use tracing::{info, warn};

use crate::journal;
use crate::meta::{self, Paths};
use crate::run::Error;

/// What was found, and the journal to go on with.
pub(crate) struct Found {
    pub(crate) recovery: Recovery,
    pub(crate) contents: journal::Contents,
}

/// Looks into the folder. With `strict`, damage is an error.
pub(crate) fn find(work_dir: &Path, strict: bool) -> Result<Found, Error> {
    let paths = Paths::new(work_dir);
    let failed = |source: io::Error| Error::Journal { path: paths.journal().display().to_string(), source };
    std::fs::create_dir_all(paths.root().join("slaves")).map_err(failed)?;
    let mut contents = journal::read(&paths.journal()).map_err(failed)?;
    if contents.exists && meta::is_used_by_another(&paths) {
        warn!("another agent has used this work folder since: taking over what it left");
        let aside = paths.journal().with_extension("journal.outdated");
        std::fs::rename(paths.journal(), aside).map_err(failed)?;
        contents = journal::Contents::default();
    }
    let (mut records, damage) = if contents.exists {
        (std::mem::take(&mut contents.records), contents.damage.clone())
    } else {
        let found = meta::read(&paths);
        (found.records, found.damage)
    };
    if !damage.is_empty() && contents.exists {
        let aside = paths.journal().with_extension("journal.damaged");
        std::fs::copy(paths.journal(), &aside).map_err(failed)?;
        warn!(path = %aside.display(), "the damaged journal was kept");
    }
    if strict && let Some(first) = damage.first() {
        return Err(Error::Damaged { first: first.clone(), count: damage.len() });
    }
    let is_anew = !paths.latest_agent().exists();
    if is_anew && records.iter().any(|record| matches!(record, Record::Agent(_))) {
        // Compat: operators remove the link to make an agent start anew.
        info!("`{}` was removed: starting as a new agent", paths.latest_agent().display());
        records.push(Record::Anew);
    }
    let rebooted = meta::recorded_boot_id(&paths).is_some_and(|recorded| recorded != meta::boot_id());
    let errors = u64::try_from(damage.len()).unwrap_or(u64::MAX);
    info!(records = records.len(), rebooted, errors, from_journal = contents.exists, "recovering");
    Ok(Found { recovery: Recovery { records, rebooted, errors }, contents })
}
