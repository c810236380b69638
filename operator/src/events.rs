//! Events on transitions: what `kubectl describe` shows beneath an object.

use std::{fmt, sync::Arc};

use k8s_controller::events::{Event, EventRecorder, EventType, Reporter};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Client, Resource};
use titan_crds::ConditionType;

use crate::{
    conditions::{condition, is_true},
    error::chain,
    names,
};

/// Publishes events. Repeated ones become a series, a note of more than 1024 bytes is cut, and an API server that
/// does not answer costs five seconds; a failure is logged and nothing else (T7).
#[derive(Clone)]
pub struct Recorder(Arc<EventRecorder>);

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// Events from this instance of the operator.
    #[must_use]
    pub fn new(client: Client, instance: String) -> Self {
        let reporter = Reporter {
            controller: names::OPERATOR.to_owned(),
            instance: Some(instance),
        };
        Self(Arc::new(EventRecorder::new(client, reporter)))
    }

    /// Something that went as it should.
    pub async fn normal<K>(&self, object: &K, reason: &str, action: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        self.publish(object, EventType::Normal, reason, action, note)
            .await;
    }

    /// Something that somebody should look at.
    pub async fn warning<K>(&self, object: &K, reason: &str, action: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        self.publish(object, EventType::Warning, reason, action, note)
            .await;
    }

    /// The event of a change of the conditions, if it is one that tells something: `Ready` flips, or has another
    /// reason.
    pub async fn transition<K>(&self, object: &K, before: &[Condition], after: &[Condition])
    where
        K: Resource<DynamicType = ()>,
    {
        let Some(ready) = changed(before, after) else {
            return;
        };
        let note = if ready.message.is_empty() {
            ready.reason.as_str()
        } else {
            ready.message.as_str()
        };
        let type_ = if ready.status == "False" {
            EventType::Warning
        } else {
            EventType::Normal
        };
        let action = if is_true(after, ConditionType::Stalled) {
            "Stall"
        } else {
            "Reconcile"
        };
        self.publish(object, type_, &ready.reason, action, note)
            .await;
    }

    async fn publish<K>(&self, object: &K, type_: EventType, reason: &str, action: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            action: action.to_owned(),
            note: Some(note.to_owned()),
            related: None,
        };
        if let Err(error) = self.0.publish(object, &event).await {
            tracing::warn!(reason, error = %chain(&error), "can't publish an event");
        }
    }
}

/// The `Ready` condition, where it tells something new.
fn changed<'a>(before: &[Condition], after: &'a [Condition]) -> Option<&'a Condition> {
    let ready = condition(after, ConditionType::Ready)?;
    let told = condition(before, ConditionType::Ready)
        .is_some_and(|before| before.status == ready.status && before.reason == ready.reason);
    // Nothing is known yet: that is no news.
    (!told && ready.status != "Unknown").then_some(ready)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use titan_crds::Reason;

    use super::*;
    use crate::conditions::Conditions;

    #[test]
    fn only_a_change_of_ready_is_told() {
        let now = Timestamp::UNIX_EPOCH;
        let new = |previous: &[Condition]| Conditions::new(previous, 1, now).beginning("").finish();
        let failed = |message: &str| {
            Conditions::new(&[], 1, now)
                .reconciling(Reason::Timeout, message)
                .finish()
        };
        let ready = Conditions::new(&[], 1, now)
            .ready(Reason::Ready, "")
            .finish();
        assert!(changed(&[], &new(&[])).is_none());
        assert!(changed(&new(&[]), &failed("5 s")).is_some());
        assert!(changed(&failed("5 s"), &failed("6 s")).is_none());
        assert!(changed(&failed("5 s"), &ready).is_some());
        assert!(changed(&ready, &ready).is_none());
    }
}
