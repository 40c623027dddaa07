//! What the executor says goes to its standard error, beside what the task says there: so it says only what is wrong.

/// Starts to log, unless the binary did.
pub(crate) fn start() {
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_max_level(tracing::Level::WARN)
        .try_init();
}
