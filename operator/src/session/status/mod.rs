//! What the operator reports of a session: from what was applied and what is seen of it to conditions and fields. Pure.

mod device;
mod exposure;
mod finding;
mod report;
mod workload;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use titan_crds::{
    ConditionType, MediaSessionStatus, Reason,
    report::{SessionReport, SidecarStatus},
};

pub use exposure::Route;
pub use workload::health;

use super::{
    build::{self, Applied, Resources},
    validate::{ApiKey, ValidatedSession},
};
use crate::{
    conditions::{Conditions, Status, condition},
    names::Owner,
    sidecar::Report,
    watch::{PodView, Workload},
};
use finding::{Finding, keep};

/// Conditions that say how a part of a session is.
const DETAILS: [ConditionType; 5] = [
    ConditionType::StorageReady,
    ConditionType::WorkloadAvailable,
    ConditionType::WebhooksReady,
    ConditionType::SessionConnected,
    ConditionType::Exposed,
];
/// Conditions that say how the whole of it is.
const WHOLE: [ConditionType; 3] = [
    ConditionType::Ready,
    ConditionType::Reconciling,
    ConditionType::Stalled,
];

/// What is seen of a session, beyond what was applied.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its Deployment.
    pub workload: Option<Arc<Workload>>,
    /// Its pods.
    pub pods: Vec<Arc<PodView>>,
    /// What the sidecars of its running pods said last; `None` for one that has yet to be asked.
    pub reports: Vec<Option<Arc<Report>>>,
    /// The way in from outside.
    pub route: Route,
    /// Name of the storage that the session refers to and that is not there.
    pub storage_gone: Option<String>,
}

/// Everything that a status is made of.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The session.
    pub session: &'a ValidatedSession,
    /// Its children.
    pub applied: &'a Resources<Applied>,
    /// What is seen of it.
    pub seen: &'a Seen,
    /// What was reported before.
    pub previous: &'a MediaSessionStatus,
    /// Now.
    pub now: Timestamp,
}

/// The status of a session whose children are applied.
#[must_use]
pub fn status(view: &View<'_>) -> MediaSessionStatus {
    let View {
        session,
        applied,
        seen,
        previous,
        now: _,
    } = view;
    let report = view.report();
    MediaSessionStatus {
        observed_generation: Some(session.generation),
        conditions: view.conditions(report).finish(),
        url: build::url(&applied.service),
        external_url: exposure::external_url(session),
        image: seen
            .workload
            .as_ref()
            .and_then(|workload| Some(workload.images.as_ref()?.sidecar.clone()))
            .or_else(|| previous.image.clone()),
        api_key_secret: match &session.api_key {
            ApiKey::Created(name) => Some(name.clone()),
            ApiKey::Given(_) => None,
        },
        session_state: device::state(view, report),
        phone_number: device::phone_number(view, report),
    }
}

/// The status of a session that was just seen, and that something is awaited for before anything is made.
#[must_use]
pub fn beginning(
    generation: i64,
    previous: &MediaSessionStatus,
    now: Timestamp,
    message: &str,
) -> MediaSessionStatus {
    let new = Conditions::new(&previous.conditions, generation, now);
    MediaSessionStatus {
        observed_generation: Some(generation),
        conditions: new.beginning(message).finish(),
        ..previous.clone()
    }
}

/// The status of a session of which nothing was applied, with the reason why. What its pods do is not looked at: they
/// go on with what they have.
#[must_use]
pub fn refused(
    generation: i64,
    previous: &MediaSessionStatus,
    now: Timestamp,
    problem: &Problem,
) -> MediaSessionStatus {
    let new = Conditions::new(&previous.conditions, generation, now);
    let before = keep(new, &previous.conditions, &DETAILS);
    let conditions = match problem {
        Problem::Stalled(reason, message) => before.stalled(*reason, message),
        Problem::Waiting(reason, message) => before.reconciling(*reason, message),
    };
    MediaSessionStatus {
        observed_generation: Some(generation),
        conditions: conditions.finish(),
        ..previous.clone()
    }
}

/// Why nothing was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Until a person changes something.
    Stalled(Reason, String),
    /// Until the API server takes it.
    Waiting(Reason, String),
}

// === impl Seen ===

impl Seen {
    /// What the sidecars that answered say.
    pub(super) fn sidecars(&self) -> impl Iterator<Item = &SidecarStatus> {
        let reports = self.reports.iter().flatten();
        reports.filter_map(|report| report.status.as_ref().ok())
    }

    /// A sidecar has yet to be asked: nothing that it might say has changed.
    fn is_unheard(&self) -> bool {
        self.reports.iter().any(Option::is_none)
    }
}

// === impl View ===

impl<'a> View<'a> {
    /// The conditions, by the design's table.
    fn conditions(&self, report: Option<&'a SessionReport>) -> Conditions<'a> {
        let generation = self.session.generation;
        let new = Conditions::new(&self.previous.conditions, generation, self.now);
        let workload = workload::finding(self);
        let exposed = exposure::finding(self);
        let with_exposure = |conditions| set(conditions, ConditionType::Exposed, exposed.as_ref());
        if self.session.suspended() {
            let suspended = Finding::good(Reason::Suspended, "no pods, by spec.suspend");
            return with_exposure(set(
                new.ready(Reason::Suspended, "no pods, by spec.suspend"),
                ConditionType::WorkloadAvailable,
                Some(&suspended),
            ));
        }
        let Some(report) = report else {
            return with_exposure(self.without_report(new, &workload));
        };
        let storage = report::storage(self, report);
        let details = [
            (ConditionType::WorkloadAvailable, Some(&workload)),
            (ConditionType::StorageReady, storage.as_ref()),
        ];
        let webhooks = report::webhooks(self, report);
        let connected = report::connected(self, report);
        let mut conditions = details
            .into_iter()
            .chain([
                (ConditionType::WebhooksReady, webhooks.as_ref()),
                (ConditionType::SessionConnected, connected.as_ref()),
            ])
            .fold(new, |conditions, (type_, finding)| {
                set(conditions, type_, finding)
            });
        let trouble = [
            Some(workload),
            report::loaded(self, report),
            report::unsupported(report),
            storage,
            report::missing(report),
        ]
        .into_iter()
        .flatten()
        .find(|finding| !finding.is_good());
        conditions = match trouble {
            None => conditions.ready(Reason::Ready, "the sidecar serves what the spec says"),
            Some(finding) => finding.told_by_ready(conditions),
        };
        with_exposure(conditions)
    }

    /// No sidecar answers. While its pod should not be up yet, that is what there is to say; else it says nothing of
    /// bucket and webhooks, which may be as they were.
    fn without_report(&self, new: Conditions<'a>, workload: &Finding) -> Conditions<'a> {
        let previous = &self.previous.conditions;
        let relevant = [
            (ConditionType::StorageReady, self.session.storage.is_some()),
            (ConditionType::WebhooksReady, self.session.has_webhooks),
            (
                ConditionType::SessionConnected,
                self.session.device.is_some(),
            ),
        ];
        let relevant = relevant
            .into_iter()
            .filter_map(|(type_, is)| is.then_some(type_));
        let kept = keep(new, previous, &relevant.collect::<Vec<_>>());
        let gone = report::storage_gone(self);
        let conditions = set(kept, ConditionType::StorageReady, gone.as_ref());
        if !workload.is_good() {
            let conditions = set(conditions, ConditionType::WorkloadAvailable, Some(workload));
            return workload.clone().told_by_ready(conditions);
        }
        let conditions = if self.seen.is_unheard() {
            keep(conditions, previous, &[ConditionType::WorkloadAvailable])
        } else {
            conditions.set(
                ConditionType::WorkloadAvailable,
                Status::Unknown,
                Reason::StatusUnreachable,
                "no sidecar answers at /status of its admin port",
            )
        };
        if let Some(gone) = gone {
            return gone.told_by_ready(conditions);
        }
        let ready = condition(previous, ConditionType::Ready);
        if ready.and_then(|ready| ready.observed_generation) == Some(self.session.generation) {
            keep(conditions, previous, &WHOLE)
        } else {
            conditions.beginning("no sidecar has said yet that it has loaded the spec")
        }
    }

    /// What the sidecars say of this session. With several, the one that is furthest behind speaks for all, and of
    /// those at the same point one that lacks something.
    fn report(&self) -> Option<&'a SessionReport> {
        let owner = &self.session.owner;
        self.seen
            .sidecars()
            .filter_map(|sidecar| report_of(sidecar, owner))
            .min_by_key(|report| {
                let loaded = (report.generation, report.storage_generation);
                let well = report.missing.is_empty() && report.bucket.is_ready();
                (loaded, well)
            })
    }
}

/// What a sidecar says of a session. The pod of a former one of the same name speaks of that.
pub(super) fn report_of<'a>(
    sidecar: &'a SidecarStatus,
    owner: &Owner,
) -> Option<&'a SessionReport> {
    sidecar.sessions.iter().find(|report| {
        let named = report.object == owner.name && report.namespace == owner.namespace;
        named && (report.uid.is_empty() || report.uid == owner.uid)
    })
}

fn set<'a>(
    conditions: Conditions<'a>,
    type_: ConditionType,
    finding: Option<&Finding>,
) -> Conditions<'a> {
    match finding {
        Some(finding) => finding.told_by(conditions, type_),
        None => conditions,
    }
}
