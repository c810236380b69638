//! Real S3 servers on loopback: versitygw, SeaweedFS and MinIO.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::api::Api;
use crate::cache::installed;
use crate::sidecar::free_port;
use crate::tls::Authority;
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
    /// MinIO over a folder. Users and policies: see [`crate::minio`].
    Minio,
}

/// A certificate of a CA that nobody knows.
#[derive(Debug)]
struct Certificate {
    ca: String,
    chain: PathBuf,
    key: PathBuf,
}

/// A running server with one bucket. Ends when dropped.
#[derive(Debug)]
pub struct S3 {
    /// Which program it is.
    pub program: Program,
    folder: TempDir,
    address: SocketAddr,
    tls: Option<Certificate>,
    bucket: String,
    environment: Vec<(String, String)>,
    /// What SeaweedFS leaves in `/tmp`.
    leftovers: Vec<PathBuf>,
    child: Option<Child>,
}

/// Seconds that a presigned URL lives.
#[must_use]
pub fn presigned_life(url: &str) -> Option<u64> {
    let url = url::Url::parse(url).ok()?;
    let mut query = url.query_pairs();
    let (_, seconds) = query.find(|(name, _)| name == "X-Amz-Expires")?;
    seconds.parse().ok()
}

// === impl S3 ===

impl S3 {
    /// Starts a server that has `bucket`.
    pub async fn start(program: Program, bucket: &str) -> Self {
        let mut server = Self::stopped(program, Ipv4Addr::LOCALHOST, bucket);
        server.restart().await;
        server
    }

    /// Starts versitygw at another address than loopback.
    pub async fn start_at(address: Ipv4Addr, bucket: &str) -> Self {
        let mut server = Self::stopped(Program::Versitygw, address, bucket);
        server.restart().await;
        server
    }

    /// Starts a server behind TLS, with a certificate of a CA that nobody knows.
    pub async fn start_with_tls(program: Program, bucket: &str) -> Self {
        let mut server = Self::stopped(program, Ipv4Addr::LOCALHOST, bucket);
        server.tls = Some(Certificate::new(Ipv4Addr::LOCALHOST, server.folder.path()));
        server.restart().await;
        server
    }

    /// Starts MinIO with settings of its own, which it takes from its environment.
    pub async fn minio(bucket: &str, environment: &[(&str, &str)]) -> Self {
        let mut server = Self::stopped(Program::Minio, Ipv4Addr::LOCALHOST, bucket);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        server.environment = environment.iter().map(own).collect();
        server.restart().await;
        server
    }

    fn stopped(program: Program, address: Ipv4Addr, bucket: &str) -> Self {
        Self {
            program,
            folder: TempDir::new().unwrap(),
            address: (address, free_port()).into(),
            tls: None,
            bucket: bucket.to_owned(),
            environment: Vec::new(),
            leftovers: Vec::new(),
            child: None,
        }
    }

    /// The endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Changes a setting of MinIO's, from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A folder that goes with the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// PEM of the CA behind the server's certificate.
    #[must_use]
    pub fn ca(&self) -> &str {
        &self.tls.as_ref().expect("it speaks TLS").ca
    }

    /// Stops it; its data stay.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for socket in self.leftovers.drain(..) {
            // One that was never made is not missed.
            let _ = fs::remove_file(socket);
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
            Program::Minio => self.minio_server(),
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
            .args(["--port", &self.address.to_string()])
            .args(["--access", ACCESS_KEY, "--secret", SECRET_KEY, "--quiet"]);
        if let Some(tls) = &self.tls {
            command
                .arg("--cert")
                .arg(&tls.chain)
                .arg("--key")
                .arg(&tls.key);
        }
        command.arg("posix").arg(self.data());
        command
    }

    fn minio_server(&self) -> Command {
        fs::create_dir_all(self.data().join(&self.bucket)).unwrap();
        let mut command = Command::new(installed("minio").join("minio"));
        let certificates = self.folder.path().join("certs");
        command
            .args(["server", "--quiet", "--address", &self.address.to_string()])
            .arg("--certs-dir")
            .arg(certificates)
            .arg(self.data())
            .env("MINIO_ROOT_USER", ACCESS_KEY)
            .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_UPDATE", "off")
            .envs(self.environment.iter().cloned());
        command
    }

    fn seaweedfs(&mut self) -> Command {
        fs::create_dir_all(self.data()).unwrap();
        let sockets = self.sockets();
        let mut command = Command::new(installed("seaweedfs"));
        command
            .arg("mini")
            .arg(format!("-dir={}", self.data().display()))
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
            .arg(format!("-s3.port={}", self.address.port()))
            .arg(format!("-bucket={}", self.bucket))
            .args(["-webdav=false", "-admin.ui=false", "-s3.iam=false"])
            // A missing bucket is missing, as with the others.
            .arg("-s3.autoCreateBucket=false")
            // Nothing is reported to anyone.
            .arg("-master.telemetry=false")
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args(sockets)
            .env("TMPDIR", self.folder.path())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        command
    }

    /// Every port and socket is given, since the defaults of two instances clash.
    fn sockets(&mut self) -> Vec<String> {
        let mut args = Vec::new();
        for role in ["s3", "master", "volume", "filer", "admin"] {
            let port = free_port();
            args.push(format!("-{role}.port.grpc={port}"));
            if role != "s3" {
                args.push(format!("-{role}.port={}", free_port()));
            }
            let socket = format!("/tmp/seaweedfs-{role}-grpc-{port}.sock");
            self.leftovers.push(socket.into());
        }
        for role in ["s3", "filer"] {
            let socket = self.data().with_file_name(format!("{role}.sock"));
            args.push(format!("-{role}.localSocket={}", socket.display()));
        }
        args
    }

    /// Waits until the server answers HTTP, and SeaweedFS until its bucket stands.
    async fn wait_ready(&mut self) {
        let (address, api) = (self.address, Api::new(&self.url()));
        let tls = self.tls.is_some();
        let path = format!("/{}/", self.bucket);
        until(LATER, format_args!("{:?} answers", self.program), || async {
            let open = TcpStream::connect_timeout(&address, Duration::from_millis(200));
            if open.is_err() || tls {
                return open.is_ok();
            }
            // Without a signature a bucket that exists answers 403, a missing one 404.
            matches!(api.try_call("GET", &path, &[], b"").await, Ok(reply) if reply.status == 403)
        })
        .await;
        let ended = self.child.as_mut().unwrap().try_wait().unwrap();
        assert!(ended.is_none(), "{:?} has ended: {ended:?}", self.program);
    }
}

// === impl Certificate ===

impl Certificate {
    /// For an address, in files below `folder`.
    fn new(address: Ipv4Addr, folder: &Path) -> Self {
        let authority = Authority::new();
        let issued = authority.issue(&address.to_string());
        let certificate = Self {
            ca: authority.pem().to_owned(),
            // The names that MinIO looks for.
            chain: folder.join("certs/public.crt"),
            key: folder.join("certs/private.key"),
        };
        fs::create_dir_all(folder.join("certs")).unwrap();
        fs::write(&certificate.chain, issued.chain).unwrap();
        fs::write(&certificate.key, issued.key).unwrap();
        certificate
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.stop();
    }
}
