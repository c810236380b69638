//! CDN and webhook sink for the cluster tests, in a pod of their own: a test puts files and reads
//! deliveries back over a third port.
//!
//! | request | does |
//! |---|---|
//! | `POST /files` | puts the body on the CDN, answers its `directPath` |
//! | `POST /faults` | how the CDN serves a `directPath` from now on ([`Trouble`]) |
//! | `GET /hits?<path>` | requests for a path of the CDN, as [`Seen`] |
//! | `POST /answers` | what a path of the sink answers from now on ([`Answers`]) |
//! | `GET /deliveries?<path>` | what came to a path of the sink, as [`Taken`] |

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cdn::{Cdn, Fault};
use crate::media::hmac_sha256;
use crate::sink::{Answer, Sink};
use crate::wire::{Connection, Head, Server};

/// Port of the CDN.
pub const CDN_PORT: u16 = 8081;
/// Port of the webhook sink.
pub const SINK_PORT: u16 = 8082;
/// Port of what this page describes.
pub const CONTROL_PORT: u16 = 8083;

/// How a file of the CDN is served.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Which file.
    pub direct_path: String,
    /// Pieces of so many bytes with a pause of so many milliseconds after each; `None` heals.
    pub trickle: Option<(usize, u64)>,
}

/// What a path of the sink answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answers {
    /// Which path.
    pub path: String,
    /// The status; `None` is 200.
    pub status: Option<u16>,
}

/// A request for a file of the CDN.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    /// `Range`, where sent.
    pub range: Option<String>,
    /// Body bytes written to the socket.
    pub sent: u64,
}

/// A delivery to the sink.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Taken {
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub json: Value,
    /// The body as it came.
    pub body: String,
    /// The status it was answered with.
    pub answered: u16,
}

// === impl Taken ===

impl Taken {
    /// Whether `X-Webhook-Signature` is right for the body under `key`.
    #[must_use]
    pub fn signed_by(&self, key: &[u8]) -> bool {
        let right = hex::encode(hmac_sha256(key, self.body.as_bytes()));
        let mut headers = self.headers.iter();
        headers.any(|(name, value)| {
            name == "x-webhook-signature" && *value == format!("sha256={right}")
        })
    }
}

/// Everything of the peer. Stops when dropped.
#[derive(Debug)]
pub struct Peer {
    _control: Server,
}

// === impl Peer ===

impl Peer {
    /// Listens on all addresses.
    pub async fn start() -> Self {
        let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let cdn = Arc::new(Cdn::start_at(at(CDN_PORT)).await);
        let sink = Arc::new(Sink::start_at(at(SINK_PORT)).await);
        let control = Server::start_at(at(CONTROL_PORT), move |connection| {
            serve(connection, cdn.clone(), sink.clone())
        });
        Self {
            _control: control.await,
        }
    }
}

async fn serve(mut connection: Connection, cdn: Arc<Cdn>, sink: Arc<Sink>) -> io::Result<()> {
    while let Some(head) = connection.head().await? {
        let body = connection.whole_body(&head).await?;
        let (status, answer) = match answer(&head, body, &cdn, &sink) {
            Ok(answer) => (200, answer),
            Err(error) => (400, json!({"error": error.to_string()})),
        };
        let text = answer.to_string();
        let headers = [("content-type", "application/json")];
        connection.answer(status, &headers, text.as_bytes()).await?;
        if head.is_last() {
            break;
        }
    }
    Ok(())
}

fn answer(head: &Head, body: Vec<u8>, cdn: &Cdn, sink: &Sink) -> serde_json::Result<Value> {
    let (path, query) = head
        .target()
        .split_once('?')
        .unwrap_or_else(|| (head.target(), ""));
    match (head.method(), path) {
        ("GET", "/livez") => Ok(json!({})),
        ("POST", "/files") => Ok(json!({"directPath": cdn.put(&body.into())})),
        ("POST", "/faults") => {
            let trouble: Trouble = serde_json::from_slice(&body)?;
            match trouble.trickle {
                Some((piece, pause)) => cdn.fail_always(
                    &trouble.direct_path,
                    Fault::Trickle(piece, Duration::from_millis(pause)),
                ),
                None => cdn.heal(&trouble.direct_path),
            }
            Ok(json!({}))
        }
        ("GET", "/hits") => {
            let hits = cdn.hits(query).into_iter();
            serde_json::to_value(
                hits.map(|hit| Seen {
                    range: hit.range,
                    sent: hit.sent,
                })
                .collect::<Vec<_>>(),
            )
        }
        ("POST", "/answers") => {
            let answers: Answers = serde_json::from_slice(&body)?;
            sink.answer_at(&answers.path, answers.status.map(Answer::Status));
            Ok(json!({}))
        }
        ("GET", "/deliveries") => {
            let deliveries = sink.deliveries().into_iter();
            serde_json::to_value(
                deliveries
                    .filter(|delivery| delivery.path == query)
                    .map(|delivery| Taken {
                        headers: delivery.headers,
                        json: delivery.json,
                        body: String::from_utf8_lossy(&delivery.body).into_owned(),
                        answered: delivery.answered,
                    })
                    .collect::<Vec<_>>(),
            )
        }
        _ => Ok(json!({"error": "no such request"})),
    }
}
