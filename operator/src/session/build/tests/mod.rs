//! YAML in, snapshot out.

mod rolling;
mod snapshots;
mod volume;

use clap::Parser;
use serde_json::{Value, json};
use titan_crds::{MediaSession, TenantStorage};

use super::{Found, Prepared, Resources, build};
use crate::{
    args::Args,
    document::{Identity, StorageDocument},
    session::validate::{ValidatedSession, resolve},
    settings::Settings,
};

pub(in crate::session) fn settings(more: &[&str]) -> Settings {
    let flags = [
        "titan-operator",
        "--sidecar-image=registry.example/titan-sidecar@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        r#"--sidecar-resources={"requests":{"cpu":"10m","memory":"32Mi"},"limits":{"memory":"256Mi"}}"#,
        r#"--expose-allowed-hosts={"acme":["wa.acme.com"]}"#,
        "--monitoring-namespace=monitoring",
        "--whatsapp-image=registry.example/titan-whatsapp@sha256:3333333333333333333333333333333333333333333333333333333333333333",
        r#"--whatsapp-resources={"requests":{"cpu":"5m","memory":"24Mi"},"limits":{"memory":"128Mi"}}"#,
    ];
    let args = Args::try_parse_from(flags.iter().chain(more)).unwrap();
    Settings::try_from(args.run).unwrap()
}

/// The objects as the API server would hand them out.
fn served<K: serde::de::DeserializeOwned>(yaml: &str, uid: &str) -> K {
    let mut object: Value = serde_saphyr::from_str(yaml).unwrap();
    object["metadata"]["uid"] = json!(uid);
    object["metadata"]["generation"] = json!(1);
    serde_json::from_value(object).unwrap()
}

pub(in crate::session) fn validated(session: &str, storage: Option<&str>) -> ValidatedSession {
    let session: MediaSession = served(session, "5e5510d0-0000-4000-8000-000000000001");
    let storage = storage.map(|yaml| {
        let storage: TenantStorage = served(yaml, "57004a6e-0000-4000-8000-000000000001");
        StorageDocument::of(Identity::of(&storage.metadata).unwrap(), &storage).unwrap()
    });
    resolve(&session, storage, &settings(&[])).unwrap()
}

fn built(session: &str, storage: Option<&str>) -> Resources<Prepared> {
    build(
        &validated(session, storage),
        &settings(&[]),
        &Found::default(),
    )
}

/// Every child, by name.
fn children(resources: &Resources<Prepared>) -> Value {
    let Resources {
        config_map,
        volume_claim,
        service,
        network_policy,
        http_route,
        ingress,
        disruption_budget,
        deployment,
        state: _,
    } = resources;
    json!({
        "1 configMap": config_map,
        "2 volumeClaim": volume_claim,
        "3 service": service,
        "4 networkPolicy": network_policy,
        "5 httpRoute": http_route,
        "6 ingress": ingress,
        "7 disruptionBudget": disruption_budget,
        "8 deployment": deployment,
    })
}

pub(in crate::session) const STORAGE: &str = "
apiVersion: titan.media/v1alpha1
kind: TenantStorage
metadata: {name: acme, namespace: acme}
spec:
  endpoint: https://s3.acme.com:9000
  region: us-east-1
  bucket: acme-media
  credentials: {secretRef: {name: acme-s3}}
";

pub(in crate::session) const SESSION: &str = "
apiVersion: titan.media/v1alpha1
kind: MediaSession
metadata: {name: default, namespace: acme}
spec:
  storageRef: {name: acme}
";

/// [`SESSION`] with more lines in its spec.
pub(in crate::session) fn session(more: &str) -> String {
    format!("{SESSION}{more}\n")
}
