//! The one place where the wall clock is read. Everything else takes `now` as an argument.

use jiff::Timestamp;

/// The current time (UTC), whole milliseconds.
#[must_use]
pub fn now() -> Timestamp {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the edge the lint points to"
    )]
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
