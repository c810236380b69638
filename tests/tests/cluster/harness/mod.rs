//! What every cluster test stands on: the API server, the release, the peers, a namespace of its own.
//!
//! `tests/cluster/test.sh` starts all of it and names it in the environment: `TITAN_CLUSTER` (the
//! folder with images.json and logs), `TITAN_KUBE_API` (a `kubectl proxy`), `TITAN_INSIDE` (set where
//! this process is in the cluster's network), `KUBECONFIG`.

pub(crate) mod audit;
pub(crate) mod evidence;
pub(crate) mod kube;
pub(crate) mod object;
pub(crate) mod peers;
pub(crate) mod reach;
pub(crate) mod release;
pub(crate) mod s3;
pub(crate) mod scene;

use std::path::PathBuf;

use tokio::sync::{OnceCell, RwLock};

use kube::Kube;
use release::Release;

/// The cluster, once its release and its peers stand.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The API server.
    pub(crate) kube: Kube,
    /// The installed charts.
    pub(crate) release: Release,
    /// Tests that change what all others use hold it alone.
    pub(crate) turn: RwLock<()>,
}

// === impl Cluster ===

impl Cluster {
    /// The cluster; the first call installs what is missing.
    pub(crate) async fn get() -> &'static Self {
        static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
        CLUSTER
            .get_or_init(async || {
                let kube = Kube::from_env();
                // What a run that was killed left behind.
                let left = [
                    "delete",
                    "namespace",
                    "--selector",
                    "titan.media/test",
                    "--wait=false",
                ];
                kube.kubectl(&left).await.expect();
                let release = Release::new();
                peers::install(&kube, &release.images).await;
                release.install().await;
                Self {
                    kube,
                    release,
                    turn: RwLock::new(()),
                }
            })
            .await
    }
}

/// A variable that test.sh sets.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run make cluster-test"))
}

/// The folder of the test cluster.
pub(crate) fn folder() -> PathBuf {
    variable("TITAN_CLUSTER").into()
}
