//! Hastens the kubelet: a changed annotation of a pod makes it look at the pod's volumes at once, and not when its
//! next sync comes, up to a minute later (T17).

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use titan_crds::{ConditionType, MediaSessionStatus, Reason};

use super::{
    Error,
    memory::{Act, Memory},
};
use crate::{
    conditions::condition,
    context::Context,
    names::{Owner, REFRESH, SESSION_MANAGER},
    watch::PodView,
};

/// Between two times for one session.
pub(super) const EVERY: Duration = Duration::from_secs(10);
/// What is missing for longer than this comes when the kubelet looks by itself: a session that somebody gave up must
/// not cost a request every ten seconds for ever.
const PATIENCE: Duration = Duration::from_hours(1);

/// Is there something that a pod waits to find in its volumes?
pub(super) fn is_awaited(status: &MediaSessionStatus, now: Timestamp) -> bool {
    let Some(ready) = condition(&status.conditions, ConditionType::Ready) else {
        return false;
    };
    let age = now.duration_since(ready.last_transition_time.0);
    let in_a_volume = [
        Reason::SecretNotFound,
        Reason::SecretIncomplete,
        Reason::ConfigMapNotFound,
        Reason::Progressing,
    ];
    ready.status != "True"
        && age.unsigned_abs() < PATIENCE
        && in_a_volume
            .iter()
            .any(|reason| reason.as_str() == ready.reason)
}

/// May it be done again?
pub(super) fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now.duration_since(last).unsigned_abs() >= EVERY)
}

/// Touches the running pods of a session. The patch changes that annotation and nothing else.
pub(super) async fn refresh(
    owner: &Owner,
    pods: impl Iterator<Item = &PodView>,
    context: &Context,
    memory: &Memory,
) -> Result<(), Error> {
    let now = context.clock.now();
    let api: Api<Pod> = Api::namespaced(context.client.clone(), &owner.namespace);
    let parameters = PatchParams {
        field_manager: Some(SESSION_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    for pod in pods.filter(|pod| pod.running) {
        memory.done(Act::Refresh, &owner.uid, now);
        let patch = json!({"metadata": {
            "uid": pod.uid,
            "annotations": {REFRESH: now.to_string()},
        }});
        match api
            .patch_metadata(&pod.name, &parameters, &Patch::Merge(&patch))
            .await
        {
            Ok(_) => {}
            // It went, or another one has its name: that one reads its volumes as it starts.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(source) => {
                return Err(Error::Refresh {
                    source: Box::new(source),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::Conditions;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn status(reason: Reason) -> MediaSessionStatus {
        MediaSessionStatus {
            conditions: Conditions::new(&[], 1, at(0))
                .reconciling(reason, "")
                .finish(),
            ..MediaSessionStatus::default()
        }
    }

    #[test]
    fn only_what_comes_by_a_volume_is_hastened_and_not_for_ever() {
        assert!(is_awaited(&status(Reason::SecretNotFound), at(10)));
        assert!(!is_awaited(&status(Reason::SecretNotFound), at(3600)));
        assert!(!is_awaited(&status(Reason::NoSuchBucket), at(10)));
        let ready = MediaSessionStatus {
            conditions: Conditions::new(&[], 1, at(0))
                .ready(Reason::Ready, "")
                .finish(),
            ..MediaSessionStatus::default()
        };
        assert!(!is_awaited(&ready, at(10)));
    }

    #[test]
    fn it_is_done_every_ten_seconds_at_most() {
        assert!(is_due(None, at(0)));
        assert!(!is_due(Some(at(0)), at(9)));
        assert!(is_due(Some(at(0)), at(10)));
    }
}
