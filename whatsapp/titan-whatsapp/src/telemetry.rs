//! Logging. The WhatsApp library writes its own log with phone numbers and whole stanzas in it, through the `log` crate;
//! nothing listens to that one here.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Starts logging to standard error; `RUST_LOG` sets the level, `info` without it.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process keeps the first. Not `try_init`, which would listen to `log` where it can.
    let _already_started = match format {
        LogFormat::Json => {
            tracing::subscriber::set_global_default(subscriber.json().flatten_event(true).finish())
        }
        LogFormat::Text => {
            tracing::subscriber::set_global_default(subscriber.with_target(false).finish())
        }
    };
}
