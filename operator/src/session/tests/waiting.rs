//! What a session lacks, and how it goes on without.

use super::*;

/// `kubectl apply` of both at once may show the session first.
#[tokio::test]
async fn a_new_session_waits_a_moment_for_its_storage() {
    let mut stage = Stage::new(&json!({"storageRef": {"name": "acme"}}));
    stage.object.metadata.creation_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    let action = stage
        .reconcile(async |mut server: Server| {
            let line = "GET /api/v1/namespaces/acme/configmaps/msess-default";
            server.expect(line).await.fail(404, "NotFound");
            assert_eq!(ready(&mut server).await, "Unknown Progressing");
            server
        })
        .await
        .unwrap();
    assert_eq!(action, Action::requeue(STORAGE_PATIENCE));
    let mut stage = stage.with_storage();
    stage.make().await;
}

/// A storage that does not come keeps no session from taking messages.
#[tokio::test]
async fn a_session_whose_storage_does_not_come_starts_without() {
    let mut stage = Stage::new(&json!({"storageRef": {"name": "acme"}}));
    let long_ago = Timestamp::from_second(-60).unwrap();
    stage.object.metadata.creation_timestamp = Some(Time(long_ago));
    stage
        .reconcile(async |mut server: Server| {
            let line = "GET /api/v1/namespaces/acme/configmaps/msess-default";
            server.expect(line).await.fail(404, "NotFound");
            server.expect(SECRETS).await.accept("key", "1");
            for line in CHILDREN {
                server.expect(line).await.accept(line, "1");
            }
            let conditions = told(&mut server).await["conditions"].clone();
            assert_eq!(conditions[0]["reason"], "Progressing");
            let storage = json!(["StorageReady", "False", "StorageNotFound"]);
            assert_eq!(
                json!([
                    conditions[2]["type"],
                    conditions[2]["status"],
                    conditions[2]["reason"]
                ]),
                storage
            );
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
    stage.memory = Arc::new(Memory::new(Fleet::new(images(NEW)), Timestamp::UNIX_EPOCH));
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
