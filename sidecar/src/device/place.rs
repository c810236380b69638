//! Where the program that holds the devices is.

use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

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

/// A new folder that nobody else can look into. It is not in the data directory: the path of a Unix
/// socket has 107 bytes at most.
///
/// # Errors
///
/// When it can't be made.
pub fn private_folder() -> io::Result<PathBuf> {
    let name = format!("titan-{}", hex::encode(rand::random::<[u8; 8]>()));
    let folder = env::temp_dir().join(name);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}
