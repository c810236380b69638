//! What an attempt came to, and the words for it that are kept. Pure.

use std::error::Error;
use std::time::Duration;

use http::StatusCode;
use titan_crds::Reason;

use super::endpoint::Endpoint;
use crate::net::{ConnectError, ConnectErrorKind, Refusal};

/// Characters of an answer's body that are kept at most.
const SNIPPET: usize = 120;
/// A configured value shorter than this is no secret that could be recognised in a text.
const LEAST_SECRET: usize = 4;
/// An answer that mentions one of these may echo our request: nothing of it is kept.
const TELLTALES: [&str; 8] = [
    "signature",
    "sha256=",
    "v1,",
    "x-amz-",
    "authorization",
    "bearer",
    "password",
    "whsec_",
];

/// Why an endpoint is given up that is gone for good.
pub(super) const GONE: &str = "EndpointGone: the endpoint answered 410";

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint took it (2xx).
    Delivered,
    /// The endpoint is gone for good (410).
    Gone,
    /// Anything else: to be tried again.
    Failed {
        /// Reason word, then detail; neither secrets nor more than a snippet of the answer.
        error: String,
        /// What the endpoint asked for.
        retry_after: Option<Duration>,
    },
}

// === impl Verdict ===

impl Verdict {
    /// Judges an answer. A redirect is a failure: it is not followed.
    #[must_use]
    pub fn of_answer(
        endpoint: &Endpoint,
        status: StatusCode,
        body: &[u8],
        retry_after: Option<Duration>,
    ) -> Self {
        if status.is_success() {
            return Self::Delivered;
        }
        if status == StatusCode::GONE {
            return Self::Gone;
        }
        let mut error = format!("HttpStatus: the endpoint answered {}", status.as_u16());
        if status.is_redirection() {
            error.push_str(", and redirects are not followed");
        } else if let Some(text) = snippet(endpoint, body) {
            error.push_str(": ");
            error.push_str(&text);
        }
        Self::Failed { error, retry_after }
    }

    /// Judges an attempt that got no answer.
    #[must_use]
    pub fn of_error(error: &(dyn Error + 'static)) -> Self {
        let (reason, detail) = match ConnectError::find(error) {
            Some(refused) if refused.kind() == ConnectErrorKind::Refused => {
                (Reason::EndpointNotAllowed, refusal(refused))
            }
            Some(error) => (error.kind().reason(), error.with_cause()),
            None => (Reason::ConnectFailed, "the connection broke off".to_owned()),
        };
        Self::failed(reason.as_str(), &detail)
    }

    /// The attempt took longer than the endpoint's time-out.
    #[must_use]
    pub fn timed_out(after: Duration) -> Self {
        Self::failed("Timeout", &format!("no answer within {after:?}"))
    }

    /// A failure in our own words.
    pub(super) fn failed(reason: &str, detail: &str) -> Self {
        Self::Failed {
            error: format!("{reason}: {detail}"),
            retry_after: None,
        }
    }
}

fn refusal(error: &ConnectError) -> String {
    match error {
        ConnectError::Refused(Refusal::PlainHttp) => {
            "http is only allowed for addresses in --allow-cidr".to_owned()
        }
        ConnectError::Refused(refusal) => refusal.to_string(),
        other => other.to_string(),
    }
}

/// The start of an answer on one line; `None` where it is empty or may repeat something secret.
fn snippet(endpoint: &Endpoint, body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let lower = text.to_ascii_lowercase();
    let echoes = TELLTALES.iter().any(|telltale| lower.contains(telltale))
        || secrets(endpoint).any(|secret| text.contains(secret));
    if echoes {
        return Some("(body left out: it may repeat the request)".to_owned());
    }
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let short = line.chars().take(SNIPPET).collect::<String>();
    (!short.is_empty()).then_some(short)
}

/// Everything of the endpoint's configuration that an answer must not carry into our records.
fn secrets(endpoint: &Endpoint) -> impl Iterator<Item = &str> {
    let headers = endpoint.headers.iter().filter_map(|(_, v)| v.to_str().ok());
    let url = [endpoint.url.password(), endpoint.url.query()];
    headers
        .chain(url.into_iter().flatten())
        .filter(|secret| secret.len() >= LEAST_SECRET)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use url::Url;

    use super::*;

    fn endpoint() -> Endpoint {
        let url = Url::parse("https://u:hunter2@app.acme.com/hooks?token=t0ken").unwrap();
        let mut endpoint = Endpoint::new(url);
        let header = HeaderName::from_static("x-api-key");
        endpoint
            .headers
            .push((header, HeaderValue::from_static("abcd-1234")));
        endpoint
    }

    fn error(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match Verdict::of_answer(&endpoint(), status, body.as_bytes(), None) {
            Verdict::Failed { error, .. } => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn success_gone_and_everything_else() {
        let of = |status: u16| {
            Verdict::of_answer(
                &endpoint(),
                StatusCode::from_u16(status).unwrap(),
                b"",
                None,
            )
        };
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(of(status), Verdict::Delivered, "{status}");
        }
        assert_eq!(of(410), Verdict::Gone);
        for status in [100, 304, 400, 401, 404, 429, 500, 503] {
            assert!(matches!(of(status), Verdict::Failed { .. }), "{status}");
        }
    }

    #[test]
    fn a_redirect_says_that_it_was_not_followed() {
        assert_eq!(
            error(302, "see https://elsewhere"),
            "HttpStatus: the endpoint answered 302, and redirects are not followed"
        );
    }

    #[test]
    fn an_answer_is_kept_as_one_short_clean_line() {
        assert_eq!(
            error(500, "db \u{1b}[31mdown\r\n\tretry\0later"),
            "HttpStatus: the endpoint answered 500: db [31mdown retry later"
        );
        assert_eq!(error(500, " \n"), "HttpStatus: the endpoint answered 500");
        let long = error(500, &"é".repeat(5000));
        assert_eq!(long.chars().filter(|c| *c == 'é').count(), SNIPPET);
    }

    #[test]
    fn an_answer_that_repeats_the_request_is_not_kept() {
        for echo in [
            "got X-Webhook-Signature: f00",
            "key abcd-1234 is wrong",
            "POST /hooks?token=t0ken",
            "https://s3/a?X-Amz-Credential=AKIA",
            "u:hunter2",
        ] {
            let text = error(400, echo);
            assert!(
                text.ends_with("(body left out: it may repeat the request)"),
                "{text}"
            );
        }
    }
}
