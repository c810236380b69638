//! Whole reconciles.

use std::sync::Arc;

use kube::{
    api::ObjectMeta,
    runtime::{controller::Action, watcher::Event},
};

use super::*;
use crate::{
    storage::{Error, memory::Memory, reconcile},
    testing::{Call, Server, World, server, world},
};

const OBJECT: &str = "/apis/titan.media/v1alpha1/namespaces/acme/tenantstorages/media/status";
const CONFIG_MAPS: &str = "/api/v1/namespaces/acme/configmaps";
const JOBS: &str = "/apis/batch/v1/namespaces/acme/jobs";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/acme/events";

const UID: &str = "5a9cbd2e-0000-4000-8000-000000000001";

/// The server answers a patch of the status with the whole object.
fn accept(mut status: Call, version: &str) {
    status.body["spec"] = serde_json::to_value(spec()).unwrap();
    status.accept(UID, version);
}

struct Scene {
    world: World,
    server: Server,
    memory: Arc<Memory>,
    storage: TenantStorage,
}

fn scene() -> Scene {
    let (client, server) = server();
    let mut world = world(client, at(0));
    let storage = storage(&serde_json::to_value(spec()).unwrap());
    world
        .storages
        .apply_watcher_event(&Event::Apply(storage.clone()));
    Scene {
        world,
        server,
        memory: Arc::default(),
        storage,
    }
}

impl Scene {
    /// One reconcile while the server does what it is told.
    async fn reconcile<T>(
        &mut self,
        script: impl AsyncFnOnce(&mut Server) -> T,
    ) -> (Result<Action, Error>, T) {
        let storage = Arc::new(self.storage.clone());
        let (context, memory) = (self.world.context.clone(), self.memory.clone());
        let work = Box::pin(reconcile(storage, context, memory));
        tokio::join!(work, script(&mut self.server))
    }

    /// The first reconcile of a storage: the check begins. The name of its Job.
    async fn begin(&mut self) -> String {
        let (result, name) = self
            .reconcile(async |server: &mut Server| {
                server
                    .expect(&format!("POST {CONFIG_MAPS}"))
                    .await
                    .accept("cm", "11");
                let job = server.expect(&format!("POST {JOBS}")).await;
                let name = job.body["metadata"]["name"].as_str().unwrap().to_owned();
                job.accept("job", "12");
                let status = server.expect(&format!("PATCH {OBJECT}")).await;
                assert_eq!(status.body["status"]["conditions"][0]["status"], "Unknown");
                accept(status, "13");
                name
            })
            .await;
        result.unwrap();
        name
    }
}

/// The pod of a Job, as it ended.
fn ended(job: &str, verdict: &Value) -> k8s_openapi::api::core::v1::Pod {
    serde_json::from_value(json!({
        "metadata": {
            "name": "pod", "namespace": "acme", "uid": "pod",
            "labels": {"titan.media/storage": "media", "batch.kubernetes.io/job-name": job},
        },
        "status": {"phase": "Succeeded", "containerStatuses": [{
            "name": "probe", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 0, "message": verdict.to_string()}},
        }]},
    }))
    .unwrap()
}

#[tokio::test]
async fn a_new_storage_is_checked_by_a_job_and_the_verdict_is_written_once() {
    let mut scene = scene();
    let job = scene.begin().await;
    let verdict =
        json!({"reason": "Ready", "bucket": "acme-media", "checkedAt": at(3).to_string()});
    scene.world.context.pods.set(&ended(&job, &verdict));
    let (result, ()) = scene
        .reconcile(async |server: &mut Server| {
            let status = server.expect(&format!("PATCH {OBJECT}")).await;
            assert_eq!(status.body["metadata"]["uid"], UID);
            assert_eq!(status.body["status"]["conditions"][0]["reason"], "Ready");
            accept(status, "14");
            let event = server.expect(&format!("POST {EVENTS}")).await;
            assert_eq!(event.body["reason"], "Ready");
            event.accept("event", "15");
        })
        .await;
    result.unwrap();
    // The watch has not shown the write yet, and nothing is written again.
    for _ in 0..2 {
        let (result, ()) = scene.reconcile(async |_: &mut Server| {}).await;
        result.unwrap();
        scene.server.assert_idle();
    }
}

#[tokio::test]
async fn while_the_job_runs_nothing_is_written() {
    let mut scene = scene();
    scene.begin().await;
    let (result, ()) = scene.reconcile(async |_: &mut Server| {}).await;
    result.unwrap();
    scene.server.assert_idle();
}

#[tokio::test]
async fn t16_a_check_before_this_one_is_deleted_with_its_pod() {
    let mut scene = scene();
    let old: k8s_openapi::api::batch::v1::Job = serde_json::from_value(json!({
        "metadata": {"name": "tstore-media-old", "namespace": "acme", "uid": "old",
            "labels": {"titan.media/storage": "media"}},
    }))
    .unwrap();
    scene.world.context.jobs.set(&old);
    let (result, ()) = scene
        .reconcile(async |server: &mut Server| {
            server
                .expect(&format!("POST {CONFIG_MAPS}"))
                .await
                .accept("cm", "11");
            server
                .expect(&format!("POST {JOBS}"))
                .await
                .accept("job", "12");
            let delete = server
                .expect(&format!("DELETE {JOBS}/tstore-media-old"))
                .await;
            assert_eq!(delete.body["propagationPolicy"], "Background");
            assert_eq!(delete.body["preconditions"]["uid"], "old");
            delete.object(&json!({"kind": "Status", "status": "Success"}));
            let status = server.expect(&format!("PATCH {OBJECT}")).await;
            accept(status, "13");
        })
        .await;
    result.unwrap();
}

#[tokio::test]
async fn a_config_map_of_somebody_else_stalls_the_storage() {
    let mut scene = scene();
    let (result, ()) = scene
        .reconcile(async |server: &mut Server| {
            server.expect(&format!("POST {CONFIG_MAPS}")).await.fail(409, "AlreadyExists");
            let foreign = json!({"metadata": ObjectMeta { uid: Some("x".to_owned()), ..ObjectMeta::default() }});
            server.expect(&format!("GET {CONFIG_MAPS}/tstore-media")).await.object(&foreign);
            let status = server.expect(&format!("PATCH {OBJECT}")).await;
            assert_eq!(status.body["status"]["conditions"][1]["type"], "Stalled");
            accept(status, "13");
            let event = server.expect(&format!("POST {EVENTS}")).await;
            assert_eq!(event.body["reason"], "NameConflict");
            assert_eq!(event.body["type"], "Warning");
            event.accept("event", "14");
        })
        .await;
    result.unwrap();
}

#[tokio::test]
async fn a_conflict_is_tried_again_and_nothing_is_said_of_it() {
    let mut scene = scene();
    let (result, ()) = scene
        .reconcile(async |server: &mut Server| {
            server
                .expect(&format!("POST {CONFIG_MAPS}"))
                .await
                .fail(409, "Conflict");
        })
        .await;
    let error = result.unwrap_err();
    assert!(crate::error::is_conflict(&error), "{error}");
    assert_eq!(
        crate::error::Categorised::class(&error),
        crate::error::Class::Transient
    );
    scene.server.assert_idle();
}

#[tokio::test]
async fn a_storage_that_is_going_is_left_alone() {
    let mut scene = scene();
    scene.storage.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
    let (result, ()) = scene.reconcile(async |_: &mut Server| {}).await;
    assert_eq!(result.unwrap(), Action::await_change());
    scene.server.assert_idle();
}
