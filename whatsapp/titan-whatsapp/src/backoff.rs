//! Pauses between tries: twice as long each time up to a limit, and never the same for two devices.

use std::time::Duration;

/// Where pauses begin, and how long they get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
}

/// Between two connections to WhatsApp.
pub(crate) const CONNECT: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_mins(5),
};

/// Between two tries to reach the sidecar.
pub(crate) const SIDECAR: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(10),
};

impl Backoff {
    /// The pause after as many failures, a fifth shorter or longer by chance.
    pub(crate) fn pause(self, failures: u32) -> Duration {
        self.pause_with(failures, rand::random())
    }

    fn pause_with(self, failures: u32, chance: f64) -> Duration {
        let doubled = self
            .first
            .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        doubled.min(self.longest).mul_f64(0.8 + 0.4 * chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let seconds = |failures| CONNECT.pause_with(failures, 0.5).as_secs();
        assert_eq!(
            [1, 2, 3, 4, 5, 9, 10, u32::MAX].map(seconds),
            [1, 2, 4, 8, 16, 256, 300, 300]
        );
    }

    #[test]
    fn chance_makes_a_fifth() {
        assert_eq!(CONNECT.pause_with(1, 0.0), Duration::from_millis(800));
        assert_eq!(CONNECT.pause_with(1, 1.0), Duration::from_millis(1200));
    }
}
