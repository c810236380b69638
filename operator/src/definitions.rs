//! Waits for the definitions of the two resources: whoever installs the operator first is not punished for it.

use std::time::Duration;

use kube::{Client, core::discovery::verbs};
use titan_crds::schema::{self, API_VERSION, Kind, YamlError};
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

/// All definitions, as `kubectl apply` takes them.
pub fn yaml() -> Result<String, YamlError> {
    let documents = Kind::ALL.into_iter().map(|kind| {
        let document = schema::yaml(kind)?;
        Ok(format!("---\n{document}"))
    });
    documents.collect()
}

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::server;

    const GROUP: &str = "GET /apis/titan.media/v1alpha1";

    fn resources(kinds: &[&str]) -> Value {
        let resource = |kind: &&str| {
            json!({
                "name": kind.to_lowercase(), "singularName": "", "namespaced": true, "kind": kind,
                "verbs": ["get", "list", "watch"],
            })
        };
        json!({
            "kind": "APIResourceList", "groupVersion": API_VERSION,
            "resources": kinds.iter().map(resource).collect::<Vec<_>>(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn definitions_that_are_not_there_are_waited_for_and_named() {
        let (client, mut server) = server();
        let metrics = Metrics::default();
        let began = tokio::time::Instant::now();
        let missing = |metrics: &Metrics, crd: &'static str| {
            metrics.crd_missing.get_or_create(&Crd { crd }).get()
        };
        let script = async {
            server.patient(GROUP).await.fail(404, "NotFound");
            let call = server.patient(GROUP).await;
            assert_eq!(missing(&metrics, "mediasessions.titan.media"), 1);
            call.object(&resources(&["TenantStorage"]));
            let call = server.patient(GROUP).await;
            assert_eq!(missing(&metrics, "tenantstorages.titan.media"), 0);
            assert_eq!(missing(&metrics, "mediasessions.titan.media"), 1);
            call.object(&resources(&["TenantStorage", "MediaSession"]));
        };
        let (waited, ()) = tokio::join!(wait(&client, &metrics), script);
        waited.unwrap();
        assert_eq!(began.elapsed().as_secs(), 20);
        assert_eq!(missing(&metrics, "mediasessions.titan.media"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_let_us_in_is_not_asked_again() {
        let (client, mut server) = server();
        let metrics = Metrics::default();
        let script = async { server.patient(GROUP).await.fail(403, "Forbidden") };
        let (waited, ()) = tokio::join!(wait(&client, &metrics), script);
        assert!(waited.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_down_is_asked_again() {
        let (client, mut server) = server();
        let metrics = Metrics::default();
        let script = async {
            server.patient(GROUP).await.fail(500, "InternalError");
            let all = resources(&["TenantStorage", "MediaSession"]);
            server.patient(GROUP).await.object(&all);
        };
        let both = async { tokio::join!(wait(&client, &metrics), script) };
        let (waited, ()) = tokio::time::timeout(Duration::from_mins(1), both)
            .await
            .unwrap();
        waited.unwrap();
    }
}
