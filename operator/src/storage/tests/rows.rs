//! The rows of the table of conditions, and what becomes of a verdict.

use std::sync::Arc;

use titan_crds::report::BucketVerdict;

use super::*;
use crate::{
    storage::{apply::Applied, status::next, validate::Check},
    watch::{JobState, JobView, PodOwner, PodView, Problem},
};

fn verdict(reason: &str, reachable: Option<bool>) -> BucketVerdict {
    BucketVerdict {
        reason: reason.to_owned(),
        message: Some(format!("about {reason}")),
        reachable,
        bucket: Some("acme-media".to_owned()),
        put: Some(reason == "Ready"),
        latency_ms: Some(12),
        checked_at: Some(at(5)),
        ..BucketVerdict::default()
    }
}

fn rows(status: &TenantStorageStatus) -> Vec<String> {
    let row = |c: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        format!("{} {} {}", c.type_, c.status, c.reason)
    };
    status.conditions.iter().map(row).collect()
}

/// The status after a sidecar's word.
fn told(
    storage: &TenantStorage,
    status: TenantStorageStatus,
    verdict: BucketVerdict,
) -> TenantStorageStatus {
    let facts = Facts {
        status,
        sidecar: Sidecar::Tells(verdict),
        sessions: 2,
        ..facts(storage)
    };
    next(&validated(storage, facts, at(6)), &Applied::Done, at(6))
}

fn acme() -> TenantStorage {
    storage(&serde_json::to_value(spec()).unwrap())
}

#[test]
fn each_verdict_has_its_row() {
    for (reason, reachable, expected) in [
        (
            "Ready",
            Some(true),
            ["Ready True", "BucketReachable True"].as_slice(),
        ),
        (
            "SecretNotFound",
            None,
            &["Ready False", "Reconciling True", "BucketReachable Unknown"],
        ),
        (
            "AccessDenied",
            Some(true),
            &["Ready False", "Reconciling True", "BucketReachable True"],
        ),
        (
            "NoSuchBucket",
            Some(true),
            &["Ready False", "Reconciling True", "BucketReachable False"],
        ),
        (
            "Timeout",
            Some(false),
            &["Ready False", "Reconciling True", "BucketReachable False"],
        ),
        (
            "EndpointNotAllowed",
            None,
            &["Ready False", "Stalled True", "BucketReachable Unknown"],
        ),
        (
            "Unsupported",
            None,
            &["Ready False", "Stalled True", "BucketReachable Unknown"],
        ),
    ] {
        let status = told(
            &acme(),
            TenantStorageStatus::default(),
            verdict(reason, reachable),
        );
        let expected: Vec<_> = expected
            .iter()
            .map(|row| format!("{row} {reason}"))
            .collect();
        assert_eq!(rows(&status), expected);
    }
}

#[test]
fn a_reason_of_a_later_release_is_the_stores_own() {
    let status = told(
        &acme(),
        TenantStorageStatus::default(),
        verdict("MoonPhase", None),
    );
    assert_eq!(rows(&status)[0], "Ready False StoreError");
}

#[test]
fn a_good_verdict_is_recorded() {
    let status = told(
        &acme(),
        TenantStorageStatus::default(),
        verdict("Ready", Some(true)),
    );
    assert_eq!(status.sessions, Some(2));
    assert_eq!(status.bucket.as_deref(), Some("acme-media"));
    assert_eq!(status.last_probe_time.unwrap().0, at(5));
    let probe = status.probe.unwrap();
    assert_eq!(probe.latency.unwrap().as_str(), "12ms");
    assert_eq!(probe.permissions, ["put"]);
}

#[test]
fn a_sidecar_that_repeats_itself_changes_nothing_until_the_next_check_is_due() {
    let storage = acme();
    let first = told(
        &storage,
        TenantStorageStatus::default(),
        verdict("Ready", Some(true)),
    );
    let mut again = verdict("Ready", Some(true));
    again.checked_at = Some(at(1800));
    again.latency_ms = Some(99);
    assert_eq!(told(&storage, first.clone(), again.clone()), first);
    again.checked_at = Some(at(3700));
    let later = told(&storage, first.clone(), again);
    assert_eq!(later.last_probe_time.unwrap().0, at(3700));
    assert_eq!(later.conditions, first.conditions);
}

#[test]
fn another_bucket_in_the_secret_is_bucket_changed() {
    let storage = storage(&json!({"credentials": {"secretRef": {"name": "cosi"}}}));
    let mut bad = verdict("NoSuchBucket", Some(true));
    bad.bucket = Some("mistake".to_owned());
    let status = told(&storage, TenantStorageStatus::default(), bad);
    assert_eq!(status.bucket, None);
    let status = told(&storage, status, verdict("Ready", Some(true)));
    assert_eq!(status.bucket.as_deref(), Some("acme-media"));
    let mut other = verdict("Ready", Some(true));
    other.bucket = Some("other".to_owned());
    let status = told(&storage, status, other);
    assert_eq!(
        rows(&status)[..2],
        ["Ready False BucketChanged", "Stalled True BucketChanged"]
    );
    assert_eq!(status.bucket.as_deref(), Some("acme-media"));
}

#[test]
fn a_changed_spec_is_unknown_until_it_is_checked() {
    let mut storage = acme();
    let status = told(
        &storage,
        TenantStorageStatus::default(),
        verdict("Ready", Some(true)),
    );
    storage.metadata.generation = Some(2);
    let facts = Facts {
        status,
        sidecar: Sidecar::Silent,
        ..facts(&storage)
    };
    let status = next(&validated(&storage, facts, at(7)), &Applied::Done, at(7));
    assert_eq!(
        rows(&status),
        [
            "Ready Unknown Progressing",
            "Reconciling True Progressing",
            "BucketReachable Unknown Progressing"
        ]
    );
}

/// A check of a storage that nobody uses, whose Job and pod are as given.
fn checked(state: JobState, pod: Option<PodView>) -> (ValidatedStorage, TenantStorageStatus) {
    let storage = acme();
    let before = validated(&storage, facts(&storage), at(0));
    let Check::Start { name } = before.check else {
        panic!("{:?}", before.check);
    };
    let job = JobView {
        name: name.clone(),
        uid: "job".to_owned(),
        storage: "media".to_owned(),
        state,
    };
    let mut pods = Vec::new();
    pods.extend(pod.map(|pod| {
        Arc::new(PodView {
            job: Some(name),
            ..pod
        })
    }));
    let facts = Facts {
        jobs: vec![Arc::new(job)],
        pods,
        ..facts(&storage)
    };
    let validated = validated(&storage, facts, at(9));
    let status = next(&validated, &Applied::Done, at(9));
    (validated, status)
}

fn pod(problem: Option<(&str, &str)>, ended: Option<(i32, &str)>) -> PodView {
    PodView {
        name: "pod".to_owned(),
        uid: "pod".to_owned(),
        owner: PodOwner::Storage("media".to_owned()),
        job: None,
        ip: None,
        running: false,
        ready: false,
        terminating: false,
        restarts: 0,
        problem: problem.map(|(reason, message)| Problem {
            reason: reason.to_owned(),
            message: message.to_owned(),
        }),
        ended: ended.map(|(code, message)| (code, message.to_owned())),
    }
}

#[test]
fn the_verdict_is_read_from_the_pods_last_words() {
    let words = r#"{"reason":"InvalidCredentials","message":"no","checkedAt":"2026-11-25T22:00:04Z","reachable":true}"#;
    let (validated, status) = checked(JobState::Running, Some(pod(None, Some((0, words)))));
    assert!(matches!(validated.check, Check::Ended { .. }));
    assert_eq!(rows(&status)[0], "Ready False InvalidCredentials");
    assert_eq!(status.last_probe_time.unwrap().0, at(4));
}

#[test]
fn a_check_that_can_not_start_says_why() {
    let (validated, status) = checked(
        JobState::Running,
        Some(pod(Some(("ErrImagePull", "not found")), None)),
    );
    assert!(matches!(validated.check, Check::Running { .. }));
    assert_eq!(rows(&status)[0], "Ready False WorkloadUnavailable");
    assert!(
        status.conditions[0]
            .message
            .ends_with("ErrImagePull: not found")
    );
    assert_eq!(status.last_probe_time, None);
}

#[test]
fn a_check_without_a_verdict_is_one_that_failed() {
    for (state, pod) in [
        (
            JobState::Running,
            Some(pod(None, Some((64, "titan-sidecar: no such flag\n")))),
        ),
        (JobState::Running, Some(pod(None, Some((0, ""))))),
        (
            JobState::Failed("DeadlineExceeded".to_owned(), "too long".to_owned()),
            None,
        ),
    ] {
        let (_, status) = checked(state, pod);
        assert_eq!(rows(&status)[0], "Ready False WorkloadUnavailable");
        assert_eq!(status.last_probe_time.unwrap().0, at(9));
    }
    let (validated, _) = checked(JobState::Complete, None);
    assert!(
        matches!(validated.check, Check::Running { .. }),
        "its pod may still be seen"
    );
}

#[test]
fn what_the_api_server_does_not_allow_is_said() {
    let storage = acme();
    let validated = validated(&storage, facts(&storage), at(0));
    let refused = next(&validated, &Applied::Refused("quota".to_owned()), at(0));
    assert_eq!(rows(&refused)[0], "Ready False WorkloadUnavailable");
    let conflict = next(&validated, &Applied::Conflict("taken".to_owned()), at(0));
    assert_eq!(
        rows(&conflict)[..2],
        ["Ready False NameConflict", "Stalled True NameConflict"]
    );
}
