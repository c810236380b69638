//! Everything that a reconcile reads, once. All of it is in memory already.

use std::sync::Arc;

use kube::ResourceExt;
use titan_crds::{
    TenantStorage, TenantStorageStatus,
    report::{BucketVerdict, SessionReport},
};

use super::Error;
use crate::{
    context::Context,
    names::{Owner, REQUESTED_AT},
    watch::{JobView, PodView},
};

/// What is known of a storage and of what goes on around it.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) owner: Owner,
    pub(super) generation: i64,
    /// Value of the annotation that asks for a check.
    pub(super) requested: Option<String>,
    /// The newest status that is known.
    pub(super) status: TenantStorageStatus,
    /// How many sessions store there.
    pub(super) sessions: usize,
    pub(super) sidecar: Sidecar,
    /// Jobs that check, or checked, the bucket.
    pub(super) jobs: Vec<Arc<JobView>>,
    /// Their pods.
    pub(super) pods: Vec<Arc<PodView>>,
}

/// What the running sidecars say of the bucket.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sidecar {
    /// None runs that answers.
    None,
    /// One runs, and does not know yet.
    Silent,
    /// One runs that has loaded this generation and heard of the bucket.
    Tells(BucketVerdict),
}

pub(super) fn dereference(storage: &TenantStorage, context: &Context) -> Result<Facts, Error> {
    let owner = Owner::storage(storage).ok_or(Error::Incomplete("a name, a namespace or a uid"))?;
    let generation = storage
        .metadata
        .generation
        .ok_or(Error::Incomplete("a generation"))?;
    let (namespace, name) = (&owner.namespace, &owner.name);
    let sessions = context.index.sessions(namespace, name);
    let reports = sessions.iter().flat_map(|session| {
        let pods = context.pods.of_session(namespace, session);
        pods.into_iter()
            .filter(|pod| pod.running)
            .filter_map(|pod| context.sidecars.report(&pod.uid))
            .filter_map(|report| report.session(namespace, session).cloned())
            .collect::<Vec<_>>()
    });
    Ok(Facts {
        generation,
        requested: storage.annotations().get(REQUESTED_AT).cloned(),
        status: context.storage_statuses.latest(storage),
        sidecar: heard(reports, name, generation),
        sessions: sessions.len(),
        jobs: context.jobs.of_storage(namespace, name),
        pods: context.pods.of_storage(namespace, name),
        owner,
    })
}

/// The newest verdict of a sidecar that has loaded this generation.
fn heard(reports: impl Iterator<Item = SessionReport>, storage: &str, generation: i64) -> Sidecar {
    let mut heard = Sidecar::None;
    for report in reports {
        let verdict = (report.storage_generation == generation)
            .then(|| verdict(report, storage))
            .filter(|verdict| !verdict.reason.is_empty());
        heard = match (heard, verdict) {
            (Sidecar::Tells(known), Some(new)) if new.checked_at > known.checked_at => {
                Sidecar::Tells(new)
            }
            (Sidecar::Tells(known), _) => Sidecar::Tells(known),
            (_, Some(new)) => Sidecar::Tells(new),
            (_, None) => Sidecar::Silent,
        };
    }
    heard
}

/// A field of the storage that the sidecar does not honour comes before whatever it found without.
fn verdict(report: SessionReport, storage: &str) -> BucketVerdict {
    let prefix = format!("TenantStorage/{storage}: ");
    let unsupported: Vec<_> = report
        .unsupported
        .iter()
        .filter_map(|path| path.strip_prefix(&prefix))
        .collect();
    if unsupported.is_empty() {
        return report.bucket;
    }
    BucketVerdict {
        reason: titan_crds::Reason::Unsupported.to_string(),
        message: Some(format!(
            "this version does not honour {}",
            unsupported.join(", ")
        )),
        ..report.bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(generation: i64, reason: &str, second: i64) -> SessionReport {
        SessionReport {
            storage_generation: generation,
            bucket: BucketVerdict {
                reason: reason.to_owned(),
                checked_at: Some(jiff::Timestamp::from_second(second).unwrap()),
                ..BucketVerdict::default()
            },
            ..SessionReport::default()
        }
    }

    fn reason(reports: &[SessionReport]) -> Option<String> {
        match heard(reports.iter().cloned(), "acme", 2) {
            Sidecar::None => None,
            Sidecar::Silent => Some("silent".to_owned()),
            Sidecar::Tells(verdict) => Some(verdict.reason),
        }
    }

    #[test]
    fn the_newest_verdict_of_the_loaded_generation_counts() {
        assert_eq!(reason(&[]), None);
        let old = report(1, "Ready", 9);
        assert_eq!(reason(std::slice::from_ref(&old)).unwrap(), "silent");
        assert_eq!(reason(&[report(2, "", 9)]).unwrap(), "silent");
        let (first, second) = (report(2, "Timeout", 5), report(2, "Ready", 6));
        let all = [second.clone(), old, first];
        assert_eq!(reason(&all).unwrap(), "Ready");
    }

    #[test]
    fn an_unsupported_field_of_this_storage_is_named() {
        let mut report = report(2, "Ready", 5);
        report.unsupported = vec![
            "spec.tls".to_owned(),
            "TenantStorage/other: spec.a".to_owned(),
            "TenantStorage/acme: spec.credentials.identity".to_owned(),
        ];
        let Sidecar::Tells(verdict) = heard([report].into_iter(), "acme", 2) else {
            panic!("no verdict");
        };
        assert_eq!(verdict.reason, "Unsupported");
        assert_eq!(
            verdict.message.unwrap(),
            "this version does not honour spec.credentials.identity"
        );
    }
}
