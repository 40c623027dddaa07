//! What the executor says goes to its standard error, beside what the task says there: so it says only what is wrong.

/// Asks for more, or less: a level of tracing, such as `info`.
const VARIABLE: &str = "TEPUI_EXECUTOR_LOG";

/// Starts to log, unless the binary did.
pub(crate) fn start() {
    let level =
        std::env::var(VARIABLE).ok().and_then(|level| level.parse().ok()).unwrap_or(tracing::Level::WARN);
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_max_level(level)
        .try_init();
}
