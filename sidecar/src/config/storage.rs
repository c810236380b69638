//! A `TenantStorage` and its Secret, resolved to a bucket.

use std::{collections::BTreeMap, sync::Arc};

use titan_crds::{
    TenantStorageSpec,
    tenant_storage::{self, CredentialsSecretRef, EncryptionType, UrlMode as Mode},
};
use url::Url;

use super::{
    documents::Documents,
    secrets::{Missing, SecretValue, Secrets},
    session::Storage,
};
use crate::bucket::{Addressing, BucketConfig, Credentials, Encryption, UrlMode};

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
];
const SESSION_TOKEN: &[&str] = &["AWS_SESSION_TOKEN", "sessionToken", "session_token"];
const BUCKET: &[&str] = &["bucket", "BUCKET", "BUCKET_NAME", "bucketName"];
const ENDPOINT: &[&str] = &[
    "endpoint",
    "ENDPOINT",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
];
const REGION: &[&str] = &["region", "REGION", "AWS_REGION", "AWS_DEFAULT_REGION"];

/// Resolves a storage. A Secret that is not there is no failure of the program: it is named, and
/// records wait.
///
/// # Errors
///
/// A field and what is wrong with it: a value that no bucket can be made of.
pub(super) fn resolve(
    spec: &TenantStorageSpec,
    namespace: &str,
    documents: &Documents,
    secrets: &Secrets<'_>,
) -> Result<Storage, (String, String)> {
    let Some(reference) = &spec.credentials.secret_ref else {
        return Ok(Storage::Unusable {
            reason: "Unsupported",
            message: "spec.credentials.identity is not supported yet".to_owned(),
        });
    };
    let Some(secret) = secrets.all(namespace, &reference.name) else {
        return Ok(unusable(Missing::secret(&reference.name)));
    };
    let credentials = match credentials(reference, &secret) {
        Ok(credentials) => credentials,
        Err(missing) => return Ok(unusable(missing)),
    };
    let ca = match ca_bundle(spec, namespace, documents, secrets) {
        Ok(ca) => ca,
        Err(missing) => return Ok(unusable(missing)),
    };
    let found = |names: &[&str]| usual(&secret, names).and_then(SecretValue::text);
    let Some(bucket) = spec.bucket.as_deref().or_else(|| found(BUCKET)) else {
        return Ok(unusable(Missing::key(&reference.name, "bucket")));
    };
    let endpoint = spec.endpoint.as_deref().or_else(|| found(ENDPOINT));
    let region = spec.region.as_deref().or_else(|| found(REGION));
    if endpoint.is_none() && region.is_none() {
        return Ok(unusable(Missing::key(&reference.name, "region")));
    }
    let url = spec.url();
    Ok(Storage::Ready(Arc::new(BucketConfig {
        endpoint: parse_url("spec.endpoint", endpoint)?,
        region: region.map(str::to_owned),
        bucket: bucket.to_owned(),
        prefix: spec.prefix().to_owned(),
        addressing: addressing(spec),
        url: url_mode(&url)?,
        public_endpoint: parse_url("spec.url.publicEndpoint", url.public_endpoint.as_deref())?,
        key_template: spec.key_template().to_owned(),
        encryption: encryption(spec),
        storage_class: spec.storage_class.clone(),
        ca,
        credentials,
    })))
}

fn unusable(missing: Missing) -> Storage {
    Storage::Unusable {
        reason: missing.reason,
        message: missing.message,
    }
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
    Ok(Credentials {
        access_key_id: value(&reference.access_key_id, ACCESS_KEY_ID)?,
        secret_access_key: value(&reference.secret_access_key, SECRET_ACCESS_KEY)?,
        session_token: match &reference.session_token {
            Some(_) => Some(value(&reference.session_token, SESSION_TOKEN)?),
            None => value(&None, SESSION_TOKEN).ok(),
        },
        expires_at: None,
    })
}

fn ca_bundle(
    spec: &TenantStorageSpec,
    namespace: &str,
    documents: &Documents,
    secrets: &Secrets<'_>,
) -> Result<Option<Vec<u8>>, Missing> {
    let Some(bundle) = &spec.ca_bundle else {
        return Ok(None);
    };
    if let Some(reference) = &bundle.secret_ref {
        let value = secrets.get(namespace, &reference.name, &reference.key)?;
        return Ok(Some(value.bytes().to_vec()));
    }
    let Some(reference) = &bundle.config_map_ref else {
        return Ok(None);
    };
    let id = (namespace.to_owned(), reference.name.clone());
    documents
        .config_maps
        .get(&id)
        .and_then(|data| data.get(&reference.key))
        .map(|pem| Some(pem.clone().into_bytes()))
        .ok_or_else(|| Missing {
            reason: "ConfigMapNotFound",
            message: format!(
                "ConfigMap {:?} with key {:?} is not there",
                reference.name, reference.key
            ),
        })
}

fn addressing(spec: &TenantStorageSpec) -> Addressing {
    match spec.addressing() {
        tenant_storage::Addressing::Auto => Addressing::Auto,
        tenant_storage::Addressing::Path => Addressing::Path,
        tenant_storage::Addressing::VirtualHosted => Addressing::VirtualHosted,
    }
}

fn url_mode(url: &tenant_storage::StorageUrl) -> Result<UrlMode, (String, String)> {
    Ok(match url.mode() {
        Mode::Presigned => UrlMode::Presigned {
            expires_in: url.expires_in(),
        },
        Mode::Direct => UrlMode::Direct,
        Mode::Public => UrlMode::Public {
            base: parse_url("spec.url.publicBaseUrl", url.public_base_url.as_deref())?.ok_or_else(
                || {
                    let message = "is required with mode Public".to_owned();
                    ("spec.url.publicBaseUrl".to_owned(), message)
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

fn parse_url(field: &str, text: Option<&str>) -> Result<Option<Url>, (String, String)> {
    text.map(|text| {
        Url::parse(text).map_err(|error| (field.to_owned(), format!("is not a URL: {error}")))
    })
    .transpose()
}
