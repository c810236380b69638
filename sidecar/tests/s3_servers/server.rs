//! A real S3 server with one bucket, what its owner would say of it, and handles that may dial it.

use std::sync::Arc;
use std::time::Duration;

use titan_sidecar::bucket::{
    Access, Addressing, Bucket, BucketConfig, Credentials, Encryption, UrlMode,
};
use titan_sidecar::net::AddressPolicy;
use titan_tests::minio::KMS_KEY;
use titan_tests::s3::{ACCESS_KEY, Program, S3, SECRET_KEY};
use titan_tests::wait::until;
use url::Url;

/// The bucket that every server has.
const BUCKET: &str = "media";

/// Most that a server may take until its bucket is open.
const START: Duration = Duration::from_mins(1);

/// Starts `program`, MinIO with a key for encryption, and waits until a PUT is let in.
pub(crate) async fn start(program: Program) -> S3 {
    let server = match program {
        Program::Minio => S3::minio(BUCKET, &[("MINIO_KMS_SECRET_KEY", KMS_KEY)]).await,
        Program::Versitygw | Program::Seaweedfs => S3::start(program, BUCKET).await,
    };
    let bucket = open(config(&server));
    until(START, format_args!("{program:?} takes a PUT"), || async {
        bucket.check(titan_sidecar::clock::now()).await.is_ok()
    })
    .await;
    server
}

/// The bucket as its owner would describe it.
pub(crate) fn config(server: &S3) -> BucketConfig {
    BucketConfig {
        endpoint: Some(Url::parse(&server.url()).unwrap()),
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
        access: keys(ACCESS_KEY, SECRET_KEY),
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
