//! A real Postgres for the run of a test program: started as a user that is not root, in a folder
//! of its own, gone with the process however that ends.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::getuid;

use crate::cache::{crate_folder, installed};
use crate::sidecar::free_port;

/// A running server. Its script watches our end of the pipe.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    bin: PathBuf,
    port: u16,
    _server: Child,
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

    fn start() -> Self {
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
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = server.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "Postgres does not start");
        Self {
            folder: PathBuf::from(line.trim()),
            bin,
            port,
            _server: server,
        }
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

    /// Runs SQL in it and answers what it printed.
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
