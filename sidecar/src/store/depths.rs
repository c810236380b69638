//! Counts by state, named and summed for metrics and `/status`.

use super::model::Depths;

impl Depths {
    /// Every state by its name.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 10] {
        [
            ("received", self.received),
            ("queued", self.queued),
            ("running", self.running),
            ("waiting", self.waiting),
            ("stored", self.stored),
            ("failed", self.failed),
            ("events_held", self.events_held),
            ("deliveries_pending", self.deliveries_pending),
            ("deliveries_dead", self.deliveries_dead),
            ("sends_open", self.sends_open),
        ]
    }
}

impl std::ops::AddAssign for Depths {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.queued += other.queued;
        self.running += other.running;
        self.waiting += other.waiting;
        self.stored += other.stored;
        self.failed += other.failed;
        self.events_held += other.events_held;
        self.deliveries_pending += other.deliveries_pending;
        self.deliveries_dead += other.deliveries_dead;
        self.sends_open += other.sends_open;
    }
}
