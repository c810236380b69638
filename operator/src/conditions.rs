//! Conditions in the form that kstatus reads: `Ready` always, `Reconciling` and `Stalled` only while they hold.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use titan_crds::{ConditionType, Reason};

use crate::clock::whole_seconds;

/// The longest message; the API server takes 32 KiB, a person less.
const MAX_MESSAGE: usize = 4096;

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows.
    Unknown,
}

impl Status {
    /// The word as it stands in a condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Status {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Builds the conditions of an object from those that it has.
#[derive(Clone, Debug)]
pub struct Conditions<'a> {
    previous: &'a [Condition],
    generation: i64,
    now: Timestamp,
    next: Vec<(ConditionType, Condition)>,
}

impl<'a> Conditions<'a> {
    /// Begins with nothing. `generation` is that of the object as it was read.
    #[must_use]
    pub fn new(previous: &'a [Condition], generation: i64, now: Timestamp) -> Self {
        Self {
            previous,
            generation,
            now: whole_seconds(now),
            next: Vec::new(),
        }
    }

    /// Sets a condition; a later call for the same type wins.
    #[must_use]
    pub fn set(
        mut self,
        type_: ConditionType,
        status: Status,
        reason: Reason,
        message: impl Into<String>,
    ) -> Self {
        let last_transition_time = condition(self.previous, type_)
            .filter(|previous| previous.status == status.as_str())
            .map_or(Time(self.now), |previous| {
                previous.last_transition_time.clone()
            });
        let next = Condition {
            type_: type_.as_str().to_owned(),
            status: status.as_str().to_owned(),
            reason: reason.as_str().to_owned(),
            message: truncate(message.into(), MAX_MESSAGE),
            observed_generation: Some(self.generation),
            last_transition_time,
        };
        self.next.retain(|(other, _)| *other != type_);
        self.next.push((type_, next));
        self
    }

    /// All is as the spec says: `Ready` is true, and neither of the two others is present.
    #[must_use]
    pub fn ready(self, reason: Reason, message: impl Into<String>) -> Self {
        self.without_progress()
            .set(ConditionType::Ready, Status::True, reason, message)
    }

    /// Not ready, and work goes on: it may become ready by itself.
    #[must_use]
    pub fn reconciling(self, reason: Reason, message: impl Into<String>) -> Self {
        let message = message.into();
        self.without_progress()
            .set(ConditionType::Ready, Status::False, reason, message.clone())
            .set(ConditionType::Reconciling, Status::True, reason, message)
    }

    /// Seen for the first time: nothing is known yet. Without this kstatus takes a new object for a finished one.
    #[must_use]
    pub fn beginning(self, message: impl Into<String>) -> Self {
        let (reason, message) = (Reason::Progressing, message.into());
        self.without_progress()
            .set(
                ConditionType::Ready,
                Status::Unknown,
                reason,
                message.clone(),
            )
            .set(ConditionType::Reconciling, Status::True, reason, message)
    }

    /// Not ready, and it stays so until a person changes something.
    #[must_use]
    pub fn stalled(self, reason: Reason, message: impl Into<String>) -> Self {
        let message = message.into();
        self.without_progress()
            .set(ConditionType::Ready, Status::False, reason, message.clone())
            .set(ConditionType::Stalled, Status::True, reason, message)
    }

    /// The conditions, in the order of [`ConditionType`].
    #[must_use]
    pub fn finish(mut self) -> Vec<Condition> {
        if !self
            .next
            .iter()
            .any(|(type_, _)| *type_ == ConditionType::Ready)
        {
            self = self.beginning("not looked at yet");
        }
        self.next.sort_by_key(|(type_, _)| *type_);
        self.next
            .into_iter()
            .filter(|(type_, condition)| {
                !matches!(type_, ConditionType::Reconciling | ConditionType::Stalled)
                    || condition.status == Status::True.as_str()
            })
            .map(|(_, condition)| condition)
            .collect()
    }

    fn without_progress(mut self) -> Self {
        self.next.retain(|(type_, _)| {
            !matches!(type_, ConditionType::Reconciling | ConditionType::Stalled)
        });
        self
    }
}

/// The condition of a type.
#[must_use]
pub fn condition(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions
        .iter()
        .find(|condition| condition.type_ == type_.as_str())
}

/// Does a condition hold?
#[must_use]
pub fn is_true(conditions: &[Condition], type_: ConditionType) -> bool {
    condition(conditions, type_).is_some_and(|condition| condition.status == Status::True.as_str())
}

/// Cuts a text to at most `max` bytes, between two characters.
#[must_use]
pub fn truncate(mut text: String, max: usize) -> String {
    if text.len() > max {
        let end = (0..=max)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn names(conditions: &[Condition]) -> Vec<(&str, &str, &str)> {
        conditions
            .iter()
            .map(|c| (c.type_.as_str(), c.status.as_str(), c.reason.as_str()))
            .collect()
    }

    #[test]
    fn ready_is_always_present() {
        let conditions = Conditions::new(&[], 1, at(5)).finish();
        assert_eq!(
            names(&conditions),
            [
                ("Ready", "Unknown", "Progressing"),
                ("Reconciling", "True", "Progressing")
            ]
        );
    }

    #[test]
    fn reconciling_and_stalled_are_absent_unless_they_hold() {
        let conditions = Conditions::new(&[], 1, at(5))
            .reconciling(Reason::SecretNotFound, "Secret \"s3\" is not there")
            .stalled(Reason::NameConflict, "taken")
            .set(
                ConditionType::Reconciling,
                Status::False,
                Reason::Ready,
                "done",
            )
            .finish();
        assert_eq!(
            names(&conditions),
            [
                ("Ready", "False", "NameConflict"),
                ("Stalled", "True", "NameConflict")
            ]
        );
        let conditions = Conditions::new(&conditions, 1, at(6))
            .ready(Reason::Ready, "")
            .finish();
        assert_eq!(names(&conditions), [("Ready", "True", "Ready")]);
    }

    #[test]
    fn the_transition_time_moves_only_when_the_status_flips() {
        let first = Conditions::new(&[], 1, at(5))
            .reconciling(Reason::Timeout, "slow")
            .finish();
        let second = Conditions::new(&first, 2, at(9))
            .reconciling(Reason::AccessDenied, "no")
            .finish();
        assert_eq!(second[0].last_transition_time, Time(at(5)));
        assert_eq!(second[0].observed_generation, Some(2));
        let third = Conditions::new(&second, 2, at(12))
            .ready(Reason::Ready, "")
            .finish();
        assert_eq!(third[0].last_transition_time, Time(at(12)));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(truncate("aé".to_owned(), 2), "a");
        assert_eq!(truncate("aé".to_owned(), 3), "aé");
    }
}
