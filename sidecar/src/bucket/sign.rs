//! Query-string signatures (version 4), made without any I/O so that a URL costs only hashing.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as SigningKey;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use jiff::Timestamp;

use super::config::Credentials;
use super::error::BucketError;

/// Signs a GET of `url` at a time and for a while.
pub(super) fn presign(
    url: &str,
    region: &str,
    credentials: &Credentials,
    (signed_at, expires_in): (Timestamp, Duration),
) -> Result<String, BucketError> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(expires_in);
    let identity: Identity = signing_key(credentials).into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(SystemTime::from(signed_at))
        .settings(settings)
        .build()
        .map_err(|_| UNSIGNABLE)?
        .into();
    let headers = std::iter::empty::<(&str, &str)>();
    let request = SignableRequest::new("GET", url, headers, SignableBody::UnsignedPayload)
        .map_err(|_| UNSIGNABLE)?;
    let (instructions, _signature) = sign(request, &params).map_err(|_| UNSIGNABLE)?.into_parts();
    let mut request = http::Request::get(url).body(()).map_err(|_| UNSIGNABLE)?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.uri().to_string())
}

/// The key pair in the form that the SDK takes.
pub(super) fn signing_key(credentials: &Credentials) -> SigningKey {
    SigningKey::new(
        credentials.access_key_id.clone(),
        credentials.secret_access_key.clone(),
        credentials.session_token.clone(),
        credentials.expires_at.map(SystemTime::from),
        "tenant-storage",
    )
}

/// The cause is left out on purpose: it could name the URL or the key.
const UNSIGNABLE: BucketError = BucketError::Configuration("the object's URL can not be signed");
