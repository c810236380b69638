//! Logging. Secrets never get here: types that hold one show a placeholder.

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Libraries that would write whole requests, signatures and all, at the levels below; and one that, at
/// every 5xx of a bucket, misses a way to close a connection that our own client closes itself.
const QUIET: [&str; 8] = [
    "aws_config=warn",
    "aws_runtime=warn",
    "aws_sdk_s3=warn",
    "aws_sdk_sts=warn",
    "aws_sigv4=warn",
    "aws_smithy_runtime=warn",
    "aws_smithy_runtime::client::http::connection_poisoning=off",
    "aws_smithy_runtime_api=warn",
];

/// Starts logging to standard error; `RUST_LOG` sets the level, `info` without it.
pub fn init(format: LogFormat) {
    init_at(format, "info");
}

/// Like [`init`], with another level where `RUST_LOG` names none.
pub fn init_at(format: LogFormat, level: &str) {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    for quiet in QUIET.iter().filter_map(|directive| directive.parse().ok()) {
        filter = filter.add_directive(quiet);
    }
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process (the demo's) keeps the first.
    let _already_started = match format {
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Text => subscriber.with_target(false).try_init(),
    };
}
