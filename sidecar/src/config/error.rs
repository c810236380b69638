//! What can be wrong with a configuration. Ends the program with exit code 64 (`EX_USAGE`).

use std::path::PathBuf;

/// A configuration that can't be run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A path can't be read.
    #[error("{path}: {source}", path = path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not YAML.
    #[error("{file}: {message}", file = file.display())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// With line and column.
        message: String,
    },
    /// A field of a document is wrong.
    #[error("{file}, document {document}: {field}: {message}", file = file.display())]
    Field {
        /// The file.
        file: PathBuf,
        /// From 1.
        document: usize,
        /// Path of the field, `spec.bucket`.
        field: String,
        /// What is wrong.
        message: String,
    },
    /// The configuration as a whole can't be served.
    #[error("{0}")]
    Whole(String),
}
