//! Logging.

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Starts logging to standard error; `RUST_LOG` sets the level, `info` without it.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process, in a test, keeps the first.
    let _already_started = match format {
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Text => subscriber.with_target(false).try_init(),
    };
}
