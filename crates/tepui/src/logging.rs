//! The log: lines on stderr, at the level that `--logging_level` and `--quiet` ask for.

use std::io::IsTerminal as _;

use anyhow::bail;
use tepui_flags::Values;
use tracing_subscriber::EnvFilter;

/// Overrides the flags with tracing's own filter language: `TEPUI_LOG=tepui_master_core=trace`.
const VARIABLE: &str = "TEPUI_LOG";

/// Starts the log of a daemon.
///
/// # Errors
/// The level is unknown.
pub(crate) fn start(values: &Values) -> anyhow::Result<()> {
    let level = match values.text("logging_level").unwrap_or("INFO") {
        _ if values.bool("quiet") => "error",
        "INFO" => "info",
        "WARNING" => "warn",
        "ERROR" => "error",
        other => bail!("flag `logging_level`: expected INFO, WARNING or ERROR, got `{other}`"),
    };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would complain on stderr, and panic: a daemon outlives whoever reads its log.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Ok(())
}
