//! The device's keys, in a SQLite file of their own, sealed where a key for that is given.

mod account;
mod cipher;
mod key;

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::spawn_blocking;
use whatsapp_rust::store::{SqliteStore, SqliteStoreConfig, Synchronous};

use crate::config::StoreKeyPlace;
pub(crate) use account::{Account, AccountStore};
use cipher::CipherError;
use key::{KeyError, Keys};

/// Name of the file in the data directory.
const FILE: &str = "device.db";

/// A store that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Making the file, readable for nobody else.
    #[error("no file for the device's keys can be made")]
    Create(#[source] io::Error),
    /// The key to the file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its seal.
    #[error(transparent)]
    Cipher(#[from] CipherError),
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

impl StoreError {
    /// Whether somebody may yet bring the store's key: a mounted Secret changes while the program runs. The device is
    /// linked meanwhile, so nothing is made anew.
    pub(crate) fn waits(&self) -> Option<&'static str> {
        match self {
            Self::Key(_) => Some("the store key is missing"),
            Self::Cipher(CipherError::OtherKey) => Some("no store key opens the device's keys"),
            Self::Cipher(CipherError::NoKey) => {
                Some("the device's keys are sealed, and no store key is given")
            }
            _ => None,
        }
    }
}

/// Opens the keys, or makes new ones, and what is known of the account beside them. What is written is on disk before it counts: keys that a message used up and a
/// crash brought back would be used twice.
pub(crate) async fn open(
    directory: &Path,
    place: Option<&StoreKeyPlace>,
) -> Result<(SqliteStore, AccountStore), StoreError> {
    let keys = place.map(Keys::read).transpose()?;
    let path = file(directory);
    let name = path.to_str().ok_or(StoreError::Path)?.to_owned();
    create(&path)?;
    let mut config = SqliteStoreConfig {
        synchronous: Synchronous::Full,
        ..SqliteStoreConfig::default()
    };
    let account = path.clone();
    let prepared = spawn_blocking(move || cipher::prepare(&path, keys)).await;
    let key = prepared.map_err(|_panicked| CipherError::Rewrite)??;
    let key = key.map(Arc::new);
    let account = AccountStore {
        path: account,
        key: key.clone(),
    };
    if let Some(key) = key {
        config = config.with_connection_init(move |connection| Ok(key.unlock(connection)?));
    }
    let store = SqliteStore::with_config(&name, config).await;
    Ok((store.map_err(StoreError::Open)?, account))
}

/// Whether there are keys.
pub(crate) fn exists(directory: &Path) -> bool {
    fs::metadata(file(directory)).is_ok_and(|file| file.len() > 0)
}

/// Deletes the keys of a device that is no longer linked.
pub(crate) fn delete(directory: &Path) -> Result<(), StoreError> {
    let path = file(directory);
    for suffix in ["-wal", "-shm", cipher::REWRITTEN, ""] {
        remove(&beside(&path, suffix)).map_err(StoreError::Delete)?;
    }
    Ok(())
}

/// Makes an empty file where there is none.
fn create(path: &Path) -> Result<(), StoreError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::Create)?;
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The file whose name is this one's and a suffix.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

fn file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}
