//! Objects that stand as folders with a file per key, as the kubelet mounts Secrets and `ConfigMap`s:
//! `DIR/<name>/<key>` or `DIR/<namespace>/<name>/<key>`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The link that the kubelet swaps: behind it stands one whole state of a mount.
const MOUNT: &str = "..data";

/// A folder of objects.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    dir: Option<PathBuf>,
    /// With more than one namespace, `DIR/<name>` alone would hand one tenant's object to another.
    by_namespace_only: bool,
}

impl Folders {
    /// The objects below `dir`, for manifests that name so many namespaces.
    pub(super) fn new(dir: Option<PathBuf>, namespaces: usize) -> Self {
        Self {
            dir,
            by_namespace_only: namespaces > 1,
        }
    }

    /// Every key of an object; `None` where there is no such object.
    pub(super) fn read(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, Vec<u8>>> {
        let dir = self.dir.as_ref()?;
        let nested = dir.join(namespace).join(name);
        let flat = (!self.by_namespace_only).then(|| dir.join(name));
        [Some(nested), flat]
            .into_iter()
            .flatten()
            .find_map(|folder| read_folder(&folder))
    }
}

/// A folder's files by name; hidden ones are not keys. A folder without a key is what the kubelet
/// mounts for an optional object that is not there.
fn read_folder(folder: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    let mount = folder.join(MOUNT);
    let state = if mount.is_dir() { &mount } else { folder };
    let mut values = BTreeMap::new();
    for entry in fs::read_dir(state).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if let Ok(bytes) = fs::read(entry.path()) {
            values.insert(name, bytes);
        }
    }
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn put(folder: &Path, key: &str, value: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(key), value).unwrap();
    }

    #[test]
    fn with_two_namespaces_a_folder_without_one_belongs_to_nobody() {
        let dir = tempfile::tempdir().unwrap();
        put(&dir.path().join("flat"), "key", "1");
        put(&dir.path().join("acme/nested"), "key", "2");
        let of = |namespaces| Folders::new(Some(dir.path().to_owned()), namespaces);
        assert!(of(1).read("acme", "flat").is_some());
        assert!(of(2).read("acme", "flat").is_none());
        assert!(of(2).read("acme", "nested").is_some());
        assert!(of(2).read("globex", "nested").is_none());
    }

    #[test]
    fn a_mount_is_read_as_one_state_and_an_empty_one_is_no_object() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("acme-s3");
        put(&folder.join("..2026"), "key", "new");
        symlink("..2026", folder.join("..data")).unwrap();
        // A link of an older state that the kubelet has not cleared away yet.
        symlink("..data/old", folder.join("old")).unwrap();
        let folders = Folders::new(Some(dir.path().to_owned()), 1);
        let keys = folders.read("acme", "acme-s3").unwrap();
        assert_eq!(keys.into_keys().collect::<Vec<_>>(), ["key"]);
        fs::remove_file(folder.join("..2026/key")).unwrap();
        assert!(folders.read("acme", "acme-s3").is_none());
    }
}
