//! A copy of a session's file, taken while it is written to. A running writer is not held up; its log
//! grows until the copy is done. Sealed media keys stay sealed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::Connection as _;

use super::error::StoreError;
use super::sqlite;

/// Writes what the records at `from` are now to the new file `to`, whole, on disk, and readable by
/// its owner only. Answers its length in bytes.
///
/// # Errors
///
/// [`StoreError`]; then there is no `to`, unless it was there before: nothing is overwritten.
pub async fn backup(from: &Path, to: &Path) -> Result<u64, StoreError> {
    if fs::symlink_metadata(to).is_ok() {
        let exists = io::ErrorKind::AlreadyExists.into();
        return Err(StoreError::io("write the copy", exists));
    }
    let draft = Draft::of(from, to).await?;
    draft.publish(to)?;
    draft.length()
}

/// The same to a stream. The copy is made beside the records first, and needs as much room there.
///
/// # Errors
///
/// [`StoreError`]; what was written then is no whole copy.
pub async fn stream_backup(from: &Path, to: &mut impl Write) -> Result<u64, StoreError> {
    let mut draft = Draft::of(from, from).await?;
    let length = io::copy(&mut draft.file, to)
        .and_then(|length| to.flush().map(|()| length))
        .map_err(|error| StoreError::io("write the copy", error))?;
    Ok(length)
}

/// A finished copy under a name of its own, which goes with it.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    /// Copies the records at `from` to a new file beside `near`.
    async fn of(from: &Path, near: &Path) -> Result<Self, StoreError> {
        fs::symlink_metadata(from).map_err(|error| StoreError::io("find the records", error))?;
        let mut name = near.as_os_str().to_owned();
        name.push(format!(".{}.draft", hex::encode(rand::random::<[u8; 4]>())));
        let path = PathBuf::from(name);
        // The statement names it as text: lossy text would be another file.
        let Some(text) = path.to_str().map(str::to_owned) else {
            let invalid = io::ErrorKind::InvalidInput.into();
            return Err(StoreError::io(
                "name a copy whose path is not UTF-8",
                invalid,
            ));
        };
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| StoreError::io("create a draft of the copy", error))?;
        let draft = Self { path, file };
        let mut conn = sqlite::open_to_copy(from).await?;
        // Into the file that is there and empty, so that it keeps its mode.
        sqlx::query("VACUUM INTO ?")
            .bind(text)
            .execute(&mut conn)
            .await?;
        conn.close().await?;
        Ok(draft)
    }

    /// Makes it last, under the name `to`.
    fn publish(&self, to: &Path) -> Result<(), StoreError> {
        let io = StoreError::io;
        self.file
            .sync_all()
            .map_err(|error| io("sync the copy", error))?;
        // Unlike a rename, a link never replaces what somebody else put there meanwhile.
        fs::hard_link(&self.path, to).map_err(|error| io("write the copy", error))?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| io("sync the copy's folder", error))
    }

    fn length(&self) -> Result<u64, StoreError> {
        let metadata = self.file.metadata();
        Ok(metadata
            .map_err(|error| StoreError::io("read the copy", error))?
            .len())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(draft = %self.path.display(), %error, "a draft of a copy is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[tokio::test]
    async fn a_copy_under_a_name_that_is_no_text_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("titan.db");
        fs::write(&from, "").unwrap();
        let to = folder.path().join(OsStr::from_bytes(b"copy\xFF"));
        let refused = backup(&from, &to).await.unwrap_err();
        assert!(refused.to_string().contains("UTF-8"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
