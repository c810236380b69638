//! The keys that seal the device's file: values of a mounted Secret.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use diesel::{QueryResult, SqliteConnection, connection::SimpleConnection as _};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config::StoreKeyPlace;

/// A key that is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The folder, or a file in it.
    #[error("{path}: the store key can't be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file without a value.
    #[error("{0}: the store key is empty")]
    Empty(PathBuf),
}

/// One key: the SHA-256 of a value, white space around it left out. `Debug` is not there.
pub(super) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    fn new(value: &[u8]) -> Self {
        Self(Zeroizing::new(Sha256::digest(value).into()))
    }

    /// The key as `SQLCipher` takes one that is not to be stretched.
    pub(super) fn literal(&self) -> Zeroizing<String> {
        let mut literal = Zeroizing::new(String::with_capacity(70));
        literal.push_str("\"x'");
        for byte in *self.0 {
            // Writing to a string can't fail.
            let _written = write!(literal, "{byte:02x}");
        }
        literal.push_str("'\"");
        literal
    }

    /// Gives a connection the key, before anything else, and reads with it.
    pub(super) fn unlock(&self, connection: &mut SqliteConnection) -> QueryResult<()> {
        let literal = self.literal();
        // SQLCipher would write a log of its own between the lines of ours.
        let pragma = format!("PRAGMA cipher_log_level = NONE; PRAGMA key = {};", *literal);
        let pragma = Zeroizing::new(pragma);
        connection.batch_execute(&pragma)?;
        connection.batch_execute("SELECT count(*) FROM sqlite_master;")
    }
}

/// The key that seals, and others that still open.
pub(super) struct Keys {
    pub(super) current: Key,
    pub(super) older: Vec<Key>,
}

impl Keys {
    /// Reads them as they are now.
    pub(super) fn read(place: &StoreKeyPlace) -> Result<Self, KeyError> {
        let current = place.folder.join(&place.name);
        let value = value(&current)?;
        if value.is_empty() {
            return Err(KeyError::Empty(current));
        }
        let mut older = Vec::new();
        for path in files(&place.folder)? {
            let value = self::value(&path)?;
            if path != current && !value.is_empty() {
                older.push(Key::new(&value));
            }
        }
        Ok(Self {
            current: Key::new(&value),
            older,
        })
    }
}

/// Files of a folder. Names with a dot in front are how a mounted Secret changes all at once.
fn files(folder: &Path) -> Result<Vec<PathBuf>, KeyError> {
    let failed = |source| KeyError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn value(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let value = fs::read(path).map_err(|source| KeyError::Read {
        path: path.to_owned(),
        source,
    })?;
    let value = Zeroizing::new(value);
    Ok(Zeroizing::new(value.trim_ascii().to_vec()))
}
