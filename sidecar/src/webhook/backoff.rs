//! When a failed delivery is tried again. Pure: the caller brings the random number.

use std::time::Duration;

use jiff::Timestamp;

/// How often, and in what rhythm, a delivery is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Longest wait after the first failure.
    pub delay: Duration,
    /// How the longest wait grows from failure to failure.
    pub policy: Policy,
    /// No wait is longer, `Retry-After` included.
    pub max_delay: Duration,
}

/// How the wait grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Doubles.
    Exponential,
    /// Grows by `delay`.
    Linear,
    /// Stays.
    Constant,
}

impl Default for Retries {
    /// 15 attempts, from 2 s, doubling up to 10 min.
    fn default() -> Self {
        Self {
            attempts: 15,
            delay: Duration::from_secs(2),
            policy: Policy::Exponential,
            max_delay: Duration::from_mins(10),
        }
    }
}

// === impl Retries ===

impl Retries {
    /// The wait after failure number `failures` (from 1): between nothing and the policy's value,
    /// as `random` in `0.0..1.0` decides ("full jitter": a receiver that comes back is not met by
    /// all chats in one instant).
    ///
    /// The receiver's own `retry_after` is a lower bound, and is itself bounded by `max_delay`.
    #[must_use]
    pub fn wait(&self, failures: u32, random: f64, retry_after: Option<Duration>) -> Duration {
        let jittered = self.ceiling(failures).mul_f64(random.clamp(0.0, 1.0));
        let asked = retry_after.unwrap_or_default().min(self.max_delay);
        jittered.max(asked)
    }

    fn ceiling(&self, failures: u32) -> Duration {
        let factor = match self.policy {
            Policy::Exponential => 1_u32
                .checked_shl(failures.saturating_sub(1))
                .unwrap_or(u32::MAX),
            Policy::Linear => failures.max(1),
            Policy::Constant => 1,
        };
        self.delay.saturating_mul(factor).min(self.max_delay)
    }
}

/// Reads a `Retry-After` value: seconds, or a date (IMF-fixdate) from which `now` is taken.
/// A date in the past is no wait; anything else is `None`.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(value)
        .ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(policy: Policy) -> Retries {
        Retries {
            policy,
            ..Retries::default()
        }
    }

    fn ceilings(policy: Policy, failures: &[u32]) -> Vec<u64> {
        let retries = retries(policy);
        failures
            .iter()
            .map(|n| retries.wait(*n, 1.0, None).as_secs())
            .collect()
    }

    #[test]
    fn the_wait_grows_as_the_policy_says_and_is_capped() {
        let failures = [1, 2, 3, 9, 10, 33, u32::MAX];
        assert_eq!(
            ceilings(Policy::Exponential, &failures),
            [2, 4, 8, 512, 600, 600, 600]
        );
        assert_eq!(
            ceilings(Policy::Linear, &failures),
            [2, 4, 6, 18, 20, 66, 600]
        );
        assert_eq!(ceilings(Policy::Constant, &failures), [2; 7]);
    }

    #[test]
    fn jitter_reaches_from_nothing_to_the_whole_wait() {
        let retries = retries(Policy::Exponential);
        assert_eq!(retries.wait(3, 0.0, None), Duration::ZERO);
        assert_eq!(retries.wait(3, 0.5, None), Duration::from_secs(4));
        assert_eq!(retries.wait(3, 1.0, None), Duration::from_secs(8));
    }

    #[test]
    fn retry_after_is_a_lower_bound_within_the_cap() {
        let retries = retries(Policy::Exponential);
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(retries.wait(1, 1.0, asked(30)), Duration::from_secs(30));
        assert_eq!(retries.wait(9, 1.0, asked(30)), Duration::from_secs(512));
        assert_eq!(retries.wait(1, 0.0, asked(86_400)), Duration::from_mins(10));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2015-10-21T07:27:30Z".parse().unwrap();
        let read = |value| retry_after(value, now);
        assert_eq!(read("90"), Some(Duration::from_secs(90)));
        assert_eq!(
            read("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(read("Wed, 21 Oct 2015 07:00:00 GMT"), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
