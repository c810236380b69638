//! Whether the Deployment has its pods, and if not, what the pods themselves say.

use std::sync::Arc;

use titan_crds::{ConditionType, Reason};

use super::{Finding, View, finding::named, report_of};
use crate::{
    conditions::condition,
    session::rollout::{Health, Seen as Rolled},
    watch::{PodView, Workload},
};

/// Reasons of pods that don't pass by themselves.
const HOPELESS: [&str; 4] = [
    "CrashLoopBackOff",
    "ErrImageNeverPull",
    "ImagePullBackOff",
    "InvalidImageName",
];

/// Field of the session that leads to its database.
const DATABASE_FIELD: &str = "spec.store.postgres";

/// Whether the Deployment has its pods.
pub(super) fn finding(view: &View<'_>) -> Finding {
    let seen = view.seen;
    let Some(workload) = &seen.workload else {
        return Finding::Pending("the Deployment has yet to show".to_owned());
    };
    if workload.observed_generation >= workload.generation
        && workload.available >= workload.replicas
    {
        let message = format!(
            "{} of {} pods available",
            workload.available, workload.replicas
        );
        return Finding::Good(Reason::Ready, message);
    }
    let of_pods = why(workload, &seen.pods).map(|why| (Reason::WorkloadUnavailable, why));
    if let Some((reason, why)) = of_pods.or_else(|| store_failure(view)) {
        return Finding::Bad(reason, why);
    }
    let message = format!(
        "{} of {} pods available",
        workload.available, workload.replicas
    );
    // A session that was ready is down, and that is news. One that comes up the first time is on its way.
    let ready = condition(&view.previous.conditions, ConditionType::Ready);
    let was_up = ready.is_some_and(|ready| {
        ready.status == "True" || ready.reason == Reason::WorkloadUnavailable.as_str()
    });
    if was_up {
        Finding::Bad(Reason::WorkloadUnavailable, message)
    } else {
        Finding::Pending(message)
    }
}

/// How the upgrade of the fleet sees the session.
#[must_use]
pub fn health(workload: Option<&Workload>, pods: &[Arc<PodView>]) -> Rolled {
    let hopeless = || {
        let mut problems = pods.iter().filter_map(|pod| pod.problem.as_ref());
        problems.any(|problem| HOPELESS.contains(&problem.reason.as_str()))
    };
    Rolled {
        images: workload.and_then(|workload| workload.images.clone()),
        health: match workload {
            Some(workload) if workload.is_available() => Health::Up,
            Some(workload) if workload.deadline_exceeded || hopeless() => Health::Broken,
            _ => Health::Down,
        },
    }
}

/// The reason of the first pod that has one, or of the Deployment that gets no pods at all.
fn why(workload: &Workload, pods: &[Arc<PodView>]) -> Option<String> {
    let of_pod = pods.iter().filter(|pod| !pod.terminating).find_map(|pod| {
        let problem = pod.problem.as_ref()?;
        Some(if problem.message.is_empty() {
            format!("pod {}: {}", pod.name, problem.reason)
        } else {
            format!("pod {}: {}: {}", pod.name, problem.reason, problem.message)
        })
    });
    of_pod.or_else(|| workload.replica_failure.clone())
}

/// The sidecar runs and says why it can't serve the session, or can't any more.
fn store_failure(view: &View<'_>) -> Option<(Reason, String)> {
    let session = view.session;
    view.seen.sidecars().find_map(|sidecar| {
        let report = report_of(sidecar, &session.owner);
        let missing = report
            .and_then(|report| {
                let mut missing = report.missing.iter();
                missing.find(|problem| problem.field.starts_with(DATABASE_FIELD))
            })
            .map(|problem| named(&problem.reason, &problem.message));
        if let Some(failed) = sidecar.failed.get(&session.api_name) {
            let why = format!("the sidecar can't start the session: {failed}");
            return Some(missing.unwrap_or((Reason::WorkloadUnavailable, why)));
        }
        let store = &report?.store;
        // The pod from before a `suspend: false` ends; it is not in trouble.
        let broken = !["", "open", Reason::Suspended.as_str()].contains(&store.as_str());
        let why = format!("the sidecar can't use its records: {store}");
        broken.then_some((Reason::WorkloadUnavailable, why))
    })
}
