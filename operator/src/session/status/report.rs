//! What the sidecar itself says: what it has loaded, what it lacks, how bucket, webhooks and device are.

use titan_crds::{
    Reason,
    report::{Problem, SessionReport},
};

use super::{Finding, View, device, finding::named};

/// Field of the session that leads to its storage.
const STORAGE_FIELD: &str = "spec.storageRef";
/// What the fields of webhooks begin with.
const WEBHOOK_FIELDS: &str = "spec.webhooks";

/// Has the sidecar loaded both objects as they are? `None`: yes.
pub(super) fn loaded(view: &View<'_>, report: &SessionReport) -> Option<Finding> {
    let storage = view.session.storage.as_ref();
    let wanted = (
        view.session.generation,
        storage.map_or(0, |storage| storage.id.generation),
    );
    let refused = || {
        view.seen
            .sidecars()
            .find_map(|sidecar| sidecar.config_error.clone())
    };
    // Without a document of the storage the sidecar may go on with the one it had.
    let same = report.generation == wanted.0
        && (storage.is_none() || report.storage_generation == wanted.1);
    if same {
        return None;
    }
    Some(Finding::Pending(match refused() {
        Some(error) => format!("the sidecar refuses the newest configuration: {error}"),
        None => "the sidecar has yet to load the newest configuration".to_owned(),
    }))
}

/// Is a field set that this sidecar does not honour?
pub(super) fn unsupported(report: &SessionReport) -> Option<Finding> {
    (!report.unsupported.is_empty()).then(|| {
        let paths = report.unsupported.join(", ");
        Finding::Bad(
            Reason::Unsupported,
            format!("the sidecar does not honour {paths}"),
        )
    })
}

/// Is the storage that the session refers to not there?
pub(super) fn storage_gone(view: &View<'_>) -> Option<Finding> {
    let name = view.seen.storage_gone.as_ref()?;
    let message = format!("TenantStorage \"{name}\" is not there");
    Some(Finding::Bad(Reason::StorageNotFound, message))
}

/// Storage and bucket; `None` where the session has none.
pub(super) fn storage(view: &View<'_>, report: &SessionReport) -> Option<Finding> {
    if let Some(gone) = storage_gone(view) {
        return Some(gone);
    }
    view.session.storage.as_ref()?;
    if let Some(problem) = first(&report.missing, |field| field.starts_with(STORAGE_FIELD)) {
        return Some(problem);
    }
    let bucket = &report.bucket;
    let message = bucket.message.clone().unwrap_or_default();
    Some(match bucket.reason.as_str() {
        "" => Finding::Pending("the bucket has yet to be checked".to_owned()),
        _ if bucket.is_ready() => Finding::good(Reason::Ready, "the bucket takes files"),
        reason => bad(reason, &message),
    })
}

/// Anything else that the resources name and is not there.
pub(super) fn missing(report: &SessionReport) -> Option<Finding> {
    first(&report.missing, |field| !field.starts_with(STORAGE_FIELD))
}

/// The webhooks; `None` where there are none.
pub(super) fn webhooks(view: &View<'_>, report: &SessionReport) -> Option<Finding> {
    view.session.has_webhooks.then(|| {
        first(&report.missing, |field| field.starts_with(WEBHOOK_FIELDS))
            .or_else(|| first(&report.webhooks, |_| true))
            .unwrap_or_else(|| Finding::good(Reason::Ready, "deliveries go through"))
    })
}

/// The linked device; `None` where the session has none of its own.
pub(super) fn connected(view: &View<'_>, report: &SessionReport) -> Option<Finding> {
    view.session.device.as_ref()?;
    Some(match &report.device {
        Some(said) => device::finding(said, &view.session.api_name),
        None => Finding::Pending("the linked device has yet to show".to_owned()),
    })
}

fn first(problems: &[Problem], concerns: impl Fn(&str) -> bool) -> Option<Finding> {
    let mut problems = problems.iter();
    let problem = problems.find(|problem| concerns(&problem.field))?;
    Some(bad(&problem.reason, &problem.message))
}

fn bad(reason: &str, message: &str) -> Finding {
    let (reason, message) = named(reason, message);
    Finding::Bad(reason, message)
}
