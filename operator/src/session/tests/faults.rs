//! What the API server or the spec does not allow.

use super::*;

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
            server.expect(CHILDREN[3]).await.accept("d", "1");
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

/// A namespace that is going takes its sessions with it: that is no news, and nothing is written.
#[tokio::test]
async fn a_session_of_an_ending_namespace_is_left_alone() {
    let mut stage = Stage::new(&json!({}));
    stage
        .reconcile(async |mut server: Server| {
            let call = server.expect(SECRETS).await;
            let causes = json!([{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]);
            call.reply(403, &json!({
                "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 403,
                "reason": "Forbidden", "message": "being terminated", "details": {"causes": causes},
            }));
            server
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_linked_device_without_an_image_stalls_the_session() {
    let mut stage = Stage::new(&json!({"source": {"whatsapp": {}}}));
    stage
        .reconcile(async |mut server: Server| {
            let conditions = told(&mut server).await["conditions"].clone();
            assert_eq!(conditions[1]["type"], "Stalled");
            assert_eq!(conditions[1]["reason"], "Unsupported");
            assert_eq!(
                conditions[1]["message"],
                "spec.source.whatsapp: this installation has no image for linked devices"
            );
            event(&mut server).await;
            server
        })
        .await
        .unwrap();
}
