//! What one attempt comes to, against a real socket.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::json;
use url::Url;

use super::*;
use crate::webhook::scene::{self, FreshUrls, LOOPBACK};
use crate::webhook::sink::{Sink, client_for};

async fn attempt(endpoint: &Endpoint, allow: &[&str]) -> Verdict {
    let dir = tempfile::tempdir().unwrap();
    let attempts = Attempts {
        store: scene::open(&dir).await,
        client: client_for(allow),
        media: Arc::<FreshUrls>::default(),
        tally: Arc::default(),
        health: Arc::default(),
    };
    let event = EventRow {
        id: "evt_1".to_owned(),
        event: "message.received".to_owned(),
        session: scene::session(),
        created_at: clock::now(),
        facts: json!({"id": "A"}),
        outcome: None,
        media: Vec::new(),
    };
    attempts.attempt(endpoint, &event).await
}

fn error(verdict: Verdict) -> String {
    match verdict {
        Verdict::Failed { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn loopback_is_refused_unless_it_is_allowed() {
    let sink = Sink::statuses(&[200]).await;
    let refused = error(attempt(&sink.endpoint(), &[]).await);
    assert_eq!(
        refused,
        "EndpointNotAllowed: loopback addresses are not allowed"
    );
    assert_eq!(sink.count(), 0);
    let allowed = attempt(&sink.endpoint(), LOOPBACK).await;
    assert_eq!(allowed, Verdict::Delivered);
}

#[tokio::test]
async fn a_name_that_leads_to_loopback_is_refused_like_the_address() {
    let endpoint = Endpoint::new(Url::parse("https://localhost:1/hooks").unwrap());
    let refused = error(attempt(&endpoint, &[]).await);
    assert!(refused.starts_with("EndpointNotAllowed: "), "{refused}");
}

/// 192.0.2.0/24 is public nowhere, so nothing is dialled even if the check were missing; 8.8.8.8
/// is public and still not spoken to without TLS.
#[tokio::test]
async fn http_outside_the_allowed_ranges_is_refused_in_words() {
    let endpoint = Endpoint::new(Url::parse("http://8.8.8.8:9/hooks").unwrap());
    assert_eq!(
        error(attempt(&endpoint, LOOPBACK).await),
        "EndpointNotAllowed: http is only allowed for addresses in --allow-cidr"
    );
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_in_time_fails() {
    let sink = Sink::start(|_, _| Box::pin(std::future::pending())).await;
    let endpoint = Endpoint {
        timeout: Duration::from_millis(50),
        ..sink.endpoint()
    };
    assert_eq!(
        error(attempt(&endpoint, LOOPBACK).await),
        "Timeout: no answer within 50ms"
    );
}

#[tokio::test]
async fn nobody_listening_is_a_failed_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    drop(listener);
    let endpoint = Endpoint::new(Url::parse(&url).unwrap());
    let error = error(attempt(&endpoint, LOOPBACK).await);
    let expected = "ConnectFailed: connect failed: ";
    assert!(error.starts_with(expected), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let sink = Sink::start(|_, _| {
        Box::pin(async {
            Response::builder()
                .status(307)
                .header("location", "/elsewhere")
                .body(Full::default())
                .unwrap()
        })
    })
    .await;
    let error = error(attempt(&sink.endpoint(), LOOPBACK).await);
    assert!(error.contains("redirects are not followed"), "{error}");
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let sink = Sink::start(|_, _| {
        Box::pin(async {
            let body = Full::new(Bytes::from(vec![b'x'; 8 * 1024 * 1024]));
            Response::builder().status(500).body(body).unwrap()
        })
    })
    .await;
    let error = error(attempt(&sink.endpoint(), LOOPBACK).await);
    assert!(error.len() < 200, "{error}");
}

#[tokio::test]
async fn what_the_receiver_asks_for_is_passed_on() {
    let sink = Sink::start(|_, _| {
        Box::pin(async {
            let answer = Response::builder().status(429);
            let answer = answer.header("retry-after", "17");
            answer.body(Full::default()).unwrap()
        })
    })
    .await;
    let verdict = attempt(&sink.endpoint(), LOOPBACK).await;
    let asked = Some(Duration::from_secs(17));
    assert!(matches!(verdict, Verdict::Failed { retry_after, .. } if retry_after == asked));
}

#[test]
fn the_last_attempt_makes_a_dead_letter() {
    let endpoint = Endpoint::new(Url::parse("https://app.acme.com/").unwrap());
    let failed = || Verdict::failed("Timeout", "no answer");
    assert!(matches!(
        decide(&endpoint, 0, failed()),
        Record::Retry { .. }
    ));
    assert!(matches!(
        decide(&endpoint, 13, failed()),
        Record::Retry { .. }
    ));
    assert!(matches!(
        decide(&endpoint, 14, failed()),
        Record::Dead { .. }
    ));
    assert!(matches!(
        decide(&endpoint, 0, Verdict::Gone),
        Record::Dead { .. }
    ));
}
