//! What is a duration, and how long it is.

use std::time::Duration as Time;

use super::Duration;

fn time(text: &str) -> Option<Time> {
    text.parse::<Duration>().ok().map(|duration| duration.get())
}

#[test]
fn both_grammars_are_read() {
    let day = 86_400;
    for (text, seconds) in [
        ("24h", day),
        ("10m", 600),
        ("7d", 7 * day),
        ("1w", 7 * day),
        ("1h30m", 5_400),
        ("90d", 90 * day),
        ("3 days", 3 * day),
        ("1.5h", 5_400),
        ("1 day 12 hours", 36 * 3_600),
        ("1d12h", 36 * 3_600),
        ("2 weeks", 14 * day),
        ("45 secs", 45),
        ("1hr", 3_600),
        ("0s", 0),
    ] {
        assert_eq!(time(text), Some(Time::from_secs(seconds)), "{text}");
    }
    assert_eq!(time("1.25ms"), Some(Time::from_micros(1_250)));
    assert_eq!(time("1s5ns"), Some(Time::new(1, 5)));
}

#[test]
fn misleading_texts_are_refused() {
    for text in [
        "",
        " ",
        "5",
        "h",
        "-5m",
        "+5m",
        "1.5d",
        "1.5 h",
        "5 m ",
        " 5m",
        "5  m",
        "3 fortnights",
        "1.h",
        ".5h",
        "5M",
        "1month",
        "5hrs",
        "soon",
        "1h1.5d",
        "99999999999999999999w",
        "999999w",
        "5µs",
    ] {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn the_text_survives() {
    let duration: Duration = serde_json::from_str("\"3 days\"").unwrap();
    assert_eq!(serde_json::to_string(&duration).unwrap(), "\"3 days\"");
    assert_eq!(duration, "72h".parse().unwrap());
    let error = serde_json::from_str::<Duration>("\"soon\"").unwrap_err();
    assert!(
        error.to_string().contains("\"soon\" must be a duration"),
        "{error}"
    );
}

#[test]
fn a_time_is_written_in_its_largest_whole_unit() {
    for (time, text) in [
        (Time::ZERO, "0s"),
        (Time::from_mins(90), "90m"),
        (Time::from_hours(24), "24h"),
        (Time::from_millis(1_500), "1500ms"),
        (Time::from_nanos(1_001), "1001ns"),
    ] {
        let duration = Duration::from(time);
        assert_eq!(duration.as_str(), text);
        assert_eq!(text.parse(), Ok(duration));
    }
}
