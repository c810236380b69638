//! The API key of a standalone session that names none: made once, kept in the data directory.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::error::ConfigError;
use crate::message::SessionKey;

/// Where the key of a session is kept.
#[must_use]
pub fn path(data_dir: &Path, session: &SessionKey) -> PathBuf {
    data_dir
        .join(&session.tenant)
        .join(&session.session)
        .join("api-key")
}

/// Reads the key, or makes it from `random`; the file is readable by its owner only (mode 0600).
///
/// # Errors
///
/// When the file can be neither read nor written.
pub fn read_or_create(path: &Path, random: [u8; 32]) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    match fs::read_to_string(path) {
        Ok(key) => return Ok(key.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let key = format!("titan_{}", BASE64_URL_SAFE_NO_PAD.encode(random));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    writeln!(file, "{key}").map_err(failed)?;
    file.sync_all().map_err(failed)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acme/default/api-key");
        let first = read_or_create(&path, [1; 32]).unwrap();
        let second = read_or_create(&path, [2; 32]).unwrap();
        assert_eq!(first, second);
        assert!(first.starts_with("titan_") && first.len() > 40);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
