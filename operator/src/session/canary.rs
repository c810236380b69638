//! Which namespaces take a new image first: those with the label `titan.media/canary: "true"`.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, ResourceExt,
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};

use super::memory::Memory;
use crate::{context::Context, error::chain, names::CANARY};

/// Follows the label until the end of the process. An operator that looks after some namespaces only has no right to
/// see namespaces, and knows no canaries.
pub(super) async fn follow(context: Arc<Context>, memory: Arc<Memory>) {
    if !context.settings.watch_namespaces.is_empty() {
        return std::future::pending().await;
    }
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(context.client.clone());
    let config = watcher::Config::default().labels(&format!("{CANARY}=true"));
    let mut events = watcher(api, config).default_backoff().boxed();
    let (mut canaries, mut listed) = (BTreeSet::new(), BTreeSet::new());
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(namespace)) => drop(listed.insert(namespace.name_any())),
            Ok(Event::InitDone) => canaries = std::mem::take(&mut listed),
            Ok(Event::Apply(namespace)) => drop(canaries.insert(namespace.name_any())),
            Ok(Event::Delete(namespace)) => drop(canaries.remove(&namespace.name_any())),
            Err(error) => {
                context.metrics.watch_failed("Namespace");
                tracing::warn!(error = %chain(&error), "can't see which namespaces are canaries");
                continue;
            }
        }
        let waiting = memory.fleet().set_canaries(canaries.clone());
        for session in waiting {
            context
                .requests
                .sessions
                .send(&session.namespace, &session.name);
        }
    }
}
