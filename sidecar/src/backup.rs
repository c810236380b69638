//! `backup`: a copy of a session's records while they are in use.

use std::{io::Write, path::PathBuf};

use crate::{
    args::Backup,
    config::ConfigError,
    launch,
    session::store_path,
    store::{self, StoreError},
};

/// The file that stands for standard output.
const STDOUT: &str = "-";

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

/// Writes the records of the session that `args` name to a file, or to `output`. A process that uses
/// them goes on. Answers how many bytes they are.
///
/// # Errors
///
/// [`BackupError`]; there is no file then.
pub async fn run(args: Backup, output: &mut impl Write) -> Result<u64, BackupError> {
    let sources = launch::sources(args.resources, args.data_dir);
    let records = sources.find_records(args.session.as_deref())?;
    if records.on_postgres {
        return Err(BackupError::Postgres(records.session.session));
    }
    let path = store_path(&sources.data_dir, &records.session);
    let copied = if args.file.as_os_str() == STDOUT {
        store::stream_backup(&path, output).await
    } else {
        store::backup(&path, &args.file).await
    };
    copied.map_err(|source| BackupError::Store { path, source })
}
