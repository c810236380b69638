//! One verified streaming `PutObject`.
//!
//! The body's SHA-256 is known before its first byte is read. It goes out twice, from the same 32
//! bytes: as `x-amz-content-sha256` (part of the signature) and as `x-amz-checksum-sha256`. Not
//! every store checks the first one (SeaweedFS stores a wrong body under it), so both are needed.

use std::collections::BTreeMap;

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use aws_sigv4::http_request::SignableBody;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use super::body::{Outgoing, Phase, Progress, expect_empty};
use super::client::Bucket;
use super::config::Encryption;
use super::error::{BucketError, Operation};
use super::metadata;
use super::patience::Patience;

/// An error of any kind that can cross tasks.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Longest `Content-Type` that is passed on.
const MAX_CONTENT_TYPE_BYTES: usize = 255;

/// An object to be written.
#[derive(Debug, Clone)]
pub struct NewObject {
    /// Full key, prefix included.
    pub key: String,
    /// Exact length of the body.
    pub length: u64,
    /// SHA-256 of the body.
    pub sha256: [u8; 32],
    /// Content type, parameters kept; what is no header value becomes `application/octet-stream`.
    pub content_type: String,
    /// See [`super::disposition`].
    pub content_disposition: Option<String>,
    /// User metadata; values are percent-encoded here, and cut to what S3 takes.
    pub metadata: BTreeMap<String, String>,
}

/// A written object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The store's tag; in general no hash of anything.
    pub etag: Option<String>,
}

// === impl Bucket ===

impl Bucket {
    /// Writes one object in one request. Nothing is retried: the body can't be replayed. The object
    /// appears whole or not at all; any error of `body`, also one at its very end, keeps it from
    /// appearing. How long `body` itself may keep silent is its own affair.
    pub async fn put<B>(&self, object: &NewObject, body: B) -> Result<Put, BucketError>
    where
        B: http_body::Body<Data = Bytes, Error = BoxError> + Send + Sync + 'static,
    {
        if object.length == 0 {
            expect_empty(body).await?;
            return self.put_bytes(object, Bytes::new()).await;
        }
        let (outgoing, progress) = Outgoing::new(body, object.length);
        self.send(object, SdkBody::from_body_1_x(outgoing), &progress)
            .await
    }

    /// Writes an object whose bytes are at hand.
    pub(super) async fn put_bytes(
        &self,
        object: &NewObject,
        bytes: Bytes,
    ) -> Result<Put, BucketError> {
        self.send(object, SdkBody::from(bytes), &Progress::whole())
            .await
    }

    async fn send(
        &self,
        object: &NewObject,
        body: SdkBody,
        progress: &Progress,
    ) -> Result<Put, BucketError> {
        let checksum = self.sends_checksum();
        let hash = PayloadHash(hex::encode(object.sha256));
        let request = self.request(object, checksum).body(ByteStream::new(body));
        let answer = guarded(
            request.customize().interceptor(hash).send(),
            progress,
            self.patience,
        )
        .await;
        if let Some(cut) = progress.take_failure() {
            return Err(cut);
        }
        let output = answer?.map_err(|error| self.failure(Operation::Put, checksum, error))?;
        if progress.phase().0 != Phase::Answer {
            return Err(BucketError::Answer("it came before the body was complete"));
        }
        Ok(Put { etag: output.e_tag })
    }

    fn request(&self, object: &NewObject, checksum: bool) -> PutObjectFluentBuilder {
        let config = self.config();
        let (encryption, key_id) = match &config.encryption {
            Encryption::None => (None, None),
            Encryption::Aes256 => (Some(ServerSideEncryption::Aes256), None),
            Encryption::Kms { key_id } => (Some(ServerSideEncryption::AwsKms), key_id.clone()),
        };
        let metadata = metadata::encode(&object.metadata);
        self.client
            .put_object()
            .bucket(&config.bucket)
            .key(&object.key)
            .set_content_length(i64::try_from(object.length).ok())
            .content_type(content_type(&object.content_type))
            .set_content_disposition(object.content_disposition.clone())
            .set_metadata(Some(metadata.into_iter().collect()))
            .set_checksum_sha256(checksum.then(|| STANDARD.encode(object.sha256)))
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(key_id)
            .set_storage_class(config.storage_class.as_deref().map(StorageClass::from))
    }
}

fn content_type(given: &str) -> &str {
    let sendable = |byte: u8| (b' '..=b'~').contains(&byte);
    let plausible = given.contains('/') && given.len() <= MAX_CONTENT_TYPE_BYTES;
    if plausible && given.bytes().all(sendable) {
        given.trim()
    } else {
        "application/octet-stream"
    }
}

/// Runs a request until it is answered, or until the store has been silent for too long. While our
/// own source is what is waited for, nobody is blamed.
async fn guarded<T>(
    request: impl Future<Output = T>,
    progress: &Progress,
    patience: Patience,
) -> Result<T, BucketError> {
    tokio::pin!(request);
    loop {
        let (phase, since) = progress.phase();
        let deadline = match phase {
            Phase::Sending => since + patience.sending,
            Phase::Source => Instant::now() + patience.sending,
            Phase::Answer => since + patience.answer,
        };
        tokio::select! {
            answer = &mut request => return Ok(answer),
            () = sleep_until(deadline) => {}
        }
        if progress.phase() == (phase, since) && phase != Phase::Source {
            let doing = if phase == Phase::Answer {
                "an answer was awaited"
            } else {
                "bytes were sent"
            };
            return Err(BucketError::Timeout(doing));
        }
    }
}

/// Signs a request for a body whose hash is known, instead of "unsigned".
#[derive(Debug)]
struct PayloadHash(String);

// === impl PayloadHash ===

impl Intercept for PayloadHash {
    fn name(&self) -> &'static str {
        "PayloadHash"
    }

    fn read_before_signing(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let signing = config.load::<SigV4OperationSigningConfig>();
        let mut signing = signing.ok_or("the request is not signed")?.clone();
        signing.signing_options.payload_override = Some(SignableBody::Precomputed(self.0.clone()));
        signing.signing_options.content_sha256_header = true;
        config.interceptor_state().store_put(signing);
        Ok(())
    }
}
