//! What becomes of events: several namespaces as one, and T1 and T2.

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    core::PartialObjectMeta,
    runtime::{
        reflector::{ObjectRef, Store, store::Writer},
        watcher::{self, Event},
    },
};
use serde_json::json;
use titan_crds::TenantStorage;

use super::{
    Watches,
    children::ChildSink,
    follow::{Sink, Source, follow},
    objects::ObjectSink,
};
use crate::{
    admin::Readiness,
    apply::Key,
    testing::{server, watches, world},
};

fn storage(namespace: &str, name: &str, generation: i64) -> TenantStorage {
    serde_json::from_value(json!({
        "apiVersion": "titan.media/v1alpha1", "kind": "TenantStorage",
        "metadata": {
            "namespace": namespace, "name": name, "uid": format!("{namespace}/{name}"),
            "generation": generation, "managedFields": [{"manager": "kubectl", "operation": "Update"}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
        },
        "spec": {"credentials": {"secretRef": {"name": "s3"}}},
    }))
    .unwrap()
}

fn bare() -> Watches {
    let (client, _server) = server();
    watches(&world(client, Timestamp::UNIX_EPOCH).context)
}

fn source<K: Send + 'static>(namespace: Option<&str>, events: Vec<Event<K>>) -> Source<K> {
    let events: Vec<watcher::Result<Event<K>>> = events.into_iter().map(Ok).collect();
    Source {
        namespace: namespace.map(str::to_owned),
        events: stream::iter(events).boxed(),
    }
}

fn list(objects: Vec<TenantStorage>) -> Vec<Event<TenantStorage>> {
    let mut events = vec![Event::Init];
    events.extend(objects.into_iter().map(Event::InitApply));
    events.push(Event::InitDone);
    events
}

/// Feeds a store until every source has ended. What is in it, and what is still waited for.
async fn store(
    watches: &Watches,
    sources: Vec<Source<TenantStorage>>,
) -> (Store<TenantStorage>, Vec<String>) {
    let readiness = std::sync::Arc::new(Readiness::default());
    let writer = Writer::default();
    let store = writer.as_reader();
    let sink = ObjectSink::new(watches.clone(), writer);
    let latch = readiness.begin("TenantStorage");
    follow(sources, sink, latch, watches.metrics.clone()).await;
    (store, readiness.pending())
}

fn names(store: &Store<TenantStorage>) -> Vec<String> {
    let mut names: Vec<_> = store
        .state()
        .iter()
        .map(|storage| storage.metadata.uid.clone().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn several_namespaces_are_one_store_and_a_new_list_of_one_leaves_the_others() {
    let first = list(vec![storage("a", "one", 1), storage("a", "two", 1)]);
    let again = list(vec![storage("a", "two", 1), storage("a", "three", 1)]);
    let of_a = source(Some("a"), first.into_iter().chain(again).collect());
    let of_b = source(Some("b"), list(vec![storage("b", "one", 1)]));
    let (store, pending) = store(&bare(), vec![of_a, of_b]).await;
    assert_eq!(names(&store), ["a/three", "a/two", "b/one"]);
    assert!(pending.is_empty());
    store.wait_until_ready().await.unwrap();
}

#[tokio::test]
async fn nothing_is_ready_before_every_namespace_was_listed() {
    let of_a = source(Some("a"), list(vec![storage("a", "one", 1)]));
    let of_b = source(Some("b"), vec![Event::Init]);
    let (_, pending) = store(&bare(), vec![of_a, of_b]).await;
    assert_eq!(pending, ["TenantStorage"]);
}

#[tokio::test]
async fn what_goes_while_the_others_are_listed_is_gone() {
    let mut of_a = list(vec![storage("a", "one", 1)]);
    of_a.push(Event::Delete(storage("a", "one", 1)));
    let of_b = list(vec![storage("b", "one", 1)]);
    let sources = vec![source(Some("a"), of_a), source(Some("b"), of_b)];
    let (store, _) = store(&bare(), sources).await;
    assert_eq!(names(&store), ["b/one"]);
}

#[tokio::test]
async fn t2_objects_are_kept_without_managed_fields_and_the_copy_that_kubectl_keeps() {
    let events = list(vec![storage("a", "one", 1)]);
    let (store, _) = store(&bare(), vec![source(None, events)]).await;
    let storage = store.get(&ObjectRef::new("one").within("a")).unwrap();
    assert!(storage.metadata.managed_fields.is_none());
    assert_eq!(storage.metadata.annotations.as_ref().unwrap().len(), 1);
}

#[tokio::test]
async fn a_status_of_our_own_asks_for_no_reconcile_and_a_new_generation_does() {
    let watches = bare();
    let requests = watches.requests.storages.subscribe();
    let mut written = storage("a", "one", 1);
    written.status = Some(titan_crds::TenantStorageStatus::default());
    let mut events = list(vec![storage("a", "one", 1)]);
    events.push(Event::Apply(storage("a", "one", 1)));
    events.push(Event::Apply(written));
    events.push(Event::Apply(storage("a", "one", 2)));
    let (_, _) = store(&watches, vec![source(None, events)]).await;
    drop(watches);
    let asked: Vec<_> = requests.map(|object| object.name).collect().await;
    // First sight, and the new generation.
    assert_eq!(asked, ["one", "one"]);
}

#[tokio::test]
async fn t1_a_child_that_is_deleted_asks_for_its_owner_whatever_its_generation() {
    let watches = bare();
    let requests = watches.requests.sessions.subscribe();
    let child: PartialObjectMeta<ConfigMap> = serde_json::from_value(json!({
        "metadata": {
            "namespace": "a", "name": "msess-one", "uid": "1", "generation": 1,
            "labels": {"titan.media/session": "one"},
        },
    }))
    .unwrap();
    let key = Key {
        kind: "ConfigMap",
        namespace: "a".to_owned(),
        name: "msess-one".to_owned(),
    };
    let mut sink = ChildSink::<ConfigMap>::new(watches.clone());
    sink.applied(child.clone());
    assert!(watches.ledger.get(&key).is_some());
    sink.gone(&child);
    assert!(watches.ledger.get(&key).is_none());
    // One that goes while the watch is broken is missed by the next list.
    sink.applied(child);
    sink.listed(None, &std::collections::HashSet::new());
    assert!(watches.ledger.is_empty());
    drop((sink, watches));
    let asked: Vec<_> = requests.map(|object| object.name).collect().await;
    assert_eq!(asked, ["one"; 4]);
}
