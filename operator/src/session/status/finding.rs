//! What one look at a session found, and how it is told.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use titan_crds::{ConditionType, Reason};

use crate::conditions::{Conditions, Status, condition};

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is as it should be.
    Good(Reason, String),
    /// Nobody knows yet, and somebody soon will.
    Pending(String),
    /// It is not as it should be.
    Bad(Reason, String),
}

impl Finding {
    pub(super) fn good(reason: Reason, message: &str) -> Self {
        Self::Good(reason, message.to_owned())
    }

    pub(super) const fn is_good(&self) -> bool {
        matches!(self, Self::Good(..))
    }

    /// As a condition of its own.
    pub(super) fn told_by<'a>(
        &self,
        conditions: Conditions<'a>,
        type_: ConditionType,
    ) -> Conditions<'a> {
        let (status, reason, message) = match self {
            Self::Good(reason, message) => (Status::True, *reason, message),
            Self::Pending(message) => (Status::Unknown, Reason::Progressing, message),
            Self::Bad(reason, message) => (Status::False, *reason, message),
        };
        conditions.set(type_, status, reason, message)
    }

    /// As the reason why the session is not `Ready`.
    pub(super) fn told_by_ready(self, conditions: Conditions<'_>) -> Conditions<'_> {
        match self {
            Self::Good(reason, message) => conditions.ready(reason, message),
            Self::Pending(message) => conditions.beginning(message),
            Self::Bad(reason, message) if needs_a_person(reason) => {
                conditions.stalled(reason, message)
            }
            Self::Bad(reason, message) => conditions.reconciling(reason, message),
        }
    }
}

/// The conditions of these types as they were.
pub(super) fn keep<'a>(
    conditions: Conditions<'a>,
    previous: &[Condition],
    types: &[ConditionType],
) -> Conditions<'a> {
    types.iter().fold(conditions, |conditions, &type_| {
        let kept = condition(previous, type_)
            .and_then(|kept| Some((status_of(kept)?, Reason::from_name(&kept.reason)?, kept)));
        match kept {
            Some((status, reason, kept)) => {
                conditions.set(type_, status, reason, kept.message.clone())
            }
            None => conditions,
        }
    })
}

fn status_of(condition: &Condition) -> Option<Status> {
    [Status::True, Status::False, Status::Unknown]
        .into_iter()
        .find(|status| status.as_str() == condition.status)
}

/// Nothing changes by itself: somebody has to edit a resource, or allow more.
pub(super) const fn needs_a_person(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NameConflict
            | Reason::EndpointNotAllowed
            | Reason::BucketChanged
            | Reason::Unsupported
    )
}

/// The reason that a sidecar names; one of a later release is told in words.
pub(super) fn named(reason: &str, message: &str) -> (Reason, String) {
    match Reason::from_name(reason) {
        Some(reason) => (reason, message.to_owned()),
        None => (Reason::StoreError, format!("{reason}: {message}")),
    }
}
