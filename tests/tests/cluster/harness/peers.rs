//! What sessions talk to in the cluster tests: an S3 server, a CDN, a webhook sink and a WhatsApp, in pods.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use titan_tests::api::Api;
use titan_tests::media::Sealed;
use titan_tests::peer::{Answers, CDN_PORT, CONTROL_PORT, Seen, Taken, Trouble};
use titan_tests::relay::Relay;
use titan_tests::s3::{ACCESS_KEY, SECRET_KEY};

use super::kube::{Kube, retry};
use super::object::{Object, says};
use super::reach::reach;
use super::release::Images;
use super::s3::S3;

/// Where they are.
pub(crate) const NAMESPACE: &str = "titan-peers";
/// The S3 server, as pods name it.
pub(crate) const ENDPOINT: &str = "http://s3.titan-peers.svc:9000";
/// The CDN, as pods name it.
pub(crate) const CDN: &str = "http://peer.titan-peers.svc:8081";
/// The webhook sink, as pods name it.
pub(crate) const SINK: &str = "http://peer.titan-peers.svc:8082";
/// WhatsApp, as pods name it.
pub(crate) const WHATSAPP: &str = "ws://relay.titan-peers.svc:8080/ws/chat";
/// Port of the control of that WhatsApp.
const RELAY_CONTROL_PORT: u16 = 8081;

/// Brings the pods up.
pub(crate) async fn install(kube: &Kube, images: &Images) {
    let yaml = include_str!("../../../cluster/peers.yaml")
        .replace("@PEER@", &images.peer)
        .replace("@S3@", &images.s3)
        .replace("@RELAY@", &images.relay)
        .replace("@ACCESS_KEY@", ACCESS_KEY)
        .replace("@SECRET_KEY@", SECRET_KEY);
    let args = ["apply", "--server-side", "--filename", "-"];
    super::kube::run_async("kubectl", &args, &yaml)
        .await
        .expect();
    for name in ["s3", "peer", "relay"] {
        let deployment = Object::new("Deployment", NAMESPACE, name);
        kube.wait(
            Duration::from_mins(1),
            &deployment,
            "it is available",
            |deployment| {
                says(deployment, "Available", "True", "")
                    && deployment["status"]["updatedReplicas"] == 1
                    && deployment["status"]["replicas"] == 1
            },
        )
        .await;
    }
}

/// The S3 server's root account.
pub(crate) async fn s3(kube: &Kube) -> S3 {
    S3 {
        url: reach(kube, NAMESPACE, "s3", 9000).await,
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
    }
}

/// WhatsApp's server, all tests'.
pub(crate) async fn whatsapp(kube: &Kube) -> Relay {
    let control = reach(kube, NAMESPACE, "relay", RELAY_CONTROL_PORT).await;
    Relay::at(WHATSAPP, &control)
}

/// CDN and sink.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    control: Api,
}

// === impl Peer ===

impl Peer {
    /// The one in the cluster.
    pub(crate) async fn reach(kube: &Kube) -> Self {
        Self {
            control: Api::new(&reach(kube, NAMESPACE, "peer", CONTROL_PORT).await),
        }
    }

    /// Puts a file on the CDN; returns its `directPath`.
    pub(crate) async fn put(&self, sealed: &Sealed) -> String {
        let reply = self.control.call("POST", "/files", &[], &sealed.blob).await;
        let path = reply.expect(200).json()["directPath"].take();
        path.as_str().unwrap_or_default().to_owned()
    }

    /// What lies on the CDN at a `directPath`.
    pub(crate) async fn blob(&self, kube: &Kube, direct_path: &str) -> Bytes {
        let cdn = Api::new(&reach(kube, NAMESPACE, "peer", CDN_PORT).await);
        cdn.get(direct_path).await.expect(200).body
    }

    /// Serves a file slowly: pieces of so many bytes, a pause of so many milliseconds after each.
    pub(crate) async fn trickle(&self, direct_path: &str, trickle: Option<(usize, u64)>) {
        let direct_path = direct_path.to_owned();
        let trouble = Trouble {
            direct_path,
            trickle,
        };
        let body = serde_json::to_value(trouble).unwrap();
        self.control.post_json("/faults", &body).await.expect(200);
    }

    /// Requests for a file so far.
    pub(crate) async fn hits(&self, direct_path: &str) -> Vec<Seen> {
        let path = direct_path.split('?').next().unwrap_or_default();
        self.read(&format!("/hits?{path}")).await
    }

    /// The sink answers `status` at this path from now on; `None` is 200.
    pub(crate) async fn answer(&self, path: &str, status: Option<u16>) {
        let path = path.to_owned();
        let body = serde_json::to_value(Answers { path, status }).unwrap();
        self.control.post_json("/answers", &body).await.expect(200);
    }

    /// Deliveries to a path of the sink so far.
    pub(crate) async fn deliveries(&self, path: &str) -> Vec<Taken> {
        self.read(&format!("/deliveries?{path}")).await
    }

    /// Waits for accepted events of this name about a message; returns the first.
    pub(crate) async fn event(&self, path: &str, event: &str, message: &str) -> Value {
        let what = format!("{event} of {message} at the sink");
        let found = async || {
            let deliveries = self.deliveries(path).await.into_iter();
            deliveries
                .map(|taken| taken.json)
                .find(|json| json["event"] == event && about(json) == message)
        };
        retry(Duration::from_mins(1), &what, found).await
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> Vec<T> {
        let body: Bytes = self.control.get(path).await.expect(200).body;
        serde_json::from_slice(&body).unwrap()
    }
}

/// WhatsApp's id of the message that an event is about.
pub(crate) fn about(event: &Value) -> &str {
    let payload = &event["payload"];
    let id = payload["id"]
        .as_str()
        .or_else(|| payload["messageId"].as_str());
    id.unwrap_or_default()
}
