//! What a bucket is: where it stands, how it is spoken to, what its URLs look like.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

/// A tenant's bucket with the credentials that open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketConfig {
    /// `None` is AWS.
    pub endpoint: Option<Url>,
    /// Needed for AWS; elsewhere a default that the store accepts is found.
    pub region: Option<String>,
    /// Bucket name.
    pub bucket: String,
    /// Put before every key; may be empty; `/` is added only where it is written here.
    pub prefix: String,
    /// Path-style or virtual-hosted.
    pub addressing: Addressing,
    /// What URLs are handed out.
    pub url: UrlMode,
    /// The name under which callers reach the store, if it is another than the sidecar's.
    pub public_endpoint: Option<Url>,
    /// Template of an object's key; see [`super::key`].
    pub key_template: String,
    /// Encryption at rest that every PUT asks for.
    pub encryption: Encryption,
    /// Storage class of new objects, e.g. `STANDARD_IA`.
    pub storage_class: Option<String>,
    /// PEM of a private CA, in addition to the public ones.
    pub ca: Option<Vec<u8>>,
    /// What opens it.
    pub access: Access,
}

/// What opens a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Keys that the tenant gave.
    Keys(Credentials),
    /// An identity, for which a token service gives keys.
    Identity(Identity),
}

/// A service account, as a token service knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// File of the token; read anew for every exchange.
    pub token_file: PathBuf,
    /// Role to assume; a service that goes by the token alone needs none.
    pub role_arn: Option<String>,
    /// Name of the session in the service's audit log: at most 64 of `[\w+=,.@-]`.
    pub session_name: String,
    /// Address of the token service; `None` is that of AWS in the bucket's region.
    pub sts_endpoint: Option<Url>,
}

/// A key pair, perhaps temporary. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Set for temporary credentials.
    pub session_token: Option<String>,
    /// When temporary credentials end; no URL outlives it.
    pub expires_at: Option<Timestamp>,
}

/// Where the bucket's name stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// Path-style where an endpoint is set that is neither R2 nor AWS; else virtual-hosted.
    #[default]
    Auto,
    /// `https://endpoint/bucket/key`.
    Path,
    /// `https://bucket.endpoint/key`.
    VirtualHosted,
}

/// The kind of URL that `mediaUrl` and `s3Url` carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlMode {
    /// Signed, valid for `expires_in` (at most seven days, never longer than the credentials).
    Presigned {
        /// How long a URL is valid.
        expires_in: Duration,
    },
    /// The object's plain address; readable only where the tenant allows it.
    Direct,
    /// The key below a base of the tenant's choice, such as a CDN.
    Public {
        /// The base.
        base: Url,
    },
}

/// Encryption at rest, asked for with each PUT.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Encryption {
    /// No header: the bucket's own default applies.
    #[default]
    None,
    /// `AES256`.
    Aes256,
    /// `aws:kms`, with the bucket's default key where no id is given.
    Kms {
        /// Key id, ARN or alias.
        key_id: Option<String>,
    },
}

// === impl BucketConfig ===

impl BucketConfig {
    /// The keys of `other`, where all else is the same.
    #[must_use]
    pub fn renewed_keys<'a>(&self, other: &'a Self) -> Option<&'a Credentials> {
        let (Access::Keys(_), Access::Keys(keys)) = (&self.access, &other.access) else {
            return None;
        };
        let with_its_keys = Self {
            access: other.access.clone(),
            ..self.clone()
        };
        (with_its_keys == *other).then_some(keys)
    }

    /// A fingerprint of endpoint and bucket: equal for the same bucket whatever the credentials,
    /// prefix or URL mode, so that a changed bucket can be told from a rotated key.
    #[must_use]
    pub fn identity(&self) -> String {
        let endpoint = self.endpoint.as_ref().map_or("aws", Url::as_str);
        let mut hash = Sha256::new();
        hash.update(endpoint.trim_end_matches('/'));
        hash.update([0]);
        hash.update(&self.bucket);
        let digest: [u8; 32] = hash.finalize().into();
        digest
            .iter()
            .take(8)
            .fold(String::new(), |text, byte| text + &hex::encode([*byte]))
    }
}

// === impl Credentials ===

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("temporary", &self.session_token.is_some())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> Credentials {
        Credentials {
            access_key_id: "AKIDAKID".to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: Some("tokentoken".to_owned()),
            expires_at: None,
        }
    }

    fn config() -> BucketConfig {
        BucketConfig {
            endpoint: Some(Url::parse("http://127.0.0.1:9000").unwrap()),
            region: None,
            bucket: "acme".to_owned(),
            prefix: "whatsapp/".to_owned(),
            addressing: Addressing::Auto,
            url: UrlMode::Direct,
            public_endpoint: None,
            key_template: "{mediaId}.{ext}".to_owned(),
            encryption: Encryption::None,
            storage_class: None,
            ca: None,
            access: Access::Keys(keys("hunter2hunter2")),
        }
    }

    #[test]
    fn debug_shows_no_credentials() {
        let shown = format!("{:?}", config());
        assert!(!shown.contains("AKIDAKID"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains("tokentoken"), "{shown}");
    }

    #[test]
    fn identity_follows_endpoint_and_bucket_only() {
        let one = config();
        let mut other = config();
        other.access = Access::Keys(keys("rotated"));
        assert_eq!(one.renewed_keys(&other), Some(&keys("rotated")));
        other.prefix = "else/".to_owned();
        assert_eq!(one.renewed_keys(&other), None);
        assert_eq!(one.identity(), other.identity());
        assert_eq!(one.identity().len(), 16);
        other.bucket = "other".to_owned();
        assert_ne!(one.identity(), other.identity());
        let mut aws = config();
        aws.endpoint = None;
        assert_ne!(one.identity(), aws.identity());
    }
}
