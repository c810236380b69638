//! A copy of a session's file, taken while it is written to.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::Connection as _;

use super::error::StoreError;
use super::sqlite;

/// Writes what the records at `from` are now to the new file `to`, whole, on disk, and readable by
/// its owner only. Answers its length in bytes. A running writer is not held up; its log grows until
/// the copy is done. Sealed media keys stay sealed.
///
/// # Errors
///
/// [`StoreError`]; then there is no `to`, unless it was there before: nothing is overwritten.
pub async fn backup(from: &Path, to: &Path) -> Result<u64, StoreError> {
    let draft = draft_of(to);
    let io = StoreError::io;
    fs::symlink_metadata(from).map_err(|error| io("find the records", error))?;
    if fs::symlink_metadata(to).is_ok() {
        let exists = std::io::ErrorKind::AlreadyExists.into();
        return Err(io("write the copy", exists));
    }
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(|error| io("create a draft of the copy", error))?;
    let copied = write(from, &draft, to).await;
    // With the link in place the draft is the second name of the copy.
    let cleared = fs::remove_file(&draft);
    let length = copied?;
    cleared.map_err(|error| io("remove the draft of the copy", error))?;
    Ok(length)
}

async fn write(from: &Path, draft: &Path, to: &Path) -> Result<u64, StoreError> {
    let io = StoreError::io;
    let mut conn = sqlite::open_to_copy(from).await?;
    sqlx::query("VACUUM INTO ?")
        .bind(draft.to_string_lossy().into_owned())
        .execute(&mut conn)
        .await?;
    conn.close().await?;
    let file = File::open(draft).map_err(|error| io("read the copy", error))?;
    file.sync_all()
        .map_err(|error| io("sync the copy", error))?;
    let length = file
        .metadata()
        .map_err(|error| io("read the copy", error))?
        .len();
    // Unlike a rename, a link never replaces what somebody else put there meanwhile.
    fs::hard_link(draft, to).map_err(|error| io("write the copy", error))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io("sync the copy's folder", error))?;
    Ok(length)
}

fn draft_of(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".draft");
    PathBuf::from(name)
}
