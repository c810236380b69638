//! What may run under the operator's hand: the sidecar, and nothing that leads from it to a Secret or a node.

use serde_json::{Value, json};

use super::{labels, refused, try_create, try_patch, with};
use crate::harness::object::Object;
use crate::harness::scene::Scene;

/// An image that is not the sidecar's.
const FOREIGN_IMAGE: &str = "registry.example.com/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Where the pod's spec is in a Deployment and in a Job.
const POD: &str = "/spec/template/spec";
/// Where its container is.
const SIDECAR: &str = "/spec/template/spec/containers/0";

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

/// A linked device needs an image that the release names; where it names none, nothing runs beside the sidecar.
#[tokio::test]
async fn the_operator_can_run_a_linked_device_and_nothing_else_beside_the_sidecar() {
    let scene = Scene::new("policy_device").await;
    let [deployment, _] = workloads(&scene).await;
    let image = &scene.cluster.release.images.whatsapp_believing;
    let device = beside(&deployment, image);
    try_create(&scene, &device).await.expect();
    let init = format!("{POD}/initContainers");
    let sidecar = format!("{init}/0");
    let shape = "a sidecar that keeps running beside a linked device";
    let ours = &scene.cluster.release.images.sidecar;
    let other = json!({"name": "other", "image": ours, "args": ["serve"]});
    let refusals = [
        (format!("{SIDECAR}/image"), json!(FOREIGN_IMAGE), "may run"),
        (format!("{SIDECAR}/image"), json!(ours), "may run"),
        (
            format!("{sidecar}/image"),
            json!(FOREIGN_IMAGE),
            "may run only the image",
        ),
        (format!("{SIDECAR}/name"), json!("other"), shape),
        (format!("{POD}/containers/-"), other.clone(), shape),
        (format!("{init}/-"), other, shape),
        (format!("{sidecar}/name"), json!("other"), shape),
    ];
    for (field, value, message) in &refusals {
        refused(&scene, &with(&device, field, value.clone()), message).await;
    }
    // One that ends may have no probes: the API server itself says that first.
    let members = [
        "restartPolicy",
        "startupProbe",
        "readinessProbe",
        "livenessProbe",
    ];
    let ends = members.iter().fold(device.clone(), |device, member| {
        with(&device, &format!("{sidecar}/{member}"), Value::Null)
    });
    refused(&scene, &ends, shape).await;
    let arguments = "no arguments but serve or probe";
    let refusals = [
        (
            format!("{SIDECAR}/command"),
            json!(["/titan-whatsapp"]),
            "may set no command",
        ),
        (format!("{SIDECAR}/args"), json!(["serve"]), arguments),
        (format!("{SIDECAR}/args"), Value::Null, arguments),
        (format!("{sidecar}/args"), json!(["probe"]), arguments),
        (
            format!("{sidecar}/image"),
            json!(image),
            "may run only the image",
        ),
        (
            format!("{SIDECAR}/securityContext/allowPrivilegeEscalation"),
            Value::Null,
            "no privileged container",
        ),
        (
            format!("{SIDECAR}/envFrom"),
            json!([{"secretRef": {"name": "acme-s3"}}]),
            "no Secret or ConfigMap into environment variables",
        ),
    ];
    for (field, value, message) in &refusals {
        refused(&scene, &with(&device, field, value.clone()), message).await;
    }
    // Nor may the device stand in for the sidecar.
    let alone = with(&deployment, &format!("{SIDECAR}/image"), json!(image));
    refused(&scene, &alone, "may run only the image").await;
}

/// Where the release has no image of linked devices, the operator can run none.
pub(crate) async fn no_device_can_run(scene: &Scene) {
    let [deployment, _] = workloads(scene).await;
    let image = &scene.cluster.release.images.whatsapp_believing;
    let device = beside(&deployment, image);
    refused(scene, &device, "may run no linked device").await;
}

/// A workload whose container is an init container that keeps running, beside a linked device.
fn beside(workload: &Value, image: &str) -> Value {
    let mut sidecar = workload.pointer(SIDECAR).unwrap().clone();
    sidecar["restartPolicy"] = json!("Always");
    let device = json!({
        "name": "whatsapp",
        "image": image,
        "args": ["run"],
        "env": [{"name": "TITAN_SOCKET_DIR", "value": "/run/titan/whatsapp"}],
        "securityContext": {"allowPrivilegeEscalation": false},
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/titan"},
            {"name": "sockets", "mountPath": "/run/titan/whatsapp"},
        ],
    });
    let sockets = json!({"name": "sockets", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}});
    let volumes = format!("{POD}/volumes/-");
    let with_sockets = with(workload, &volumes, sockets);
    let sidecars = with(
        &with_sockets,
        &format!("{POD}/initContainers"),
        json!([sidecar]),
    );
    with(&sidecars, &format!("{POD}/containers"), json!([device]))
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
