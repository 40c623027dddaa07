//! Instruction counts of the core's hot paths, kept in `instructions.txt` and compared: a slow-down shows on any machine,
//! however noisy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::core_load::WORKLOADS;

/// How much a count may grow before it is a finding.
const TOLERANCE: f64 = 0.05;

/// Operations of the two runs whose difference counts, so that what happens once is left out.
const OPERATIONS: [usize; 2] = [300, 900];

/// The same for reads of a whole cluster, each of which takes as much as ten launches.
const READS: [usize; 2] = [10, 40];

/// Counts the instructions of each workload with `valgrind`, and compares them with the kept ones or replaces those.
/// Gives a line for each workload, and whether none has grown by more than the tolerance.
///
/// # Errors
/// `valgrind` is not installed or failed, or the file cannot be read or written.
pub fn instructions(update: bool) -> anyhow::Result<(String, bool)> {
    let path = file();
    let kept = kept(&path)?;
    let mut text = String::new();
    let mut is_fine = true;
    let mut new =
        String::from("# Instructions per operation of the core; written by `bench instructions update`.\n");
    for (name, _) in WORKLOADS {
        let count = per_operation(name)?;
        writeln!(new, "{name} {count}")?;
        let verdict = match kept.get(name) {
            Some(before) => {
                let growth = count as f64 / *before as f64 - 1.0;
                is_fine &= update || growth <= TOLERANCE;
                format!("{before} kept, {:+.1} %", 100.0 * growth)
            }
            None => "not kept yet".to_owned(),
        };
        writeln!(text, "{name:<18} {count:>9} instructions per operation; {verdict}")?;
    }
    if update {
        std::fs::write(&path, new).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok((text, is_fine))
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

fn kept(path: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("failed to read `{}`", path.display())),
    };
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    lines
        .map(|(name, count)| {
            Ok((name.to_owned(), count.parse().with_context(|| format!("`{count}` is no count"))?))
        })
        .collect()
}

fn per_operation(workload: &str) -> anyhow::Result<u64> {
    let [few, many] = if workload.contains("state") { READS } else { OPERATIONS };
    let difference = count(workload, many)?.saturating_sub(count(workload, few)?);
    Ok(difference / (many - few) as u64)
}

fn count(workload: &str, operations: usize) -> anyhow::Result<u64> {
    let own = std::env::current_exe().context("failed to find this program")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args(["core", workload, &operations.to_string()])
        .output()
        .context("failed to run `valgrind`; it is in Debian's package of that name")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    let Some(collected) = collected.filter(|_| output.status.success()) else {
        bail!("valgrind counted nothing: {text}");
    };
    Ok(collected)
}
