//! Waits for the definitions of the two resources: whoever installs the operator first is not punished for it.

use std::time::Duration;

use kube::{Client, core::discovery::verbs};
use titan_crds::schema::{API_VERSION, Kind};
use tokio::time::sleep;

use crate::{
    error::chain,
    metrics::{Crd, Metrics},
};

/// Between two looks.
const POLL: Duration = Duration::from_secs(10);

/// Names of the definitions, as the metric has them.
const DEFINITIONS: [(Kind, &str); 2] = [
    (Kind::TenantStorage, "tenantstorages.titan.media"),
    (Kind::MediaSession, "mediasessions.titan.media"),
];

/// The API server does not let us in, and won't later.
#[derive(Debug, thiserror::Error)]
#[error("the API server refuses discovery")]
pub struct Refused(#[from] kube::Error);

/// Waits until both resources are served. Discovery needs no rights of its own.
pub async fn wait(client: &Client, metrics: &Metrics) -> Result<(), Refused> {
    let mut told = false;
    loop {
        let missing = match missing(client).await {
            Ok(missing) => missing,
            Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => {
                return Err(Refused(kube::Error::Api(status)));
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "can't ask for the definitions");
                DEFINITIONS.iter().map(|(_, name)| *name).collect()
            }
        };
        for (_, crd) in DEFINITIONS {
            let value = i64::from(missing.contains(&crd));
            metrics.crd_missing.get_or_create(&Crd { crd }).set(value);
        }
        if missing.is_empty() {
            return Ok(());
        }
        if !told {
            tracing::warn!(
                ?missing,
                "waiting for definitions: install the chart titan-media-crds"
            );
            told = true;
        }
        sleep(POLL).await;
    }
}

async fn missing(client: &Client) -> kube::Result<Vec<&'static str>> {
    let served = match client.list_api_group_resources(API_VERSION).await {
        Ok(list) => list.resources,
        Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(error) => return Err(error),
    };
    let is_served = |kind: Kind| {
        served.iter().any(|resource| {
            resource.kind == kind.as_str() && resource.verbs.iter().any(|verb| verb == verbs::WATCH)
        })
    };
    Ok(DEFINITIONS
        .iter()
        .filter(|(kind, _)| !is_served(*kind))
        .map(|(_, name)| *name)
        .collect())
}
