//! Logging, and its level, which can be changed while the program runs.

use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::ParseError, fmt, layer::SubscriberExt as _, reload,
    util::SubscriberInitExt as _,
};

use crate::args::LogFormat;

/// The level of the log, to be changed at run time.
#[derive(Clone, Debug)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

/// A level was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LogLevelError {
    /// It is no filter.
    #[error("no log filter, such as info or titan_operator=debug: {0}")]
    Invalid(#[from] ParseError),
    /// Logging has ended.
    #[error("the log can't be changed: {0}")]
    Gone(#[from] reload::Error),
}

/// Starts logging to standard error; `RUST_LOG` sets the level, `info` without it.
pub fn init(format: LogFormat) -> LogLevel {
    let (filter, level) = filter();
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_target(false).boxed(),
    };
    // A second start in one process, in a test, keeps the first.
    let _already_started = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    level
}

/// The filter of the log, and the handle that changes it as long as the filter is there.
pub(crate) fn filter() -> (reload::Layer<EnvFilter, Registry>, LogLevel) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let (filter, handle) = reload::Layer::new(filter);
    (filter, LogLevel(handle))
}

// === impl LogLevel ===

impl LogLevel {
    /// Sets the level to `filter`, in the form of `RUST_LOG`.
    ///
    /// # Errors
    ///
    /// When it has not that form; the level stays as it was.
    pub fn set(&self, filter: &str) -> Result<(), LogLevelError> {
        let parsed = EnvFilter::builder().parse(filter.trim())?;
        self.0.reload(parsed)?;
        Ok(())
    }

    /// The level now, in the form of `RUST_LOG`.
    ///
    /// # Errors
    ///
    /// When logging has ended.
    pub fn get(&self) -> Result<String, LogLevelError> {
        Ok(self.0.with_current(ToString::to_string)?)
    }
}
