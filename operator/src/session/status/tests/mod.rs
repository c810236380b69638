//! The design's table of conditions, row by row.

mod details;
mod rows;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use titan_crds::{
    MediaSessionStatus, Reason,
    media_session::SessionState,
    report::{BucketVerdict, DeviceReport, Problem as Reported, SessionReport, SidecarStatus},
};

use super::*;
use crate::{
    image::Images,
    session::{
        build::{
            Found, build,
            tests::{SESSION, STORAGE, session as yaml, settings, validated},
        },
        validate::ValidatedSession,
    },
    watch::{PodOwner, Problem as PodProblem},
};

/// A session with its storage, and a pod that does everything right.
struct Scene {
    session: ValidatedSession,
    seen: Seen,
    previous: MediaSessionStatus,
}

impl Scene {
    fn new(session: &str) -> Self {
        let session = validated(session, Some(STORAGE));
        let seen = Seen {
            workload: Some(Arc::new(workload(1))),
            pods: vec![Arc::new(pod(None))],
            reports: vec![Some(said(good_report(&session)))],
            ..Seen::default()
        };
        Self {
            session,
            seen,
            previous: MediaSessionStatus::default(),
        }
    }

    /// What the sidecar says of the session.
    fn report(&mut self, change: impl FnOnce(&mut SessionReport)) {
        let mut status = good_report(&self.session);
        change(&mut status.sessions[0]);
        self.seen.reports = vec![Some(said(status))];
    }

    fn status(&self) -> MediaSessionStatus {
        let prepared = build(&self.session, &settings(&[]), &Found::default());
        status(&View {
            session: &self.session,
            applied: &prepared.into_applied(),
            seen: &self.seen,
            previous: &self.previous,
            now: Timestamp::from_second(100).unwrap(),
        })
    }

    /// Every condition as `Type=Status Reason`.
    fn told(&self) -> Vec<String> {
        told(&self.status())
    }

    fn message(&self, type_: ConditionType) -> String {
        condition(&self.status().conditions, type_)
            .unwrap()
            .message
            .clone()
    }
}

fn told(status: &MediaSessionStatus) -> Vec<String> {
    status
        .conditions
        .iter()
        .map(|c| format!("{}={} {}", c.type_, c.status, c.reason))
        .collect()
}

fn workload(available: i32) -> Workload {
    Workload {
        generation: 1,
        observed_generation: 1,
        replicas: 1,
        updated: 1,
        total: 1,
        available,
        images: Some(Images {
            sidecar: "sidecar@sha256:1".to_owned(),
            device: None,
        }),
        ..Workload::default()
    }
}

fn pod(problem: Option<(&str, &str)>) -> PodView {
    PodView {
        name: "msess-default-x".to_owned(),
        uid: "p".to_owned(),
        owner: PodOwner::Session("default".to_owned()),
        job: None,
        ip: Some("10.0.0.1".parse().unwrap()),
        running: true,
        ready: problem.is_none(),
        terminating: false,
        restarts: 0,
        problem: problem.map(|(reason, message)| PodProblem {
            reason: reason.to_owned(),
            message: message.to_owned(),
        }),
        ended: None,
    }
}

fn good_report(session: &ValidatedSession) -> SidecarStatus {
    SidecarStatus {
        ready: true,
        sessions: vec![SessionReport {
            namespace: session.owner.namespace.clone(),
            object: session.owner.name.clone(),
            uid: session.owner.uid.clone(),
            session: session.api_name.clone(),
            generation: session.generation,
            storage_generation: session
                .storage
                .as_ref()
                .map_or(0, |storage| storage.id.generation),
            bucket: BucketVerdict {
                reason: "Ready".to_owned(),
                ..BucketVerdict::default()
            },
            ..SessionReport::default()
        }],
        ..SidecarStatus::default()
    }
}

fn said(status: SidecarStatus) -> Arc<Report> {
    Arc::new(Report {
        at: Timestamp::UNIX_EPOCH,
        status: Ok(status),
    })
}

fn silent() -> Arc<Report> {
    Arc::new(Report {
        at: Timestamp::UNIX_EPOCH,
        status: Err("no answer within 2 s".to_owned()),
    })
}

fn reported(field: &str, reason: Reason, message: &str) -> Reported {
    Reported {
        field: field.to_owned(),
        reason: reason.to_string(),
        message: message.to_owned(),
        secret: None,
    }
}
