//! The demo's folder: bucket, records, and the manifests that a tenant would apply.

use std::os::unix::fs::DirBuilderExt;
use std::{fs, io, path::PathBuf};

use url::Url;

/// The demo's bucket.
pub(super) const BUCKET: &str = "acme-media";

/// The bucket's access key id.
pub(super) const ACCESS_KEY_ID: &str = "demo";

/// A folder that is gone when the demo ends, and the secrets made for it.
#[derive(Debug)]
pub(super) struct Stage {
    dir: PathBuf,
    /// Secret key of the bucket.
    pub(super) secret_access_key: String,
    /// Signs webhooks.
    pub(super) hmac_key: String,
    /// Opens the API.
    pub(super) api_key: String,
}

impl Stage {
    /// Makes the folder.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub(super) fn new() -> io::Result<Self> {
        let dir = std::env::temp_dir().join(format!("titan-demo-{}", random()));
        // Secrets are in it: nobody else on the machine may look.
        fs::DirBuilder::new().mode(0o700).create(&dir)?;
        fs::create_dir_all(dir.join("manifests"))?;
        fs::create_dir_all(dir.join("bucket"))?;
        Ok(Self {
            dir,
            secret_access_key: random(),
            hmac_key: random(),
            api_key: format!("titan_{}", random()),
        })
    }

    /// Where the embedded bucket keeps its objects.
    #[must_use]
    pub(super) fn bucket_dir(&self) -> PathBuf {
        self.dir.join("bucket")
    }

    /// The sidecar's records.
    #[must_use]
    pub(super) fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// What a tenant would apply.
    #[must_use]
    pub(super) fn manifests(&self) -> PathBuf {
        self.dir.join("manifests")
    }

    /// Writes the manifests.
    ///
    /// # Errors
    ///
    /// When they can't be written.
    pub(super) fn write(&self, bucket: &Url, hooks: &Url) -> io::Result<()> {
        let text = format!(
            r#"apiVersion: v1
kind: Secret
metadata: {{name: acme, namespace: acme}}
stringData:
  accessKeyId: {ACCESS_KEY_ID}
  secretAccessKey: "{secret_access_key}"
  hmacKey: "{hmac_key}"
---
apiVersion: v1
kind: Secret
metadata: {{name: acme-api, namespace: acme}}
stringData:
  key: "{api_key}"
---
apiVersion: titan.media/v1alpha1
kind: TenantStorage
metadata: {{name: acme, namespace: acme}}
spec:
  endpoint: {endpoint}
  bucket: {BUCKET}
  prefix: whatsapp/
  credentials: {{secretRef: {{name: acme}}}}
---
apiVersion: titan.media/v1alpha1
kind: MediaSession
metadata: {{name: default, namespace: acme}}
spec:
  storageRef: {{name: acme}}
  auth: {{apiKeysSecretRef: {{name: acme-api}}}}
  webhooks:
    - url: {hooks}
      hmacKeySecretRef: {{name: acme, key: hmacKey}}
"#,
            secret_access_key = self.secret_access_key,
            hmac_key = self.hmac_key,
            api_key = self.api_key,
            endpoint = bucket.as_str().trim_end_matches('/'),
        );
        fs::write(self.manifests().join("acme.yaml"), text)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A folder that can't be removed is left to the system's own clean-up of temporary files.
        let _left_behind = fs::remove_dir_all(&self.dir);
    }
}

fn random() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
