//! Tests of the bucket as a whole: against the embedded server, and of what can't be reached there.

mod address;
mod checks;
mod embedded;
mod hostile;
mod outgoing;
mod urls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::url::Url;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use titan_crds::Reason;

use super::put::BoxError;
use super::*;
use crate::demo::embedded_s3::EmbeddedS3;
use crate::net::AddressPolicy;

pub(super) const ACCESS: &str = "AKIDTEST";
pub(super) const SECRET: &str = "secret-of-the-test";

/// An embedded server with one bucket `media`, and its folder.
pub(super) struct Server {
    pub(super) s3: EmbeddedS3,
    pub(super) folder: TempDir,
}

pub(super) async fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let s3 = EmbeddedS3::start(folder.path(), &["media"], ACCESS, SECRET)
        .await
        .unwrap();
    Server { s3, folder }
}

pub(super) fn config(endpoint: &str) -> BucketConfig {
    BucketConfig {
        endpoint: Some(Url::parse(endpoint).unwrap()),
        region: Some("us-east-1".to_owned()),
        bucket: "media".to_owned(),
        prefix: String::new(),
        addressing: Addressing::Auto,
        url: UrlMode::Presigned {
            expires_in: Duration::from_hours(1),
        },
        public_endpoint: None,
        key_template: "{mediaId}.{ext}".to_owned(),
        encryption: Encryption::None,
        storage_class: None,
        ca: None,
        access: Access::Keys(Credentials {
            access_key_id: ACCESS.to_owned(),
            secret_access_key: SECRET.to_owned(),
            session_token: None,
            expires_at: None,
        }),
    }
}

/// The keys of a configuration.
pub(super) fn keys_of(config: &mut BucketConfig) -> &mut Credentials {
    match &mut config.access {
        Access::Keys(keys) => keys,
        Access::Identity(identity) => panic!("{identity:?}"),
    }
}

pub(super) fn policy() -> Arc<AddressPolicy> {
    Arc::new(AddressPolicy::new(
        vec!["127.0.0.0/8".parse().unwrap()],
        false,
        Vec::new(),
    ))
}

impl Server {
    pub(super) fn config(&self) -> BucketConfig {
        config(self.s3.endpoint().as_str())
    }

    pub(super) fn bucket(&self) -> Bucket {
        Bucket::new(self.config(), policy()).unwrap()
    }
}

/// An object that is what it says.
pub(super) fn object(key: &str, content: &[u8]) -> NewObject {
    NewObject {
        key: key.to_owned(),
        length: content.len() as u64,
        sha256: Sha256::digest(content).into(),
        content_type: "audio/ogg; codecs=opus".to_owned(),
        content_disposition: Some("inline; filename=\"voice.ogg\"".to_owned()),
        metadata: BTreeMap::from([("messageid".to_owned(), "3EB0 ä".to_owned())]),
    }
}

/// A body of several chunks.
pub(super) fn chunks(
    content: &[u8],
) -> impl http_body::Body<Data = Bytes, Error = BoxError> + use<> {
    pieces(
        content
            .chunks(16 * 1024)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .collect(),
    )
}

pub(super) fn pieces(
    pieces: Vec<Result<Bytes, BoxError>>,
) -> impl http_body::Body<Data = Bytes, Error = BoxError> {
    StreamBody::new(stream::iter(
        pieces.into_iter().map(|piece| piece.map(Frame::data)),
    ))
}

pub(super) async fn read(object: Object) -> Vec<u8> {
    let mut body = object.body;
    let mut content = Vec::new();
    while let Some(chunk) = body.next().await {
        content.extend_from_slice(&chunk.unwrap());
    }
    content
}

/// Bytes that are not all alike.
pub(super) fn noise(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap())
        .collect()
}
