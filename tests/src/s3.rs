//! Real S3 servers on loopback: versitygw and SeaweedFS.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::api::Api;
use crate::cache::installed;
use crate::sidecar::free_port;
use crate::wait::{LATER, until};

/// Access key id of every server here.
pub const ACCESS_KEY: &str = "titan-test-access";

/// Secret access key of every server here.
pub const SECRET_KEY: &str = "titan-test-secret-0123456789";

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// versitygw over a folder.
    Versitygw,
    /// SeaweedFS in one process.
    Seaweedfs,
}

/// A running server with one bucket. Ends when dropped.
#[derive(Debug)]
pub struct S3 {
    /// Which program it is.
    pub program: Program,
    folder: TempDir,
    port: u16,
    bucket: String,
    child: Option<Child>,
}

// === impl S3 ===

impl S3 {
    /// Starts a server that has `bucket`.
    pub async fn start(program: Program, bucket: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let mut server = Self {
            program,
            folder,
            port: free_port(),
            bucket: bucket.to_owned(),
            child: None,
        };
        server.restart().await;
        server
    }

    /// The endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Stops it; its data stay.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again over the same data and port.
    pub async fn restart(&mut self) {
        self.stop();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let mut command = match self.program {
            Program::Versitygw => self.versitygw(),
            Program::Seaweedfs => self.seaweedfs(),
        };
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command.current_dir(self.folder.path());
        self.child = Some(command.spawn().unwrap());
        self.wait_ready().await;
    }

    /// The object's bytes as the server holds them on disk (versitygw only).
    #[must_use]
    pub fn on_disk(&self, key: &str) -> Option<Vec<u8>> {
        assert_eq!(
            self.program,
            Program::Versitygw,
            "only versitygw keeps objects as files"
        );
        fs::read(self.data().join(&self.bucket).join(key)).ok()
    }

    /// Every object on disk by key (versitygw only).
    #[must_use]
    pub fn keys_on_disk(&self) -> Vec<String> {
        let root = self.data().join(&self.bucket);
        let (mut keys, mut open) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let key = path.strip_prefix(&root).unwrap();
                    keys.push(key.to_string_lossy().into_owned());
                }
            }
        }
        keys.retain(|key| !key.starts_with('.'));
        keys.sort();
        keys
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn versitygw(&self) -> Command {
        fs::create_dir_all(self.data().join(&self.bucket)).unwrap();
        let mut command = Command::new(installed("versitygw"));
        command
            .args(["--port", &format!("127.0.0.1:{}", self.port)])
            .args([
                "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--quiet", "posix",
            ])
            .arg(self.data());
        command
    }

    fn seaweedfs(&self) -> Command {
        fs::create_dir_all(self.data()).unwrap();
        let mut command = Command::new(installed("seaweedfs"));
        command
            .arg("mini")
            .arg(format!("-dir={}", self.data().display()))
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
            .arg(format!("-s3.port={}", self.port))
            .arg(format!("-bucket={}", self.bucket))
            .args(["-webdav=false", "-admin.ui=false", "-s3.iam=false"])
            // Nothing is reported to anyone.
            .arg("-master.telemetry=false")
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args(self.sockets())
            .env("TMPDIR", self.folder.path())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        command
    }

    /// Every port and socket is given, since the defaults of two instances clash.
    fn sockets(&self) -> Vec<String> {
        let mut args = vec![format!("-s3.port.grpc={}", free_port())];
        for role in ["master", "volume", "filer", "admin"] {
            args.push(format!("-{role}.port={}", free_port()));
            args.push(format!("-{role}.port.grpc={}", free_port()));
        }
        for role in ["s3", "filer"] {
            let socket = self.data().with_file_name(format!("{role}.sock"));
            args.push(format!("-{role}.localSocket={}", socket.display()));
        }
        args
    }

    /// Waits until the server answers HTTP, and SeaweedFS until its bucket stands.
    async fn wait_ready(&mut self) {
        let (port, api) = (self.port, Api::new(&self.url()));
        let path = format!("/{}/", self.bucket);
        until(LATER, format_args!("{:?} answers", self.program), || async {
            let open = TcpStream::connect_timeout(
                &([127, 0, 0, 1], port).into(),
                Duration::from_millis(200),
            );
            if open.is_err() {
                return false;
            }
            // Without a signature a bucket that exists answers 403, a missing one 404.
            matches!(api.try_call("GET", &path, &[], b"").await, Ok(reply) if reply.status == 403)
        })
        .await;
        let ended = self.child.as_mut().unwrap().try_wait().unwrap();
        assert!(ended.is_none(), "{:?} has ended: {ended:?}", self.program);
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.stop();
    }
}
