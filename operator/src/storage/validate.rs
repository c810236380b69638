//! From what was read to what holds: which verdict counts, and whether a check is due.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use titan_crds::{
    ConditionType, PodTemplate, Reason, TenantStorage, report::BucketVerdict,
    tenant_storage::Identity,
};

use super::{
    Error,
    dereference::{Facts, Sidecar},
    memory::Attempts,
    schedule::{Schedule, job_name},
};
use crate::{
    conditions::{condition, is_true},
    document::{self, StorageDocument},
    pod,
    watch::{JobState, PodView},
};

/// A storage of which everything is known that building and judging need.
#[derive(Clone, Debug)]
pub(super) struct ValidatedStorage {
    pub(super) facts: Facts,
    /// The storage as the check reads it.
    pub(super) document: String,
    pub(super) secrets: BTreeSet<String>,
    pub(super) config_maps: BTreeSet<String>,
    pub(super) identity: Option<Identity>,
    pub(super) template: PodTemplate,
    /// Bucket that the spec names.
    pub(super) bucket: Option<String>,
    /// Between two checks of a bucket that is ready.
    pub(super) every: Duration,
    /// A verdict that is not in the status yet, or may not be.
    pub(super) news: Option<Verdict>,
    /// The status holds a verdict on this generation.
    pub(super) known: bool,
    pub(super) check: Check,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) verdict: BucketVerdict,
    pub(super) at: Timestamp,
}

/// What is to be done to know more.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Check {
    /// A sidecar tells; after so long its word is written down again.
    Unneeded(Duration),
    /// The Job of that name is to be made.
    Start { name: String },
    /// The Job of that name runs. What keeps its pod from starting, if anything does.
    Running {
        name: String,
        problem: Option<String>,
    },
    /// The Job of that name has told, or never will.
    Ended { name: String },
    /// Nothing, for so long.
    Wait(Duration),
}

pub(super) fn validate(
    storage: &TenantStorage,
    facts: Facts,
    attempts: &Attempts,
    now: Timestamp,
) -> Result<ValidatedStorage, Error> {
    let spec = &storage.spec;
    let id = document::Identity::of(&storage.metadata).map_err(Error::Incomplete)?;
    let mut recorded = storage.clone();
    recorded.status = Some(facts.status.clone());
    let document = StorageDocument::of(id, &recorded)?;
    let every = spec.probe_every();
    let known = is_known(&facts);
    let (news, check) = judge(&facts, attempts, known, every, now);
    Ok(ValidatedStorage {
        document: document.text,
        secrets: pod::storage_secrets(spec),
        config_maps: pod::storage_config_maps(spec),
        identity: spec.credentials.identity.clone(),
        template: spec
            .probe
            .as_ref()
            .and_then(|probe| probe.pod_template.clone())
            .unwrap_or_default(),
        bucket: spec.bucket.clone(),
        every,
        news,
        known,
        check,
        facts,
    })
}

/// Does the status hold a verdict on this generation?
fn is_known(facts: &Facts) -> bool {
    condition(&facts.status.conditions, ConditionType::BucketReachable).is_some_and(|reachable| {
        reachable.observed_generation == Some(facts.generation)
            && reachable.reason != Reason::Progressing.as_str()
    })
}

fn judge(
    facts: &Facts,
    attempts: &Attempts,
    known: bool,
    every: Duration,
    now: Timestamp,
) -> (Option<Verdict>, Check) {
    match &facts.sidecar {
        Sidecar::Tells(verdict) => {
            let news = Verdict {
                at: verdict.checked_at.unwrap_or(now),
                verdict: verdict.clone(),
            };
            return (Some(news), Check::Unneeded(every));
        }
        Sidecar::Silent => return (None, Check::Unneeded(every)),
        Sidecar::None => {}
    }
    let last = facts.status.last_probe_time.as_ref().map(|time| time.0);
    let requested = facts.requested.as_deref();
    let name = job_name(&facts.owner, facts.generation, requested, last);
    let Some(job) = facts.jobs.iter().find(|job| job.name == name) else {
        let schedule = Schedule {
            last,
            known,
            ready: is_true(&facts.status.conditions, ConditionType::Ready),
            every,
            attempts,
            requested,
        };
        let wait = schedule.wait(now);
        let check = if wait.is_zero() {
            Check::Start { name }
        } else {
            Check::Wait(wait)
        };
        return (None, check);
    };
    let pod = facts
        .pods
        .iter()
        .find(|pod| pod.job.as_deref() == Some(name.as_str()));
    if let Some(news) = told(&job.state, pod.map(AsRef::as_ref), now) {
        return (Some(news), Check::Ended { name });
    }
    let problem = pod
        .and_then(|pod| pod.problem.as_ref())
        .map(|problem| format!("{}: {}", problem.reason, problem.message));
    (None, Check::Running { name, problem })
}

/// What a Job has told. One that ended without a verdict tells that it could not check.
fn told(job: &JobState, pod: Option<&PodView>, now: Timestamp) -> Option<Verdict> {
    let unable = |why: String| Verdict {
        verdict: BucketVerdict {
            reason: Reason::WorkloadUnavailable.to_string(),
            message: Some(format!("the check of the bucket did not run: {why}")),
            ..BucketVerdict::default()
        },
        at: now,
    };
    match (pod.and_then(|pod| pod.ended.as_ref()), job) {
        (Some((0, message)), _) => Some(match serde_json::from_str::<BucketVerdict>(message) {
            Ok(verdict) if !verdict.reason.is_empty() => Verdict {
                at: verdict.checked_at.unwrap_or(now),
                verdict,
            },
            _ => unable("it left no verdict".to_owned()),
        }),
        (Some((code, message)), _) => Some(unable(format!("exit code {code}: {}", message.trim()))),
        (None, JobState::Failed(reason, message)) => Some(unable(format!("{reason}: {message}"))),
        (None, JobState::Running | JobState::Complete) => None,
    }
}
