//! A real Postgres for the run of a test program: started as a user that is not root, in a folder
//! of its own, gone with the process however that ends.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use nix::unistd::getuid;

use crate::cache::{crate_folder, installed};
use crate::sidecar::free_port;

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    bin: PathBuf,
    port: u16,
    /// Its script, which watches our end of the pipe.
    script: Mutex<Script>,
    _server: Child,
}

#[derive(Debug)]
struct Script {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A database of one test.
#[derive(Debug, Clone)]
pub struct Database {
    name: String,
    folder: PathBuf,
    bin: PathBuf,
    port: u16,
}

// === impl Postgres ===

impl Postgres {
    /// The server of this process, started with its first use.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// A server of its own, on loopback. It ends with the value.
    #[must_use]
    pub fn start() -> Self {
        Self::on("localhost")
    }

    /// [`Self::start`] on every address of this machine, or of the network namespace.
    #[must_use]
    pub fn everywhere() -> Self {
        Self::on("*")
    }

    fn on(addresses: &str) -> Self {
        let (bin, port) = (installed("postgres"), free_port());
        // As text: whoever runs it need not be able to read the checkout.
        let script = crate_folder().join("servers/postgres-run.sh");
        let script = std::fs::read_to_string(script).unwrap();
        let mut command = if getuid().is_root() {
            // Postgres refuses to run as root; Debian's package brings a user for it.
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                "sh",
            ]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", &script, "postgres-run"]).arg(&bin);
        let mut server = command
            .args([&port.to_string(), addresses])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut script = Script {
            input: server.stdin.take().unwrap(),
            output: BufReader::new(server.stdout.take().unwrap()),
        };
        Self {
            folder: script.started(),
            bin,
            port,
            script: Mutex::new(script),
            _server: server,
        }
    }

    /// The server crashes, is away for so many seconds, and comes back on the same data.
    pub fn outage(&self, seconds: u32) {
        let mut script = self.script.lock().unwrap();
        writeln!(script.input, "{seconds}").unwrap();
        script.started();
    }

    /// A new, empty database.
    pub fn database(&self) -> Database {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let database = Database {
            name,
            folder: self.folder.clone(),
            bin: self.bin.clone(),
            port: self.port,
        };
        database.psql("postgres", &format!("CREATE DATABASE {}", database.name));
        database
    }
}

// === impl Script ===

impl Script {
    /// Waits for the server; answers its folder.
    fn started(&mut self) -> PathBuf {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "Postgres does not start");
        PathBuf::from(line.trim())
    }
}

// === impl Database ===

impl Database {
    /// Its URL over the socket, without a password.
    #[must_use]
    pub fn url(&self) -> String {
        let folder = self.folder.display();
        let (name, port) = (&self.name, self.port);
        format!("postgres://titan@localhost:{port}/{name}?host={folder}")
    }

    /// Its URL over loopback, with the password, TLS and the server's name checked.
    #[must_use]
    pub fn tls_url(&self) -> String {
        let ca = self.folder.join("ca.crt");
        let (name, port, ca) = (&self.name, self.port, ca.display());
        format!(
            "postgres://titan:titan@localhost:{port}/{name}?sslmode=verify-full&sslrootcert={ca}"
        )
    }

    /// Its URL by an address of the machine, for somebody who has [`Self::ca`] at `ca`.
    #[must_use]
    pub fn url_at(&self, host: &str, ca: &str) -> String {
        let (name, port) = (&self.name, self.port);
        format!("postgres://titan:titan@{host}:{port}/{name}?sslmode=verify-ca&sslrootcert={ca}")
    }

    /// The certificate that its own is checked with, in PEM.
    #[must_use]
    pub fn ca(&self) -> String {
        std::fs::read_to_string(self.folder.join("ca.crt")).unwrap()
    }

    /// Runs SQL in it and answers what it printed.
    #[allow(
        clippy::must_use_candidate,
        reason = "it is often run for what it does"
    )]
    pub fn sql(&self, text: &str) -> String {
        self.psql(&self.name, text)
    }

    fn psql(&self, database: &str, text: &str) -> String {
        let output = Command::new(self.bin.join("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "titan",
            ])
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string(), "-d", database, "-c", text])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}: {error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
