//! A gateway to send through: takes only what the published API of its kind takes, and keeps it.
//!
//! What it takes stands in `published`, written from each gateway's own source, so that our mapping
//! is not its own judge.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::manifests::Document;
use crate::stage::TENANT;
use crate::wait::{LATER, eventually};
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
    /// As its API does when all is well, once [`Gateway::let_go`] was called.
    Held,
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
    /// Requests to the same chat that had no answer yet when it came.
    pub beside: usize,
    answered: bool,
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

#[derive(Debug)]
struct State {
    key: String,
    posted: Vec<Posted>,
    answers: VecDeque<Answer>,
}

/// The gateway. Stops when dropped.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    dialect: Dialect,
    state: Arc<Mutex<State>>,
    going: watch::Sender<bool>,
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
        let state = Arc::new(Mutex::new(State {
            key: KEY.to_owned(),
            posted: Vec::new(),
            answers: VecDeque::new(),
        }));
        let going = watch::Sender::new(false);
        let desk = Desk {
            published: Arc::new(dialect.published()),
            state: state.clone(),
            going: going.subscribe(),
        };
        let server = Server::start(move |connection| serve(connection, desk.clone())).await;
        Self {
            server,
            dialect,
            state,
            going,
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

    /// [`Self::secret`] of another tenant, with the usual key.
    #[must_use]
    pub fn secret_of(tenant: &str) -> Document {
        Document::secret(tenant, SECRET, &[("key", KEY)])
    }

    /// The next requests are answered so, in this order.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    /// Answers what is held, and holds nothing from now on.
    pub fn let_go(&self) {
        self.going.send_replace(true);
    }

    /// Takes no other key than `key` from now on.
    pub fn take_key(&self, key: &str) {
        key.clone_into(&mut self.state.lock().unwrap().key);
    }

    /// All requests so far, in order of arrival.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.state.lock().unwrap().posted.clone()
    }

    /// Waits until there were `count` requests; returns them.
    pub async fn reached(&self, count: usize) -> Vec<Posted> {
        let what = format!("{count} requests at the gateway");
        eventually(LATER, what, || async {
            Some(self.posted()).filter(|posted| posted.len() >= count)
        })
        .await
    }
}

// === impl Posted ===

impl Posted {
    /// Whom the message goes to: what stands before the `@` of its chat.
    #[must_use]
    pub fn to(&self) -> &str {
        let mut names = ["chatId", "number", "Phone"].iter();
        let chat = names.find_map(|name| self.json[*name].as_str());
        chat.and_then(|chat| chat.split('@').next())
            .unwrap_or_default()
    }

    /// The words of a text, or those below a file.
    #[must_use]
    pub fn words(&self) -> &str {
        let mut names = ["text", "caption", "Body", "Caption"].iter();
        names
            .find_map(|name| self.json[*name].as_str())
            .unwrap_or_default()
    }
}

/// What each connection is served with.
#[derive(Clone)]
struct Desk {
    published: Arc<Published>,
    state: Arc<Mutex<State>>,
    going: watch::Receiver<bool>,
}

async fn serve(mut connection: Connection, mut desk: Desk) -> io::Result<()> {
    while let Some(head) = connection.head().await? {
        let body = connection.whole_body(&head).await?;
        let (place, answer, route) = desk.take(&head, &body);
        if matches!(answer, Answer::Held) {
            desk.going.wait_for(|going| *going).await.ok();
        }
        desk.state.lock().unwrap().posted[place].answered = true;
        match answer {
            Answer::Sent(id) => route.unwrap().say(&mut connection, &id).await?,
            Answer::Held => route.unwrap().say(&mut connection, &id_of(place)).await?,
            Answer::Status(status, json) => {
                let body = json.to_string();
                connection.answer(status, &[], body.as_bytes()).await?;
            }
            Answer::HangUp => return Ok(()),
        }
    }
    Ok(())
}

/// The id of the message that came as number `place`.
fn id_of(place: usize) -> String {
    format!("3EB0{:016X}", place + 1)
}

// === impl Desk ===

impl Desk {
    /// Keeps a request; where, and what is answered.
    fn take(&self, head: &Head, body: &[u8]) -> (usize, Answer, Option<Route>) {
        let json = serde_json::from_slice(body).unwrap_or(Value::Null);
        let (route, faults) = self.published.judge(head, &json);
        let mut state = self.state.lock().unwrap();
        let mut posted = Posted {
            path: head.target().to_owned(),
            json,
            faults,
            length: body.len(),
            beside: 0,
            answered: false,
        };
        let open = state.posted.iter().filter(|other| !other.answered);
        posted.beside = open.filter(|other| other.to() == posted.to()).count();
        let place = state.posted.len();
        let key = head.header(&self.published.key.header.to_ascii_lowercase());
        let answer = if key != Some(state.key.as_str()) {
            Answer::Status(
                401,
                json!({"error": "Unauthorized", "message": "Unauthorized"}),
            )
        } else if posted.faults.is_empty() {
            let next = state.answers.pop_front();
            next.unwrap_or_else(|| Answer::Sent(id_of(place)))
        } else {
            Answer::Status(400, json!({}))
        };
        state.posted.push(posted);
        (place, answer, route)
    }
}

impl Published {
    /// The route of a request, and what is wrong with it.
    fn judge(&self, head: &Head, json: &Value) -> (Option<Route>, Vec<String>) {
        let mut faults = Vec::new();
        if head.header(&self.key.header.to_ascii_lowercase()).is_none() {
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
