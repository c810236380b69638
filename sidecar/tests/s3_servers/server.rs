//! A real S3 server as a child process on loopback, with one bucket, in a folder of its own.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use titan_sidecar::bucket::{
    Access, Addressing, Bucket, BucketConfig, Credentials, Encryption, UrlMode,
};
use titan_sidecar::net::AddressPolicy;
use url::Url;

/// The bucket that every server has.
const BUCKET: &str = "media";
/// Its key pair.
pub(crate) const ACCESS: &str = "titan-test-access";
/// Its secret.
pub(crate) const SECRET: &str = "titan-test-secret-0123456789";

/// A key of 32 bytes, as MinIO takes it.
const KMS_KEY: &str = "titan-test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Most that a server may take to start.
const START: Duration = Duration::from_mins(1);
/// Another process may take a port that was free: then others are tried.
const STARTS: usize = 3;

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// versitygw over a folder.
    Versitygw,
    /// SeaweedFS, all its parts in one process.
    Seaweedfs,
    /// MinIO over a folder, with a key for encryption.
    Minio,
}

/// A running server; dropping it ends the process and removes its data.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// The S3 port first.
    ports: Vec<u16>,
    folder: TempDir,
}

// === impl Server ===

impl Server {
    /// Starts `program` and waits until its bucket stands.
    pub(crate) async fn start(program: Program) -> Self {
        for _ in 0..STARTS {
            let mut server = Self::spawn(program);
            if server.is_ready().await {
                return server;
            }
        }
        panic!("{program:?} did not start in {STARTS} tries");
    }

    /// The bucket as its owner would describe it.
    pub(crate) fn config(&self) -> BucketConfig {
        let endpoint = format!("http://127.0.0.1:{}", self.ports[0]);
        BucketConfig {
            endpoint: Some(Url::parse(&endpoint).unwrap()),
            region: None,
            bucket: BUCKET.to_owned(),
            prefix: "wa/".to_owned(),
            addressing: Addressing::Auto,
            url: UrlMode::Presigned {
                expires_in: Duration::from_hours(1),
            },
            public_endpoint: None,
            key_template: "{mediaId}.{ext}".to_owned(),
            encryption: Encryption::None,
            storage_class: None,
            ca: None,
            access: keys(ACCESS, SECRET),
        }
    }

    fn spawn(program: Program) -> Self {
        let folder = TempDir::new().unwrap();
        let ports = free_ports();
        let mut command = match program {
            Program::Versitygw => versitygw(folder.path(), &ports),
            Program::Seaweedfs => seaweedfs(folder.path(), &ports),
            Program::Minio => minio(folder.path(), &ports),
        };
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            child,
            ports,
            folder,
        }
    }

    /// Whether a PUT is let in, after a while; false if the program has ended.
    async fn is_ready(&mut self) -> bool {
        let bucket = open(self.config());
        let started = Instant::now();
        while started.elapsed() < START {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if bucket.check(titan_sidecar::clock::now()).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        panic!(
            "the server is not ready after {START:?}: {}",
            log.unwrap_or_default()
        );
    }
}

/// A key pair for good.
pub(crate) fn keys(access: &str, secret: &str) -> Access {
    Access::Keys(Credentials {
        access_key_id: access.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: None,
        expires_at: None,
    })
}

/// A handle that may dial loopback.
pub(crate) fn open(config: BucketConfig) -> Bucket {
    let loopback = vec!["127.0.0.0/8".parse().unwrap()];
    let policy = AddressPolicy::new(loopback, false, Vec::new());
    Bucket::new(config, Arc::new(policy)).unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        // A child that has ended by itself can't be killed: nothing is lost then.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for role in ["admin", "filer", "master", "s3", "volume"] {
            for port in &self.ports {
                // SeaweedFS leaves these; most names never existed.
                let socket =
                    std::env::temp_dir().join(format!("seaweedfs-{role}-grpc-{port}.sock"));
                let _ = std::fs::remove_file(socket);
            }
        }
    }
}

fn versitygw(folder: &Path, ports: &[u16]) -> Command {
    std::fs::create_dir_all(folder.join("data").join(BUCKET)).unwrap();
    let mut command = Command::new(installed(Program::Versitygw));
    command
        .args(["--port", &format!("127.0.0.1:{}", ports[0])])
        .args(["--access", ACCESS, "--secret", SECRET, "--quiet", "posix"])
        .arg(folder.join("data"));
    command
}

fn minio(folder: &Path, ports: &[u16]) -> Command {
    std::fs::create_dir_all(folder.join("data").join(BUCKET)).unwrap();
    let mut command = Command::new(installed(Program::Minio).join("minio"));
    command
        .args(["server", "--quiet"])
        .args(["--address", &format!("127.0.0.1:{}", ports[0])])
        .arg(folder.join("data"))
        .env("MINIO_ROOT_USER", ACCESS)
        .env("MINIO_ROOT_PASSWORD", SECRET)
        .env("MINIO_BROWSER", "off")
        .env("MINIO_UPDATE", "off")
        .env("MINIO_KMS_SECRET_KEY", KMS_KEY);
    command
}

/// Every port is given, since the defaults of two instances clash; nothing is reported to anyone,
/// and a missing bucket is not created.
fn seaweedfs(folder: &Path, ports: &[u16]) -> Command {
    std::fs::create_dir_all(folder.join("data")).unwrap();
    let mut command = Command::new(installed(Program::Seaweedfs));
    command
        .arg("mini")
        .arg(format!("-dir={}", folder.join("data").display()))
        .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
        .arg(format!("-bucket={BUCKET}"))
        .args([
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
        ])
        .args(["-s3.iam=false", "-s3.autoCreateBucket=false"])
        .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
        .arg(format!(
            "-s3.localSocket={}",
            folder.join("s3.sock").display()
        ))
        .arg(format!(
            "-filer.localSocket={}",
            folder.join("filer.sock").display()
        ))
        .env("TMPDIR", folder)
        .env("AWS_ACCESS_KEY_ID", ACCESS)
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    let roles = ["s3", "master", "volume", "filer", "admin"];
    for (role, pair) in roles.iter().zip(ports.chunks(2)) {
        command.arg(format!("-{role}.port={}", pair[0]));
        command.arg(format!("-{role}.port.grpc={}", pair[1]));
    }
    command
}

/// Ten ports that nobody uses at this moment.
fn free_ports() -> Vec<u16> {
    let sockets: Vec<_> = (0..10)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    sockets
        .iter()
        .map(|socket| socket.local_addr().unwrap().port())
        .collect()
}

/// The program's path, or that of its folder; the script installs it if it is not there yet.
fn installed(program: Program) -> PathBuf {
    static VERSITYGW: OnceLock<PathBuf> = OnceLock::new();
    static SEAWEEDFS: OnceLock<PathBuf> = OnceLock::new();
    static MINIO: OnceLock<PathBuf> = OnceLock::new();
    let (once, name) = match program {
        Program::Versitygw => (&VERSITYGW, "versitygw"),
        Program::Seaweedfs => (&SEAWEEDFS, "seaweedfs"),
        Program::Minio => (&MINIO, "minio"),
    };
    once.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/servers")
            .join(format!("{name}.sh"));
        let run = Command::new("sh")
            .arg(&script)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let path = PathBuf::from(String::from_utf8(run.stdout).unwrap().trim());
        assert!(
            run.status.success() && path.exists(),
            "{name} could not be installed: tests/servers/{name}.sh says why above"
        );
        path
    })
    .clone()
}
