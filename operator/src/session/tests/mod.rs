//! Whole reconciles against a mock of the API server: which requests are made, in which order, and which are not.

mod children;
mod faults;
mod waiting;

use std::{collections::BTreeMap, pin::pin};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use titan_crds::{
    TenantStorage,
    report::{BucketVerdict, Problem as Reported, SessionReport, SidecarStatus},
};

use super::{
    reconcile::{REFUSED, STORAGE_PATIENCE},
    rollout::{Key, Verdict},
    *,
};
use crate::{
    image::Images,
    sidecar::Report,
    testing::{Server, World, server, world},
};

const UID: &str = "5e5510d0-0000-4000-8000-000000000001";
const NEW: &str = "registry:5000/titan-sidecar@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OLD: &str = "registry:5000/titan-sidecar@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const STATUS: &str =
    "PATCH /apis/titan.media/v1alpha1/namespaces/acme/mediasessions/default/status";
/// Making each child, in order; the Deployment comes last.
const CHILDREN: [&str; 5] = [
    "POST /api/v1/namespaces/acme/configmaps",
    "POST /api/v1/namespaces/acme/persistentvolumeclaims",
    "POST /api/v1/namespaces/acme/services",
    "POST /apis/networking.k8s.io/v1/namespaces/acme/networkpolicies",
    "POST /apis/apps/v1/namespaces/acme/deployments",
];
const SECRETS: &str = "POST /api/v1/namespaces/acme/secrets";
const EVENTS: &str = "POST /apis/events.k8s.io/v1/namespaces/acme/events";
const POD: &str = "PATCH /api/v1/namespaces/acme/pods/msess-default-x";

/// A session on a cluster that answers by script.
struct Stage {
    object: MediaSession,
    world: World,
    memory: Arc<Memory>,
    server: Server,
}

impl Stage {
    fn new(spec: &Value) -> Self {
        let (client, server) = server();
        let object = serde_json::from_value(json!({
            "apiVersion": "titan.media/v1alpha1", "kind": "MediaSession",
            "metadata": {"name": "default", "namespace": "acme", "uid": UID, "generation": 1, "resourceVersion": "1"},
            "spec": spec,
        }));
        Self {
            object: object.unwrap(),
            world: world(client, Timestamp::UNIX_EPOCH),
            memory: Arc::new(Memory::new(Fleet::new(images(NEW)), Timestamp::UNIX_EPOCH)),
            server,
        }
    }

    fn with_storage(mut self) -> Self {
        let storage: TenantStorage = serde_json::from_value(json!({
            "apiVersion": "titan.media/v1alpha1", "kind": "TenantStorage",
            "metadata": {"name": "acme", "namespace": "acme", "uid": "s", "generation": 4},
            "spec": {"region": "eu-central-1", "bucket": "acme-media", "credentials": {"secretRef": {"name": "acme-s3"}}},
        }))
        .unwrap();
        self.world
            .storages
            .apply_watcher_event(&Event::Apply(storage));
        self
    }

    /// Reconciles while the server answers by `script`.
    async fn reconcile<F: Future<Output = Server>>(
        &mut self,
        script: impl FnOnce(Server) -> F,
    ) -> Result<Action, Error> {
        let (_, unused) = server();
        let server = std::mem::replace(&mut self.server, unused);
        let object = Arc::new(self.object.clone());
        let mut work = pin!(reconcile(
            object,
            self.world.context.clone(),
            self.memory.clone()
        ));
        let mut script = pin!(script(server));
        let mut result = None;
        self.server = loop {
            tokio::select! {
                done = &mut work, if result.is_none() => result = Some(done),
                server = &mut script => break server,
            }
        };
        if let Some(result) = result {
            self.server.assert_idle();
            return result;
        }
        tokio::select! {
            result = &mut work => result,
            call = self.server.next() => panic!("{} {}", call.line, call.body),
        }
    }

    /// Makes the session and its children.
    async fn make(&mut self) {
        self.reconcile(async |mut server: Server| {
            server.expect(SECRETS).await.accept("key", "1");
            for (number, line) in CHILDREN.iter().enumerate() {
                server
                    .expect(line)
                    .await
                    .accept(&format!("child-{number}"), "1");
            }
            assert_eq!(told(&mut server).await["observedGeneration"], 1);
            server
        })
        .await
        .unwrap();
    }

    /// The pod is there, and the Deployment has it.
    fn start_pod(&self) {
        let context = &self.world.context;
        let mut deployment: Value = json!({
            "metadata": {"name": "msess-default", "namespace": "acme", "uid": "child-4", "generation": 1},
            "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [{"name": "sidecar", "image": NEW}]}}},
            "status": {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1, "availableReplicas": 1},
        });
        if let Some(known) = context.workloads.get("acme", "msess-default") {
            deployment["metadata"]["annotations"] =
                json!({"titan.media/inputs-hash": known.inputs});
        }
        context
            .workloads
            .set(&serde_json::from_value(deployment).unwrap());
        let pod = json!({
            "metadata": {"name": "msess-default-x", "namespace": "acme", "uid": "pod", "labels": {"titan.media/session": "default"}},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        assert!(context.pods.set(&serde_json::from_value(pod).unwrap()));
    }

    /// The sidecar says how the session is.
    fn says(&self, change: impl FnOnce(&mut SessionReport)) {
        let mut report = SessionReport {
            namespace: "acme".to_owned(),
            object: "default".to_owned(),
            uid: UID.to_owned(),
            generation: 1,
            storage_generation: 4,
            bucket: BucketVerdict {
                reason: "Ready".to_owned(),
                ..BucketVerdict::default()
            },
            ..SessionReport::default()
        };
        change(&mut report);
        let status = SidecarStatus {
            sessions: vec![report],
            ..SidecarStatus::default()
        };
        let report = Report {
            at: Timestamp::UNIX_EPOCH,
            status: Ok(status),
        };
        self.world.context.sidecars.keep("pod", report);
    }
}

/// Those of a session without a linked device.
fn images(sidecar: &str) -> Images {
    Images {
        sidecar: sidecar.to_owned(),
        device: None,
    }
}

/// The next request writes the status; answers with what it says.
async fn told(server: &mut Server) -> Value {
    let call = server.expect(STATUS).await;
    let mut object = call.body.clone();
    object["spec"] = json!({});
    object["metadata"]["resourceVersion"] = json!("2");
    let status = object["status"].clone();
    call.object(&object);
    status
}

/// The next request writes the status; answers with what `Ready` says.
async fn ready(server: &mut Server) -> String {
    let status = told(server).await;
    let ready = &status["conditions"][0];
    format!(
        "{} {}",
        ready["status"].as_str().unwrap(),
        ready["reason"].as_str().unwrap()
    )
}

async fn event(server: &mut Server) -> Value {
    let call = server.expect(EVENTS).await;
    let body = call.body.clone();
    call.accept("event", "1");
    body
}
