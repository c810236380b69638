//! A sidecar that takes what it gets, refuses it, or never answers.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::{net::UnixListener, sync::watch, task::AbortHandle};

/// How long a test waits for what should be there in no time.
const LONGEST: std::time::Duration = std::time::Duration::from_mins(1);

/// What it got so far, and how it answers.
#[derive(Default)]
struct Got {
    messages: Vec<Value>,
    events: Vec<Value>,
    calls: usize,
    refusals: usize,
    /// As what it refuses; `None`: as one that has no room.
    refuses_as: Option<StatusCode>,
    silent: bool,
    /// Notifications of history, by id.
    history: Vec<(String, Vec<u8>)>,
    history_calls: usize,
    history_refusals: usize,
    deaf: bool,
    /// Kinds of the events that were refused.
    refused: Vec<String>,
}

struct Shared {
    got: Mutex<Got>,
    changes: watch::Sender<()>,
}

/// The sidecar. Dropping it leaves nobody at the socket.
pub(crate) struct Sidecar {
    shared: Arc<Shared>,
    served: AbortHandle,
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Sidecar {
    /// Serves the socket.
    pub(crate) fn start(directory: &Path) -> Self {
        let path = directory.join("sidecar.sock");
        // Left by the one before.
        let _absent = std::fs::remove_file(&path);
        let listener = UnixListener::bind(path).unwrap();
        let shared = Arc::new(Shared {
            got: Mutex::default(),
            changes: watch::Sender::new(()),
        });
        let router = Router::new()
            .route("/messages", post(messages))
            .route("/history", post(history))
            .route("/events", post(events))
            .with_state(Arc::clone(&shared));
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            shared,
            served: served.abort_handle(),
        }
    }

    /// Refuses the next calls with messages.
    pub(crate) fn refuse(&self, calls: usize) {
        self.shared.got.lock().unwrap().refusals = calls;
    }

    /// Refuses the next calls with messages as ones that it will never take.
    pub(crate) fn refuse_for_good(&self, calls: usize) {
        self.refuse(calls);
        self.shared.got.lock().unwrap().refuses_as = Some(StatusCode::BAD_REQUEST);
    }

    /// Takes messages and never says so, or answers again.
    pub(crate) fn silent(&self, silent: bool) {
        self.shared.got.lock().unwrap().silent = silent;
    }

    /// Refuses the next calls with history.
    pub(crate) fn refuse_history(&self, calls: usize) {
        self.shared.got.lock().unwrap().history_refusals = calls;
    }

    /// Waits until as many calls with history came, whatever became of them.
    pub(crate) async fn history_called(&self, calls: usize) {
        self.until(|got| (got.history_calls >= calls).then_some(()))
            .await;
    }

    /// Waits until it took as many notifications of history.
    pub(crate) async fn history(&self, taken: usize) -> Vec<(String, Vec<u8>)> {
        self.until(|got| (got.history.len() >= taken).then(|| got.history.clone()))
            .await
    }

    /// Refuses events, or takes them again.
    pub(crate) fn deaf(&self, deaf: bool) {
        self.shared.got.lock().unwrap().deaf = deaf;
    }

    /// Waits until an event of this kind was refused.
    pub(crate) async fn refused(&self, kind: &str) {
        self.until(|got| {
            got.refused
                .iter()
                .any(|refused| refused == kind)
                .then_some(())
        })
        .await;
    }

    /// The messages that were taken.
    pub(crate) fn messages(&self) -> Vec<Value> {
        self.shared.got.lock().unwrap().messages.clone()
    }

    /// Ids of the messages that were taken.
    pub(crate) fn ids(&self) -> Vec<String> {
        let id = |message: &Value| message["id"].as_str().unwrap().to_owned();
        self.messages().iter().map(id).collect()
    }

    /// Waits until as many calls with messages came, whatever became of them.
    pub(crate) async fn called(&self, calls: usize) {
        self.until(|got| (got.calls >= calls).then_some(())).await;
    }

    /// Waits until it took as many messages.
    pub(crate) async fn took(&self, messages: usize) -> Vec<Value> {
        self.until(|got| (got.messages.len() >= messages).then(|| got.messages.clone()))
            .await
    }

    /// Waits for an event, and forgets it.
    pub(crate) async fn event(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until(|got| {
            let found = got.events.iter().position(&wanted)?;
            Some(got.events.remove(found))
        })
        .await
    }

    /// Waits until the status is this one, with this reason where there is one. Earlier ones are forgotten.
    pub(crate) async fn status(&self, status: &str, reason: Option<&str>) -> Value {
        let wanted = |event: &Value| {
            event["type"] == "status"
                && event["status"] == status
                && event["reason"].as_str() == reason
        };
        self.until(|got| {
            let found = got.events.iter().position(wanted)?;
            let event = got.events.remove(found);
            let mut place = 0;
            got.events.retain(|event| {
                place += 1;
                place > found || event["type"] != "status"
            });
            Some(event)
        })
        .await
    }

    async fn until<T>(&self, mut look: impl FnMut(&mut Got) -> Option<T>) -> T {
        let mut changes = self.shared.changes.subscribe();
        let seen = async {
            loop {
                if let Some(seen) = look(&mut self.shared.got.lock().unwrap()) {
                    return seen;
                }
                changes.changed().await.unwrap();
            }
        };
        let seen = tokio::time::timeout(LONGEST, seen).await;
        let Ok(seen) = seen else {
            panic!(
                "in vain; events: {:?}",
                self.shared.got.lock().unwrap().events
            )
        };
        seen
    }
}

async fn messages(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> StatusCode {
    let silent = {
        let mut got = shared.got.lock().unwrap();
        got.calls += 1;
        if got.refusals > 0 {
            got.refusals -= 1;
            let status = got.refuses_as.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            drop(got);
            shared.changes.send_replace(());
            return status;
        }
        if !got.silent {
            got.messages
                .extend(body["messages"].as_array().unwrap().iter().cloned());
        }
        got.silent
    };
    shared.changes.send_replace(());
    if silent {
        std::future::pending::<()>().await;
    }
    StatusCode::NO_CONTENT
}

async fn events(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> StatusCode {
    let events = body["events"].as_array().unwrap();
    let status = {
        let mut got = shared.got.lock().unwrap();
        if got.deaf {
            let kinds = events.iter().map(|event| event["type"].as_str().unwrap());
            got.refused.extend(kinds.map(str::to_owned));
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            got.events.extend(events.iter().cloned());
            StatusCode::NO_CONTENT
        }
    };
    shared.changes.send_replace(());
    status
}

async fn history(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> StatusCode {
    let status = {
        let mut got = shared.got.lock().unwrap();
        got.history_calls += 1;
        if got.history_refusals > 0 {
            got.history_refusals -= 1;
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            let notification = BASE64_STANDARD.decode(text("notification")).unwrap();
            got.history.push((text("id"), notification));
            StatusCode::NO_CONTENT
        }
    };
    shared.changes.send_replace(());
    status
}
