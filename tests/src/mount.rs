//! A Secret or ConfigMap as the kubelet mounts it: one folder of files per state, and a link that is
//! swapped to the newest state in one step.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// The mount of one object.
#[derive(Debug)]
pub struct Mount {
    folder: PathBuf,
    states: AtomicU64,
}

// === impl Mount ===

impl Mount {
    /// A mount at `folder` that has nothing yet, as of an optional object that is not there.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            states: AtomicU64::new(0),
        }
    }

    /// Swaps in a new state.
    pub fn write(&self, values: &[(&str, &str)]) {
        let state = format!("..state-{}", self.states.fetch_add(1, Ordering::Relaxed));
        fs::create_dir(self.folder.join(&state)).unwrap();
        for (key, value) in values {
            fs::write(self.folder.join(&state).join(key), value).unwrap();
            let link = self.folder.join(key);
            if !link.is_symlink() {
                symlink(format!("..data/{key}"), link).unwrap();
            }
        }
        let draft = self.folder.join("..data_tmp");
        symlink(&state, &draft).unwrap();
        fs::rename(&draft, self.folder.join("..data")).unwrap();
    }
}
