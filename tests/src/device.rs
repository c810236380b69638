//! What `titan-whatsapp` is to the process: a socket that takes messages, and a CDN that takes files.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use waproto::buffa::Message as _;
use waproto::whatsapp::Message;

use crate::cdn::OE_FUTURE;
use crate::wire::{Connection, Server};

/// The account's own JID, with its device.
pub const OWN: &str = "4915100000001:7@s.whatsapp.net";

/// A message that went out.
#[derive(Debug, Clone)]
pub struct SentOut {
    /// WhatsApp's id.
    pub id: String,
    /// Where to.
    pub chat: String,
    /// What.
    pub message: Message,
}

#[derive(Debug, Default)]
struct State {
    sends: Vec<SentOut>,
    /// Status and code of the next refusals of `/send`.
    refusals: VecDeque<(u16, &'static str)>,
    refused_always: Option<(u16, &'static str)>,
    media_conns: u32,
    /// How often fresh hosts were asked for.
    fresh: u32,
    questions: Vec<Value>,
    unasked: Option<(u16, &'static str)>,
}

/// The device. Stops when dropped.
#[derive(Debug)]
pub struct Device {
    folder: TempDir,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

// === impl Device ===

impl Device {
    /// Starts one that is connected.
    ///
    /// # Panics
    /// Where there is no folder for its socket.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let listener = UnixListener::bind(folder.path().join("whatsapp.sock")).unwrap();
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                let service = service_fn(move |request| answer(request, state.clone()));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self {
            folder,
            state,
            task,
        }
    }

    /// The folder, for `--whatsapp-socket`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What went out so far, refused ones not.
    #[must_use]
    pub fn sends(&self) -> Vec<SentOut> {
        self.state.lock().unwrap().sends.clone()
    }

    /// The next messages are refused so.
    pub fn refuse(&self, refusals: impl IntoIterator<Item = (u16, &'static str)>) {
        self.state.lock().unwrap().refusals.extend(refusals);
    }

    /// The questions for files that were taken, as they came.
    #[must_use]
    pub fn questions(&self) -> Vec<Value> {
        self.state.lock().unwrap().questions.clone()
    }

    /// Questions for files are refused so, until told otherwise.
    pub fn refuse_questions(&self, refusal: Option<(u16, &'static str)>) {
        self.state.lock().unwrap().unasked = refusal;
    }

    /// How often hosts of the CDN were asked for, and how often fresh ones.
    #[must_use]
    pub fn media_conns(&self) -> (u32, u32) {
        let state = self.state.lock().unwrap();
        (state.media_conns, state.fresh)
    }

    /// Somebody wrote `message`; 204 once the session has it.
    ///
    /// # Panics
    /// When the session can't be reached.
    pub async fn receive(&self, id: &str, chat: &str, message: &Message) -> u16 {
        let message = STANDARD.encode(waproto::codec::message_to_vec(message));
        let envelope = json!({
            "id": id, "chat": chat, "sender": chat, "fromMe": false, "isGroup": false,
            "timestamp": 1_790_000_000, "pushName": "Ann", "offline": false, "message": message,
        });
        self.tell("/messages", json!({"messages": [envelope]}))
            .await
    }

    /// The phone answers a question.
    ///
    /// # Panics
    /// When the session can't be reached.
    pub async fn answer(&self, id: &str, result: Value) -> u16 {
        let mut event = json!({"type": "mediaRetry", "id": id});
        let members = result.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(members);
        self.tell("/events", json!({"events": [event]})).await
    }

    /// Calls the session.
    async fn tell(&self, path: &str, body: Value) -> u16 {
        let socket = self.folder.path().join("sidecar.sock");
        let stream = UnixStream::connect(socket).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post(path)
            .header("host", "sidecar")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        sender
            .send_request(request)
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    /// All messages are refused so, until told otherwise.
    pub fn refuse_always(&self, refusal: Option<(u16, &'static str)>) {
        self.state.lock().unwrap().refused_always = refusal;
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(Collected::to_bytes);
    let body: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let (status, answer) = match (&head.method, head.uri.path()) {
        (&Method::GET, "/status") => (
            200,
            json!({"status": "CONNECTED", "linked": true, "jid": OWN}),
        ),
        (&Method::GET, "/media-conn") => (200, media_conn(&state, head.uri.query().is_some())),
        (&Method::POST, "/media-retry") => question(&state, body),
        (&Method::POST, "/send") => send(&state, &body),
        _ => (404, json!({"error": "no such call", "code": "not_found"})),
    };
    let answer = Response::builder()
        .status(status)
        .body(Full::from(answer.to_string()));
    Ok(answer.unwrap())
}

fn question(state: &Mutex<State>, question: Value) -> (u16, Value) {
    let mut state = state.lock().unwrap();
    if let Some((status, code)) = state.unasked {
        let words = format!("refused: {code}");
        return (status, json!({"error": words, "code": code}));
    }
    state.questions.push(question);
    (202, Value::Null)
}

fn media_conn(state: &Mutex<State>, fresh: bool) -> Value {
    let mut state = state.lock().unwrap();
    state.media_conns += 1;
    state.fresh += u32::from(fresh);
    json!({
        "auth": format!("upload-token-{}", state.media_conns), "ttl": 300, "authTtl": 21600,
        "hosts": [{"hostname": "mmg.whatsapp.net", "type": "primary", "fallback": "mmg-fallback.whatsapp.net"}],
    })
}

fn send(state: &Mutex<State>, body: &Value) -> (u16, Value) {
    let mut state = state.lock().unwrap();
    let refusal = state.refusals.pop_front().or(state.refused_always);
    if let Some((status, code)) = refusal {
        return (
            status,
            json!({"error": format!("refused: {code}"), "code": code}),
        );
    }
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let bytes = STANDARD.decode(text("message")).unwrap();
    state.sends.push(SentOut {
        id: text("id"),
        chat: text("chat"),
        message: Message::decode_from_slice(&bytes).unwrap(),
    });
    (200, json!({"id": text("id"), "timestamp": 1_790_000_000}))
}

/// One upload as it came.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Path without query.
    pub path: String,
    /// The query.
    pub query: String,
    /// Its bytes; none of them are kept of what was refused.
    pub length: u64,
    /// What was answered.
    pub status: u16,
}

#[derive(Debug, Default)]
struct Files {
    uploads: Vec<Upload>,
    blobs: HashMap<String, Bytes>,
    refusals: VecDeque<u16>,
}

/// A CDN that takes uploads and serves them. Stops when dropped.
#[derive(Debug)]
pub struct UploadCdn {
    server: Server,
    files: Arc<Mutex<Files>>,
}

// === impl UploadCdn ===

impl UploadCdn {
    /// Starts an empty one.
    pub async fn start() -> Self {
        let files = Arc::new(Mutex::new(Files::default()));
        let shared = files.clone();
        let server = Server::start(move |connection| serve(connection, shared.clone())).await;
        Self { server, files }
    }

    /// The origin, for `--cdn-origin`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// All uploads so far.
    #[must_use]
    pub fn uploads(&self) -> Vec<Upload> {
        self.files.lock().unwrap().uploads.clone()
    }

    /// The file at a direct path.
    #[must_use]
    pub fn blob(&self, direct_path: &str) -> Bytes {
        let path = direct_path.split('?').next().unwrap_or_default();
        self.files.lock().unwrap().blobs[path].clone()
    }

    /// The next uploads are refused with these statuses.
    pub fn refuse(&self, statuses: impl IntoIterator<Item = u16>) {
        self.files.lock().unwrap().refusals.extend(statuses);
    }
}

async fn serve(mut connection: Connection, files: Arc<Mutex<Files>>) -> io::Result<()> {
    while let Some(head) = connection.head().await? {
        let target = head.target().to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        if head.method() == "POST" {
            let body = connection.whole_body(&head).await?;
            let (status, answer) = take(&files, (path, query), body);
            let answer = answer.to_string();
            connection.answer(status, &[], answer.as_bytes()).await?;
        } else {
            let blob = files.lock().unwrap().blobs.get(path).cloned();
            match blob {
                Some(blob) => connection.answer(200, &[], &blob).await?,
                None => connection.answer(404, &[], b"").await?,
            }
        }
        if head.is_last() {
            break;
        }
    }
    Ok(())
}

fn take(files: &Mutex<Files>, (path, query): (&str, &str), body: Vec<u8>) -> (u16, Value) {
    let mut files = files.lock().unwrap();
    let resuming = query.contains("&resume=1");
    let status = files.refusals.pop_front().unwrap_or(200);
    files.uploads.push(Upload {
        path: path.to_owned(),
        query: query.to_owned(),
        length: body.len() as u64,
        status,
    });
    if status != 200 || resuming {
        return (status, json!({}));
    }
    let place = format!("/v/t62.7118-24/{}_n.enc", files.uploads.len());
    files.blobs.insert(place.clone(), body.into());
    let direct_path = format!("{place}?ccb=11-4&oh=01_Q5Aa&oe={OE_FUTURE}");
    let url = format!("https://mmg.whatsapp.net{direct_path}");
    (200, json!({"url": url, "direct_path": direct_path}))
}
