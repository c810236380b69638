//! The pods of sessions and of checks: where they answer, and what keeps them from starting.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use kube::ResourceExt;

use super::{
    Watches,
    follow::{Seen, Sink, is_missing},
};
use crate::names;

/// Label that the Job controller gives to pods.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";
/// What a container waits for while all is well.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Whom a pod works for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PodOwner {
    /// The session of that name.
    Session(String),
    /// The check of the storage of that name.
    Storage(String),
}

/// What keeps a pod from starting, or from staying up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The pod's own reason: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, …
    pub reason: String,
    /// In words.
    pub message: String,
}

/// What of a pod is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodView {
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// Whom it works for.
    pub owner: PodOwner,
    /// The Job that made it, if one did.
    pub job: Option<String>,
    /// Its address, once it has one.
    pub ip: Option<IpAddr>,
    /// Its sidecar runs, and it is not being deleted.
    pub running: bool,
    /// It is ready.
    pub ready: bool,
    /// It is being deleted.
    pub terminating: bool,
    /// How often its containers were started again.
    pub restarts: i32,
    /// What keeps it from starting, or from staying up.
    pub problem: Option<Problem>,
    /// What its first container left when it ended: exit code and termination message.
    pub ended: Option<(i32, String)>,
}

impl PodView {
    fn of(pod: &Pod) -> Option<Self> {
        let labels = pod.labels();
        let owner = match (labels.get(names::SESSION), labels.get(names::STORAGE)) {
            (Some(session), _) => PodOwner::Session(session.clone()),
            (None, Some(storage)) => PodOwner::Storage(storage.clone()),
            (None, None) => return None,
        };
        let empty = PodStatus::default();
        let status = pod.status.as_ref().unwrap_or(&empty);
        let containers: Vec<_> = containers(status).collect();
        let terminating = pod.metadata.deletion_timestamp.is_some();
        Some(Self {
            name: pod.name_any(),
            uid: pod.uid()?,
            owner,
            job: labels.get(JOB_NAME).cloned(),
            ip: status.pod_ip.as_deref().and_then(|ip| ip.parse().ok()),
            running: !terminating && runs(status),
            ready: holds(status, "Ready", "True").is_some(),
            terminating,
            restarts: containers.iter().map(|one| one.restart_count).sum(),
            problem: problem(status, &containers),
            ended: containers.first().and_then(|first| ended(first)),
        })
    }
}

/// The sidecar first: beside a linked device it is an init container.
fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten())
}

/// Does the sidecar run? A pod whose linked device has yet to come up is `Pending`, and its sidecar answers.
fn runs(status: &PodStatus) -> bool {
    let mut init = status.init_container_statuses.iter().flatten();
    let is_up = |container: &ContainerStatus| {
        let state = container.state.as_ref();
        state.is_some_and(|state| state.running.is_some())
    };
    match status.phase.as_deref() {
        Some("Running") => true,
        Some("Pending") => init.any(is_up),
        _ => false,
    }
}

/// The message of a condition of the pod, if it has that status.
fn holds<'a>(status: &'a PodStatus, type_: &str, value: &str) -> Option<(&'a str, &'a str)> {
    status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == type_ && condition.status == value)
        .map(|condition| {
            (
                condition.reason.as_deref().unwrap_or_default(),
                condition.message.as_deref().unwrap_or_default(),
            )
        })
}

fn problem(status: &PodStatus, containers: &[&ContainerStatus]) -> Option<Problem> {
    let new = |reason: &str, message: &str| {
        Some(Problem {
            reason: reason.to_owned(),
            message: message.to_owned(),
        })
    };
    if let Some((reason, message)) = holds(status, "PodScheduled", "False") {
        return new(reason, message);
    }
    for container in containers {
        let state = container.state.as_ref();
        let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) else {
            continue;
        };
        let reason = waiting.reason.as_deref().unwrap_or_default();
        if !ON_ITS_WAY.contains(&reason) {
            let last = last_words(container, reason);
            let message = last.as_deref().or(waiting.message.as_deref());
            let message = message.unwrap_or_default();
            return match containers {
                [_] => new(reason, message),
                _ => new(reason, &format!("container {}: {message}", container.name)),
            };
        }
    }
    if status.phase.as_deref() == Some("Failed") {
        return new(
            status.reason.as_deref().unwrap_or("Failed"),
            status.message.as_deref().unwrap_or_default(),
        );
    }
    None
}

/// Why a container that is started again and again ended the last time.
fn last_words(container: &ContainerStatus, reason: &str) -> Option<String> {
    if reason != "CrashLoopBackOff" {
        return None;
    }
    let last = container.last_state.as_ref()?.terminated.as_ref()?;
    let why = last.reason.as_deref().unwrap_or("Error");
    let message = last.message.as_deref().unwrap_or_default();
    Some(format!("{why}, exit code {}: {message}", last.exit_code))
}

fn ended(container: &ContainerStatus) -> Option<(i32, String)> {
    let ended = container.state.as_ref()?.terminated.as_ref()?;
    Some((ended.exit_code, ended.message.clone().unwrap_or_default()))
}

type ByName = BTreeMap<String, Arc<PodView>>;

/// Every pod of ours.
#[derive(Debug, Default)]
pub struct Pods {
    pods: Mutex<HashMap<(String, PodOwner), ByName>>,
}

impl Pods {
    /// The pods of a session, by name.
    #[must_use]
    pub fn of_session(&self, namespace: &str, session: &str) -> Vec<Arc<PodView>> {
        self.of(namespace, PodOwner::Session(session.to_owned()))
    }

    /// The pods of the checks of a storage, by name.
    #[must_use]
    pub fn of_storage(&self, namespace: &str, storage: &str) -> Vec<Arc<PodView>> {
        self.of(namespace, PodOwner::Storage(storage.to_owned()))
    }

    /// Shows every pod of a session that may answer, with its namespace.
    pub fn for_each_serving(&self, mut show: impl FnMut(&str, &Arc<PodView>)) {
        for ((namespace, owner), by_name) in self.lock().iter() {
            if matches!(owner, PodOwner::Session(_)) {
                let serves = |pod: &&Arc<PodView>| pod.running && pod.ip.is_some();
                by_name
                    .values()
                    .filter(serves)
                    .for_each(|pod| show(namespace, pod));
            }
        }
    }

    /// Takes over what the API server says; `true` if that is news.
    pub fn set(&self, pod: &Pod) -> bool {
        let Some(view) = PodView::of(pod) else {
            return false;
        };
        let key = (pod.namespace().unwrap_or_default(), view.owner.clone());
        let mut pods = self.lock();
        let by_name = pods.entry(key).or_default();
        if by_name.get(&view.name).is_some_and(|known| **known == view) {
            return false;
        }
        by_name.insert(view.name.clone(), Arc::new(view));
        true
    }

    fn of(&self, namespace: &str, owner: PodOwner) -> Vec<Arc<PodView>> {
        self.lock()
            .get(&(namespace.to_owned(), owner))
            .map(|by_name| by_name.values().cloned().collect())
            .unwrap_or_default()
    }

    fn remove(&self, pod: &Pod) {
        let namespace = pod.namespace().unwrap_or_default();
        if let Some(view) = PodView::of(pod) {
            let mut pods = self.lock();
            let key = (namespace, view.owner);
            if let Some(by_name) = pods.get_mut(&key) {
                by_name.remove(&view.name);
                if by_name.is_empty() {
                    pods.remove(&key);
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, PodOwner), ByName>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct PodSink(pub(super) Watches);

impl Sink<Pod> for PodSink {
    fn applied(&mut self, pod: Pod) {
        if self.0.pods.set(&pod) {
            if let (Some(namespace), Some(session)) =
                (pod.namespace(), pod.labels().get(names::SESSION))
            {
                self.0.sidecars.hasten(&namespace, session);
            }
            self.0.requests.owner_of(&pod);
        }
    }

    fn gone(&mut self, pod: &Pod) {
        self.0.pods.remove(pod);
        self.0.requests.owner_of(pod);
    }

    fn listed(&mut self, namespace: Option<&str>, seen: &Seen) {
        self.0.pods.lock().retain(|(of, owner), by_name| {
            let before = by_name.len();
            by_name.retain(|name, _| !is_missing(namespace, seen, of, name));
            if by_name.len() < before {
                match owner {
                    PodOwner::Session(name) => self.0.requests.sessions.send(of, name),
                    PodOwner::Storage(name) => self.0.requests.storages.send(of, name),
                }
            }
            !by_name.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: &Value) -> PodView {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "a", "uid": "1", "labels": {"titan.media/session": "one"}},
            "status": status,
        }))
        .unwrap();
        PodView::of(&pod).unwrap()
    }

    fn container(state: &Value, last: &Value) -> Value {
        json!({"phase": "Pending", "containerStatuses": [{
            "name": "sidecar", "image": "", "imageID": "", "ready": false, "restartCount": 3,
            "state": state, "lastState": last,
        }]})
    }

    fn problem(status: &Value) -> Option<String> {
        pod(status)
            .problem
            .map(|problem| format!("{}: {}", problem.reason, problem.message))
    }

    #[test]
    fn the_pods_own_reason_is_found() {
        let pending = json!({"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node fits",
        }]});
        assert_eq!(problem(&pending).unwrap(), "Unschedulable: no node fits");
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "back-off"}});
        let image = container(&waiting, &json!({}));
        assert_eq!(problem(&image).unwrap(), "ImagePullBackOff: back-off");
        let crash = container(
            &json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}),
            &json!({"terminated": {"exitCode": 64, "reason": "Error", "message": "no such flag"}}),
        );
        assert_eq!(
            problem(&crash).unwrap(),
            "CrashLoopBackOff: Error, exit code 64: no such flag"
        );
    }

    /// The kubelet calls the pod pending until its device has started.
    #[test]
    fn beside_a_linked_device_the_sidecar_is_an_init_container() {
        let one = |name: &str, state: Value| json!({"name": name, "image": "", "imageID": "", "ready": true, "restartCount": 1, "state": state});
        let waiting = json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}});
        let status = json!({
            "phase": "Pending",
            "initContainerStatuses": [one("sidecar", json!({"running": {}}))],
            "containerStatuses": [one("whatsapp", waiting)],
        });
        let seen = pod(&status);
        assert!(seen.running);
        assert_eq!(seen.restarts, 2);
        assert_eq!(
            problem(&status).unwrap(),
            "ErrImagePull: container whatsapp: no such image"
        );
        let creating = json!({"waiting": {"reason": "PodInitializing"}});
        let mut status = status;
        status["containerStatuses"][0]["state"] = creating.clone();
        assert_eq!(problem(&status), None);
        status["initContainerStatuses"][0]["state"] = creating;
        assert!(!pod(&status).running);
    }

    #[test]
    fn a_pod_on_its_way_has_no_problem() {
        let creating = json!({"waiting": {"reason": "ContainerCreating"}});
        assert_eq!(problem(&container(&creating, &json!({}))), None);
        assert_eq!(problem(&json!({"phase": "Running"})), None);
    }

    #[test]
    fn only_a_pod_that_runs_and_is_not_going_serves() {
        let pods = Pods::default();
        let running = json!({
            "metadata": {"name": "p", "namespace": "a", "uid": "1", "labels": {"titan.media/session": "one"}},
            "status": {"phase": "Running", "podIP": "10.0.0.1"},
        });
        assert!(pods.set(&serde_json::from_value(running.clone()).unwrap()));
        assert!(!pods.set(&serde_json::from_value(running.clone()).unwrap()));
        let serving = || {
            let mut count = 0;
            pods.for_each_serving(|_, _| count += 1);
            count
        };
        assert_eq!(serving(), 1);
        let mut going = running;
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(pods.set(&serde_json::from_value(going).unwrap()));
        assert_eq!(serving(), 0);
    }
}
