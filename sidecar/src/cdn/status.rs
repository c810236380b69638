//! What the CDN's answers mean. Pure.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

/// The longest wish of the CDN that is passed on.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);
/// What the CDN writes into a 403 once `oe` is past.
const EXPIRED: &str = "url signature expired";

/// What a failed fetch means to its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The file left the CDN, or its signature ran out: only a re-upload by the phone helps.
    Gone,
    /// 403 without a reason; may pass while `oe` is valid.
    Forbidden,
    /// Try later, after `after` if the CDN named a time.
    Retry {
        /// The CDN's `Retry-After`, at most 24 h.
        after: Option<Duration>,
    },
    /// 507: the CDN throttles; leave it alone for long.
    Throttled,
    /// The message's own path or URL may not be fetched.
    Invalid,
    /// More bytes than allowed.
    TooLarge,
}

/// Classifies a status that is neither 200 nor 206. `body` is the beginning of the answer.
#[must_use]
pub fn classify(status: u16, body: &[u8], retry_after: Option<Duration>) -> Class {
    match status {
        404 | 410 => Class::Gone,
        403 if says_expired(body) => Class::Gone,
        403 => Class::Forbidden,
        507 => Class::Throttled,
        _ => Class::Retry { after: retry_after },
    }
}

/// Reads a `Retry-After`, which is seconds or an HTTP date; a past date is no wait.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let at = DateTimeParser::new().parse_timestamp(value).ok()?;
        Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

fn says_expired(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    text.contains(EXPIRED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Class = Class::Retry { after: None };

    #[test]
    fn every_status_has_its_class() {
        let table: [(u16, &str, Class); 18] = [
            (404, "", Class::Gone),
            (410, "", Class::Gone),
            (403, "URL signature expired", Class::Gone),
            (403, "<p>url Signature Expired</p>", Class::Gone),
            (403, "URL signature mismatch", Class::Forbidden),
            (403, "", Class::Forbidden),
            (400, "", LATER),
            (401, "", LATER),
            (408, "", LATER),
            (413, "", LATER),
            (416, "", LATER),
            (429, "", LATER),
            (500, "", LATER),
            (502, "", LATER),
            (503, "", LATER),
            (504, "", LATER),
            (507, "", Class::Throttled),
            (599, "", LATER),
        ];
        for (status, body, class) in table {
            assert_eq!(
                classify(status, body.as_bytes(), None),
                class,
                "{status} {body}"
            );
        }
        let after = Some(Duration::from_secs(7));
        assert_eq!(classify(429, b"", after), Class::Retry { after });
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
        let seconds = |value| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("Mon, 05 Jan 2026 10:00:30 GMT"), Some(30));
        assert_eq!(seconds("Mon, 05 Jan 2026 09:00:00 GMT"), Some(0));
        assert_eq!(seconds("99999999999"), Some(24 * 3600));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-1"), None);
    }
}
