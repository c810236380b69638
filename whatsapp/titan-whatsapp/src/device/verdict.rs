//! What the end of a connection means. Pure.

use std::time::Duration;

use super::status::Reason;

/// Shortest pause after a ban, whatever the server said.
const SHORTEST_BAN: Duration = Duration::from_mins(1);

/// A connection that lasted this long was a good one.
const STABLE: Duration = Duration::from_secs(30);

/// What the server said at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    LoggedOut,
    Banned(Duration),
    Outdated,
    Replaced,
    /// Refused for a reason that trying again does not change.
    Refused,
    /// Not now.
    Unavailable,
    StreamError,
    QrTimeout,
}

/// What is known of a connection that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// What the server said.
    pub(crate) end: Option<End>,
    /// A phone linked the device, which then has to log in.
    pub(crate) paired: bool,
    /// How long it was logged in.
    pub(crate) lasted: Option<Duration>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Connect at once.
    Now,
    /// Connect after a pause that grows.
    Later(Reason),
    /// Connect when this is over.
    After(Reason, Duration),
    /// Don't connect until somebody asks for it.
    Stop(Reason),
}

/// Decides.
pub(crate) fn next(facts: &Facts) -> Next {
    match facts.end {
        Some(End::LoggedOut) => Next::Stop(Reason::LoggedOut),
        Some(End::Banned(duration)) => {
            Next::After(Reason::TemporaryBan, duration.max(SHORTEST_BAN))
        }
        Some(End::Outdated) => Next::Stop(Reason::ClientOutdated),
        Some(End::Replaced) => Next::Stop(Reason::StreamReplaced),
        Some(End::Refused) => Next::Stop(Reason::Failed),
        Some(End::QrTimeout) => Next::Stop(Reason::QrTimeout),
        _ if facts.paired => Next::Now,
        Some(End::StreamError) => Next::Later(Reason::StreamError),
        Some(End::Unavailable) | None => Next::Later(Reason::AutoReconnect),
    }
}

/// How many failures in a row there are now.
pub(crate) fn failures(before: u32, facts: &Facts) -> u32 {
    if facts.paired {
        return 0;
    }
    let stable = facts.lasted.is_some_and(|lasted| lasted >= STABLE);
    if stable { 1 } else { before.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(end: End) -> Next {
        next(&Facts {
            end: Some(end),
            lasted: Some(Duration::from_secs(5)),
            paired: false,
        })
    }

    #[test]
    fn what_trying_again_does_not_change_is_not_tried_again() {
        assert_eq!(ended(End::LoggedOut), Next::Stop(Reason::LoggedOut));
        assert_eq!(ended(End::Outdated), Next::Stop(Reason::ClientOutdated));
        assert_eq!(ended(End::Replaced), Next::Stop(Reason::StreamReplaced));
        assert_eq!(ended(End::Refused), Next::Stop(Reason::Failed));
        assert_eq!(ended(End::QrTimeout), Next::Stop(Reason::QrTimeout));
    }

    #[test]
    fn everything_else_is_tried_again_after_a_pause() {
        assert_eq!(next(&Facts::default()), Next::Later(Reason::AutoReconnect));
        assert_eq!(ended(End::Unavailable), Next::Later(Reason::AutoReconnect));
        assert_eq!(ended(End::StreamError), Next::Later(Reason::StreamError));
    }

    #[test]
    fn a_ban_is_waited_out() {
        let hour = Duration::from_hours(1);
        assert_eq!(
            ended(End::Banned(hour)),
            Next::After(Reason::TemporaryBan, hour)
        );
        assert_eq!(
            ended(End::Banned(Duration::ZERO)),
            Next::After(Reason::TemporaryBan, SHORTEST_BAN)
        );
    }

    #[test]
    fn a_device_that_was_just_linked_logs_in_at_once() {
        let paired = Facts {
            paired: true,
            ..Facts::default()
        };
        assert_eq!(next(&paired), Next::Now);
        assert_eq!(failures(7, &paired), 0);
    }

    #[test]
    fn failures_add_up_until_a_connection_lasts() {
        let short = Facts {
            lasted: Some(Duration::from_secs(29)),
            ..Facts::default()
        };
        let long = Facts {
            lasted: Some(Duration::from_secs(30)),
            ..Facts::default()
        };
        assert_eq!(failures(0, &Facts::default()), 1);
        assert_eq!(failures(6, &short), 7);
        assert_eq!(failures(6, &long), 1);
    }
}
