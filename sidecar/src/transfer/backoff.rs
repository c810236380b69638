//! When to try again.

use std::time::Duration;

/// Longest pause between two tries of one file.
pub const MAX: Duration = Duration::from_mins(5);

const FIRST: Duration = Duration::from_secs(1);

/// The pause after the `attempts`-th failure: doubling from one second to [`MAX`], jittered over
/// its upper half by `random` in `0.0..1.0`, and never shorter than what the other side asked for.
#[must_use]
pub fn pause(attempts: u32, asked: Option<Duration>, random: f64) -> Duration {
    let doubled = FIRST
        .saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)))
        .min(MAX);
    let jittered = doubled.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    asked.map_or(jittered, |asked| asked.max(jittered)).min(MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stop_at_five_minutes() {
        let at = |attempts| pause(attempts, None, 1.0);
        assert_eq!(at(1), Duration::from_secs(1));
        assert_eq!(at(4), Duration::from_secs(8));
        assert_eq!(at(40), MAX);
    }

    #[test]
    fn jitter_takes_at_most_half() {
        assert_eq!(pause(3, None, 0.0), Duration::from_secs(2));
        assert!(pause(3, None, 0.99) < Duration::from_secs(4));
    }

    #[test]
    fn what_the_other_side_asks_is_honoured_up_to_the_longest_pause() {
        assert_eq!(
            pause(1, Some(Duration::from_secs(90)), 0.5),
            Duration::from_secs(90)
        );
        assert_eq!(pause(1, Some(Duration::from_hours(1)), 0.5), MAX);
    }
}
