//! An operator that may work in some namespaces only.

use serde_json::json;

use crate::harness::release::OPERATOR;
use crate::harness::scene::Scene;

#[tokio::test]
async fn an_object_outside_the_watched_namespaces_is_not_touched() {
    let watched = Scene::alone("namespaced").await;
    let other = watched.beside().await;
    let kube = watched.kube();
    let changes = json!({"watchNamespaces": [watched.namespace]});
    watched.cluster.release.upgrade(changes).await.expect();

    let documents = [other.secret(), other.storage(), other.session("default")];
    kube.apply(&documents).await;
    // The one that comes later is done first.
    watched.up("default").await;
    watched.takes_an_image("default", "3EB0WATCHED").await;
    for object in [other.msess("default"), other.tstore()] {
        let now = kube.get(&object).await.unwrap();
        assert!(now["status"].is_null(), "{now:#}");
    }
    for kind in ["Deployment", "Service", "ConfigMap", "Job", "NetworkPolicy"] {
        let all = kube
            .list(
                kind,
                &other.namespace,
                "app.kubernetes.io/managed-by=titan-operator",
            )
            .await;
        assert!(all.is_empty(), "{all:#?}");
    }
    // It could not if it would.
    let operator = format!("--as=system:serviceaccount:titan-system:{OPERATOR}");
    for (verb, kind) in [
        ("create", "deployments"),
        ("list", "mediasessions.titan.media"),
        ("list", "pods"),
    ] {
        let args = [
            "auth",
            "can-i",
            verb,
            kind,
            &operator,
            "--namespace",
            &other.namespace,
        ];
        assert_eq!(kube.kubectl(&args).await.out.trim(), "no", "{verb} {kind}");
    }
    watched.cluster.release.restore().await;
    other.ready("default").await;
}
