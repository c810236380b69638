//! Notices edits: manifests, Secrets and `ConfigMap`s are looked at every second, and re-read when they changed.
//!
//! The kubelet swaps a whole mount at once by renaming the link `..data`; following links, its
//! files then have another inode, so one rule serves mounts and folders edited by hand.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{ConfigError, Mode, Sessions, Sources, memory::Memory};

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(1);

/// Folders below `--secrets` and `--config-maps`: `<namespace>/<name>`, with the keys in them.
const OBJECTS_DEPTH: usize = 3;

/// Of a folder of manifests only the files in it are read.
const MANIFESTS_DEPTH: usize = 1;

/// Tells a changed configuration from an unchanged one.
#[derive(Debug)]
pub struct Watch {
    sources: Sources,
    seen: Fingerprint,
    memory: Memory,
}

/// Inode, modification time (ns) and size of every file.
type Fingerprint = BTreeMap<PathBuf, (u64, i64, i64, u64)>;

impl Watch {
    /// Remembers the files as they are now.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        let seen = fingerprint(&sources);
        Self {
            sources,
            seen,
            memory: Memory::default(),
        }
    }

    /// Who runs the program.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.sources.mode
    }

    /// The configuration as it is now. An edit made since the files were remembered is noticed.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming file, document and field.
    pub fn load(&mut self) -> Result<Sessions, ConfigError> {
        let sessions = self.sources.load(&self.memory)?;
        if self.sources.mode == Mode::InPod {
            self.memory.keep();
        }
        Ok(sessions)
    }

    /// The new configuration, if a file changed since the last call.
    ///
    /// # Errors
    ///
    /// When the changed files can't be run: the caller keeps the last good configuration.
    pub fn changed(&mut self) -> Option<Result<Sessions, ConfigError>> {
        let now = fingerprint(&self.sources);
        if now == self.seen {
            return None;
        }
        self.seen = now;
        Some(self.load())
    }
}

fn fingerprint(sources: &Sources) -> Fingerprint {
    let mut files = Fingerprint::new();
    for path in &sources.manifests {
        look(path, MANIFESTS_DEPTH, &mut files);
    }
    for path in [&sources.secrets, &sources.config_maps]
        .into_iter()
        .flatten()
    {
        look(path, OBJECTS_DEPTH, &mut files);
    }
    files
}

fn look(path: &Path, depth: usize, files: &mut Fingerprint) {
    // A path that is gone is a change too: it is missing from the map.
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if !metadata.is_dir() {
        let time = (
            metadata.ino(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.size(),
        );
        files.insert(path.to_owned(), time);
    } else if depth > 0 {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                look(&entry.path(), depth - 1, files);
            }
        }
    }
}
