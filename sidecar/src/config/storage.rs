//! A `TenantStorage` and its Secret, resolved to a bucket.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use titan_crds::{
    Reason, TenantStorage, TenantStorageSpec,
    report::BUCKET_ANNOTATION,
    tenant_storage::{self, CredentialsSecretRef, EncryptionType, UrlMode as Mode},
};
use url::Url;

use super::{
    cosi,
    lookup::Lookup,
    secrets::{Missing, SecretValue},
    session::Storage,
};
use crate::{
    bucket::{Addressing, BucketConfig, Credentials, Encryption, UrlMode},
    net,
};

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

/// A field and what is wrong with it: a value that no bucket can be made of.
type Fault = (&'static str, String);

/// Resolves a storage. A Secret that is not there is no failure of the program: it is named, and
/// records wait.
///
/// # Errors
///
/// A field of the spec and what is wrong with it. What comes from the Secret is never an error.
pub(super) fn resolve(
    object: &TenantStorage,
    namespace: &str,
    lookup: &Lookup<'_>,
) -> Result<Storage, Fault> {
    let spec = &object.spec;
    let url = spec.url();
    let endpoint = parse_url("spec.endpoint", spec.endpoint.as_deref())?;
    let url_mode = url_mode(&url)?;
    let public_endpoint = parse_url("spec.url.publicEndpoint", url.public_endpoint.as_deref())?;
    let found = match from_secret(spec, endpoint, namespace, lookup) {
        Ok(found) => found,
        Err(missing) => return Ok(Storage::Unusable(missing)),
    };
    let ca = match ca_bundle(spec, namespace, lookup) {
        Ok(ca) => ca.or(found.ca),
        Err(missing) => return Ok(Storage::Unusable(missing)),
    };
    if let Some(changed) = bucket_changed(object, &found.bucket) {
        return Ok(Storage::Unusable(changed));
    }
    Ok(Storage::Ready(Arc::new(BucketConfig {
        endpoint: found.endpoint,
        region: found.region,
        bucket: found.bucket,
        prefix: spec.prefix().to_owned(),
        addressing: addressing(spec).unwrap_or(found.addressing),
        url: url_mode,
        public_endpoint,
        key_template: spec.key_template().to_owned(),
        encryption: encryption(spec),
        storage_class: spec.storage_class.clone(),
        ca,
        credentials: found.credentials,
    })))
}

/// A fault in words, where it must not end the program: the cluster's rules let only an address
/// through that is no URL after all.
pub(super) fn unusable((field, message): Fault) -> Missing {
    Missing::other(Reason::EndpointNotAllowed, format!("{field} {message}"))
}

/// What the spec says, and where it is silent the Secret.
struct Found {
    credentials: Credentials,
    bucket: String,
    endpoint: Option<Url>,
    region: Option<String>,
    addressing: Addressing,
    ca: Option<Vec<u8>>,
}

fn from_secret(
    spec: &TenantStorageSpec,
    endpoint: Option<Url>,
    namespace: &str,
    lookup: &Lookup<'_>,
) -> Result<Found, Missing> {
    let Some(reference) = &spec.credentials.secret_ref else {
        let message = "spec.credentials.identity is not supported yet".to_owned();
        return Err(Missing::other(Reason::Unsupported, message));
    };
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
        credentials,
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

fn check_ca(pem: &[u8]) -> Result<(), String> {
    let usable = net::tls_config(Some(pem));
    usable.map(|_| ()).map_err(|error| error.to_string())
}

/// Objects are found by bucket and key: a storage that silently went to another bucket would lose
/// all that is in the first.
fn bucket_changed(object: &TenantStorage, bucket: &str) -> Option<Missing> {
    let annotations = object.metadata.annotations.as_ref()?;
    let recorded = annotations.get(BUCKET_ANNOTATION)?;
    if recorded == bucket {
        return None;
    }
    let secret = object.spec.credentials.secret_ref.as_ref();
    Some(Missing {
        reason: Reason::BucketChanged,
        message: format!("the bucket was {recorded:?} and is now {bucket:?}"),
        secret: secret.map(|reference| reference.name.clone()),
    })
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
        Some((key, text))
    });
    let Some((key, text)) = told.next() else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let why = "is no time in the form 2026-01-02T03:04:05Z";
        Missing::invalid(name, key, why)
    })
}

/// The certificates, if they can be used: a broken bundle is told with its name.
fn ca_bundle(
    spec: &TenantStorageSpec,
    namespace: &str,
    lookup: &Lookup<'_>,
) -> Result<Option<Vec<u8>>, Missing> {
    let Some(bundle) = &spec.ca_bundle else {
        return Ok(None);
    };
    if let Some(reference) = &bundle.secret_ref {
        let (name, key) = (&reference.name, &reference.key);
        let pem = lookup.secrets.get(namespace, name, key)?.bytes().to_vec();
        check_ca(&pem).map_err(|why| Missing::invalid(name, key, &why))?;
        return Ok(Some(pem));
    }
    let Some(reference) = &bundle.config_map_ref else {
        return Ok(None);
    };
    let pem = lookup.config_maps.get(namespace, reference)?;
    check_ca(&pem).map_err(|why| {
        let (name, key) = (&reference.name, &reference.key);
        let message = format!("ConfigMap {name:?}, key {key:?}: {why}");
        Missing::other(Reason::TlsFailed, message)
    })?;
    Ok(Some(pem))
}

/// What the spec decides on.
fn addressing(spec: &TenantStorageSpec) -> Option<Addressing> {
    match spec.addressing() {
        tenant_storage::Addressing::Auto => None,
        tenant_storage::Addressing::Path => Some(Addressing::Path),
        tenant_storage::Addressing::VirtualHosted => Some(Addressing::VirtualHosted),
    }
}

fn url_mode(url: &tenant_storage::StorageUrl) -> Result<UrlMode, Fault> {
    Ok(match url.mode() {
        Mode::Presigned => UrlMode::Presigned {
            expires_in: url.expires_in(),
        },
        Mode::Direct => UrlMode::Direct,
        Mode::Public => UrlMode::Public {
            base: parse_url("spec.url.publicBaseUrl", url.public_base_url.as_deref())?.ok_or_else(
                || {
                    let message = "is required with mode Public".to_owned();
                    ("spec.url.publicBaseUrl", message)
                },
            )?,
        },
    })
}

fn encryption(spec: &TenantStorageSpec) -> Encryption {
    match spec.encryption_type() {
        EncryptionType::None => Encryption::None,
        EncryptionType::Aes256 => Encryption::Aes256,
        EncryptionType::Kms => Encryption::Kms {
            key_id: spec
                .encryption
                .as_ref()
                .and_then(|wanted| wanted.key_id.clone()),
        },
    }
}

fn parse_url(field: &'static str, text: Option<&str>) -> Result<Option<Url>, Fault> {
    text.map(|text| Url::parse(text).map_err(|error| (field, format!("is not a URL: {error}"))))
        .transpose()
}
