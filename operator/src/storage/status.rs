//! What a verdict means for the storage's status. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use titan_crds::{
    ConditionType, Reason, TenantStorageStatus, report::BucketVerdict, tenant_storage::ProbeResult,
};

use super::{
    apply::Applied,
    dereference::Sidecar,
    validate::{Check, ValidatedStorage},
};
use crate::{
    clock::whole_seconds,
    conditions::{Conditions, Status, condition},
};

/// Reasons that last until a person changes something.
const STALLED: [Reason; 3] = [
    Reason::EndpointNotAllowed,
    Reason::BucketChanged,
    Reason::Unsupported,
];

/// The status as it should be now.
pub(super) fn next(
    storage: &ValidatedStorage,
    applied: &Applied,
    now: Timestamp,
) -> TenantStorageStatus {
    let facts = &storage.facts;
    let mut next = facts.status.clone();
    next.observed_generation = Some(facts.generation);
    next.sessions = Some(i32::try_from(facts.sessions).unwrap_or(i32::MAX));
    if storage.bucket.is_some() {
        next.bucket.clone_from(&storage.bucket);
    }
    let previous = facts.status.conditions.as_slice();
    let conditions = Conditions::new(previous, facts.generation, now);
    match (&storage.news, applied) {
        (Some(news), _) => {
            let verdict = compared(&news.verdict, next.bucket.as_deref());
            if is_worth_writing(storage, &verdict, news.at) {
                record(&mut next, &verdict, news.at);
            }
            next.conditions = judged(conditions, &verdict);
        }
        // What was said of this generation still holds.
        (None, _) if storage.known => {}
        (None, Applied::Conflict(why)) => {
            next.conditions = unchecked(conditions.stalled(Reason::NameConflict, why));
        }
        (None, Applied::Refused(why)) => {
            next.conditions = unchecked(conditions.reconciling(Reason::WorkloadUnavailable, why));
        }
        (None, Applied::Done) => next.conditions = unchecked(waiting(storage, conditions)),
    }
    next
}

/// No verdict yet.
fn waiting<'a>(storage: &ValidatedStorage, conditions: Conditions<'a>) -> Conditions<'a> {
    match &storage.check {
        Check::Running {
            problem: Some(problem),
            ..
        } => conditions.reconciling(
            Reason::WorkloadUnavailable,
            format!("the check of the bucket can't start: {problem}"),
        ),
        _ if storage.facts.sidecar == Sidecar::Silent => {
            conditions.beginning("waiting for a sidecar to check the bucket")
        }
        _ => conditions.beginning("the bucket is being checked"),
    }
}

fn unchecked(conditions: Conditions<'_>) -> Vec<Condition> {
    conditions
        .set(
            ConditionType::BucketReachable,
            Status::Unknown,
            Reason::Progressing,
            "not checked yet",
        )
        .finish()
}

/// The bucket is recorded once, where the Secret names it; another name later is no longer the tenant's bucket.
fn compared(verdict: &BucketVerdict, recorded: Option<&str>) -> BucketVerdict {
    match (recorded, verdict.bucket.as_deref()) {
        (Some(recorded), Some(found)) if recorded != found => BucketVerdict {
            reason: Reason::BucketChanged.to_string(),
            message: Some(format!(
                "the credentials Secret names the bucket \"{found}\", and before it was \"{recorded}\""
            )),
            ..verdict.clone()
        },
        _ => verdict.clone(),
    }
}

/// A sidecar speaks of the bucket with every transfer: only what is news is written down, and else the time once per
/// [`titan_crds::TenantStorageSpec::probe_every`].
fn is_worth_writing(storage: &ValidatedStorage, verdict: &BucketVerdict, at: Timestamp) -> bool {
    let status = &storage.facts.status;
    let told = condition(&status.conditions, ConditionType::Ready)
        .is_some_and(|ready| ready.reason == reason(verdict).as_str());
    let recent = status.last_probe_time.as_ref().is_some_and(|last| {
        Duration::try_from(at.duration_since(last.0)).unwrap_or_default() < storage.every
    });
    storage.facts.sidecar == Sidecar::None || !storage.known || !told || !recent
}

fn record(status: &mut TenantStorageStatus, verdict: &BucketVerdict, at: Timestamp) {
    status.last_probe_time = Some(Time(whole_seconds(at)));
    let allowed = [("put", verdict.put), ("get", verdict.get)];
    status.probe = Some(ProbeResult {
        latency: verdict
            .latency_ms
            .map(|latency| Duration::from_millis(latency).into()),
        permissions: allowed
            .into_iter()
            .filter(|(_, allowed)| *allowed == Some(true))
            .map(|(name, _)| name.to_owned())
            .collect(),
    });
    if verdict.is_ready() {
        // A bucket that never worked is not recorded: its name may be a mistake.
        if status.bucket.is_none() {
            status.bucket.clone_from(&verdict.bucket);
        }
        status.endpoint.clone_from(&verdict.endpoint);
        status.region.clone_from(&verdict.region);
    }
}

fn judged(conditions: Conditions<'_>, verdict: &BucketVerdict) -> Vec<Condition> {
    let reason = reason(verdict);
    let message = message(verdict);
    let reachable = match (verdict.is_ready(), reason, verdict.reachable) {
        (true, ..) => Status::True,
        (_, Reason::NoSuchBucket, _) | (_, _, Some(false)) => Status::False,
        (_, _, Some(true)) => Status::True,
        (_, _, None) => Status::Unknown,
    };
    let conditions = if verdict.is_ready() {
        conditions.ready(reason, message.clone())
    } else if STALLED.contains(&reason) {
        conditions.stalled(reason, message.clone())
    } else {
        conditions.reconciling(reason, message.clone())
    };
    conditions
        .set(ConditionType::BucketReachable, reachable, reason, message)
        .finish()
}

/// A reason that this version does not know is the store's own affair.
fn reason(verdict: &BucketVerdict) -> Reason {
    Reason::from_name(&verdict.reason).unwrap_or(Reason::StoreError)
}

fn message(verdict: &BucketVerdict) -> String {
    let text = verdict.message.clone().filter(|text| !text.is_empty());
    match (text, &verdict.code) {
        (Some(text), _) => text,
        (None, _) if verdict.is_ready() => "the bucket takes files".to_owned(),
        (None, Some(code)) => format!("the store answered {code}"),
        (None, None) => verdict.reason.clone(),
    }
}
