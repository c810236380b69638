//! The seal of the device's file: `SQLCipher`, which encrypts every page of it, and of its log, with AES-256 and authenticates
//! it in its place.
//!
//! A file under an older key, or under none, is written anew under the current one before the library opens it: to a file
//! beside it, which then takes its name. At no time is there less than one whole file.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};

use super::{
    StoreError, beside, create,
    key::{Key, Keys},
    remove,
};

/// How every SQLite file begins that is not sealed.
const PLAIN: &[u8; 16] = b"SQLite format 3\0";

/// Suffix of the file that is written anew.
pub(super) const REWRITTEN: &str = "-sealing";

/// A seal that can't be opened or made. What SQLite says of it stays here: it could quote the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CipherError {
    /// Looking at the file.
    #[error("the device's keys can't be read")]
    Read(#[source] io::Error),
    /// Sealed, but nobody said with what.
    #[error("the device's keys are sealed, and no store key is given")]
    NoKey,
    /// Sealed with a key that is not there.
    #[error("no store key opens the device's keys")]
    OtherKey,
    /// Writing it anew.
    #[error("the device's keys can't be sealed")]
    Rewrite,
    /// Replacing the file by the one written anew.
    #[error("the sealed keys can't take the place of the others")]
    Replace(#[source] io::Error),
}

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
enum Seal {
    /// Nothing yet.
    Empty,
    Plain,
    Sealed,
}

/// Brings the file under the current key, and says how it is to be opened.
pub(super) fn prepare(path: &Path, keys: Option<Keys>) -> Result<Option<Key>, StoreError> {
    let seal = seal(path).map_err(CipherError::Read)?;
    let Some(Keys { current, older }) = keys else {
        return match seal {
            Seal::Sealed => Err(CipherError::NoKey.into()),
            Seal::Empty | Seal::Plain => Ok(None),
        };
    };
    match seal {
        Seal::Empty => {}
        Seal::Plain => {
            let connection = connect(path, None).ok_or(CipherError::Rewrite)?;
            rewrite(path, connection, &current)?;
        }
        Seal::Sealed if connect(path, Some(&current)).is_some() => {}
        Seal::Sealed => {
            let opened = older.iter().find_map(|key| connect(path, Some(key)));
            rewrite(path, opened.ok_or(CipherError::OtherKey)?, &current)?;
        }
    }
    Ok(Some(current))
}

fn seal(path: &Path) -> io::Result<Seal> {
    let mut begin = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut begin)?;
    Ok(match begin.as_slice() {
        [] => Seal::Empty,
        begin if begin == PLAIN => Seal::Plain,
        _ => Seal::Sealed,
    })
}

/// A connection that can read, if this is the file's key.
fn connect(path: &Path, key: Option<&Key>) -> Option<SqliteConnection> {
    let mut connection = SqliteConnection::establish(path.to_str()?).ok()?;
    if let Some(key) = key {
        key.unlock(&mut connection).ok()?;
    }
    Some(connection)
}

fn rewrite(path: &Path, mut from: SqliteConnection, key: &Key) -> Result<(), StoreError> {
    let anew = beside(path, REWRITTEN);
    remove(&anew).map_err(CipherError::Replace)?;
    create(&anew)?;
    let name = anew.to_str().ok_or(StoreError::Path)?.replace('\'', "''");
    let literal = key.literal();
    // Without its log first: it would be taken for the new file's.
    let words = zeroize::Zeroizing::new(format!(
        "PRAGMA journal_mode = DELETE;
         PRAGMA foreign_keys = OFF;
         ATTACH DATABASE '{name}' AS anew KEY {};
         SELECT sqlcipher_export('anew');
         DETACH DATABASE anew;",
        *literal
    ));
    from.batch_execute(&words)
        .map_err(|_may_quote_the_key| CipherError::Rewrite)?;
    drop(from);
    let has_log = beside(path, "-wal").exists();
    if has_log || connect(&anew, Some(key)).is_none() {
        return Err(CipherError::Rewrite.into());
    }
    replace(&anew, path).map_err(CipherError::Replace)?;
    tracing::info!("the device's keys are sealed with the current store key");
    Ok(())
}

/// On disk before the name is, and the name before anything is written under it.
fn replace(anew: &Path, path: &Path) -> io::Result<()> {
    File::open(anew)?.sync_all()?;
    std::fs::rename(anew, path)?;
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreKeyPlace;
    use diesel::{RunQueryDsl as _, sql_query};

    const WORDS: &str = "a rather long secret of the device";

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            std::fs::create_dir(folder.0.path().join("keys")).unwrap();
            folder
        }

        fn key(&self, name: &str, value: &str) {
            std::fs::write(self.0.path().join("keys").join(name), value).unwrap();
        }

        fn prepare(&self, name: Option<&str>) -> Result<Option<Key>, StoreError> {
            let path = self.0.path().join("device.db");
            create(&path)?;
            let place = name.map(|name| StoreKeyPlace {
                folder: self.0.path().join("keys"),
                name: name.to_owned(),
            });
            let keys = place.as_ref().map(Keys::read).transpose()?;
            prepare(&path, keys)
        }

        fn connect(&self, key: Option<&Key>) -> SqliteConnection {
            connect(&self.0.path().join("device.db"), key).unwrap()
        }

        /// Writes as the library does, and ends as a kill would: what is in the log stays there.
        fn write(&self, key: Option<&Key>) {
            let elsewhere = tempfile::tempdir().unwrap();
            let path = elsewhere.path().join("device.db");
            let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            if let Some(key) = key {
                key.unlock(&mut connection).unwrap();
            }
            connection
                .batch_execute(&format!(
                    "PRAGMA journal_mode = WAL; CREATE TABLE secrets (words TEXT);
                     INSERT INTO secrets VALUES ('{WORDS}');"
                ))
                .unwrap();
            for name in ["device.db", "device.db-wal"] {
                let to = self.0.path().join(name);
                std::fs::copy(elsewhere.path().join(name), to).unwrap();
            }
        }

        fn holds(&self, key: Option<&Key>) {
            let found = sql_query(format!("DELETE FROM secrets WHERE words = '{WORDS}'"));
            let mut connection = self.connect(key);
            let kept = connection.test_transaction(|connection| found.execute(connection));
            assert_eq!(kept, 1);
        }

        fn shows(&self) -> bool {
            let files = std::fs::read_dir(self.0.path()).unwrap();
            files
                .map(|file| file.unwrap().path())
                .filter(|path| path.is_file())
                .any(|path| {
                    let bytes = std::fs::read(path).unwrap();
                    bytes.windows(9).any(|part| part == &WORDS.as_bytes()[..9])
                })
        }
    }

    #[test]
    fn a_sealed_file_and_its_log_show_nothing() {
        let folder = Folder::new();
        folder.key("a", " value\n");
        let key = folder.prepare(Some("a")).unwrap();
        folder.write(key.as_ref());
        assert!(!folder.shows());
        folder.key("a", "value");
        folder.holds(folder.prepare(Some("a")).unwrap().as_ref());
    }

    #[test]
    fn a_plain_file_is_sealed_once_there_is_a_key() {
        let folder = Folder::new();
        folder.write(folder.prepare(None).unwrap().as_ref());
        assert!(folder.shows());
        folder.key("a", "value");
        let key = folder.prepare(Some("a")).unwrap();
        assert!(!folder.shows());
        folder.holds(key.as_ref());
        assert!(matches!(
            folder.prepare(None),
            Err(StoreError::Cipher(CipherError::NoKey))
        ));
    }

    #[test]
    fn an_older_key_opens_until_the_file_is_under_the_new_one() {
        let folder = Folder::new();
        folder.key("a", "value");
        folder.write(folder.prepare(Some("a")).unwrap().as_ref());
        folder.key("b", "another");
        folder.holds(folder.prepare(Some("b")).unwrap().as_ref());
        std::fs::remove_file(folder.0.path().join("keys/a")).unwrap();
        folder.holds(folder.prepare(Some("b")).unwrap().as_ref());
    }

    #[test]
    fn a_missing_key_is_waited_for_and_nothing_is_lost() {
        let folder = Folder::new();
        folder.key("a", "value");
        folder.write(folder.prepare(Some("a")).unwrap().as_ref());
        for (name, value) in [("a", None), ("a", Some(" \n")), ("b", Some("another"))] {
            std::fs::remove_file(folder.0.path().join("keys/a")).unwrap_or_default();
            if let Some(value) = value {
                folder.key(name, value);
            }
            let error = folder.prepare(Some(name)).err().unwrap();
            assert!(error.waits().is_some(), "{error}");
        }
        folder.key("a", "value");
        folder.holds(folder.prepare(Some("a")).unwrap().as_ref());
    }
}
