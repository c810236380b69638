//! Counts what there is, and forgets what is gone, every so often.

use std::{collections::HashSet, sync::Arc, time::Duration};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt};
use titan_crds::ConditionType;
use tokio::time::sleep;

use crate::{
    conditions::{Status, condition},
    context::Context,
    metrics::{Kind, Metrics, Resources},
};

/// Between two counts.
const EVERY: Duration = Duration::from_secs(15);

/// Every status that a condition may have.
const STATUSES: [Status; 3] = [Status::True, Status::False, Status::Unknown];

/// Counts until it is dropped.
pub async fn every_so_often(context: Arc<Context>) {
    loop {
        sleep(EVERY).await;
        count(&context);
    }
}

fn count(context: &Context) {
    let metrics = &context.metrics;
    let storages = context.storages.state();
    let sessions = context.sessions.state();
    context.storage_statuses.retain(&uids(&storages));
    context.session_statuses.retain(&uids(&sessions));
    objects(metrics, "TenantStorage", storages.len());
    objects(metrics, "MediaSession", sessions.len());
    objects(metrics, "child", context.ledger.len());
    let of_storages = storages
        .iter()
        .map(|storage| storage.status.as_ref().map(|status| &status.conditions));
    tally(metrics, "TenantStorage", &of_storages);
    let of_sessions = sessions
        .iter()
        .map(|session| session.status.as_ref().map(|status| &status.conditions));
    tally(metrics, "MediaSession", &of_sessions);
}

fn uids<K: Resource>(objects: &[Arc<K>]) -> HashSet<String> {
    objects.iter().filter_map(|object| object.uid()).collect()
}

fn objects(metrics: &Metrics, kind: &str, count: usize) {
    let kind = Kind {
        kind: kind.to_owned(),
    };
    metrics
        .store_objects
        .get_or_create(&kind)
        .set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// Objects by the status of each condition that they have.
fn tally<'a>(
    metrics: &Metrics,
    kind: &'static str,
    all: &(impl Iterator<Item = Option<&'a Vec<Condition>>> + Clone),
) {
    for type_ in ConditionType::ALL {
        for status in STATUSES {
            let count = all
                .clone()
                .flatten()
                .filter_map(|conditions| condition(conditions, *type_))
                .filter(|condition| condition.status == status.as_str())
                .count();
            let labels = Resources {
                kind,
                condition: type_.as_str(),
                status: status.as_str(),
            };
            metrics
                .resources
                .get_or_create(&labels)
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use kube::runtime::watcher::Event;
    use titan_crds::Reason;

    use super::*;
    use crate::{
        conditions::Conditions,
        testing::{server, world},
    };

    #[tokio::test]
    async fn objects_are_counted_by_condition_and_no_name_is_told() {
        let (client, _server) = server();
        let mut world = world(client, Timestamp::UNIX_EPOCH);
        for (name, ready) in [("one", true), ("two", false)] {
            let mut storage = titan_crds::TenantStorage::new(name, crate::storage::tests::spec());
            let conditions = Conditions::new(&[], 1, Timestamp::UNIX_EPOCH);
            let conditions = if ready {
                conditions.ready(Reason::Ready, "")
            } else {
                conditions.stalled(Reason::NameConflict, "")
            };
            storage.status = Some(titan_crds::TenantStorageStatus {
                conditions: conditions.finish(),
                ..Default::default()
            });
            world.storages.apply_watcher_event(&Event::Apply(storage));
        }
        count(&world.context);
        let text = world.context.metrics.encode();
        for line in [
            r#"titan_operator_resources{kind="TenantStorage",condition="Ready",status="True"} 1"#,
            r#"titan_operator_resources{kind="TenantStorage",condition="Stalled",status="True"} 1"#,
            r#"titan_operator_store_objects{kind="TenantStorage"} 2"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("two"));
    }
}
