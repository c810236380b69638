//! A scene: CDN, bucket, webhook sink and the process between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, Reply};
use crate::baileys;
use crate::bucket::Bucket;
use crate::cdn::Cdn;
use crate::contract::Contract;
use crate::manifests::{self, Document};
use crate::media::{Kind, Sealed};
use crate::random::Random;
use crate::s3::{ACCESS_KEY, SECRET_KEY};
use crate::sidecar::{Launch, Sidecar};
use crate::sink::Sink;
use crate::wait::{LATER, SOON, eventually};

/// Namespace, and so tenant, of the usual session.
pub const TENANT: &str = "acme";
/// API name of the usual session.
pub const SESSION: &str = "default";
/// Bucket of the usual storage.
pub const BUCKET: &str = "acme-media";
/// API key of the usual session.
pub const API_KEY: &str = "titan_test_acme_0123456789abcdefghij";
/// Inbound-only key of the usual session.
pub const INBOUND_KEY: &str = "titan_inbound_acme_0123456789abcdef";
/// Key of the usual webhook's signature.
pub const HOOK_KEY: &str = "a-hook-secret-of-acme";

/// What a scene starts with. Change what the test is about.
#[derive(Debug)]
pub struct Plan {
    /// The usual session.
    pub session: Document,
    /// The usual storage.
    pub storage: Document,
    /// Further documents.
    pub more: Vec<Document>,
    /// The process.
    pub launch: Launch,
    /// The fakes.
    pub cdn: Cdn,
    /// A bucket that believes everything.
    pub bucket: Bucket,
    /// The webhook endpoint of the usual session.
    pub sink: Sink,
}

// === impl Plan ===

impl Plan {
    /// Auto-persist into the fake bucket, one signed webhook, one API key.
    pub async fn usual() -> Self {
        let (cdn, bucket, sink) = (
            Cdn::start().await,
            Bucket::start().await,
            Sink::start().await,
        );
        let session = Document::session(TENANT, SESSION, "acme-keys")
            .spec("storageRef", json!({"name": "acme"}))
            .spec("auth.inboundKeysSecretRef", json!({"name": "acme-inbound"}))
            .spec("autoPersist", json!({"enabled": true}))
            .webhook(&sink.url(), Some("acme-hook"));
        let storage = Document::storage(TENANT, "acme", &bucket.url(), BUCKET, "acme-s3");
        let mut launch = Launch::new();
        for flag in ["--cdn-origin", &cdn.url(), "--allow-cidr", "127.0.0.0/8"] {
            launch.args.push(flag.to_owned());
        }
        Self {
            session,
            storage,
            more: Vec::new(),
            launch,
            cdn,
            bucket,
            sink,
        }
    }

    /// Edits the session.
    #[must_use]
    pub fn spec(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.session = self.session.spec(path, value);
        self
    }

    /// Edits the storage.
    #[must_use]
    pub fn storage_spec(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.storage = self.storage.spec(path, value);
        self
    }

    /// Without auto-persist: media rest until a caller asks.
    #[must_use]
    pub fn on_demand(self) -> Self {
        self.spec("autoPersist", json!({"enabled": false}))
    }

    /// The Secrets that the usual documents name.
    #[must_use]
    pub fn secrets() -> Vec<Document> {
        vec![
            Document::secret(TENANT, "acme-keys", &[("key", API_KEY)]),
            Document::secret(TENANT, "acme-inbound", &[("key", INBOUND_KEY)]),
            Document::secret(TENANT, "acme-hook", &[("key", HOOK_KEY)]),
            Document::secret(
                TENANT,
                "acme-s3",
                &[("accessKeyId", ACCESS_KEY), ("secretAccessKey", SECRET_KEY)],
            ),
        ]
    }

    /// Everything that the process reads. Of two with one name the later one counts.
    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        let mut all = Self::secrets();
        all.extend([self.session.clone(), self.storage.clone()]);
        all.extend_from_slice(&self.more);
        all
    }

    /// Writes the documents; for who starts the process in another way than [`Self::up`].
    pub fn write(&self) {
        manifests::write(&self.launch.manifests(), &self.documents()).unwrap();
    }

    /// [`Launch::refused`] with the documents.
    #[track_caller]
    #[allow(clippy::must_use_candidate, reason = "the assertions alone are a use")]
    pub fn refused(&self, words: &[&str]) -> String {
        self.write();
        self.launch.refused(words)
    }

    /// Writes the documents, starts the process and waits until it is ready.
    pub async fn up(self) -> Stage {
        self.write();
        let sidecar = self.launch.start().await;
        let api = Api::new(&sidecar.url());
        let document = api.get("/openapi.json").await.expect(200).json();
        let api = api
            .held_to(Arc::new(Contract::new(document)))
            .with_key(API_KEY);
        Stage {
            cdn: self.cdn,
            bucket: self.bucket,
            sink: self.sink,
            sidecar,
            api,
            session: self.session,
            storage: self.storage,
        }
    }
}

/// A scene that is up.
#[derive(Debug)]
pub struct Stage {
    /// The CDN.
    pub cdn: Cdn,
    /// The fake bucket.
    pub bucket: Bucket,
    /// The webhook sink.
    pub sink: Sink,
    /// The process.
    pub sidecar: Sidecar,
    /// A client with the session's key, held to the OpenAPI document.
    pub api: Api,
    /// The session as applied.
    pub session: Document,
    /// The storage as applied.
    pub storage: Document,
}

// === impl Stage ===

impl Stage {
    /// The usual scene.
    pub async fn up() -> Self {
        Plan::usual().await.up().await
    }

    /// A path of the usual session's API.
    #[must_use]
    pub fn path(rest: &str) -> String {
        format!("/api/sessions/{SESSION}/{rest}")
    }

    /// Posts a gateway's payload.
    pub async fn inbound(&self, payload: &Value) -> Reply {
        self.api.post_json(&Self::path("inbound"), payload).await
    }

    /// Posts one message, expects 202 and returns its first media id (empty where it has none).
    pub async fn take(&self, id: &str, content: Value) -> String {
        let data = self
            .inbound(&baileys::one(id, content))
            .await
            .expect(202)
            .data();
        data["media"][0]["mediaId"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Puts a random file on the CDN.
    #[must_use]
    pub fn file(&self, kind: Kind, length: usize) -> (Sealed, String) {
        static SEED: AtomicU64 = AtomicU64::new(1);
        let mut random = Random::new(SEED.fetch_add(1, Ordering::Relaxed));
        let sealed = Sealed::random(kind, length, &mut random);
        let direct_path = self.cdn.put(&sealed.blob);
        (sealed, direct_path)
    }

    /// `MediaInfo` of a record.
    pub async fn info(&self, media: &str) -> Value {
        self.api
            .get(&Self::path(&format!("media/{media}")))
            .await
            .expect(200)
            .data()
    }

    /// Waits until a record has `status`; returns its `MediaInfo`.
    pub async fn reaches(&self, media: &str, status: &str) -> Value {
        self.reaches_within(SOON, media, status).await
    }

    /// Waits until a file is in a real bucket, with retries if need be; returns its `MediaInfo`.
    pub async fn stored(&self, media: &str) -> Value {
        self.reaches_within(LATER, media, "stored").await
    }

    async fn reaches_within(&self, deadline: Duration, media: &str, status: &str) -> Value {
        eventually(deadline, format_args!("{media} is {status}"), || async {
            Some(self.info(media).await).filter(|info| info["status"] == status)
        })
        .await
    }

    /// `/status` of the admin port.
    pub async fn status(&self) -> Value {
        self.sidecar.admin().get("/status").await.expect(200).json()
    }

    /// The only session in `/status`; `null` where there is none.
    pub async fn report(&self) -> Value {
        let mut status = self.status().await;
        let session = status["sessions"].get_mut(0);
        session.map(Value::take).unwrap_or_default()
    }

    /// Waits until the session says `reason` of its bucket; returns what it says.
    pub async fn bucket_is(&self, reason: &str) -> Value {
        eventually(SOON, format_args!("the bucket is {reason}"), || async {
            let bucket = self.report().await["bucket"].take();
            (bucket["reason"] == reason).then_some(bucket)
        })
        .await
    }

    /// Waits until the session names `reason` at `field` among what is missing.
    pub async fn misses(&self, field: &str, reason: &str) -> Value {
        eventually(SOON, format_args!("{field} is {reason}"), || async {
            let missing = self.report().await["missing"].take();
            let mut problems = missing.as_array().into_iter().flatten();
            problems
                .find(|problem| problem["field"] == field && problem["reason"] == reason)
                .cloned()
        })
        .await
    }

    /// Applies documents, as `kubectl apply` would.
    pub fn apply(&self, documents: &[Document]) {
        manifests::write(&self.sidecar.launch().manifests(), documents).unwrap();
    }

    /// Deletes a document, as `kubectl delete` would.
    pub fn delete(&self, document: &Document) {
        manifests::remove(&self.sidecar.launch().manifests(), document).unwrap();
    }

    /// Downloads a file.
    pub async fn download(&self, media: &str) -> Reply {
        self.api
            .post(&Self::path(&format!("media/{media}/download")))
            .await
    }

    /// Asks for a file to be persisted.
    pub async fn persist(&self, media: &str) -> Reply {
        self.api
            .post(&Self::path(&format!("media/{media}/persist")))
            .await
    }

    /// The object of a persisted record in the fake bucket.
    #[must_use]
    pub fn object(&self, info: &Value) -> crate::bucket::Object {
        let key = info["key"].as_str().unwrap_or_default();
        let bucket = info["bucket"].as_str().unwrap_or_default();
        self.bucket
            .object(bucket, key)
            .unwrap_or_else(|| panic!("no object for {info}"))
    }
}
