//! A test of an endpoint: an event that says so, posted once, at once, beside the outbox.

use jiff::Timestamp;
use serde_json::json;

use super::answer::{GONE, Verdict};
use super::endpoint::Endpoint;
use super::health::Health;
use super::post::post;
use super::render::render;
use super::request::Client;
use crate::message::SessionKey;
use crate::store::EventRow;

/// Name of the event. Endpoints get it whatever events they want.
const TEST_EVENT: &str = "webhook.test";

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
    let event_id = format!("evt_{}", hex::encode(rand::random::<[u8; 16]>()));
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
