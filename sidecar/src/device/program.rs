//! The program as a child, where nobody else runs it: started again when it ends, stopped with the
//! session.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::config::DeviceConfig;

/// Pause before the program is started again.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A program that ran so long had started well.
const WELL: Duration = Duration::from_secs(30);

/// How long it may settle what runs.
const GRACE: Duration = Duration::from_secs(10);

/// The program that holds one session's device.
#[derive(Debug)]
pub struct Program {
    file: PathBuf,
    /// Of the sockets.
    folder: PathBuf,
    /// Of the device's keys.
    data_dir: PathBuf,
    config: DeviceConfig,
}

// === impl Program ===

impl Program {
    /// The program `file`, with its sockets in `folder`, its keys in `data_dir`.
    ///
    /// # Errors
    ///
    /// When the secrets that it reads can't be written to `folder`.
    pub fn new(
        file: PathBuf,
        folder: PathBuf,
        data_dir: PathBuf,
        config: DeviceConfig,
    ) -> io::Result<Self> {
        if let Some(proxy) = &config.proxy {
            write(&folder.join("proxy"), proxy.expose())?;
        }
        if let Some((_, keys)) = &config.store_key {
            let keys_folder = folder.join("keys");
            fs::create_dir(&keys_folder)?;
            for (name, value) in keys {
                write(&keys_folder.join(name), value.expose())?;
            }
        }
        Ok(Self {
            file,
            folder,
            data_dir,
            config,
        })
    }

    /// Runs it, again and again, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = PAUSE;
        while !stop.is_cancelled() {
            let started = Instant::now();
            match self.command().spawn() {
                Ok(child) => match watch(child, &stop).await {
                    Some(status) => {
                        tracing::warn!(%status, "the program that holds the device ended");
                    }
                    None => return,
                },
                Err(error) => {
                    tracing::error!(%error, program = %self.file.display(), "can't start the program that holds the device");
                }
            }
            if started.elapsed() > WELL {
                pause = PAUSE;
            }
            let _stopped = timeout(pause, stop.cancelled()).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        command
            .arg("run")
            // It must not outlive this program, however that ends.
            .arg("--until-stdin-closes")
            .arg("--socket-dir")
            .arg(&self.folder)
            .arg("--data-dir")
            .arg(&self.data_dir)
            .arg("--device-name")
            .arg(&self.config.name)
            .stdin(Stdio::piped())
            .kill_on_drop(true);
        if self.config.mark_online {
            command.arg("--mark-online");
        }
        if self.config.history {
            command.arg("--history");
        }
        if self.config.proxy.is_some() {
            command
                .arg("--proxy-url-file")
                .arg(self.folder.join("proxy"));
        }
        if let Some((name, _)) = &self.config.store_key {
            command
                .arg("--store-key-dir")
                .arg(self.folder.join("keys"))
                .arg("--store-key-name")
                .arg(name);
        }
        command
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "the folder of the device's sockets stays");
        }
    }
}

/// How it ended; `None`: it was told to.
async fn watch(mut child: Child, stop: &CancellationToken) -> Option<ExitStatus> {
    // Waiting for the end of a child closes its input, and that ends it.
    let _input = child.stdin.take();
    tokio::select! {
        ended = child.wait() => return ended.ok(),
        () = stop.cancelled() => {}
    }
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let told = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
    if !told || timeout(GRACE, child.wait()).await.is_err() {
        let _gone = child.kill().await;
    }
    None
}

/// Writes a secret for the program's eyes alone.
fn write(file: &Path, secret: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(secret)
}
