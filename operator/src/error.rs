//! What went wrong, in the three ways that matter: try again, wait for a change, or wait for a person.

use std::{collections::HashMap, error::Error, sync::Mutex, sync::PoisonError, time::Duration};

/// First wait after a failure: drawn between half of this and all of it.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
/// Doublings until the longest wait, 128 to 256 s.
const DOUBLINGS: u32 = 7;

/// What is to be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It may work in a moment: try again, each time later.
    Transient,
    /// Something outside must change; a watch or a long wait brings it back.
    Waiting,
    /// A person must change the object.
    Terminal,
}

/// A failure of a reconcile.
pub trait Categorised: Error + Send + 'static {
    /// A short constant name: metric label and reason of an event.
    fn category(&self) -> &'static str;

    /// What is to be done about it.
    fn class(&self) -> Class;
}

/// What is to be done about an answer of the API server.
#[must_use]
pub fn api_class(error: &kube::Error) -> Class {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422) => Class::Waiting,
        _ => Class::Transient,
    }
}

/// The API server says that an object was changed, or is there already.
#[must_use]
pub fn is_conflict(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let boxed = error.downcast_ref::<Box<kube::Error>>().map(Box::as_ref);
        if let Some(kube::Error::Api(status)) = boxed.or_else(|| error.downcast_ref()) {
            return status.code == 409;
        }
        next = error.source();
    }
    false
}

/// A failure with all that led to it, each said once. Of an answer of the API server its own words count, and not the
/// whole of it.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = words(error);
    let mut next = error.source();
    while let Some(error) = next {
        let more = words(error);
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        if matches!(error.downcast_ref(), Some(kube::Error::Api(_))) {
            break;
        }
        next = error.source();
    }
    text
}

fn words(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(kube::Error::Api(status)) if !status.message.is_empty() => status.message.clone(),
        _ => error.to_string(),
    }
}

/// How often each object failed in a row.
#[derive(Debug, Default)]
pub struct Backoffs {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoffs {
    /// The wait after one more failure of the object: 1–2 s, doubling to 128–256 s. `random` is in 0..1.
    pub fn fail(&self, uid: &str, random: f64) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = failures.entry(uid.to_owned()).or_default();
        let longest = FIRST_BACKOFF * 2_u32.pow((*failures).min(DOUBLINGS));
        *failures = failures.saturating_add(1);
        longest.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// The object succeeded, or is gone.
    pub fn reset(&self, uid: &str) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_one_second_to_four_minutes() {
        let backoffs = Backoffs::default();
        let shortest: Vec<_> = (0..9).map(|_| backoffs.fail("a", 0.0).as_secs()).collect();
        assert_eq!(shortest, [1, 2, 4, 8, 16, 32, 64, 128, 128]);
        assert_eq!(backoffs.fail("a", 1.0).as_secs(), 256);
        backoffs.reset("a");
        assert_eq!(backoffs.fail("a", 1.0).as_secs(), 2);
        assert_eq!(backoffs.fail("b", 0.5).as_millis(), 1500);
    }

    #[test]
    fn an_answer_of_the_server_is_told_in_its_own_words() {
        let status = kube::core::Status::failure("exceeded quota", "Forbidden").with_code(403);
        let error = crate::status::StatusError(kube::Error::Api(Box::new(status)));
        assert_eq!(chain(&error), "status: exceeded quota");
    }

    #[test]
    fn what_the_server_refuses_waits_and_what_it_can_not_do_now_is_tried_again() {
        for (code, class) in [
            (403, Class::Waiting),
            (422, Class::Waiting),
            (409, Class::Transient),
            (500, Class::Transient),
            (429, Class::Transient),
        ] {
            let status = kube::core::Status::failure("no", "No").with_code(code);
            let error = kube::Error::Api(Box::new(status));
            assert_eq!(api_class(&error), class, "{code}");
            assert_eq!(is_conflict(&error), code == 409);
        }
    }
}
