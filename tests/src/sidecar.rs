//! The process under test: spawned on free ports, killed by its own id, its log kept and shown when
//! a test fails.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::api::Api;
use crate::wait::{LATER, SOON, eventually};

/// Lines of the log shown when a test fails.
const TAIL: usize = 60;

/// How the process is started.
#[derive(Debug)]
pub struct Launch {
    /// Folder that holds `manifests/`, `data/` and `log`; removed at the end.
    pub folder: TempDir,
    /// Flags beside the ones that every start has.
    pub args: Vec<String>,
    /// A program to run it under, with its arguments.
    pub under: Vec<String>,
    /// Longest wait until it is ready.
    pub patience: Duration,
    api_port: u16,
    admin_port: u16,
}

// === impl Launch ===

impl Launch {
    /// A launch with an empty manifests folder, fresh data and ports of its own.
    #[must_use]
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("manifests")).unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let (api_port, admin_port) = (free_port(), free_port());
        Self {
            folder,
            args: Vec::new(),
            under: Vec::new(),
            patience: SOON,
            api_port,
            admin_port,
        }
    }

    /// The folder whose documents it reads.
    #[must_use]
    pub fn manifests(&self) -> PathBuf {
        self.folder.path().join("manifests")
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where its standard output and error go.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn command(&self) -> Command {
        let mut words = self.under.clone();
        words.push(binary().to_string_lossy().into_owned());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg("serve")
            .arg("--manifests")
            .arg(self.manifests())
            .arg("--data-dir")
            .arg(self.data())
            .args(["--listen", &format!("127.0.0.1:{}", self.api_port)])
            .args(["--admin-listen", &format!("127.0.0.1:{}", self.admin_port)])
            .args(&self.args)
            .env("RUST_BACKTRACE", "1");
        command
    }

    /// Runs it to its end, which is exit 64 with an error that has every word; returns all that it
    /// said.
    #[track_caller]
    #[allow(clippy::must_use_candidate, reason = "the assertions alone are a use")]
    pub fn refused(&self, words: &[&str]) -> String {
        let output = self.run_to_end();
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(64), "{text}");
        let error = String::from_utf8_lossy(&output.stderr);
        for word in words {
            assert!(error.contains(word), "{word:?} is not in: {text}");
        }
        text
    }

    fn run_to_end(&self) -> Output {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let end = Instant::now() + SOON;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                child.kill().unwrap();
                let output = child.wait_with_output().unwrap();
                panic!("still running after {SOON:?}: {}", text_of(&output));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.wait_with_output().unwrap()
    }

    /// Starts it without waiting.
    #[must_use]
    pub fn spawn(self) -> Sidecar {
        let mut sidecar = Sidecar {
            launch: self,
            child: None,
        };
        sidecar.spawn();
        sidecar
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Sidecar {
        let mut sidecar = self.spawn();
        sidecar.wait_ready().await;
        sidecar
    }
}

impl Default for Launch {
    fn default() -> Self {
        Self::new()
    }
}

/// The running process.
#[derive(Debug)]
pub struct Sidecar {
    launch: Launch,
    child: Option<Child>,
}

// === impl Sidecar ===

impl Sidecar {
    /// How it was started.
    #[must_use]
    pub const fn launch(&self) -> &Launch {
        &self.launch
    }

    /// Base URL of the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.launch.api_port)
    }

    /// `host:port` of the API.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.launch.api_port)
    }

    /// A client of the admin port.
    #[must_use]
    pub fn admin(&self) -> Api {
        Api::new(&format!("http://127.0.0.1:{}", self.launch.admin_port))
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Starts it again, after [`Self::kill`] or [`Self::terminate`], on the same ports and data.
    pub async fn start(&mut self) {
        self.spawn();
        self.wait_ready().await;
    }

    /// Starts it without waiting.
    pub fn spawn(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.launch.log())
            .unwrap();
        let mut command = self.launch.command();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits for `/readyz`.
    pub async fn wait_ready(&mut self) {
        let admin = self.admin();
        let end = Instant::now() + self.launch.patience;
        loop {
            if let Ok(reply) = admin.try_call("GET", "/readyz", &[], b"").await
                && reply.status == 200
            {
                return;
            }
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("ended before it was ready: {status}\n{}", self.tail());
            }
            assert!(Instant::now() < end, "not ready in time\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends SIGTERM without waiting.
    pub fn ask_to_stop(&self) {
        kill(
            Pid::from_raw(i32::try_from(self.pid()).unwrap()),
            Signal::SIGTERM,
        )
        .unwrap();
    }

    /// SIGTERM, then waits for the end.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.ask_to_stop();
        self.ended().await
    }

    /// Waits for the end of the process.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().unwrap();
        let end = Instant::now() + LATER;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        self.child = None;
        status
    }

    /// All that it has logged so far, over every start.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.launch.log()).unwrap_or_default()
    }

    /// Waits until the log has a line with `text`.
    pub async fn logged(&self, text: &str) -> String {
        eventually(SOON, format_args!("a log line with {text:?}"), || async {
            self.log_text()
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned)
        })
        .await
    }

    fn tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the sidecar's log ends with:\n{}\n---", self.tail());
        }
    }
}

/// Runs `titan-sidecar` with `args` to its end.
#[must_use]
pub fn run(args: &[&str]) -> Output {
    Command::new(binary())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Standard output and error of a finished process.
#[must_use]
pub fn text_of(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// The binary under test: `TITAN_SIDECAR`, else this workspace's own, built once if need be.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("TITAN_SIDECAR") {
            return path.into();
        }
        let own = std::env::current_exe().unwrap();
        let folder = own.parent().and_then(Path::parent).unwrap();
        let profile = folder.file_name().and_then(|name| name.to_str()).unwrap();
        let profile = if profile == "debug" { "dev" } else { profile };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bin", "titan-sidecar"])
            .args(["--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "titan-sidecar does not build");
        folder.join("titan-sidecar")
    })
}

/// A port that nobody listens on, below the range from which the kernel takes its own.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 12_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
