//! What the operator's own account may do. Whoever may create pods could read Secrets through them, so admission
//! policies confine it; each refusal here passed RBAC and carries the policy's own message.

use serde_json::{Map, Value, json};

use crate::harness::kube::Said;
use crate::harness::object::Object;
use crate::harness::release::{NAMESPACE, OPERATOR};
use crate::harness::scene::Scene;

/// An image that is not the sidecar's.
const FOREIGN_IMAGE: &str = "registry.example.com/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Where the pod's spec is in a Deployment and in a Job.
const POD: &str = "/spec/template/spec";
/// Where its container is.
const SIDECAR: &str = "/spec/template/spec/containers/0";

#[tokio::test]
async fn the_operator_can_read_no_secret() {
    let scene = Scene::new("policy_read").await;
    scene.kube().apply(&[scene.secret()]).await;
    for verb in [
        "get",
        "list",
        "watch",
        "update",
        "patch",
        "delete",
        "deletecollection",
    ] {
        let namespace = scene.namespace.as_str();
        let operator = as_operator();
        let args = [
            "auth",
            "can-i",
            verb,
            "secrets",
            "--namespace",
            namespace,
            &operator,
        ];
        let said = scene.kube().kubectl(&args).await;
        assert_eq!(said.out.trim(), "no", "{verb}: {}", said.err);
    }
    let args = ["get", "secret", "acme-s3", "--namespace", &scene.namespace];
    let said = scene
        .kube()
        .kubectl(&[&args[..], &[&as_operator()]].concat())
        .await;
    said.refused(&["forbidden", "cannot get resource \"secrets\""]);
}

#[tokio::test]
async fn the_operator_can_create_only_opaque_secrets_with_its_labels() {
    let scene = Scene::new("policy_secrets").await;
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "msess-default-api-key-01234567",
            "namespace": scene.namespace,
            "labels": labels("titan.media/session", "default"),
        },
        "stringData": {"key": "titan_0123456789abcdef0123456789abcdef"},
    });
    try_create(&scene, &secret).await.expect();

    let token = with(
        &secret,
        "/type",
        json!("kubernetes.io/service-account-token"),
    );
    let account = json!({"kubernetes.io/service-account.name": "default"});
    let token = with(&token, "/metadata/annotations", account);
    refused(&scene, &token, "only Secrets of type Opaque").await;

    let bare = with(&secret, "/metadata/labels", Value::Null);
    refused(&scene, &bare, "only Secrets with the labels").await;

    // Argo CD reads clusters, and the right to deploy to them, from Secrets with this label.
    let argo = with(
        &secret,
        "/metadata/labels/argocd.argoproj.io~1secret-type",
        json!("cluster"),
    );
    refused(&scene, &argo, "without foreign labels").await;
}

#[tokio::test]
async fn what_the_operator_makes_passes_its_policy() {
    let scene = Scene::new("policy_passes").await;
    for workload in workloads(&scene).await {
        try_create(&scene, &workload).await.expect();
        // A session with `identity` runs as an account of the tenant, with a token for somebody else.
        let account = with(
            &workload,
            &format!("{POD}/serviceAccountName"),
            json!("default"),
        );
        let identity = with(
            &account,
            &format!("{POD}/volumes/-"),
            token("sts.amazonaws.com"),
        );
        try_create(&scene, &identity).await.expect();
    }
}

#[tokio::test]
async fn the_operator_can_run_nothing_but_the_sidecar() {
    let scene = Scene::new("policy_programs").await;
    let other = json!({
        "name": "other",
        "image": scene.cluster.release.images.sidecar,
        "args": ["serve"],
        "securityContext": {"allowPrivilegeEscalation": false},
    });
    let exec = json!({"exec": {"command": ["/titan-sidecar", "version"]}});
    let refusals = [
        ("/image", json!(FOREIGN_IMAGE), "may run only the image"),
        ("/command", json!(["/titan-sidecar"]), "may set no command"),
        (
            "/args",
            json!(["serve", "--data-dir", "/"]),
            "no arguments but serve or probe",
        ),
        ("/args", Value::Null, "no arguments but serve or probe"),
        (
            "/livenessProbe",
            exec.clone(),
            "no program in lifecycle hooks and probes",
        ),
        (
            "/lifecycle",
            json!({"preStop": exec}),
            "no program in lifecycle hooks and probes",
        ),
    ];
    for workload in workloads(&scene).await {
        for (field, value, message) in &refusals {
            let changed = with(&workload, &format!("{SIDECAR}{field}"), value.clone());
            refused(&scene, &changed, message).await;
        }
        let second = with(&workload, &format!("{POD}/containers/-"), other.clone());
        refused(&scene, &second, "no second container").await;
        let init = with(&workload, &format!("{POD}/initContainers"), json!([other]));
        refused(&scene, &init, "no init container").await;
    }
}

#[tokio::test]
async fn the_operator_can_give_no_token_for_the_kubernetes_api() {
    let scene = Scene::new("policy_tokens").await;
    let account = format!("{POD}/automountServiceAccountToken");
    let volumes = format!("{POD}/volumes/-");
    let named = token("https://kubernetes.default.svc.cluster.local");
    let unnamed = with(
        &named,
        "/projected/sources/0/serviceAccountToken/audience",
        Value::Null,
    );
    let root = json!({"configMap": {"name": "kube-root-ca.crt"}});
    let with_more = with(&token("sts.amazonaws.com"), "/projected/sources/-", root);
    for workload in workloads(&scene).await {
        for value in [json!(true), Value::Null] {
            let mounted = with(&workload, &account, value);
            refused(&scene, &mounted, "automountServiceAccountToken false").await;
        }
        for volume in [&named, &unnamed, &with_more] {
            let projected = with(&workload, &volumes, volume.clone());
            refused(
                &scene,
                &projected,
                "an audience other than the Kubernetes API",
            )
            .await;
        }
    }
}

#[tokio::test]
async fn the_operator_can_mount_secrets_only_as_optional_volumes() {
    let scene = Scene::new("policy_mounts").await;
    let volumes = format!("{POD}/volumes/-");
    let hard = json!({"name": "more", "secret": {"secretName": "acme-s3"}});
    let soft = with(&hard, "/secret/optional", json!(true));
    let key = json!({"secretKeyRef": {"name": "acme-s3", "key": "accessKeyId"}});
    let variable = json!({"name": "KEY", "valueFrom": key});
    let all = json!([{"secretRef": {"name": "acme-s3"}}]);
    for workload in workloads(&scene).await {
        try_create(&scene, &with(&workload, &volumes, soft.clone()))
            .await
            .expect();
        let mounted = with(&workload, &volumes, hard.clone());
        refused(&scene, &mounted, "a Secret only as an optional volume").await;
        let one = with(&workload, &format!("{SIDECAR}/env/-"), variable.clone());
        refused(
            &scene,
            &one,
            "no Secret or ConfigMap into environment variables",
        )
        .await;
        let every = with(&workload, &format!("{SIDECAR}/envFrom"), all.clone());
        refused(
            &scene,
            &every,
            "no Secret or ConfigMap into environment variables",
        )
        .await;
    }
}

#[tokio::test]
async fn the_operator_can_reach_no_node() {
    let scene = Scene::new("policy_nodes").await;
    let node = "no network, port, process or IPC namespace of the node";
    let disk = json!({"name": "disk", "hostPath": {"path": "/"}});
    let add = json!({"add": ["SYS_ADMIN"]});
    let security = format!("{SIDECAR}/securityContext");
    let refusals = [
        (format!("{POD}/hostNetwork"), json!(true), node),
        (format!("{POD}/hostPID"), json!(true), node),
        (format!("{POD}/hostIPC"), json!(true), node),
        (
            format!("{SIDECAR}/ports"),
            json!([{"containerPort": 8080, "hostPort": 8080}]),
            node,
        ),
        (format!("{POD}/volumes/-"), disk, "may mount only"),
        (
            format!("{security}/capabilities"),
            add,
            "no privileged container",
        ),
        (
            format!("{security}/allowPrivilegeEscalation"),
            Value::Null,
            "no privileged container",
        ),
    ];
    for workload in workloads(&scene).await {
        for (field, value, message) in &refusals {
            refused(&scene, &with(&workload, field, value.clone()), message).await;
        }
    }
}

#[tokio::test]
async fn an_image_that_runs_already_may_stay_for_a_staged_upgrade() {
    let scene = Scene::new("policy_staged").await;
    let [deployment, _] = workloads(&scene).await;
    let old = with(
        &deployment,
        &format!("{SIDECAR}/image"),
        json!(FOREIGN_IMAGE),
    );
    let old = with(&old, "/spec/replicas", json!(0));
    scene.kube().try_create(&old, &[]).await.expect();
    let keep = json!({"metadata": {"annotations": {"titan.media/applied-hash": "1"}}});
    try_patch(&scene, "deployment", "msess-policy", &keep)
        .await
        .expect();
    let image = "registry.example.com/y@sha256:0123";
    let container = json!([{"name": deployment.pointer(SIDECAR).unwrap()["name"], "image": image}]);
    let other = json!({"spec": {"template": {"spec": {"containers": container}}}});
    let said = try_patch(&scene, "deployment", "msess-policy", &other).await;
    said.refused(&["'titan-operator-workloads'", "may run only the image"]);
}

#[tokio::test]
async fn the_operator_can_change_one_annotation_of_a_pod_and_nothing_else() {
    let scene = Scene::new("policy_pods").await;
    scene.up("default").await;
    let label = "titan.media/session=default";
    let pods = scene.kube().list("Pod", &scene.namespace, label).await;
    let pod = pods[0]["metadata"]["name"].as_str().unwrap();
    let annotation = |name: &str| json!({"metadata": {"annotations": {name: "1"}}});
    try_patch(&scene, "pod", pod, &annotation("titan.media/refresh"))
        .await
        .expect();
    for patch in [
        annotation("example.com/other"),
        json!({"metadata": {"labels": {"example.com/other": "1"}}}),
        json!({"metadata": {"labels": {"titan.media/session": null}}}),
        json!({"metadata": {"finalizers": ["example.com/other"]}}),
        json!({"spec": {"activeDeadlineSeconds": 1}}),
    ] {
        let said = try_patch(&scene, "pod", pod, &patch).await;
        said.refused(&[
            "'titan-operator-pods'",
            "nothing of a pod but its annotation",
        ]);
    }

    let foreign = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "foreign", "namespace": scene.namespace},
        "spec": pods[0]["spec"],
    });
    let foreign = with(&foreign, "/spec/nodeName", Value::Null);
    // It need not start: no node has this label.
    let foreign = with(
        &foreign,
        "/spec/nodeSelector",
        json!({"example.com/none": ""}),
    );
    scene.kube().try_create(&foreign, &[]).await.expect();
    let said = try_patch(&scene, "pod", "foreign", &annotation("titan.media/refresh")).await;
    said.refused(&["'titan-operator-pods'", "may patch only pods of its own"]);
}

#[tokio::test]
async fn the_operator_can_touch_no_foreign_object() {
    let scene = Scene::new("policy_foreign").await;
    let foreign = config_map(&scene, "msess-foreign", &json!({}));
    let ours = config_map(&scene, "msess-ours", &labels("titan.media/session", "ours"));
    scene.kube().apply(&[foreign.clone(), ours.clone()]).await;
    let data = json!({"data": {"key": "changed"}});
    try_patch(&scene, "configmap", "msess-ours", &data)
        .await
        .expect();
    // Not even to make it ours.
    let take = json!({"metadata": {"labels": labels("titan.media/session", "foreign")}});
    for patch in [data, take] {
        let said = try_patch(&scene, "configmap", "msess-foreign", &patch).await;
        said.refused(&["'titan-operator-objects'", "only objects of its own"]);
    }
    let operator = as_operator();
    let args = [
        "delete",
        "configmap",
        "msess-ours",
        "--namespace",
        &scene.namespace,
        &operator,
    ];
    let said = scene.kube().kubectl(&args).await;
    said.refused(&[
        "'titan-operator-objects'",
        "may delete no Deployment, ConfigMap, Service or claim",
    ]);

    let bare = with(&foreign, "/metadata/name", json!("msess-other"));
    refused(&scene, &bare, "may create only objects with the label").await;
    // On some clusters, whoever writes this ConfigMap decides who is an administrator.
    let rights = with(&ours, "/metadata/name", json!("aws-auth"));
    refused(&scene, &rights, "only objects named msess-… or tstore-…").await;
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": with(&ours["metadata"], "/name", json!("msess-outside")),
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    });
    refused(&scene, &service, "only Services of type ClusterIP").await;
}

/// The flag that makes kubectl the operator.
fn as_operator() -> String {
    format!("--as=system:serviceaccount:{NAMESPACE}:{OPERATOR}")
}

/// Creates a document as the operator, as far as admission and no further.
async fn try_create(scene: &Scene, document: &Value) -> Said {
    let flags = [as_operator(), "--dry-run=server".to_owned()];
    scene
        .kube()
        .try_create(document, &[&flags[0], &flags[1]])
        .await
}

/// A creation that RBAC allows and one of the operator's policies refuses.
async fn refused(scene: &Scene, document: &Value, message: &str) {
    let said = try_create(scene, document).await;
    said.refused(&[
        "ValidatingAdmissionPolicy 'titan-operator-",
        "titan-operator may",
        message,
    ]);
}

/// Patches an object as the operator.
async fn try_patch(scene: &Scene, kind: &str, name: &str, patch: &Value) -> Said {
    let (operator, patch) = (as_operator(), patch.to_string());
    let what = ["patch", kind, name, "--namespace", &scene.namespace];
    let how = ["--type=merge", "--patch", &patch, &operator];
    scene.kube().kubectl(&[&what[..], &how[..]].concat()).await
}

/// What the operator itself made for a session, under another name: as a Deployment, and as the Job of a check.
async fn workloads(scene: &Scene) -> [Value; 2] {
    scene.up("default").await;
    let live = Object::new("Deployment", &scene.namespace, "msess-default");
    let live = scene.kube().get(&live).await.unwrap();
    let template = with(
        &live["spec"]["template"],
        "/metadata/annotations",
        Value::Null,
    );
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "msess-policy",
            "namespace": scene.namespace,
            "labels": labels("titan.media/session", "policy"),
        },
        "spec": {"selector": live["spec"]["selector"], "template": template},
    });
    let template = with(&template, "/spec/restartPolicy", json!("Never"));
    let template = with(&template, "/spec/containers/0/args", json!(["probe"]));
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "tstore-policy-1",
            "namespace": scene.namespace,
            "labels": labels("titan.media/storage", "policy"),
        },
        "spec": {"backoffLimit": 0, "template": template},
    });
    [deployment, job]
}

/// A volume with a token for an audience.
fn token(audience: &str) -> Value {
    let source = json!({"serviceAccountToken": {"path": "token", "audience": audience}});
    json!({"name": "token", "projected": {"sources": [source]}})
}

/// Labels of the operator's objects.
fn labels(owner: &str, name: &str) -> Value {
    json!({
        "app.kubernetes.io/managed-by": OPERATOR,
        "app.kubernetes.io/name": "titan-sidecar",
        owner: name,
    })
}

fn config_map(scene: &Scene, name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": scene.namespace, "labels": labels},
        "data": {"key": "value"},
    })
}

/// A document with the member at a JSON pointer set; `-` appends to a list, null removes.
fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut document = document.clone();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let member = member.replace("~1", "/");
    let parent = document.pointer_mut(parent).unwrap();
    if parent.is_null() {
        let empty = if member == "-" {
            json!([])
        } else {
            json!(Map::new())
        };
        *parent = empty;
    }
    match parent {
        Value::Array(items) if member == "-" => items.push(value),
        Value::Object(members) if value.is_null() => {
            members.remove(&member);
        }
        parent => parent[member.as_str()] = value,
    }
    document
}
