//! Where the program that holds the devices is.

use std::{
    env, fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// Name of the program.
const NAME: &str = "titan-whatsapp";

/// Where the program that holds a session's device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Somebody else runs it; the folder that it shares with this one. It holds one device.
    Given(PathBuf),
    /// This program is started, once for each session that asks for it.
    Program(PathBuf),
}

// === impl Place ===

impl Place {
    /// What the command line says; else the program beside this one, or on the `PATH`.
    #[must_use]
    pub fn find(socket: Option<PathBuf>, program: Option<PathBuf>) -> Option<Self> {
        if let Some(folder) = socket {
            return Some(Self::Given(folder));
        }
        if let Some(program) = program {
            return Some(Self::Program(program));
        }
        let own = env::current_exe().ok();
        let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
        let path = env::var_os("PATH").unwrap_or_default();
        beside
            .into_iter()
            .chain(env::split_paths(&path))
            .map(|folder| folder.join(NAME))
            .find(|file| is_program(file))
            .map(Self::Program)
    }
}

fn is_program(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// A new folder for the sockets of the device whose keys are in `keys`, that nobody else can look into. It is not
/// in the data directory: the path of a Unix socket has 107 bytes at most. What a process that was killed left in it
/// goes first: the caller holds the data directory, so that nobody uses it any more.
///
/// # Errors
///
/// When it can't be made.
pub fn private_folder(keys: &Path) -> io::Result<PathBuf> {
    let whose = hex::encode(Sha256::digest(
        std::path::absolute(keys)?.as_os_str().as_bytes(),
    ));
    let name = format!("titan-{}", whose.get(..16).unwrap_or(&whose));
    let folder = env::temp_dir().join(name);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_in_the_folder_goes() {
        let data = tempfile::tempdir().unwrap();
        let folder = private_folder(data.path()).unwrap();
        fs::write(folder.join("proxy"), "a secret").unwrap();
        let again = private_folder(data.path()).unwrap();
        assert_eq!(folder, again);
        assert_eq!(fs::read_dir(&again).unwrap().count(), 0);
        let mode = fs::metadata(&again).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::remove_dir(again).unwrap();
    }
}
