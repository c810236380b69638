//! The Jobs that check buckets: whether they are done.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::{
    Watches,
    follow::{Seen, Sink, is_missing},
};
use crate::names;

/// What a Job has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It goes on.
    Running,
    /// Its pod ended with exit code 0.
    Complete,
    /// It failed: reason and message.
    Failed(String, String),
}

/// A Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// Name of the storage that it checks.
    pub storage: String,
    /// What it has come to.
    pub state: JobState,
}

impl JobView {
    fn of(job: &Job) -> Option<Self> {
        let condition = |type_: &str| {
            job.status
                .as_ref()
                .and_then(|status| status.conditions.as_ref())
                .into_iter()
                .flatten()
                .find(|condition| condition.type_ == type_ && condition.status == "True")
        };
        let state = match (condition("Complete"), condition("Failed")) {
            (Some(_), _) => JobState::Complete,
            (None, Some(failed)) => JobState::Failed(
                failed.reason.clone().unwrap_or_default(),
                failed.message.clone().unwrap_or_default(),
            ),
            (None, None) => JobState::Running,
        };
        Some(Self {
            name: job.name_any(),
            uid: job.uid()?,
            storage: job.labels().get(names::STORAGE)?.clone(),
            state,
        })
    }
}

/// Every Job of ours, by namespace and name.
#[derive(Debug, Default)]
pub struct Jobs {
    jobs: Mutex<HashMap<(String, String), Arc<JobView>>>,
}

impl Jobs {
    /// A Job; `None`: there is none.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<JobView>> {
        self.lock()
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// The Jobs that check a storage.
    #[must_use]
    pub fn of_storage(&self, namespace: &str, storage: &str) -> Vec<Arc<JobView>> {
        self.lock()
            .iter()
            .filter(|((of, _), job)| of == namespace && job.storage == storage)
            .map(|(_, job)| job.clone())
            .collect()
    }

    /// Takes over what the API server says, from a watch or in answer to a write.
    pub fn set(&self, job: &Job) {
        if let (Some(namespace), Some(view)) = (job.namespace(), JobView::of(job)) {
            self.lock()
                .insert((namespace, view.name.clone()), Arc::new(view));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Arc<JobView>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct JobSink(pub(super) Watches);

impl Sink<Job> for JobSink {
    fn applied(&mut self, job: Job) {
        self.0.jobs.set(&job);
        self.0.requests.owner_of(&job);
    }

    fn gone(&mut self, job: &Job) {
        let key = (job.namespace().unwrap_or_default(), job.name_any());
        self.0.jobs.lock().remove(&key);
        self.0.requests.owner_of(job);
    }

    fn listed(&mut self, namespace: Option<&str>, seen: &Seen) {
        self.0.jobs.lock().retain(|(of, name), job| {
            let missing = is_missing(namespace, seen, of, name);
            if missing {
                self.0.requests.storages.send(of, &job.storage);
            }
            !missing
        });
    }
}
