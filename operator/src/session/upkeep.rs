//! What is done once at the start and then every so often, for all sessions together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use kube::ResourceExt;
use tokio::time::sleep;

use super::{
    memory::Memory,
    rollout::{Health, Key, Seen},
    status::health,
};
use crate::{context::Context, metrics::Image};

/// Between two times.
const EVERY: Duration = Duration::from_secs(15);

/// Tells the fleet how every session is, before the first of them is reconciled.
pub(super) fn begin(context: &Context, memory: &Memory) {
    let now = context.clock.now();
    let mut fleet = memory.fleet();
    for session in context.sessions.state() {
        let (namespace, name) = (session.namespace().unwrap_or_default(), session.name_any());
        let workload = context.workloads.get(&namespace, &format!("msess-{name}"));
        let pods = context.pods.of_session(&namespace, &name);
        let seen = match workload {
            Some(workload) => health(Some(&workload), &pods),
            None => Seen {
                images: None,
                health: Health::Up,
            },
        };
        fleet.begin(Key { namespace, name }, &seen, now);
    }
}

/// Forgets what is gone and counts what is there. It never ends by itself.
pub(super) async fn every_so_often(context: Arc<Context>, memory: Arc<Memory>) {
    loop {
        sleep(EVERY).await;
        forget(&context, &memory);
        count(&context);
    }
}

fn forget(context: &Context, memory: &Memory) {
    let sessions = context.sessions.state();
    let alive: BTreeSet<Key> = sessions
        .iter()
        .map(|session| Key {
            namespace: session.namespace().unwrap_or_default(),
            name: session.name_any(),
        })
        .collect();
    let uids: BTreeSet<String> = sessions
        .iter()
        .filter_map(|session| session.uid())
        .collect();
    let waiting = {
        let mut fleet = memory.fleet();
        let gone = fleet.gone(&alive);
        gone.iter()
            .flat_map(|key| fleet.forget(key))
            .collect::<BTreeSet<_>>()
    };
    for key in waiting {
        context.requests.sessions.send(&key.namespace, &key.name);
    }
    memory.retain(|uid| uids.contains(uid));
}

/// Sessions by the image of their sidecar.
fn count(context: &Context) {
    let mut images: BTreeMap<String, i64> = BTreeMap::new();
    for (_, _, workload) in context.workloads.all() {
        if let Some(running) = &workload.images {
            *images.entry(running.sidecar.clone()).or_default() += 1;
        }
    }
    let metric = &context.metrics.sessions_by_image;
    metric.clear();
    for (image, count) in images {
        metric.get_or_create(&Image { image }).set(count);
    }
}
