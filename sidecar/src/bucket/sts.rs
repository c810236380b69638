//! A token of a service account, exchanged for temporary keys: `AssumeRoleWithWebIdentity` of AWS STS,
//! which MinIO, Ceph and others speak too. The request is not signed: the token is what speaks.

use std::io::ErrorKind;
use std::time::Duration;

use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;
use tokio::time::timeout;
use url::Url;

use super::answer::is_word;
use super::config::{Credentials, Identity};
use super::error::BucketError;
use super::transport::Transport;

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest text of a token service that is shown, in characters.
const MESSAGE: usize = 200;

/// The token service of one identity.
#[derive(Debug)]
pub(super) struct TokenService {
    client: Client,
    identity: Identity,
}

// === impl TokenService ===

impl TokenService {
    /// A handle; no request is made. `region` is the bucket's.
    pub(super) fn new(identity: Identity, region: &str, transport: Transport) -> Self {
        let mut settings = aws_sdk_sts::Config::builder();
        settings.set_endpoint_url(identity.sts_endpoint.as_ref().map(Url::to_string));
        let settings = settings
            .behavior_version(BehaviorVersion::latest())
            .http_client(transport)
            .region(Region::new(region.to_owned()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(settings),
            identity,
        }
    }

    /// Fetches keys for the token as it is now. They live as long as the service decides.
    pub(super) async fn exchange(&self) -> Result<Credentials, BucketError> {
        let token = self.token().await?;
        let request = self
            .client
            .assume_role_with_web_identity()
            .set_role_arn(self.identity.role_arn.clone())
            .role_session_name(&self.identity.session_name)
            .web_identity_token(&token);
        let answer = timeout(PATIENCE, request.send()).await;
        let answer = answer.map_err(|_| BucketError::Timeout("the token service was asked"))?;
        let keys = answer
            .map_err(|error| failure(error, &token))?
            .credentials
            .ok_or(BucketError::Answer("the token service gave no keys"))?;
        let end = Timestamp::from_second(keys.expiration.secs());
        Ok(Credentials {
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key,
            session_token: Some(keys.session_token),
            expires_at: end.ok(),
        })
    }

    /// The kubelet renews the file, so it is read every time.
    async fn token(&self) -> Result<String, BucketError> {
        let path = &self.identity.token_file;
        let read = tokio::fs::read_to_string(path).await;
        let token = read.map_err(|error| {
            let path = path.display();
            refused(match error.kind() {
                ErrorKind::NotFound => format!("there is no token at {path}"),
                kind => format!("the token at {path} can't be read: {kind}"),
            })
        })?;
        Ok(token.trim().to_owned())
    }
}

fn refused(message: String) -> BucketError {
    BucketError::Identity(message)
}

/// What the service says is shown, since its code alone tells little: but for text that repeats a part
/// of the token.
fn failure<E>(
    error: SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
    token: &str,
) -> BucketError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let said: String = meta
                .message()
                .filter(|text| !token.split('.').any(|part| text.contains(part)))
                .unwrap_or_default()
                .chars()
                .filter(|letter| !letter.is_control())
                .take(MESSAGE)
                .collect();
            let status = service.raw().status().as_u16();
            let code = meta.code().filter(|code| is_word(code));
            let code = code.unwrap_or("without a code");
            refused(format!(
                "the token service answered {status} {code}: {said}"
            ))
        }
        SdkError::ResponseError(_) => BucketError::Answer("the token service's is no xml"),
        SdkError::TimeoutError(_) => BucketError::Timeout("the token service was asked"),
        SdkError::ConstructionFailure(_) => {
            BucketError::Configuration("the token service has no address")
        }
        error => BucketError::network(error.into_source().unwrap_or_else(|_| "unknown".into())),
    }
}
