//! A `TenantStorage` and what it names, resolved to a bucket.

use std::sync::Arc;

use titan_crds::{
    Reason, TenantStorage, TenantStorageSpec,
    report::BUCKET_ANNOTATION,
    tenant_storage::{self, EncryptionType, UrlMode as Mode},
};
use url::Url;

use super::{access, lookup::Lookup, secrets::Missing, session::Storage};
use crate::{
    bucket::{Addressing, BucketConfig, Encryption, UrlMode},
    net,
};

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
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let found = match access::find(spec, endpoint, (namespace, name), lookup) {
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
        access: found.access,
    })))
}

/// A fault in words, where it must not end the program: the cluster's rules let only an address
/// through that is no URL after all.
pub(super) fn unusable((field, message): Fault) -> Missing {
    Missing::other(Reason::EndpointNotAllowed, format!("{field} {message}"))
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

/// Why a bundle is of no use.
pub(super) fn check_ca(pem: &[u8]) -> Result<(), String> {
    let usable = net::tls_config(Some(pem));
    usable.map(|_| ()).map_err(|error| error.to_string())
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
