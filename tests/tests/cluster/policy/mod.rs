//! What the operator's own account may do. Whoever may create pods could read Secrets through them, so admission
//! policies confine it; each refusal here passed RBAC and carries the policy's own message.

mod objects;
pub(crate) mod workloads;

use serde_json::{Map, Value, json};

use crate::harness::kube::Said;
use crate::harness::release::{NAMESPACE, OPERATOR};
use crate::harness::scene::Scene;

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

/// Labels of the operator's objects.
fn labels(owner: &str, name: &str) -> Value {
    json!({
        "app.kubernetes.io/managed-by": OPERATOR,
        "app.kubernetes.io/name": "titan-sidecar",
        owner: name,
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
