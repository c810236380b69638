//! The objects that manifests hold: the same YAML that `kubectl apply` takes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use titan_crds::{
    MediaSession, TenantStorage,
    schema::{self, Kind},
};

use super::error::ConfigError;
use crate::message::SessionKey;

/// The namespace of a document that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// Every object found, with where it stood.
#[derive(Debug, Default)]
pub struct Documents {
    /// `TenantStorage` objects by namespace and name.
    pub storages: BTreeMap<(String, String), TenantStorage>,
    /// `MediaSession` objects, in the order found.
    pub sessions: Vec<MediaSession>,
    /// `Secret` objects by namespace and name: their decoded data.
    pub secrets: BTreeMap<(String, String), BTreeMap<String, Vec<u8>>>,
    /// `ConfigMap` objects by namespace and name (private CAs).
    pub config_maps: BTreeMap<(String, String), BTreeMap<String, String>>,
    /// File and document of a resource by kind, namespace and name.
    places: BTreeMap<(&'static str, String, String), (PathBuf, usize)>,
}

/// Who vouches for the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Nobody (standalone): every rule is checked, and an unknown field, likely a typing error, is
    /// refused.
    RefuseUnknown,
    /// The cluster (in a pod): no rule is checked again, and an unknown field is ignored, since an
    /// older sidecar may run under a newer resource.
    IgnoreUnknown,
}

impl Documents {
    /// Reads files, and the YAML files of folders, in the order given.
    ///
    /// # Errors
    ///
    /// Names the file, the document in it (from 1) and the field.
    pub fn read(paths: &[PathBuf], strictness: Strictness) -> Result<Self, ConfigError> {
        let mut documents = Self::default();
        for path in paths {
            for file in files(path)? {
                documents.read_file(&file, strictness)?;
            }
        }
        Ok(documents)
    }

    /// What is wrong with a field of a resource in the light of other documents.
    #[must_use]
    pub(super) fn wrong(
        &self,
        kind: &'static str,
        (namespace, name): (&str, &str),
        field: &str,
        message: String,
    ) -> ConfigError {
        let id = (kind, namespace.to_owned(), name.to_owned());
        let object = format!("{kind} {namespace}/{name}");
        match self.places.get(&id) {
            Some((file, document)) => ConfigError::Field {
                file: file.clone(),
                document: *document,
                field: format!("{object}: {field}"),
                message,
            },
            None => ConfigError::Whole(format!("{object}: {field}: {message}")),
        }
    }

    fn keep_place(&mut self, kind: &'static str, id: &(String, String), place: &Place<'_>) {
        let (namespace, name) = id.clone();
        let stands = (place.file.to_owned(), place.document);
        self.places.insert((kind, namespace, name), stands);
    }

    fn read_file(&mut self, file: &Path, strictness: Strictness) -> Result<(), ConfigError> {
        let text = fs::read_to_string(file).map_err(|source| ConfigError::Read {
            path: file.to_owned(),
            source,
        })?;
        let values: Vec<Value> =
            serde_saphyr::from_multiple(&text).map_err(|error| ConfigError::Yaml {
                file: file.to_owned(),
                // The lines around a fault may hold a secret.
                message: error.without_snippet().to_string(),
            })?;
        for (index, value) in values.into_iter().enumerate() {
            if value.is_null() {
                continue;
            }
            let place = Place {
                file,
                document: index + 1,
            };
            self.take(value, &place, strictness)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        value: Value,
        place: &Place<'_>,
        strictness: Strictness,
    ) -> Result<(), ConfigError> {
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
        match (text("apiVersion"), text("kind")) {
            ("titan.media/v1alpha1", "TenantStorage") => {
                let storage: TenantStorage =
                    place.resource(value, Kind::TenantStorage, strictness)?;
                let id = place.identity(&storage.metadata)?;
                self.keep_place("TenantStorage", &id, place);
                if self.storages.insert(id, storage).is_some() {
                    return Err(place.field("metadata.name", "another document has this name"));
                }
            }
            ("titan.media/v1alpha1", "MediaSession") => {
                let session: MediaSession =
                    place.resource(value, Kind::MediaSession, strictness)?;
                let id = place.identity(&session.metadata)?;
                self.keep_place("MediaSession", &id, place);
                self.sessions.push(session);
            }
            ("v1", "Secret") => {
                let id = place.identity_of(&value)?;
                let data = place.secret_data(&value)?;
                self.secrets.insert(id, data);
            }
            ("v1", "ConfigMap") => {
                let id = place.identity_of(&value)?;
                self.config_maps.insert(id, strings(value.get("data")));
            }
            (version, kind) => {
                return Err(place.field(
                    "kind",
                    &format!(
                        "{version} {kind:?} is not read here; expected TenantStorage or \
                         MediaSession of titan.media/v1alpha1, or a v1 Secret or ConfigMap"
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Where a document stands, for messages.
struct Place<'a> {
    file: &'a Path,
    document: usize,
}

impl Place<'_> {
    fn field(&self, field: &str, why: &str) -> ConfigError {
        ConfigError::Field {
            file: self.file.to_owned(),
            document: self.document,
            field: field.to_owned(),
            message: why.to_owned(),
        }
    }

    fn resource<T: serde::de::DeserializeOwned>(
        &self,
        value: Value,
        kind: Kind,
        strictness: Strictness,
    ) -> Result<T, ConfigError> {
        // What comes out of a cluster has been validated there, by the rules of its own version.
        if strictness == Strictness::IgnoreUnknown {
            return serde_json::from_value(value)
                .map_err(|error| self.field("spec", &error.to_string()));
        }
        if let Some(path) = schema::unknown_fields(kind, &value).first() {
            return Err(self.field(path, "unknown field"));
        }
        if let Err(errors) = schema::validate(kind, &value)
            && let Some(error) = errors.first()
        {
            return Err(self.field(&error.path, &error.message));
        }
        serde_json::from_value(value).map_err(|error| self.field("spec", &error.to_string()))
    }

    fn identity(
        &self,
        metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    ) -> Result<(String, String), ConfigError> {
        let name = metadata
            .name
            .clone()
            .ok_or_else(|| self.field("metadata.name", "is missing"))?;
        let namespace = metadata
            .namespace
            .clone()
            .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
        Ok((namespace, name))
    }

    fn identity_of(&self, value: &Value) -> Result<(String, String), ConfigError> {
        let metadata = value.get("metadata").cloned().unwrap_or_default();
        let metadata = serde_json::from_value(metadata)
            .map_err(|error| self.field("metadata", &error.to_string()))?;
        self.identity(&metadata)
    }

    fn secret_data(&self, value: &Value) -> Result<BTreeMap<String, Vec<u8>>, ConfigError> {
        let mut data = BTreeMap::new();
        for (key, encoded) in strings(value.get("data")) {
            let decoded = BASE64_STANDARD
                .decode(encoded.trim())
                .map_err(|_| self.field(&format!("data.{key}"), "is not base64"))?;
            data.insert(key, decoded);
        }
        for (key, plain) in strings(value.get("stringData")) {
            data.insert(key, plain.into_bytes());
        }
        Ok(data)
    }
}

fn strings(object: Option<&Value>) -> BTreeMap<String, String> {
    object
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// The namespace an object is in.
#[must_use]
pub(super) fn namespace_of(
    metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
) -> String {
    metadata
        .namespace
        .clone()
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}

/// Tenant and API name of a session.
pub(super) fn key_of(object: &MediaSession) -> SessionKey {
    SessionKey {
        tenant: namespace_of(&object.metadata),
        session: object.api_name().to_owned(),
    }
}

/// A file as it is; the `*.yaml`, `*.yml` and `*.json` files of a folder, by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let read = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(read)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(read)? {
        let file = entry.map_err(read)?.path();
        let is_manifest = file
            .extension()
            .is_some_and(|ext| ext == "yaml" || ext == "yml" || ext == "json");
        // `is_file` follows links: the files of a mounted ConfigMap are links.
        if is_manifest && file.is_file() {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}
