//! The Gateway API, which a cluster has once somebody installs it: looked for until it is there, then watched.

use std::{sync::Arc, time::Duration};

use k8s_openapi::Resource;
use kube::ResourceExt;
use tokio::time::sleep;

use super::{build::HttpRoute, memory::Memory};
use crate::{context::Context, error::chain, watch::Watches};

/// Between two looks.
const POLL: Duration = Duration::from_secs(10);

/// Waits for `HTTPRoute`, and follows the sessions' routes from then on. It never ends by itself.
pub(super) async fn follow(context: Arc<Context>, memory: Arc<Memory>, watches: Watches) {
    while !is_served(&context).await {
        sleep(POLL).await;
    }
    tracing::info!("the cluster has the Gateway API");
    memory.found_gateway_api();
    let routes = watches.children::<HttpRoute>();
    let exposed = context.sessions.state_filter(|session| {
        let expose = session.spec.expose.as_ref();
        expose.is_some_and(|expose| expose.http_route.is_some())
    });
    for session in exposed {
        let namespace = session.namespace().unwrap_or_default();
        context
            .requests
            .sessions
            .send(&namespace, &session.name_any());
    }
    routes.await;
}

async fn is_served(context: &Context) -> bool {
    match context
        .client
        .list_api_group_resources(HttpRoute::API_VERSION)
        .await
    {
        Ok(list) => list
            .resources
            .iter()
            .any(|resource| resource.kind == HttpRoute::KIND),
        Err(kube::Error::Api(status)) if status.code == 404 => false,
        Err(error) => {
            tracing::debug!(error = %chain(&error), "can't look for the Gateway API");
            false
        }
    }
}
