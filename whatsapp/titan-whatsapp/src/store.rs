//! The device's keys, in a SQLite file of their own.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use whatsapp_rust::store::{SqliteStore, SqliteStoreConfig, Synchronous};

/// Name of the file in the data directory.
const FILE: &str = "device.db";

/// A store that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Making the file, readable for nobody else.
    #[error("no file for the device's keys can be made")]
    Create(#[source] io::Error),
    /// Opening, or bringing it up to date.
    #[error("the device's keys can't be opened")]
    Open(#[source] whatsapp_rust::store::error::StoreError),
    /// A path that SQLite can't be told.
    #[error("the data directory's path is not UTF-8")]
    Path,
    /// Deleting.
    #[error("the device's keys can't be deleted")]
    Delete(#[source] io::Error),
}

/// Opens the keys, or makes new ones. What is written is on disk before it counts: keys that a message used up and a
/// crash brought back would be used twice.
pub(crate) async fn open(directory: &Path) -> Result<SqliteStore, StoreError> {
    let path = file(directory);
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(StoreError::Create)?;
    let config = SqliteStoreConfig {
        synchronous: Synchronous::Full,
        ..SqliteStoreConfig::default()
    };
    SqliteStore::with_config(path.to_str().ok_or(StoreError::Path)?, config)
        .await
        .map_err(StoreError::Open)
}

/// Deletes the keys of a device that is no longer linked.
pub(crate) fn delete(directory: &Path) -> Result<(), StoreError> {
    let path = file(directory);
    for suffix in ["-wal", "-shm", ""] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        match fs::remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Delete(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}
