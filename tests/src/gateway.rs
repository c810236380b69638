//! A gateway to send through: takes only what the published API of its kind takes, and keeps it.
//!
//! What it takes stands in `published`, written from each gateway's own source, so that our mapping
//! is not its own judge.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::manifests::Document;
use crate::stage::TENANT;
use crate::wire::{Connection, Head, Server};

/// The gateway's API key.
pub const KEY: &str = "gateway-key-0123456789";

/// Secret that has it.
pub const SECRET: &str = "acme-gateway-api";

/// Name of the session at the gateway: not fit for a path as it is.
pub const INSTANCE: &str = "acme main";

/// Whose API it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// WAHA.
    Waha,
    /// Evolution API.
    Evolution,
    /// wuzapi.
    Wuzapi,
}

/// What the gateway answers to one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// As its API does when all is well, under this message id.
    Sent(String),
    /// A status and a JSON body.
    Status(u16, Value),
    /// As [`Self::Sent`], after a pause.
    Late(Duration, String),
    /// Takes the request and hangs up.
    HangUp,
}

/// One request, as it came.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Path.
    pub path: String,
    /// The body as JSON.
    pub json: Value,
    /// What the published API has against it; empty where it is right.
    pub faults: Vec<String>,
    /// Length of the body in bytes.
    pub length: usize,
}

#[derive(Debug, Deserialize)]
struct Published {
    key: Key,
    routes: Vec<Route>,
}

#[derive(Debug, Deserialize)]
struct Key {
    header: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Route {
    method: String,
    path: String,
    status: u16,
    schema: Value,
    answer: Value,
}

#[derive(Debug, Default)]
struct State {
    posted: Vec<Posted>,
    answers: VecDeque<Answer>,
    count: usize,
}

/// The gateway. Stops when dropped.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    dialect: Dialect,
    state: Arc<Mutex<State>>,
}

// === impl Dialect ===

impl Dialect {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Waha, Self::Evolution, Self::Wuzapi];

    /// Its word in `spec.source.gateway.send.type`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waha => "Waha",
            Self::Evolution => "Evolution",
            Self::Wuzapi => "Wuzapi",
        }
    }

    fn published(self) -> Published {
        let text = match self {
            Self::Waha => include_str!("../published/waha.json"),
            Self::Evolution => include_str!("../published/evolution.json"),
            Self::Wuzapi => include_str!("../published/wuzapi.json"),
        };
        serde_json::from_str(text).unwrap()
    }
}

// === impl Gateway ===

impl Gateway {
    /// Starts a gateway on loopback that sends everything.
    pub async fn start(dialect: Dialect) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, published) = (state.clone(), Arc::new(dialect.published()));
        let server =
            Server::start(move |connection| serve(connection, shared.clone(), published.clone()))
                .await;
        Self {
            server,
            dialect,
            state,
        }
    }

    /// `spec.source.gateway.send` that leads here.
    #[must_use]
    pub fn send_api(&self) -> Value {
        json!({
            "type": self.dialect.word(),
            "url": self.server.url(),
            "session": INSTANCE,
            "apiKeySecretRef": {"name": SECRET, "key": "key"},
        })
    }

    /// The Secret that [`Self::send_api`] names.
    #[must_use]
    pub fn secret(key: &str) -> Document {
        Document::secret(TENANT, SECRET, &[("key", key)])
    }

    /// The next requests are answered so, in this order.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    /// All requests so far, in order of arrival.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.state.lock().unwrap().posted.clone()
    }
}

async fn serve(
    mut connection: Connection,
    state: Arc<Mutex<State>>,
    published: Arc<Published>,
) -> io::Result<()> {
    while let Some(head) = connection.head().await? {
        let body = connection.whole_body(&head).await?;
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (route, faults) = published.judge(&head, &json);
        let (answer, count) = {
            let mut state = state.lock().unwrap();
            state.count += 1;
            state.posted.push(Posted {
                path: head.target().to_owned(),
                json,
                faults: faults.clone(),
                length: body.len(),
            });
            (state.answers.pop_front(), state.count)
        };
        if !faults.is_empty() {
            connection.answer(400, &[], b"{}").await?;
            continue;
        }
        let route = route.unwrap();
        match answer.unwrap_or_else(|| Answer::Sent(format!("3EB0{count:016X}"))) {
            Answer::Sent(id) => route.say(&mut connection, &id).await?,
            Answer::Late(pause, id) => {
                tokio::time::sleep(pause).await;
                route.say(&mut connection, &id).await?;
            }
            Answer::Status(status, json) => {
                let body = json.to_string();
                connection.answer(status, &[], body.as_bytes()).await?;
            }
            Answer::HangUp => return Ok(()),
        }
    }
    Ok(())
}

impl Published {
    /// The route of a request, and what is wrong with it.
    fn judge(&self, head: &Head, json: &Value) -> (Option<Route>, Vec<String>) {
        let mut faults = Vec::new();
        let key = self.key.header.to_ascii_lowercase();
        if head.header(&key) != Some(KEY) {
            faults.push(format!("no key in {}", self.key.header));
        }
        if head.header("content-type") != Some("application/json") {
            faults.push("not application/json".to_owned());
        }
        let route = self
            .routes
            .iter()
            .find(|route| route.method == head.method() && matches(&route.path, head.target()));
        let Some(route) = route else {
            faults.push(format!("no route {}", head.start));
            return (None, faults);
        };
        let schema = jsonschema::draft202012::new(&route.schema).unwrap();
        faults.extend(schema.iter_errors(json).map(|error| {
            let place = error.instance_path().to_string();
            // Not the error: it repeats the value, which may be a file.
            format!(
                "{} is wrong at {place:?}: {:.200}",
                route.path,
                error.to_string()
            )
        }));
        (Some(route.clone()), faults)
    }
}

/// Whether `path` is one of `template`; what stands in braces is our session, encoded.
fn matches(template: &str, path: &str) -> bool {
    let session = INSTANCE.replace(' ', "%20");
    let named = ["{session}", "{instance}"]
        .iter()
        .fold(template.to_owned(), |path, name| {
            path.replace(name, &session)
        });
    named == path
}

impl Route {
    /// Answers as the API does, under another message id than the example's.
    async fn say(&self, connection: &mut Connection, id: &str) -> io::Result<()> {
        let text = self.answer.to_string().replace("3EB0A1B2C3D4E5F60718", id);
        connection.answer(self.status, &[], text.as_bytes()).await
    }
}
