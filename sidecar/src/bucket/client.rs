//! The handle on one bucket.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use jiff::Timestamp;
use titan_crds::Reason;

use super::address::Address;
use super::answer::Answer;
use super::config::{BucketConfig, Credentials, Encryption};
use super::error::{BucketError, Operation};
use super::patience::Patience;
use super::provider::Provider;
use super::transport::Transport;
use super::url::{ObjectUrl, object_url, redirect_url};
use crate::net::{self, AddressPolicy, Purpose};

/// A tenant's bucket, ready for requests. A changed storage makes a new one, and dropping the old one
/// closes its idle connections; changed keys are only renewed.
pub struct Bucket {
    pub(super) client: Client,
    /// As it was made: keys that were renewed since are the provider's.
    config: BucketConfig,
    provider: Provider,
    address: Address,
    /// The store refused `x-amz-checksum-sha256` once: it is left out since.
    checksum_refused: AtomicBool,
    /// Whether the store refuses a body that does not match its hash, once a check has seen it.
    pub(super) checksum_enforced: OnceLock<bool>,
    pub(super) patience: Patience,
}

// === impl Bucket ===

impl Bucket {
    /// A handle on the bucket; no request is made. Fails only for a configuration that can't work.
    pub fn new(config: BucketConfig, policy: Arc<AddressPolicy>) -> Result<Self, BucketError> {
        let address = Address::of(&config)?;
        Address::public(&config)?;
        let tls = net::tls_config(config.ca.as_deref()).map_err(BucketError::CaBundle)?;
        let connector = net::Connector::new(policy, Purpose::Bucket, tls);
        let transport = Transport::new(connector);
        let provider = Provider::new(&config.access, address.region(), &transport);
        Ok(Self {
            client: client(&address, provider.clone(), transport),
            provider,
            config,
            address,
            checksum_refused: AtomicBool::new(false),
            checksum_enforced: OnceLock::new(),
            patience: Patience::default(),
        })
    }

    /// What this bucket was made of.
    #[must_use]
    pub fn config(&self) -> &BucketConfig {
        &self.config
    }

    /// The region that requests are signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        self.address.region()
    }

    /// What stands before every key.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.config.prefix
    }

    /// The template of keys.
    #[must_use]
    pub fn key_template(&self) -> &str {
        &self.config.key_template
    }

    /// The keys in use; none where an identity was not exchanged for keys yet.
    #[must_use]
    pub fn keys(&self) -> Option<Arc<Credentials>> {
        self.provider.current()
    }

    /// Uses other keys from now on: the next request, and every URL, is signed with them.
    pub fn renew(&self, credentials: Credentials) {
        self.provider.renew(credentials);
    }

    /// Sees to it that there are keys which have not expired: before any request.
    pub async fn ready(&self, now: Timestamp) -> Result<(), BucketError> {
        self.provider.ready(now).await
    }

    /// Renews the keys of an identity once they have lived half of their life. Tells when to come again;
    /// `None` where keys are given.
    pub async fn refresh(&self, now: Timestamp) -> Result<Option<Timestamp>, BucketError> {
        self.provider.refresh(now).await
    }

    /// The URL of the object `key` for the tenant's application, as of `now`.
    pub fn url(&self, key: &str, now: Timestamp) -> Result<ObjectUrl, BucketError> {
        object_url(&self.config, self.keys().as_deref(), key, now)
    }

    /// A URL of the object `key` that opens it by itself, as of `now`.
    pub fn redirect_url(&self, key: &str, now: Timestamp) -> Result<ObjectUrl, BucketError> {
        redirect_url(&self.config, self.keys().as_deref(), key, now)
    }

    /// Whether PUTs carry `x-amz-checksum-sha256` (no longer, once the store has refused it).
    #[must_use]
    pub fn sends_checksum(&self) -> bool {
        !self.checksum_refused.load(Ordering::Relaxed)
    }

    /// Leaves `x-amz-checksum-sha256` out from now on.
    pub(super) fn refuse_checksum(&self) {
        self.checksum_refused.store(true, Ordering::Relaxed);
    }

    /// Takes over what an earlier handle learned of the store, if it was on the same bucket.
    pub fn learn_from(&self, earlier: &Self) {
        if earlier.config.identity() != self.config.identity() {
            return;
        }
        if !earlier.sends_checksum() {
            self.refuse_checksum();
        }
        if let Some(enforced) = earlier.checksum_enforced.get() {
            self.checksum_enforced.get_or_init(|| *enforced);
        }
    }

    /// Turns the SDK's error into ours, and remembers a refused checksum header.
    pub(super) fn failure<E>(
        &self,
        operation: Operation,
        checksum: bool,
        error: SdkError<E, HttpResponse>,
    ) -> BucketError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let failure = match &error {
            SdkError::ServiceError(service) => {
                let raw = service.raw();
                let meta = service.err().meta();
                Answer {
                    operation,
                    status: raw.status().as_u16(),
                    code: meta.code(),
                    message: meta.message().unwrap_or_default(),
                    body: raw
                        .body()
                        .bytes()
                        .and_then(|bytes| std::str::from_utf8(bytes).ok())
                        .unwrap_or_default(),
                    bucket_region: raw.headers().get("x-amz-bucket-region"),
                    signed_region: self.address.region(),
                    encryption: operation == Operation::Put
                        && self.config.encryption != Encryption::None,
                    checksum,
                    temporary: self.keys().is_none_or(|keys| keys.session_token.is_some()),
                }
                .classify()
            }
            SdkError::ResponseError(_) => BucketError::Answer("it broke off or is no xml"),
            SdkError::TimeoutError(_) => BucketError::Timeout("an answer was awaited"),
            SdkError::ConstructionFailure(_) => {
                BucketError::Configuration("the request can not be built or signed")
            }
            _ => BucketError::network(error.into_source().unwrap_or_else(|_| "unknown".into())),
        };
        if matches!(failure, BucketError::ChecksumHeaderRefused { .. }) {
            self.refuse_checksum();
        }
        if failure.reason() == Reason::CredentialsExpired {
            self.provider.reject();
        }
        failure
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The SDK's client: one attempt (a streaming body can't be replayed), no checksum of its own (it
/// would be a trailer, which R2 and others refuse beside ours), and no time-outs but ours.
fn client(address: &Address, provider: Provider, transport: Transport) -> Client {
    let settings = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(transport)
        .region(Region::new(address.region().to_owned()))
        // The SDK joins a path of the endpoint to the bucket only over a slash at its end.
        .endpoint_url(format!("{}/", address.endpoint()))
        .force_path_style(address.is_path_style())
        .credentials_provider(provider)
        .identity_cache(IdentityCache::no_cache())
        .disable_s3_express_session_auth(true)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    Client::from_conf(settings)
}
