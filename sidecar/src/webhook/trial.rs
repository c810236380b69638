//! Events that are posted at once, beside the outbox: a test of an endpoint, and what is of no use later.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::answer::{GONE, Verdict};
use super::endpoint::Endpoint;
use super::health::Health;
use super::post::post;
use super::render::render;
use super::request::Client;
use crate::clock;
use crate::message::SessionKey;
use crate::store::EventRow;

/// Name of the event. Endpoints get it whatever events they want.
const TEST_EVENT: &str = "webhook.test";

/// Pause before the second try of what is of no use later.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Id of the event that was posted.
    pub event_id: String,
    /// Why the endpoint did not take it; `None`: it did.
    pub error: Option<String>,
}

/// Posts a test event of `session` to `endpoint`, signed as every delivery is. An endpoint that was
/// disabled by a 410 and takes it is open again.
pub async fn try_out(
    client: &Client,
    endpoint: &Endpoint,
    session: &SessionKey,
    health: &Health,
    now: Timestamp,
) -> Trial {
    let event_id = new_id();
    if let Some(reason) = &endpoint.withheld {
        let error = Some(reason.clone());
        return Trial { event_id, error };
    }
    let event = test_event(session, event_id.clone(), now);
    let error = match post(client, endpoint, &event_id, render(&event, &[])).await {
        Verdict::Delivered => {
            health.reopen(&endpoint.id);
            None
        }
        Verdict::Gone => Some(GONE.to_owned()),
        Verdict::Failed { error, .. } => Some(error),
    };
    Trial { event_id, error }
}

/// Posts an event that is nothing for the outbox, until the endpoint takes it or it is of no use any
/// more: `until`.
pub async fn tell_until(
    client: &Client,
    endpoint: &Endpoint,
    session: &SessionKey,
    name: &str,
    facts: serde_json::Value,
    until: Timestamp,
) {
    if endpoint.withheld.is_some() {
        return;
    }
    let event = EventRow {
        id: new_id(),
        event: name.to_owned(),
        session: session.clone(),
        created_at: clock::now(),
        facts,
        outcome: None,
        media: Vec::new(),
    };
    let mut pause = FIRST_PAUSE;
    while clock::now() < until {
        match post(client, endpoint, &event.id, render(&event, &[])).await {
            Verdict::Delivered | Verdict::Gone => return,
            Verdict::Failed { .. } => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
}

fn new_id() -> String {
    format!("evt_{}", hex::encode(rand::random::<[u8; 16]>()))
}

fn test_event(session: &SessionKey, id: String, now: Timestamp) -> EventRow {
    EventRow {
        id,
        event: TEST_EVENT.to_owned(),
        session: session.clone(),
        created_at: now,
        facts: json!({"message": "a test, asked for through the API"}),
        outcome: None,
        media: Vec::new(),
    }
}
