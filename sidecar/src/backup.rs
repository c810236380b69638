//! `backup`: a copy of a session's records while they are in use.

use std::path::PathBuf;

use crate::{
    args::Backup,
    config::ConfigError,
    launch,
    session::store_path,
    store::{self, StoreError},
};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The configuration, or what was asked of it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The session's records are in a database, which has its own tools.
    #[error("the records of session {0:?} are in Postgres: back them up with pg_dump")]
    Postgres(String),
    /// The records could not be copied.
    #[error("{path}: {source}", path = .path.display())]
    Store {
        /// The session's file.
        path: PathBuf,
        /// What went wrong.
        source: StoreError,
    },
}

/// A finished copy.
#[derive(Debug)]
pub struct Copied {
    /// Where it is.
    pub file: PathBuf,
    /// Bytes.
    pub length: u64,
}

/// Copies the records of the session that `args` name. A process that uses them goes on.
///
/// # Errors
///
/// [`BackupError`]; there is no file then.
pub async fn run(args: Backup) -> Result<Copied, BackupError> {
    let sources = launch::sources(args.resources, args.data_dir);
    let records = sources.find_records(args.session.as_deref())?;
    if records.on_postgres {
        return Err(BackupError::Postgres(records.session.session));
    }
    let path = store_path(&sources.data_dir, &records.session);
    match store::backup(&path, &args.file).await {
        Ok(length) => Ok(Copied {
            file: args.file,
            length,
        }),
        Err(source) => Err(BackupError::Store { path, source }),
    }
}
