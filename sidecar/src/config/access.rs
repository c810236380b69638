//! What opens a bucket: keys in a Secret, which may tell of the bucket too, or an identity.

use std::collections::BTreeMap;

use jiff::Timestamp;
use titan_crds::{
    Reason, TenantStorageSpec,
    tenant_storage::{CredentialsSecretRef, Identity as IdentitySpec},
};
use url::Url;

use super::{
    cosi,
    lookup::Lookup,
    secrets::{Missing, SecretValue},
    storage::check_ca,
};
use crate::bucket::{Access, Addressing, Credentials, Identity};

/// Names under which tools write an access key id into a Secret.
const ACCESS_KEY_ID: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "accessKeyId",
    "accessKeyID",
    "access_key_id",
    "access-key-id",
    "accesskey",
    "access-key",
    "accessKey",
    cosi::ACCESS_KEY_ID,
];
const SECRET_ACCESS_KEY: &[&str] = &[
    "AWS_SECRET_ACCESS_KEY",
    "secretAccessKey",
    "accessSecretKey",
    "secret_access_key",
    "secret-access-key",
    "secretkey",
    "secret-key",
    "secretKey",
    cosi::SECRET_ACCESS_KEY,
];
const SESSION_TOKEN: &[&str] = &["AWS_SESSION_TOKEN", "sessionToken", "session_token"];
const EXPIRATION: &[&str] = &["AWS_CREDENTIAL_EXPIRATION", "expiration", "Expiration"];
const BUCKET: &[&str] = &[
    "bucket",
    "BUCKET",
    "BUCKET_NAME",
    "bucketName",
    cosi::BUCKET,
];
const ENDPOINT: &[&str] = &[
    "endpoint",
    "ENDPOINT",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    cosi::ENDPOINT,
];
const REGION: &[&str] = &[
    "region",
    "REGION",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    cosi::REGION,
];

/// What the spec says, and where it is silent the Secret.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) access: Access,
    pub(super) bucket: String,
    pub(super) endpoint: Option<Url>,
    pub(super) region: Option<String>,
    pub(super) addressing: Addressing,
    pub(super) ca: Option<Vec<u8>>,
}

/// Looks for all that opens the bucket of `storage` (namespace and name).
///
/// # Errors
///
/// [`Missing`], naming Secret and key, or what the identity lacks.
pub(super) fn find(
    spec: &TenantStorageSpec,
    endpoint: Option<Url>,
    storage: (&str, &str),
    lookup: &Lookup<'_>,
) -> Result<Found, Missing> {
    match (&spec.credentials.secret_ref, &spec.credentials.identity) {
        (Some(reference), _) => from_secret(spec, reference, endpoint, storage.0, lookup),
        (None, Some(identity)) => Ok(Found {
            access: Access::Identity(from_identity(identity, storage, lookup)?),
            // The resource's rules ask for it where no Secret can tell.
            bucket: spec.bucket.clone().unwrap_or_default(),
            endpoint,
            region: spec.region.clone(),
            addressing: Addressing::Auto,
            ca: None,
        }),
        (None, None) => {
            let message = "spec.credentials has neither secretRef nor identity".to_owned();
            Err(Missing::other(Reason::SecretNotFound, message))
        }
    }
}

fn from_identity(
    identity: &IdentitySpec,
    (namespace, name): (&str, &str),
    lookup: &Lookup<'_>,
) -> Result<Identity, Missing> {
    let refused = |message: &str| Missing::other(Reason::IdentityRefused, message.to_owned());
    let token_file = lookup.identity.token_file.clone().ok_or_else(|| {
        refused(
            "spec.credentials.identity needs a token, and AWS_WEB_IDENTITY_TOKEN_FILE \
             (--web-identity-token-file) names none: set identity.audience, or let the platform's \
             webhook put one into the pod",
        )
    })?;
    let sts_endpoint = identity.sts_endpoint.as_deref().map(Url::parse).transpose();
    let role_arn = identity.role_arn.clone();
    Ok(Identity {
        token_file,
        role_arn: role_arn.or_else(|| lookup.identity.role_arn.clone()),
        session_name: session_name(namespace, name),
        sts_endpoint: sts_endpoint
            .map_err(|_| refused("spec.credentials.identity.stsEndpoint is not a URL"))?,
    })
}

/// Namespaces and names have only letters that a session's name may have; 64 is the most.
fn session_name(namespace: &str, name: &str) -> String {
    let whole = format!("titan-media.{namespace}.{name}");
    whole.chars().take(64).collect()
}

fn from_secret(
    spec: &TenantStorageSpec,
    reference: &CredentialsSecretRef,
    endpoint: Option<Url>,
    namespace: &str,
    lookup: &Lookup<'_>,
) -> Result<Found, Missing> {
    let name = &reference.name;
    let secret = lookup
        .secrets
        .all(namespace, name)
        .ok_or_else(|| Missing::secret(name))?;
    let secret = cosi::expand(name, secret)?;
    let credentials = credentials(reference, &secret)?;
    let found = |names: &[&str]| {
        let text = usual(&secret, names).and_then(SecretValue::text);
        text.filter(|text| !text.is_empty())
    };
    let bucket = spec.bucket.as_deref().or_else(|| found(BUCKET));
    let bucket = bucket.ok_or_else(|| Missing::key(name, "bucket"))?;
    let endpoint = match (endpoint, found(ENDPOINT)) {
        (Some(endpoint), _) => Some(endpoint),
        (None, None) => None,
        (None, Some(text)) => Some(Url::parse(text).map_err(|error| {
            Missing::invalid(name, "endpoint", &format!("is not a URL: {error}"))
        })?),
    };
    let region = spec.region.as_deref().or_else(|| found(REGION));
    if endpoint.is_none() && region.is_none() {
        return Err(Missing::key(name, "region"));
    }
    Ok(Found {
        access: Access::Keys(credentials),
        bucket: bucket.to_owned(),
        endpoint,
        region: region.map(str::to_owned),
        addressing: match found(&[cosi::ADDRESSING_STYLE]) {
            Some("path") => Addressing::Path,
            Some("virtual") => Addressing::VirtualHosted,
            _ => Addressing::Auto,
        },
        ca: secret_ca(name, &secret)?,
    })
}

/// The CA that the Secret brings with the store's address.
fn secret_ca(
    name: &str,
    secret: &BTreeMap<String, SecretValue>,
) -> Result<Option<Vec<u8>>, Missing> {
    const KEY: &str = cosi::CERTIFICATE_AUTHORITY;
    let value = secret.get(KEY).map(SecretValue::bytes);
    let Some(pem) = value.filter(|pem| !pem.trim_ascii().is_empty()) else {
        return Ok(None);
    };
    check_ca(pem).map_err(|why| Missing::invalid(name, KEY, &why))?;
    Ok(Some(pem.to_vec()))
}

fn usual<'a>(secret: &'a BTreeMap<String, SecretValue>, names: &[&str]) -> Option<&'a SecretValue> {
    names.iter().find_map(|name| secret.get(*name))
}

fn credentials(
    reference: &CredentialsSecretRef,
    secret: &BTreeMap<String, SecretValue>,
) -> Result<Credentials, Missing> {
    let optional = |named: &Option<String>, names: &[&str]| match named {
        Some(key) => secret.get(key),
        None => usual(secret, names),
    };
    let value = |named: &Option<String>, names: &[&str]| {
        let text = optional(named, names).and_then(SecretValue::text);
        let key = named
            .as_deref()
            .or_else(|| names.first().copied())
            .unwrap_or_default();
        text.filter(|text| !text.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| Missing::key(&reference.name, key))
    };
    let session_token = match &reference.session_token {
        Some(_) => Some(value(&reference.session_token, SESSION_TOKEN)?),
        None => value(&None, SESSION_TOKEN).ok(),
    };
    let expires_at = match session_token {
        Some(_) => expiration(&reference.name, secret)?,
        None => None,
    };
    Ok(Credentials {
        access_key_id: value(&reference.access_key_id, ACCESS_KEY_ID)?,
        secret_access_key: value(&reference.secret_access_key, SECRET_ACCESS_KEY)?,
        session_token,
        expires_at,
    })
}

/// When temporary keys end, where their Secret tells.
fn expiration(
    name: &str,
    secret: &BTreeMap<String, SecretValue>,
) -> Result<Option<Timestamp>, Missing> {
    let mut told = EXPIRATION.iter().filter_map(|key| {
        let text = secret.get(*key)?.text()?;
        // Tools that write no end leave its key empty.
        (!text.is_empty()).then_some((key, text))
    });
    let Some((key, text)) = told.next() else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let why = "is no time in the form 2026-01-02T03:04:05Z";
        Missing::invalid(name, key, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_end_is_none_and_a_wrong_one_is_named() {
        let told = |text: &str| {
            let secret = [("expiration".to_owned(), SecretValue::from(text.to_owned()))];
            expiration("acme-s3", &BTreeMap::from(secret))
        };
        assert_eq!(told(" \n"), Ok(None));
        let end = "2026-01-02T03:04:05Z";
        assert_eq!(told(end), Ok(Some(end.parse().unwrap())));
        let missing = told("soon").unwrap_err();
        assert!(missing.message.contains("expiration"), "{missing:?}");
    }
}
