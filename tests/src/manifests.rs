//! The documents that a tenant admin applies, as YAML files in a folder.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

/// One Kubernetes document under construction.
#[derive(Debug, Clone)]
pub struct Document(Value);

// === impl Document ===

impl Document {
    /// A `TenantStorage` on a path-style `endpoint`, with its credentials in `secret`.
    #[must_use]
    pub fn storage(
        namespace: &str,
        name: &str,
        endpoint: &str,
        bucket: &str,
        secret: &str,
    ) -> Self {
        Self::resource("TenantStorage", namespace, name)
            .spec("endpoint", endpoint)
            .spec("region", "us-east-1")
            .spec("bucket", bucket)
            .spec("credentials", json!({"secretRef": {"name": secret}}))
    }

    /// A `MediaSession` whose API keys are in `keys`.
    #[must_use]
    pub fn session(namespace: &str, name: &str, keys: &str) -> Self {
        Self::resource("MediaSession", namespace, name)
            .spec("auth", json!({"apiKeysSecretRef": {"name": keys}}))
    }

    /// An Opaque `Secret` with plain values.
    #[must_use]
    pub fn secret(namespace: &str, name: &str, values: &[(&str, &str)]) -> Self {
        let data: Map<_, _> = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect();
        Self(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "type": "Opaque",
            "stringData": data,
        }))
    }

    /// Sets a field of `spec`, named by a path with dots; `null` removes it.
    #[must_use]
    pub fn spec(mut self, path: &str, value: impl Into<Value>) -> Self {
        let mut at = &mut self.0["spec"];
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            if at.is_null() {
                *at = json!({});
            }
            if names.peek().is_none() {
                let value = value.into();
                let fields = at.as_object_mut().unwrap();
                if value.is_null() {
                    fields.remove(name);
                } else {
                    fields.insert(name.to_owned(), value);
                }
                break;
            }
            at = &mut at[name];
        }
        self
    }

    /// Adds a webhook endpoint for all events, signed with the `key` of Secret `secret`.
    #[must_use]
    pub fn webhook(mut self, url: &str, secret: Option<&str>) -> Self {
        let mut hook = json!({"url": url});
        if let Some(name) = secret {
            hook["hmacKeySecretRef"] = json!({"name": name, "key": "key"});
        }
        hook["retries"] = json!({"attempts": 100, "delaySeconds": 1, "maxDelay": "2s"});
        let hooks = &mut self.0["spec"]["webhooks"];
        if hooks.is_null() {
            *hooks = json!([]);
        }
        hooks.as_array_mut().unwrap().push(hook);
        self
    }

    /// Sets a field anywhere, by JSON pointer to its parent and its name.
    #[must_use]
    pub fn with(mut self, parent: &str, name: &str, value: impl Into<Value>) -> Self {
        self.0.pointer_mut(parent).unwrap()[name] = value.into();
        self
    }

    fn resource(kind: &str, namespace: &str, name: &str) -> Self {
        Self(json!({
            "apiVersion": "titan.media/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {},
        }))
    }

    fn file_name(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_ascii_lowercase();
        let metadata = &self.0["metadata"];
        format!(
            "{}.{}.{}.yaml",
            text(&self.0["kind"]),
            text(&metadata["namespace"]),
            text(&metadata["name"])
        )
    }
}

/// Writes each document to a file of its own in `folder`, replacing an older one atomically.
pub fn write(folder: &Path, documents: &[Document]) -> io::Result<()> {
    for document in documents {
        let text = serde_saphyr::to_string(&document.0).map_err(io::Error::other)?;
        let draft = folder.join(".draft");
        fs::write(&draft, text)?;
        fs::rename(&draft, folder.join(document.file_name()))?;
    }
    Ok(())
}

/// Removes a document's file, as `kubectl delete` would remove the object.
pub fn remove(folder: &Path, document: &Document) -> io::Result<()> {
    fs::remove_file(folder.join(document.file_name()))
}
