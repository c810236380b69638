//! `Ready`, `Reconciling` and `Stalled`.

use super::*;

#[test]
fn all_loaded_and_available_is_ready() {
    let scene = Scene::new(SESSION);
    assert_eq!(
        scene.told(),
        [
            "Ready=True Ready",
            "StorageReady=True Ready",
            "WorkloadAvailable=True Ready"
        ]
    );
    let status = scene.status();
    assert_eq!(
        status.url.as_deref(),
        Some("http://msess-default.acme.svc:8080")
    );
    assert_eq!(status.image.as_deref(), Some("sidecar@sha256:1"));
    assert_eq!(
        status.api_key_secret.as_deref(),
        Some("msess-default-api-key-5e5510d0")
    );
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(status.external_url, None);
}

/// T9: what was read decides, and the same look twice is the same status: nothing is written.
#[test]
fn the_same_look_again_changes_nothing() {
    let mut scene = Scene::new(SESSION);
    let first = scene.status();
    scene.previous = first.clone();
    assert_eq!(scene.status(), first);
}

#[test]
fn a_suspended_session_is_ready() {
    let mut scene = Scene::new(&yaml("  suspend: true"));
    scene.seen = Seen {
        workload: Some(Arc::new(Workload {
            replicas: 0,
            ..workload(0)
        })),
        ..Seen::default()
    };
    assert_eq!(
        scene.told(),
        ["Ready=True Suspended", "WorkloadAvailable=True Suspended"]
    );
}

#[test]
fn what_the_bucket_lacks_is_waited_for() {
    for reason in [
        Reason::SecretNotFound,
        Reason::SecretIncomplete,
        Reason::InvalidCredentials,
        Reason::AccessDenied,
        Reason::NoSuchBucket,
        Reason::WrongRegion,
        Reason::DnsFailed,
        Reason::ConnectFailed,
        Reason::TlsFailed,
        Reason::Timeout,
        Reason::ClockSkew,
        Reason::CredentialsExpired,
        Reason::IdentityRefused,
        Reason::EncryptionRefused,
        Reason::StoreError,
    ] {
        let mut scene = Scene::new(SESSION);
        scene.report(|report| {
            report.bucket.reason = reason.to_string();
            report.bucket.message = Some("why".to_owned());
        });
        let expected = [
            format!("Ready=False {reason}"),
            format!("Reconciling=True {reason}"),
            format!("StorageReady=False {reason}"),
            "WorkloadAvailable=True Ready".to_owned(),
        ];
        assert_eq!(scene.told(), expected);
        assert_eq!(scene.message(ConditionType::Ready), "why");
    }
}

/// T16: a missing Secret is told by its name, and not as a pod that does not start.
#[test]
fn a_missing_secret_is_named() {
    let mut scene = Scene::new(SESSION);
    scene.report(|report| {
        let message = "Secret \"acme-s3\" is not there";
        report.missing = vec![reported("spec.storageRef", Reason::SecretNotFound, message)];
    });
    assert_eq!(
        scene.told(),
        [
            "Ready=False SecretNotFound",
            "Reconciling=True SecretNotFound",
            "StorageReady=False SecretNotFound",
            "WorkloadAvailable=True Ready"
        ]
    );
    let message = scene.message(ConditionType::StorageReady);
    assert_eq!(message, "Secret \"acme-s3\" is not there");
}

#[test]
fn another_missing_secret_is_no_fault_of_the_storage() {
    let mut scene = Scene::new(SESSION);
    scene.report(|report| {
        report.missing = vec![reported(
            "spec.auth.apiKeysSecretRef",
            Reason::SecretNotFound,
            "gone",
        )];
    });
    assert_eq!(
        scene.told(),
        [
            "Ready=False SecretNotFound",
            "Reconciling=True SecretNotFound",
            "StorageReady=True Ready",
            "WorkloadAvailable=True Ready"
        ]
    );
}

#[test]
fn a_storage_that_is_not_there_is_named() {
    let mut scene = Scene::new(SESSION);
    scene.seen.storage_gone = Some("acme".to_owned());
    assert_eq!(
        scene.told(),
        [
            "Ready=False StorageNotFound",
            "Reconciling=True StorageNotFound",
            "StorageReady=False StorageNotFound",
            "WorkloadAvailable=True Ready"
        ]
    );
    assert_eq!(
        scene.message(ConditionType::Ready),
        "TenantStorage \"acme\" is not there"
    );
    // It is known without the sidecar, too.
    scene.seen.reports = vec![Some(silent())];
    assert!(
        scene
            .told()
            .contains(&"StorageReady=False StorageNotFound".to_owned())
    );
}

#[test]
fn a_pod_that_can_not_start_is_named_with_its_own_reason() {
    for (reason, message) in [
        ("ImagePullBackOff", "Back-off pulling image"),
        ("CrashLoopBackOff", "Error, exit code 1: "),
        ("Unschedulable", "0/1 nodes are available"),
        (
            "Unschedulable",
            "pod has unbound immediate PersistentVolumeClaims",
        ),
    ] {
        let mut scene = Scene::new(SESSION);
        scene.seen.workload = Some(Arc::new(workload(0)));
        scene.seen.pods = vec![Arc::new(pod(Some((reason, message))))];
        scene.seen.reports = vec![Some(silent())];
        assert_eq!(
            scene.told(),
            [
                "Ready=False WorkloadUnavailable",
                "Reconciling=True WorkloadUnavailable",
                "WorkloadAvailable=False WorkloadUnavailable"
            ]
        );
        let told = scene.message(ConditionType::Ready);
        assert_eq!(told, format!("pod msess-default-x: {reason}: {message}"));
    }
}

#[test]
fn a_deployment_that_gets_no_pods_says_why() {
    let mut scene = Scene::new(SESSION);
    scene.seen = Seen {
        workload: Some(Arc::new(Workload {
            replica_failure: Some("exceeded quota: pods".to_owned()),
            ..workload(0)
        })),
        ..Seen::default()
    };
    assert_eq!(
        scene.message(ConditionType::WorkloadAvailable),
        "exceeded quota: pods"
    );
}

#[test]
fn a_store_that_does_not_open_is_told_by_the_sidecar() {
    let mut scene = Scene::new(SESSION);
    scene.seen.workload = Some(Arc::new(workload(0)));
    let failed = SidecarStatus {
        failed: [("default".to_owned(), "disk full".to_owned())].into(),
        ..SidecarStatus::default()
    };
    scene.seen.reports = vec![Some(said(failed))];
    let told = scene.message(ConditionType::Ready);
    assert_eq!(told, "the sidecar can't start the session: disk full");
}

#[test]
fn a_database_whose_secret_is_not_there_has_that_as_its_reason() {
    let mut scene = Scene::new(SESSION);
    scene.seen.workload = Some(Arc::new(workload(0)));
    let mut lacking = good_report(&scene.session);
    let why = "Secret \"db\" is not there";
    let problem = reported(
        "spec.store.postgres.urlSecretRef",
        Reason::SecretNotFound,
        why,
    );
    lacking.sessions[0].missing.push(problem);
    lacking.failed = [("default".to_owned(), why.to_owned())].into();
    scene.seen.reports = vec![Some(said(lacking))];
    assert_eq!(scene.told()[0], "Ready=False SecretNotFound");
    assert_eq!(scene.message(ConditionType::Ready), why);
}

#[test]
fn a_database_that_went_away_is_told_by_the_sidecar() {
    let mut scene = Scene::new(SESSION);
    scene.report(|report| report.store = "database: connection refused".to_owned());
    assert_eq!(
        scene.told()[0],
        "Ready=True Ready",
        "as long as its pods are available"
    );
    scene.seen.workload = Some(Arc::new(workload(0)));
    let told = scene.message(ConditionType::Ready);
    assert_eq!(
        told,
        "the sidecar can't use its records: database: connection refused"
    );
}

#[test]
fn one_that_comes_up_the_first_time_is_on_its_way_and_one_that_was_ready_is_down() {
    let mut scene = Scene::new(SESSION);
    let ready = scene.status();
    scene.seen.workload = Some(Arc::new(workload(0)));
    scene.seen.reports = vec![Some(silent())];
    assert_eq!(
        scene.told(),
        [
            "Ready=Unknown Progressing",
            "Reconciling=True Progressing",
            "WorkloadAvailable=Unknown Progressing"
        ]
    );
    scene.previous = ready;
    assert_eq!(scene.told()[0], "Ready=False WorkloadUnavailable");
    // And it stays so until it is up again.
    scene.previous = scene.status();
    assert_eq!(scene.told()[0], "Ready=False WorkloadUnavailable");
}

#[test]
fn what_only_a_person_can_change_is_stalled() {
    for reason in [Reason::EndpointNotAllowed, Reason::BucketChanged] {
        let mut scene = Scene::new(SESSION);
        scene.report(|report| report.bucket.reason = reason.to_string());
        assert_eq!(
            scene.told(),
            [
                format!("Ready=False {reason}"),
                format!("Stalled=True {reason}"),
                format!("StorageReady=False {reason}"),
                "WorkloadAvailable=True Ready".to_owned()
            ]
        );
    }
    let mut scene = Scene::new(SESSION);
    scene.report(|report| report.unsupported = vec!["spec.tls".to_owned()]);
    assert_eq!(
        scene.told()[..2],
        ["Ready=False Unsupported", "Stalled=True Unsupported"]
    );
    assert!(scene.message(ConditionType::Ready).contains("spec.tls"));
}

#[test]
fn a_name_conflict_leaves_the_details_as_they_were() {
    let before = Scene::new(SESSION).status();
    let problem = Problem::Stalled(
        Reason::NameConflict,
        "Service \"msess-default\" is not ours".to_owned(),
    );
    let after = refused(2, &before, Timestamp::UNIX_EPOCH, &problem);
    assert_eq!(
        told(&after),
        [
            "Ready=False NameConflict",
            "Stalled=True NameConflict",
            "StorageReady=True Ready",
            "WorkloadAvailable=True Ready"
        ]
    );
    assert_eq!(after.observed_generation, Some(2));
    assert_eq!(after.url, before.url);
}

/// A bucket that fails later: the pods stay ready, so that the Service keeps its endpoints; only the condition tells it.
#[test]
fn a_bucket_that_fails_later_leaves_the_workload_alone() {
    let mut scene = Scene::new(SESSION);
    scene.previous = scene.status();
    scene.report(|report| report.bucket.reason = "Timeout".to_owned());
    assert!(
        scene
            .told()
            .contains(&"WorkloadAvailable=True Ready".to_owned())
    );
}

#[test]
fn ready_needs_the_loaded_generation_of_both_objects() {
    let mut scene = Scene::new(SESSION);
    scene.report(|report| report.generation = 0);
    assert_eq!(
        scene.told()[..2],
        ["Ready=Unknown Progressing", "Reconciling=True Progressing"]
    );
    let mut scene = Scene::new(SESSION);
    scene.report(|report| report.storage_generation = 0);
    assert_eq!(scene.told()[0], "Ready=Unknown Progressing");
}

#[test]
fn a_refused_configuration_is_told() {
    let mut scene = Scene::new(SESSION);
    let mut sidecar = good_report(&scene.session);
    sidecar.sessions[0].generation = 0;
    sidecar.config_error = Some("spec.webhooks[0].url must be https".to_owned());
    scene.seen.reports = vec![Some(said(sidecar))];
    assert!(
        scene
            .message(ConditionType::Ready)
            .contains("must be https")
    );
}

#[test]
fn the_replica_furthest_behind_speaks_for_all() {
    let mut scene = Scene::new(SESSION);
    let mut late = good_report(&scene.session);
    late.sessions[0].generation = 0;
    scene.seen.reports.push(Some(said(late)));
    assert_eq!(scene.told()[0], "Ready=Unknown Progressing");
}

#[test]
fn a_replica_that_lacks_something_speaks_for_all() {
    let mut scene = Scene::new(SESSION);
    let mut lacking = good_report(&scene.session);
    let problem = reported(
        "spec.storageRef",
        Reason::SecretNotFound,
        "no Secret \"acme-s3\"",
    );
    lacking.sessions[0].missing.push(problem);
    scene.seen.reports.push(Some(said(lacking)));
    assert_eq!(scene.told()[0], "Ready=False SecretNotFound");
}

#[test]
fn the_pod_of_a_former_session_of_the_same_name_is_not_believed() {
    let mut scene = Scene::new(SESSION);
    scene.report(|report| report.uid = "another".to_owned());
    assert!(
        scene
            .told()
            .contains(&"WorkloadAvailable=Unknown StatusUnreachable".to_owned())
    );
}

#[test]
fn a_reason_of_a_later_release_is_told_in_words() {
    let mut scene = Scene::new(SESSION);
    scene.report(|report| report.bucket.reason = "QuantumError".to_owned());
    assert_eq!(scene.told()[0], "Ready=False StoreError");
    assert!(
        scene
            .message(ConditionType::Ready)
            .starts_with("QuantumError")
    );
}
