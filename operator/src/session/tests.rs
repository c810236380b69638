//! Whole reconciles against a mock of the API server: which requests are made, in which order, and which are not.

use std::{collections::BTreeMap, pin::pin};

use jiff::Timestamp;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use titan_crds::{
    TenantStorage,
    report::{BucketVerdict, Problem as Reported, SessionReport, SidecarStatus},
};

use super::*;
use crate::{
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
            memory: Arc::new(Memory::new(Fleet::new(NEW.to_owned()))),
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

#[tokio::test]
async fn children_are_made_in_order_and_then_nothing_is_written() {
    let mut stage = Stage::new(&json!({"storageRef": {"name": "acme"}})).with_storage();
    stage.make().await;
    // Nothing has changed since.
    stage
        .reconcile(async |server: Server| server)
        .await
        .unwrap();
    stage.start_pod();
    stage.says(|_| {});
    stage
        .reconcile(async |mut server: Server| {
            assert_eq!(ready(&mut server).await, "True Ready");
            assert_eq!(event(&mut server).await["reason"], "Ready");
            server
        })
        .await
        .unwrap();
    // A steady state writes nothing, and asks nothing either.
    stage
        .reconcile(async |server: Server| server)
        .await
        .unwrap();
}

/// T1: a deleted child comes back.
#[tokio::test]
async fn a_deleted_child_is_made_again() {
    let mut stage = Stage::new(&json!({}));
    stage.make().await;
    let key = crate::apply::Key {
        kind: "Service",
        namespace: "acme".to_owned(),
        name: "msess-default".to_owned(),
    };
    stage.world.context.ledger.gone(&key, None);
    stage
        .reconcile(async |mut server: Server| {
            server.expect(CHILDREN[2]).await.accept("again", "9");
            server
        })
        .await
        .unwrap();
}

/// T16: a foreign object is not taken over, and nothing behind it is made.
#[tokio::test]
async fn a_foreign_object_stalls_the_session_and_is_left_alone() {
    let mut stage = Stage::new(&json!({}));
    let action = stage
        .reconcile(async |mut server: Server| {
            server.expect(SECRETS).await.accept("key", "1");
            server.expect(CHILDREN[0]).await.accept("a", "1");
            server.expect(CHILDREN[1]).await.accept("b", "1");
            server.expect(CHILDREN[2]).await.fail(409, "AlreadyExists");
            let line = "GET /api/v1/namespaces/acme/services/msess-default";
            server.expect(line).await.object(&json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
                "metadata": {"name": "msess-default", "namespace": "acme", "uid": "theirs"},
            }));
            let conditions = told(&mut server).await["conditions"].clone();
            assert_eq!(conditions[0]["reason"], "NameConflict");
            assert_eq!(conditions[1]["type"], "Stalled");
            assert!(
                conditions[0]["message"]
                    .as_str()
                    .unwrap()
                    .contains("Service \"msess-default\"")
            );
            assert_eq!(event(&mut server).await["type"], "Warning");
            server
        })
        .await
        .unwrap();
    assert_eq!(action, Action::requeue(REFUSED));
}

#[tokio::test]
async fn what_the_api_server_refuses_is_told() {
    let mut stage = Stage::new(&json!({}));
    stage
        .reconcile(async |mut server: Server| {
            server.expect(SECRETS).await.fail(403, "Forbidden");
            assert_eq!(ready(&mut server).await, "False WorkloadUnavailable");
            event(&mut server).await;
            server
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn what_no_code_honours_stalls_the_session_by_its_path() {
    let mut stage = Stage::new(&json!({"tls": {"secretRef": {"name": "cert"}}}));
    stage
        .reconcile(async |mut server: Server| {
            let conditions = told(&mut server).await["conditions"].clone();
            assert_eq!(conditions[1]["type"], "Stalled");
            assert_eq!(
                conditions[1]["message"],
                "this version does not honour spec.tls"
            );
            event(&mut server).await;
            server
        })
        .await
        .unwrap();
}

/// T17: the kubelet is hastened while a Secret is missing, every ten seconds at most, by that one annotation.
#[tokio::test]
async fn a_missing_secret_is_waited_for_at_the_pods_volumes() {
    let mut stage = Stage::new(&json!({"storageRef": {"name": "acme"}})).with_storage();
    stage.make().await;
    stage.start_pod();
    stage.says(|report| {
        report.missing = vec![Reported {
            field: "spec.storageRef".to_owned(),
            reason: "SecretNotFound".to_owned(),
            message: "Secret \"acme-s3\" is not there".to_owned(),
            secret: Some("acme-s3".to_owned()),
        }];
    });
    let action = stage
        .reconcile(async |mut server: Server| {
            assert_eq!(ready(&mut server).await, "False SecretNotFound");
            event(&mut server).await;
            let call = server.expect(POD).await;
            let expected = json!({"metadata": {
                "uid": "pod", "annotations": {"titan.media/refresh": "1970-01-01T00:00:00Z"},
            }});
            assert_eq!(call.body, expected);
            call.object(&json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {}}));
            server
        })
        .await
        .unwrap();
    assert_eq!(action, Action::requeue(refresh::EVERY));
    // Asked again at once, it is not done again.
    stage
        .reconcile(async |server: Server| server)
        .await
        .unwrap();
}

/// The key that the operator made is gone: a new one is made, and a person is told.
#[tokio::test]
async fn a_lost_api_key_is_made_again_with_a_warning() {
    let mut stage = Stage::new(&json!({}));
    stage.make().await;
    stage.start_pod();
    let name = "msess-default-api-key-5e5510d0";
    stage.says(|report| {
        report.missing = vec![Reported {
            field: "spec.auth.apiKeysSecretRef".to_owned(),
            reason: "SecretNotFound".to_owned(),
            message: "gone".to_owned(),
            secret: Some(name.to_owned()),
        }];
    });
    // So long ago that the kubelet must have brought it.
    stage.memory = Arc::new(Memory::new(Fleet::new(NEW.to_owned())));
    stage
        .reconcile(async |mut server: Server| {
            let line = "GET /api/v1/namespaces/acme/persistentvolumeclaims/msess-default";
            server.expect(line).await.object(&json!({
                "metadata": {"uid": "child-1"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}},
            }));
            let call = server.expect(SECRETS).await;
            assert_eq!(call.body["metadata"]["name"], name);
            assert_eq!(call.body["type"], "Opaque");
            call.accept("again", "1");
            let warning = event(&mut server).await;
            assert_eq!(warning["type"], "Warning");
            assert_eq!(warning["reason"], "ApiKeyRecreated");
            assert!(!warning.to_string().contains("titan_"), "no key in an event");
            assert_eq!(ready(&mut server).await, "False SecretNotFound");
            event(&mut server).await;
            server.expect(POD).await.fail(404, "NotFound");
            server
        })
        .await
        .unwrap();
}

/// The storage is gone: the pod goes on with the document that it has, to the letter.
#[tokio::test]
async fn without_its_storage_a_working_session_is_left_as_it_is() {
    let mut stage = Stage::new(&json!({"storageRef": {"name": "acme"}})).with_storage();
    let mut documents = BTreeMap::new();
    stage
        .reconcile(async |mut server: Server| {
            server.expect(SECRETS).await.accept("key", "1");
            for line in CHILDREN {
                let call = server.expect(line).await;
                if line == CHILDREN[0] {
                    documents = serde_json::from_value(call.body["data"].clone()).unwrap();
                }
                call.accept(line, "1");
            }
            told(&mut server).await;
            server
        })
        .await
        .unwrap();
    stage.start_pod();
    stage.says(|_| {});
    let documents: BTreeMap<String, String> = documents;
    let storage = stage.world.context.storages.state().remove(0);
    stage
        .world
        .storages
        .apply_watcher_event(&Event::Delete(TenantStorage::clone(&storage)));
    let labels = crate::names::Owner::session(&stage.object)
        .unwrap()
        .labels();
    stage
        .reconcile(async |mut server: Server| {
            let line = "GET /api/v1/namespaces/acme/configmaps/msess-default";
            server.expect(line).await.object(&json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": documents,
                "metadata": {"name": "msess-default", "namespace": "acme", "uid": "x", "labels": labels},
            }));
            let line = "GET /apis/networking.k8s.io/v1/namespaces/acme/networkpolicies/msess-default";
            server.expect(line).await.fail(404, "NotFound");
            // No child is written: only the status tells it.
            assert_eq!(ready(&mut server).await, "False StorageNotFound");
            event(&mut server).await;
            server
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_session_that_the_upgrade_has_yet_to_reach_keeps_its_deployment() {
    let mut stage = Stage::new(&json!({}));
    stage.make().await;
    stage.start_pod();
    // The operator is started with another image, and one other session takes the only place.
    let context = Arc::get_mut(&mut stage.world.context).unwrap();
    let settings = Arc::get_mut(&mut context.settings).unwrap();
    settings.sidecar_image = OLD.parse().unwrap();
    settings.max_unavailable_sessions = Some(1);
    let mut fleet = Fleet::new(OLD.to_owned());
    let other = Key {
        namespace: "acme".to_owned(),
        name: "other".to_owned(),
    };
    let seen = rollout::Seen {
        image: Some(NEW.to_owned()),
        health: rollout::Health::Up,
    };
    fleet.begin(other.clone(), &seen, Timestamp::UNIX_EPOCH);
    assert_eq!(fleet.admit(&other, 1, Timestamp::UNIX_EPOCH), Verdict::Go);
    *stage.memory.fleet() = fleet;
    stage.says(|report| report.storage_generation = 0);
    stage
        .reconcile(async |mut server: Server| {
            assert_eq!(ready(&mut server).await, "True Ready");
            event(&mut server).await;
            server
        })
        .await
        .unwrap();
    stage.memory.fleet().forget(&other);
    stage
        .reconcile(async |mut server: Server| {
            server
                .expect("GET /apis/apps/v1/namespaces/acme/deployments/msess-default")
                .await
                .fail(404, "NotFound");
            let call = server.expect(CHILDREN[4]).await;
            assert_eq!(
                call.body["spec"]["template"]["spec"]["containers"][0]["image"],
                OLD
            );
            call.accept("new", "7");
            assert_eq!(ready(&mut server).await, "False WorkloadUnavailable");
            event(&mut server).await;
            server
        })
        .await
        .unwrap();
}
