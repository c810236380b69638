//! One post to one endpoint, from its rendered body to the verdict on the answer.

use std::time::Duration;

use http::{HeaderMap, Response, header};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::answer::Verdict;
use super::backoff::retry_after;
use super::endpoint::Endpoint;
use super::request::{Client, request};
use crate::{clock, net::start_of};

/// Of an answer, so much is read: enough for a snippet, and to use the connection again.
const ANSWER_BYTES: usize = 4 * 1024;

/// Posts `body` as event `id`, signed as of now, and judges the answer.
pub(super) async fn post(client: &Client, endpoint: &Endpoint, id: &str, body: Vec<u8>) -> Verdict {
    let request = match request(endpoint, id, clock::now().as_second(), body) {
        Ok(request) => request,
        Err(error) => return Verdict::failed("EndpointNotAllowed", &error.to_string()),
    };
    let deadline = Instant::now() + endpoint.timeout;
    match timeout_at(deadline, client.request(request)).await {
        Ok(Ok(answer)) => judge(endpoint, answer, deadline).await,
        Ok(Err(error)) => Verdict::of_error(&error),
        Err(_) => Verdict::timed_out(endpoint.timeout),
    }
}

async fn judge(endpoint: &Endpoint, answer: Response<Incoming>, deadline: Instant) -> Verdict {
    let (head, body) = answer.into_parts();
    let body = start_of(body, ANSWER_BYTES, deadline).await;
    let asked = asked_wait(&head.headers);
    Verdict::of_answer(endpoint, head.status, &body, asked)
}

fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    retry_after(value, clock::now())
}
