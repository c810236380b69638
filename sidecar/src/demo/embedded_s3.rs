//! A bucket on a local folder: a real S3 server in this process, for the demo and for tests.
//!
//! Signatures and presigned URLs are checked. A body that does not match its
//! `x-amz-content-sha256` is refused and an old object kept; one that does not match only
//! `x-amz-checksum-sha256` is refused too late: `s3s-fs` has replaced the old object by then. Our
//! PUTs carry both. A bucket is a folder below the root; a missing one is not created.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct EmbeddedS3 {
    address: SocketAddr,
    _stop: DropGuard,
}

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedS3Error {
    /// A folder could not be made.
    #[error("the embedded bucket's folder can not be made")]
    Folder(#[source] std::io::Error),
    /// The file system layer refused the folder.
    #[error("the embedded bucket can not use its folder: {0}")]
    FileSystem(String),
    /// No port could be had.
    #[error("the embedded bucket can not listen")]
    Listen(#[source] std::io::Error),
}

// === impl EmbeddedS3 ===

impl EmbeddedS3 {
    /// Serves the folder `root` on a free loopback port to one key pair. `buckets` are made if they
    /// are missing.
    pub async fn start(
        root: &Path,
        buckets: &[&str],
        access_key_id: &str,
        secret_access_key: &str,
    ) -> Result<Self, EmbeddedS3Error> {
        for bucket in buckets {
            let folder = root.join(bucket);
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(EmbeddedS3Error::Folder)?;
        }
        let files = FileSystem::new(root)
            .map_err(|error| EmbeddedS3Error::FileSystem(format!("{error:?}")))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(access_key_id, secret_access_key));
        service.set_access(ExistingBuckets {
            root: root.to_owned(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(EmbeddedS3Error::Listen)?;
        let address = listener.local_addr().map_err(EmbeddedS3Error::Listen)?;
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, service.build(), stop.clone()));
        Ok(Self {
            address,
            _stop: stop.drop_guard(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for a bucket's configuration.
    ///
    /// # Panics
    /// Never: a socket address always makes a URL.
    #[must_use]
    pub fn endpoint(&self) -> Url {
        #[allow(clippy::expect_used, reason = "a socket address always makes a URL")]
        Url::parse(&format!("http://{}", self.address)).expect("a socket address makes a URL")
    }
}

/// Accepts until told to stop; then every connection is dropped, which cuts what runs.
async fn serve(listener: TcpListener, service: S3Service, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else {
                    // Out of descriptors, most likely: give the others time to close some.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let service = service.clone();
                connections.spawn(async move {
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(socket), service);
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection to the embedded bucket ended early");
                    }
                });
            }
        }
    }
}

/// Lets a signed request through to a bucket that exists: `s3s-fs` would make the folder on the way.
struct ExistingBuckets {
    root: PathBuf,
}

// === impl ExistingBuckets ===

impl ExistingBuckets {
    async fn admit(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied));
        }
        let Some(bucket) = context.s3_path().get_bucket_name() else {
            return Ok(());
        };
        match tokio::fs::metadata(self.root.join(bucket)).await {
            Ok(folder) if folder.is_dir() => Ok(()),
            _ => Err(s3_error!(NoSuchBucket)),
        }
    }
}

impl S3Access for ExistingBuckets {
    // The trait is an `async_trait`: this is the signature that the macro would write.
    fn check<'s, 'c, 'x, 'f>(
        &'s self,
        context: &'c mut S3AccessContext<'x>,
    ) -> Pin<Box<dyn Future<Output = S3Result<()>> + Send + 'f>>
    where
        's: 'f,
        'c: 'f,
        'x: 'f,
        Self: 'f,
    {
        Box::pin(self.admit(context))
    }
}
