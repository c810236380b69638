//! Heads as a table.

use http::Response;

use super::*;

fn head(status: u16, headers: &[(&str, &str)]) -> Parts {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(()).unwrap().into_parts().0
}

fn verdict(want: Want, total: Option<u64>, status: u16, headers: &[(&str, &str)]) -> String {
    let mut ask = Ask::new(want, 100);
    ask.total = total;
    ask.validator = Some(HeaderValue::from_static("\"one\""));
    match accept(&ask, &head(status, headers), "cdn") {
        Ok(accepted) => format!("{}..{:?}", accepted.first, accepted.end),
        Err(error) => error.to_string(),
    }
}

#[test]
fn heads_are_judged_by_what_was_asked() {
    let from = Want::From(10);
    let partial = |range: &'static str| vec![("content-range", range)];
    let table = [
        (
            Want::Whole,
            200,
            vec![("content-length", "99")],
            "0..Some(99)",
        ),
        (Want::Whole, 200, vec![], "0..None"),
        (
            Want::Whole,
            200,
            vec![("content-length", "101")],
            "cdn answered with a file of another length",
        ),
        (
            Want::Whole,
            206,
            partial("bytes 0-9/10"),
            "cdn answered with a range that was not asked for",
        ),
        (
            Want::Whole,
            200,
            vec![("content-encoding", "gzip")],
            "cdn answered with a content encoding",
        ),
        (from, 206, partial("bytes 10-98/99"), "10..Some(99)"),
        (from, 206, partial("bytes 10-20/99"), "10..Some(21)"),
        (
            from,
            206,
            partial("bytes 9-98/99"),
            "cdn answered with another range",
        ),
        (
            from,
            206,
            partial("bytes 10-98/*"),
            "cdn answered with no usable Content-Range",
        ),
        (
            from,
            206,
            vec![],
            "cdn answered with no usable Content-Range",
        ),
        (
            from,
            206,
            partial("bytes 10-97/98"),
            "cdn answered with a file of another length",
        ),
        (
            from,
            200,
            vec![],
            "cdn answered with the whole file instead of a range",
        ),
        (
            Want::Part(10, 20),
            206,
            partial("bytes 10-20/99"),
            "10..Some(21)",
        ),
        (
            Want::Part(10, 200),
            206,
            partial("bytes 10-98/99"),
            "10..Some(99)",
        ),
        (
            Want::Part(10, 20),
            206,
            partial("bytes 10-19/99"),
            "cdn answered with another range",
        ),
        (
            Want::Part(10, 20),
            200,
            vec![("content-length", "99")],
            "cdn answered with the whole file instead of a range",
        ),
        (
            Want::Last(9),
            206,
            partial("bytes 90-98/99"),
            "90..Some(99)",
        ),
        (
            Want::Last(200),
            206,
            partial("bytes 0-98/99"),
            "0..Some(99)",
        ),
        (
            Want::Last(9),
            206,
            partial("bytes 0-8/99"),
            "cdn answered with another range",
        ),
        (
            Want::Last(9),
            200,
            vec![("content-length", "99")],
            "0..Some(99)",
        ),
    ];
    for (want, status, headers, expected) in table {
        assert_eq!(
            verdict(want, Some(99), status, &headers).as_str(),
            expected,
            "{headers:?}"
        );
    }
}

#[test]
fn a_range_must_agree_with_its_length_and_validator() {
    let range = ("content-range", "bytes 10-98/99");
    let with = |other| verdict(Want::From(10), None, 206, &[range, other]);
    assert_eq!(with(("content-length", "89")), "10..Some(99)");
    assert!(with(("content-length", "90")).contains("contradicts"));
    assert_eq!(with(("etag", "\"one\"")), "10..Some(99)");
    assert!(with(("etag", "\"two\"")).contains("another version"));
    assert_eq!(with(("etag", "W/\"two\"")), "10..Some(99)");
}
