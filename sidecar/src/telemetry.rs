//! Logging. Secrets never get here: types that hold one show a placeholder.

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Starts logging to standard error; `RUST_LOG` sets the level, `info` without it.
pub fn init(format: LogFormat) {
    init_at(format, "info");
}

/// Like [`init`], with another level where `RUST_LOG` names none.
pub fn init_at(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process (the demo's) keeps the first.
    let _already_started = match format {
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Text => subscriber.with_target(false).try_init(),
    };
}
