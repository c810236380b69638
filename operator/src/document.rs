//! The two documents that a session's pod reads: the objects as `kubectl apply` takes them, never their status.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};
use titan_crds::{
    MediaSessionSpec, TenantStorage, TenantStorageSpec, report::BUCKET_ANNOTATION, schema,
};

/// Key of the session's document in the ConfigMap.
pub const SESSION: &str = "session.yaml";
/// Key of the storage's document in the ConfigMap.
pub const STORAGE: &str = "storage.yaml";

/// Why an object has no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It can't be written.
    #[error("document of {kind} {name:?}")]
    Write {
        /// Kind of the object.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What the serializer said.
        #[source]
        source: Box<serde_saphyr::SerializeError>,
    },
    /// The one in the ConfigMap can't be read.
    #[error("{STORAGE} of the ConfigMap can't be read")]
    Read(#[source] Box<serde_saphyr::Error>),
}

/// Whose document it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.creationTimestamp`; none in a document that an earlier operator wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Time>,
    /// The one annotation that travels: the bucket that was found first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<S> {
    api_version: String,
    kind: String,
    metadata: Identity,
    spec: S,
}

/// A storage as a pod reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageDocument {
    /// The YAML.
    pub text: String,
    /// Which object it speaks of.
    pub id: Identity,
    /// Its spec.
    pub spec: TenantStorageSpec,
    /// Address of the S3 service where the status alone knows it, because the credentials Secret names it.
    pub endpoint: Option<String>,
}

// === impl Identity ===

impl Identity {
    /// The identity of an object that the API server holds.
    ///
    /// # Errors
    /// The field that the object lacks: it was never on an API server.
    pub fn of(metadata: &kube::core::ObjectMeta) -> Result<Self, &'static str> {
        Ok(Self {
            name: metadata.name.clone().ok_or("metadata.name")?,
            namespace: metadata.namespace.clone().ok_or("metadata.namespace")?,
            uid: metadata.uid.clone().ok_or("metadata.uid")?,
            generation: metadata.generation.ok_or("metadata.generation")?,
            creation_timestamp: metadata.creation_timestamp.clone(),
            annotations: BTreeMap::new(),
        })
    }
}

/// The document of a session.
///
/// # Errors
/// [`DocumentError::Write`].
pub fn session(id: &Identity, spec: &MediaSessionSpec) -> Result<String, DocumentError> {
    write("MediaSession", id, spec)
}

// === impl StorageDocument ===

impl StorageDocument {
    /// The document of a storage, with the bucket that its status recorded where only the Secret names it.
    ///
    /// # Errors
    /// [`DocumentError::Write`].
    pub fn of(mut id: Identity, object: &TenantStorage) -> Result<Self, DocumentError> {
        let status = object.status.as_ref();
        let recorded = status.and_then(|status| status.bucket.clone());
        if let (None, Some(bucket)) = (&object.spec.bucket, recorded) {
            id.annotations.insert(BUCKET_ANNOTATION.to_owned(), bucket);
        }
        Ok(Self {
            text: write("TenantStorage", &id, &object.spec)?,
            id,
            spec: object.spec.clone(),
            endpoint: status.and_then(|status| status.endpoint.clone()),
        })
    }

    /// The document as it stands in a ConfigMap. Its text is kept to the letter, so that what is built from it is
    /// what was built before.
    ///
    /// # Errors
    /// [`DocumentError::Read`].
    pub fn read(text: &str) -> Result<Self, DocumentError> {
        let document: Document<TenantStorageSpec> =
            serde_saphyr::from_str(text).map_err(|source| DocumentError::Read(Box::new(source)))?;
        Ok(Self {
            text: text.to_owned(),
            id: document.metadata,
            spec: document.spec,
            endpoint: None,
        })
    }
}

fn write(
    kind: &'static str,
    id: &Identity,
    spec: &impl Serialize,
) -> Result<String, DocumentError> {
    let document = Document {
        api_version: schema::API_VERSION.to_owned(),
        kind: kind.to_owned(),
        metadata: id.clone(),
        spec,
    };
    serde_saphyr::to_string(&document).map_err(|source| DocumentError::Write {
        kind,
        name: id.name.clone(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn id() -> Identity {
        Identity {
            name: "acme".to_owned(),
            namespace: "acme".to_owned(),
            uid: "5a9cbd2e-0000-4000-8000-000000000001".to_owned(),
            generation: 3,
            creation_timestamp: Some(Time(Timestamp::UNIX_EPOCH)),
            annotations: BTreeMap::new(),
        }
    }

    /// A header may hold any printable text, and YAML reads many texts as something else.
    #[test]
    fn texts_that_yaml_could_mistake_come_back_as_they_were() {
        let texts = [
            "no",
            "null",
            "~",
            "1e3",
            "0x1F",
            "1_000",
            "- a",
            "a: b",
            "# c",
            "'q\"",
            "{x}",
            "",
            " a ",
            "!t",
            "&a",
            "*a",
            "%",
            "@x",
            "`",
            "2026-01-01",
            ".5",
            "\\n",
            "a\tb",
            "|",
            ">",
            "true",
            "---",
        ];
        let headers: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| serde_json::json!({"name": format!("X-{index}"), "value": text}))
            .collect();
        let spec: MediaSessionSpec = serde_json::from_value(serde_json::json!({
            "webhooks": [{"url": "https://app.acme.com", "headers": headers}]
        }))
        .unwrap();
        let text = session(&id(), &spec).unwrap();
        let read: Document<MediaSessionSpec> = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read.spec, spec, "{text}");
        assert_eq!(read.metadata, id());
    }

    #[test]
    fn the_recorded_bucket_travels_where_the_spec_names_none() {
        let object = |bucket: Option<&str>| -> TenantStorage {
            serde_json::from_value(serde_json::json!({
                "apiVersion": schema::API_VERSION, "kind": "TenantStorage", "metadata": {},
                "spec": {"bucket": bucket, "credentials": {"secretRef": {"name": "s3"}}},
                "status": {"bucket": "found", "endpoint": "https://minio:9000"}
            }))
            .unwrap()
        };
        let found = StorageDocument::of(id(), &object(None)).unwrap();
        assert!(
            found.text.contains("titan.media/bucket: found"),
            "{}",
            found.text
        );
        assert!(!found.text.contains("status"));
        let named = StorageDocument::of(id(), &object(Some("named"))).unwrap();
        assert!(named.id.annotations.is_empty());
        let read = StorageDocument::read(&found.text).unwrap();
        assert_eq!(
            (read.id, read.spec, read.text),
            (found.id, found.spec, found.text)
        );
    }
}
