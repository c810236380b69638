//! The `Prefer` header (RFC 7240): how long a caller waits, and whether it waits at all. Pure.

use std::time::Duration;

use axum::http::HeaderMap;

/// Longest wait that a caller may ask for.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// What of a caller's preferences we know; a preference that makes no sense is ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Preferences {
    /// `wait=N`, at most ten minutes.
    pub(super) wait: Option<Duration>,
    /// `respond-async`: the answer comes as an event.
    pub(super) respond_async: bool,
}

impl Preferences {
    /// Reads every `Prefer` header. Of a preference that is named twice the first counts.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let values = headers.get_all("prefer").iter();
        for preference in values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split([',', ';']))
        {
            let (name, value) = match preference.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (preference.trim(), None),
            };
            if name.eq_ignore_ascii_case("respond-async") {
                found.respond_async = true;
            } else if name.eq_ignore_ascii_case("wait") && found.wait.is_none() {
                let seconds = value.and_then(|seconds| seconds.parse().ok());
                found.wait = seconds.map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(values: &[&str]) -> Preferences {
        let values = values
            .iter()
            .map(|value| HeaderValue::from_str(value).unwrap());
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", value);
        }
        Preferences::of(&headers)
    }

    #[test]
    fn a_caller_says_how_long_to_wait() {
        let seconds = |value| of(&[value]).wait.map(|wait| wait.as_secs());
        assert_eq!(seconds("wait=5"), Some(5));
        assert_eq!(seconds("Wait = \"5\""), Some(5));
        assert_eq!(seconds("respond-async, wait=7"), Some(7));
        assert_eq!(seconds("wait=999999"), Some(600));
        assert_eq!(seconds("wait=3, wait=4"), Some(3));
        for odd in ["wait=soon", "wait=-1", "wait", "handling=lenient", ""] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
        assert_eq!(Preferences::of(&HeaderMap::new()), Preferences::default());
    }

    #[test]
    fn a_caller_may_not_wait_at_all() {
        assert!(of(&["respond-async"]).respond_async);
        assert!(of(&["return=minimal", "Respond-Async; foo"]).respond_async);
        assert!(!of(&["wait=5"]).respond_async);
    }
}
