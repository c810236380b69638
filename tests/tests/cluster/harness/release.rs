//! The installed charts: both by helm, as a platform team does it.

use std::fs;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use titan_tests::cache::{crate_folder, installed};

use super::folder;
use super::kube::{Said, retry, run_async};
use super::peers::{CDN, WHATSAPP};

/// Namespace and name of the release.
pub(crate) const NAMESPACE: &str = "titan-system";
/// Name of the operator's Deployment, its `ServiceAccount` and its Lease.
pub(crate) const OPERATOR: &str = "titan-operator";

/// References by digest, as `tests/cluster/images.sh` wrote them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Images {
    /// The operator.
    pub(crate) operator: String,
    /// The sidecar.
    pub(crate) sidecar: String,
    /// The same sidecar under another digest.
    pub(crate) sidecar_next: String,
    /// A program that ends at once under the name of the sidecar.
    pub(crate) sidecar_broken: String,
    /// CDN and webhook sink.
    pub(crate) peer: String,
    /// The S3 server.
    pub(crate) s3: String,
    /// A linked device, as released.
    pub(crate) whatsapp: String,
    /// A linked device that believes a server of our own.
    pub(crate) whatsapp_believing: String,
    /// That server.
    pub(crate) relay: String,
}

/// Both releases.
#[derive(Debug)]
pub(crate) struct Release {
    /// The images.
    pub(crate) images: Images,
}

// === impl Release ===

impl Release {
    /// Reads which images there are.
    pub(crate) fn new() -> Self {
        let text = fs::read_to_string(folder().join("images.json")).unwrap();
        Self {
            images: serde_json::from_str(&text).unwrap(),
        }
    }

    /// Installs or upgrades both to the usual values.
    pub(crate) async fn install(&self) {
        let crds = chart("titan-media-crds");
        let upgrade = [
            "upgrade",
            "--install",
            "--create-namespace",
            "--namespace",
            NAMESPACE,
        ];
        let args = [&upgrade[..], &["titan-media-crds", &crds]].concat();
        helm(&args, "").await.expect();
        self.upgrade(json!({})).await.expect();
        owners_are_known().await;
    }

    /// Upgrades titan-media to the usual values with `changes` merged in, and waits until it stands.
    pub(crate) async fn upgrade(&self, changes: Value) -> Said {
        let mut values = self.values();
        merge(&mut values, changes);
        let chart = chart("titan-media");
        let args = [
            "upgrade",
            "--install",
            "--create-namespace",
            "--namespace",
            NAMESPACE,
            "titan-media",
            &chart,
            "--values",
            "-",
            "--wait",
            "--timeout",
            "90s",
        ];
        helm(&args, &values.to_string()).await
    }

    /// Back to the usual values.
    pub(crate) async fn restore(&self) {
        self.upgrade(json!({})).await.expect();
    }

    /// The usual values.
    pub(crate) fn values(&self) -> Value {
        json!({
            "crds": {"enabled": false},
            "image": image(&self.images.operator),
            "logLevel": "info,titan_operator=debug",
            "sidecar": {
                "image": image(&self.images.sidecar),
                "cdnOrigins": [CDN],
                "allowCidrs": ["10.0.0.0/8"],
                "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"memory": "256Mi"}},
            },
            "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"memory": "192Mi"}},
            "whatsapp": {"image": image(&self.images.whatsapp_believing), "endpoint": WHATSAPP},
            "expose": {"allowedHosts": {"*": ["*.titan.example"]}},
        })
    }
}

/// With `OwnerReferencesPermissionEnforcement` the API server refuses owner references to a kind that its admission
/// has not discovered yet: up to half a minute after the definitions came. It does not ask who may do everything, so
/// the operator's own account asks.
async fn owners_are_known() {
    let account = format!("system:serviceaccount:{NAMESPACE}:{OPERATOR}");
    let args = [
        "create",
        "--dry-run=server",
        "--as",
        &account,
        "--filename",
        "-",
    ];
    for (kind, prefix, label) in [
        ("MediaSession", "msess", "titan.media/session"),
        ("TenantStorage", "tstore", "titan.media/storage"),
    ] {
        let owner = json!({
            "apiVersion": "titan.media/v1alpha1", "kind": kind, "name": "none", "uid": "none",
            "controller": true, "blockOwnerDeletion": true,
        });
        let labels = json!({"app.kubernetes.io/managed-by": OPERATOR, label: "none"});
        let child = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": format!("{prefix}-none"), "namespace": "default", "labels": labels, "ownerReferences": [owner],
        }});
        let what = format!("references to a {kind} are taken");
        retry(Duration::from_mins(2), &what, async || {
            let said = run_async("kubectl", &args, &child.to_string()).await;
            said.ok.then_some(())
        })
        .await;
    }
}

/// Path of a chart.
pub(crate) fn chart(name: &str) -> String {
    let charts = crate_folder().with_file_name("charts");
    charts.join(name).display().to_string()
}

/// `helm ARGS` with its own folders.
pub(crate) async fn helm(args: &[&str], input: &str) -> Said {
    let own = folder().join("helm").display().to_string();
    let program = installed("helm").display().to_string();
    let script = "export HELM_CACHE_HOME=$0/cache HELM_CONFIG_HOME=$0/config HELM_DATA_HOME=$0/data; exec \"$@\"";
    let all = [&["-c", script, &own, &program], args].concat();
    run_async("sh", &all, input).await
}

/// `{repository, digest}` of a reference, as values name an image.
pub(crate) fn image(reference: &str) -> Value {
    let (repository, digest) = reference.split_once('@').unwrap();
    json!({"repository": repository, "digest": digest})
}

/// Merges objects member by member; all else of `changes` replaces.
fn merge(values: &mut Value, changes: Value) {
    match (values, changes) {
        (Value::Object(values), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(values.entry(name).or_insert(Value::Null), change);
            }
        }
        (value @ Value::Null, Value::Object(changes)) => {
            *value = Value::Object(Map::new());
            merge(value, Value::Object(changes));
        }
        (value, change) => *value = change,
    }
}
