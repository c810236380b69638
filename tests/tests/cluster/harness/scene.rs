//! A tenant's namespace for one test: made by it, deleted with it, also when the test fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::media::{Kind, Sealed};
use titan_tests::random::Random;
use titan_tests::s3::{ACCESS_KEY, SECRET_KEY};
use titan_tests::wait::now;
use tokio::sync::{RwLockReadGuard, RwLockWriteGuard};

use super::kube::{Kube, retry, run, wait_until};
use super::object::{Object, is_current, says};
use super::peers::{self, ENDPOINT, Peer, SINK};
use super::reach::reach;
use super::s3::{REGION, S3};
use super::{Cluster, evidence};

/// A pod starts, a webhook arrives: what takes seconds on a machine that others use too.
pub(crate) const SOON: Duration = Duration::from_mins(1);
/// What may include a whole sync period of the kubelet.
pub(crate) const SYNC: Duration = Duration::from_secs(100);

/// With whom a test shares the operator.
#[derive(Debug)]
enum Turn {
    Shared {
        _turn: RwLockReadGuard<'static, ()>,
    },
    Alone {
        _turn: RwLockWriteGuard<'static, ()>,
    },
}

/// A namespace with a bucket `acme` of its own name, and the Secret that opens it.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The cluster.
    pub(crate) cluster: &'static Cluster,
    /// The namespace, and the name of its bucket.
    pub(crate) namespace: String,
    /// The S3 server's root account.
    pub(crate) s3: S3,
    /// CDN and webhook sink.
    pub(crate) peer: Peer,
    test: &'static str,
    /// Given back last.
    _turn: Option<Turn>,
}

// === impl Scene ===

impl Scene {
    /// A scene beside others.
    pub(crate) async fn new(test: &'static str) -> Self {
        let turn = Cluster::get().await.turn.read().await;
        Self::build(test, Some(Turn::Shared { _turn: turn })).await
    }

    /// A scene of a test that changes what all others use, while no other runs.
    pub(crate) async fn alone(test: &'static str) -> Self {
        let turn = Cluster::get().await.turn.write().await;
        Self::build(test, Some(Turn::Alone { _turn: turn })).await
    }

    /// A second namespace for the same test.
    pub(crate) async fn beside(&self) -> Self {
        Self::build(self.test, None).await
    }

    async fn build(test: &'static str, turn: Option<Turn>) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let cluster = Cluster::get().await;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("t-{:x}-{serial}", now().as_second() & 0xff_ffff);
        let scene = Self {
            cluster,
            s3: peers::s3(&cluster.kube).await,
            peer: Peer::reach(&cluster.kube).await,
            namespace,
            test,
            _turn: turn,
        };
        // Every pod of every test passes the strictest profile.
        let labels = json!({
            "titan.media/test": test,
            "pod-security.kubernetes.io/enforce": "restricted",
        });
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": scene.namespace, "labels": labels},
        });
        scene.kube().apply(&[namespace]).await;
        scene.s3.make_bucket(&scene.namespace).await;
        scene
    }

    /// The API server.
    pub(crate) fn kube(&self) -> &'static Kube {
        &self.cluster.kube
    }

    /// An object of this namespace.
    pub(crate) fn object(&self, kind: &'static str, name: &str) -> Object {
        Object::new(kind, &self.namespace, name)
    }

    /// The session `name` of this namespace.
    pub(crate) fn msess(&self, name: &str) -> Object {
        self.object("MediaSession", name)
    }

    /// The storage `acme` of this namespace.
    pub(crate) fn tstore(&self) -> Object {
        self.object("TenantStorage", "acme")
    }

    /// The Secret `acme-s3`, with the keys of the S3 server's root account.
    pub(crate) fn secret(&self) -> Value {
        self.secret_with(ACCESS_KEY, SECRET_KEY)
    }

    /// The Secret `acme-s3` with keys of one's own.
    pub(crate) fn secret_with(&self, access_key: &str, secret_key: &str) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "acme-s3", "namespace": self.namespace},
            "stringData": {"accessKeyId": access_key, "secretAccessKey": secret_key},
        })
    }

    /// The storage `acme`: this namespace's bucket.
    pub(crate) fn storage(&self) -> Value {
        json!({
            "apiVersion": "titan.media/v1alpha1",
            "kind": "TenantStorage",
            "metadata": {"name": "acme", "namespace": self.namespace},
            "spec": {
                "endpoint": ENDPOINT,
                "region": REGION,
                "bucket": self.namespace,
                "credentials": {"secretRef": {"name": "acme-s3"}},
            },
        })
    }

    /// A session on the storage `acme` with the peer's sink as its webhook.
    pub(crate) fn session(&self, name: &str) -> Value {
        json!({
            "apiVersion": "titan.media/v1alpha1",
            "kind": "MediaSession",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "storageRef": {"name": "acme"},
                "webhooks": [{
                    "url": format!("{SINK}{}", self.hook()),
                    "retries": {"attempts": 100, "delaySeconds": 1, "maxDelay": "2s"},
                }],
            },
        })
    }

    /// Path of this namespace's webhook at the sink.
    pub(crate) fn hook(&self) -> String {
        format!("/hooks/{}", self.namespace)
    }

    /// Applies the Secret, the storage and a session, and waits until the session is Ready.
    pub(crate) async fn up(&self, session: &str) -> Value {
        let documents = [self.secret(), self.storage(), self.session(session)];
        self.kube().apply(&documents).await;
        self.ready(session).await
    }

    /// Waits until a session is Ready as it was last applied.
    pub(crate) async fn ready(&self, session: &str) -> Value {
        self.ready_in(SOON, session).await
    }

    /// [`Self::ready`] with a deadline of one's own.
    pub(crate) async fn ready_in(&self, deadline: Duration, session: &str) -> Value {
        let object = self.msess(session);
        let ready = |object: &Value| is_current(object) && says(object, "Ready", "True", "");
        self.kube()
            .wait(deadline, &object, "Ready is True", ready)
            .await
    }

    /// Waits until a condition of an object says this of its newest generation.
    pub(crate) async fn until(
        &self,
        object: &Object,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> Value {
        let what = format!("{kind} is {status} {reason}");
        let holds = |object: &Value| is_current(object) && says(object, kind, status, reason);
        self.kube().wait(SYNC, object, &what, holds).await
    }

    /// A client of a session's Service, with the session's API key.
    pub(crate) async fn api(&self, session: &str) -> Api {
        let url = reach(
            self.kube(),
            &self.namespace,
            &format!("msess-{session}"),
            8080,
        )
        .await;
        Api::new(&url).with_key(&self.api_key(session).await)
    }

    /// The API key that the operator made for a session.
    pub(crate) async fn api_key(&self, session: &str) -> String {
        let named = |object: &Value| object["status"]["apiKeySecret"].is_string();
        let object = self.msess(session);
        let object = self
            .kube()
            .wait(SOON, &object, "it names its key", named)
            .await;
        let name = object["status"]["apiKeySecret"]
            .as_str()
            .unwrap_or_default();
        let secret = self.object("Secret", name);
        let secret = self
            .kube()
            .wait(SOON, &secret, "it is there", |_| true)
            .await;
        let values = secret["data"].as_object().cloned().unwrap_or_default();
        let value = values
            .values()
            .next()
            .and_then(Value::as_str)
            .unwrap_or_default();
        String::from_utf8(STANDARD.decode(value).unwrap()).unwrap()
    }

    /// Puts a random image on the CDN; returns it with its `directPath`.
    pub(crate) async fn file(&self, length: usize) -> (Sealed, String) {
        let sealed = Sealed::random(Kind::Image, length, &mut random());
        let direct_path = self.peer.put(&sealed).await;
        (sealed, direct_path)
    }

    /// Posts an image as Baileys does through a session's Service, waits for `message.received` with
    /// its URL, and asserts that the object in the bucket is the image.
    pub(crate) async fn takes_an_image(&self, session: &str, message: &str) {
        let (sealed, direct_path) = self.file(100_000).await;
        let api = self.api(session).await;
        self.post(&api, session, message, &sealed, &direct_path)
            .await;
        self.stored(message, &sealed).await;
    }

    /// Posts one message with a file; it is taken for good.
    pub(crate) async fn post(
        &self,
        api: &Api,
        session: &str,
        message: &str,
        sealed: &Sealed,
        direct_path: &str,
    ) {
        let body = baileys::one(message, baileys::file(sealed, direct_path)).to_string();
        let path = format!("/api/sessions/{session}/inbound");
        let headers = [("content-type", "application/json")];
        // A Service may refuse connections for a moment after its pod became ready.
        let answer = retry(SOON, "the Service takes a connection", async || {
            api.try_call("POST", &path, &headers, &body).await.ok()
        });
        answer.await.expect(202);
    }

    /// Waits until the file of a message is told of, and asserts that the bucket has it, whole.
    pub(crate) async fn stored(&self, message: &str, sealed: &Sealed) -> Value {
        let event = self
            .peer
            .event(&self.hook(), "message.received", message)
            .await;
        let media = &event["payload"]["media"];
        assert!(event["payload"]["mediaUrl"].is_string(), "{event:#}");
        let key = media["key"].as_str().unwrap_or_default();
        let object = self.s3.object(&self.namespace, key).await;
        assert!(
            object == sealed.plain,
            "the object is another file: {event:#}"
        );
        event
    }

    /// `MediaInfo` of the first file of a message; `None` where it is not known, or nobody answers.
    pub(crate) async fn try_info(&self, api: &Api, session: &str, message: &str) -> Option<Value> {
        let path = format!("/api/sessions/{session}/media?messageId={message}");
        let reply = api.try_call("GET", &path, &[], b"").await.ok()?;
        let mut records = (reply.status == 200).then(|| reply.data())?;
        let info = records[0].take();
        info.is_object().then_some(info)
    }

    /// Waits until the first file of a message has a status; returns its `MediaInfo`.
    pub(crate) async fn reaches(
        &self,
        api: &Api,
        session: &str,
        message: &str,
        status: &str,
    ) -> Value {
        let what = format!("the file of {message} is {status}");
        retry(SYNC, &what, async || {
            let info = self.try_info(api, session, message).await;
            info.filter(|info| info["status"] == status)
        })
        .await
    }

    /// Pods of a session that are not on their way out.
    pub(crate) async fn pods(&self, session: &str) -> Vec<Value> {
        let label = format!("titan.media/session={session}");
        let mut pods = self.kube().list("Pod", &self.namespace, &label).await;
        pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        pods
    }

    /// Waits until a running sidecar's own `/status` has this number in a field of a session.
    pub(crate) async fn until_reported(
        &self,
        deadline: Duration,
        session: &str,
        field: &str,
        value: i64,
    ) {
        let what = format!("the sidecar of {session} reports {field} {value}");
        wait_until(deadline, &what, async || {
            let pods = self.pods(session).await;
            let addresses = pods
                .iter()
                .filter_map(|pod| pod["metadata"]["name"].as_str());
            for name in addresses {
                let path = format!(
                    "/api/v1/namespaces/{}/pods/{name}:9090/proxy/status",
                    self.namespace
                );
                let status = self.kube().read(&path).await.unwrap_or_default();
                if status["sessions"][0][field] == value {
                    return true;
                }
            }
            false
        })
        .await;
    }

    /// All objects of the namespace but its Secrets, as text.
    pub(crate) async fn everything(&self) -> String {
        let kinds = "mediasessions,tenantstorages,deployments,pods,jobs,services,configmaps,events";
        let args = ["get", kinds, "-n", &self.namespace, "-o", "yaml"];
        self.kube().kubectl(&args).await.expect()
    }
}

/// A source of its own for each file.
fn random() -> Random {
    static SEED: AtomicU64 = AtomicU64::new(1);
    Random::new(SEED.fetch_add(1, Ordering::Relaxed))
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            evidence::collect(self.test, &self.namespace);
        }
        let args = ["delete", "namespace", &self.namespace, "--wait=false"];
        let said = run("kubectl", &args.map(str::to_owned), "");
        if !said.ok {
            eprintln!("{} stays: {}", self.namespace, said.err);
        }
    }
}
