//! Things that tests install by themselves, kept outside the checkout.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

type Installed = HashMap<&'static str, Arc<OnceLock<PathBuf>>>;

/// The folder of the test crate.
#[must_use]
pub fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `servers/<name>.sh`, which installs what is missing and prints a path. Once per process.
#[must_use]
pub fn installed(name: &'static str) -> PathBuf {
    static DONE: LazyLock<Mutex<Installed>> = LazyLock::new(Mutex::default);
    let cell = DONE.lock().unwrap().entry(name).or_default().clone();
    cell.get_or_init(|| {
        let script = crate_folder().join("servers").join(format!("{name}.sh"));
        let output = Command::new("sh")
            .arg(&script)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{} ends with {}",
            script.display(),
            output.status
        );
        let path = String::from_utf8(output.stdout).unwrap();
        PathBuf::from(path.trim())
    })
    .clone()
}
