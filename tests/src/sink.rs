//! The tenant's application: takes webhooks, keeps them as they came, answers as told.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::media::hmac_sha256;
use crate::wait::eventually;
use crate::wire::{ANY_PORT, Connection, Head, Server};

/// What the sink answers to one delivery.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// `503` (or another status) with `Retry-After` in seconds.
    RetryAfter(u16, u32),
    /// A redirect.
    Redirect(String),
    /// Closes without an answer.
    Refuse,
    /// Says nothing until the sender hangs up.
    Silence,
    /// `200` after a pause.
    Late(Duration),
}

/// One delivery attempt, as it came.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Path.
    pub path: String,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
    /// The body as JSON.
    pub json: Value,
    /// The status it was answered with; 0 where there was no answer.
    pub answered: u16,
}

impl Delivery {
    /// A header (lower-case name).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.json["id"].as_str().unwrap_or_default()
    }

    /// The event's name.
    #[must_use]
    pub fn event(&self) -> &str {
        self.json["event"].as_str().unwrap_or_default()
    }

    /// WhatsApp's id of the message that it is about.
    #[must_use]
    pub fn message_id(&self) -> &str {
        // `media.*` events name the message beside the file.
        let payload = &self.json["payload"];
        let id = payload["id"]
            .as_str()
            .or_else(|| payload["messageId"].as_str());
        id.unwrap_or_default()
    }

    /// Whether the sender accepted it as delivered.
    #[must_use]
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.answered)
    }

    /// Whether `X-Webhook-Signature` is right for the raw body under `key`.
    #[must_use]
    pub fn signed_by(&self, key: &[u8]) -> bool {
        let right = format!("sha256={}", hex::encode(hmac_sha256(key, &self.body)));
        self.header("x-webhook-signature") == Some(right.as_str())
    }
}

#[derive(Debug, Default)]
struct State {
    deliveries: Vec<Delivery>,
    answers: VecDeque<Answer>,
    always: Option<Answer>,
    at: HashMap<String, Answer>,
}

/// The sink. Stops when dropped.
#[derive(Debug)]
pub struct Sink {
    server: Server,
    state: Arc<Mutex<State>>,
}

// === impl Sink ===

impl Sink {
    /// Starts a sink on loopback that answers 200.
    pub async fn start() -> Self {
        Self::start_at(ANY_PORT).await
    }

    /// [`Self::start`] at an address of one's own.
    pub async fn start_at(address: SocketAddr) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let server =
            Server::start_at(address, move |connection| serve(connection, shared.clone())).await;
        Self { server, state }
    }

    /// A URL of it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/hooks", self.server.url())
    }

    /// The next deliveries are answered so, in this order.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    /// Every delivery is answered so, until told otherwise; `None` is 200.
    pub fn answer_always(&self, answer: Option<Answer>) {
        self.state.lock().unwrap().always = answer;
    }

    /// Deliveries to `path` are answered so, until told otherwise; `None` is as to all others.
    pub fn answer_at(&self, path: &str, answer: Option<Answer>) {
        let at = &mut self.state.lock().unwrap().at;
        match answer {
            Some(answer) => at.insert(path.to_owned(), answer),
            None => at.remove(path),
        };
    }

    /// All attempts so far, in order of arrival.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.lock().unwrap().deliveries.clone()
    }

    /// The attempts about one message.
    #[must_use]
    pub fn about(&self, message_id: &str) -> Vec<Delivery> {
        let mut all = self.deliveries();
        all.retain(|delivery| delivery.message_id() == message_id);
        all
    }

    /// Waits for an accepted `event` about `message_id`.
    pub async fn wait_for(&self, event: &str, message_id: &str, deadline: Duration) -> Delivery {
        eventually(
            deadline,
            format_args!("{event} of {message_id} at the sink"),
            || async {
                self.about(message_id)
                    .into_iter()
                    .find(|delivery| delivery.event() == event && delivery.accepted())
            },
        )
        .await
    }
}

async fn serve(mut connection: Connection, state: Arc<Mutex<State>>) -> io::Result<()> {
    while let Some(head) = connection.head().await? {
        let body = connection.whole_body(&head).await?;
        let answer = {
            let mut state = state.lock().unwrap();
            let queued = state.answers.pop_front();
            queued
                .or_else(|| state.at.get(head.target()).cloned())
                .or_else(|| state.always.clone())
                .unwrap_or(Answer::Status(200))
        };
        let keep = |answered| record(&state, &head, &body, answered);
        match answer {
            Answer::Status(status) => {
                keep(status);
                connection.answer(status, &[], b"{}").await?;
            }
            Answer::RetryAfter(status, seconds) => {
                keep(status);
                let seconds = seconds.to_string();
                connection
                    .answer(status, &[("retry-after", &seconds)], b"")
                    .await?;
            }
            Answer::Redirect(to) => {
                keep(307);
                connection.answer(307, &[("location", &to)], b"").await?;
            }
            Answer::Refuse => {
                keep(0);
                return Ok(());
            }
            Answer::Silence => {
                keep(0);
                connection.closed().await;
                return Ok(());
            }
            Answer::Late(pause) => {
                tokio::time::sleep(pause).await;
                keep(200);
                connection.answer(200, &[], b"").await?;
            }
        }
    }
    Ok(())
}

fn record(state: &Mutex<State>, head: &Head, body: &[u8], answered: u16) {
    state.lock().unwrap().deliveries.push(Delivery {
        path: head.target().to_owned(),
        headers: head.headers.clone(),
        body: body.to_vec(),
        json: serde_json::from_slice(body).unwrap_or(Value::Null),
        answered,
    });
}
