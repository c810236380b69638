//! A bucket on loopback that believes everything and counts every byte at its socket.
//!
//! It checks no hash and no signature: whatever completes a PUT here would be an object in a store
//! that checks nothing, so the release rule is measured without any server's help. For real
//! servers see [`crate::s3`].

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::range::parse_range;
use crate::wire::{Connection, Head, Server, response_head};

/// What a check of the bucket leaves behind; no file of anyone's.
const PROBE: &str = "/.titan-media-probe";

/// Larger bodies are hashed and dropped.
const KEEP: u64 = 64 * 1024 * 1024;

/// As much of a body is read before it is refused.
const SMALL: u64 = 64 * 1024;

/// How the bucket answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Takes everything.
    Up,
    /// Closes every connection without an answer.
    Down,
    /// Answers every request with a status and an S3 error code.
    Refuse(u16, &'static str),
    /// The same for every PUT; reading goes on.
    RefusePut(u16, &'static str),
    /// Takes everything, pausing after each piece that arrives.
    Slow(Duration),
}

/// An object, as last PUT.
#[derive(Debug, Clone)]
pub struct Object {
    /// The bytes, unless they were too many to keep.
    pub bytes: Option<Bytes>,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// How many bytes.
    pub length: u64,
    /// Headers of the PUT.
    pub headers: Vec<(String, String)>,
}

impl Object {
    /// A header of the PUT (lower-case name).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// One PUT as it came over the socket, complete or not.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Path-style path: `/bucket/key`.
    pub path: String,
    /// `Content-Length`; `None` where the body was not announced.
    pub declared: Option<u64>,
    /// Body bytes that arrived.
    pub received: u64,
}

impl Upload {
    /// Whether a store that checks nothing would now have an object.
    #[must_use]
    pub fn completed(&self) -> bool {
        self.declared
            .is_none_or(|declared| self.received >= declared)
    }
}

#[derive(Debug)]
struct State {
    mode: Mode,
    objects: BTreeMap<String, Object>,
    uploads: Vec<Upload>,
    requests: u64,
}

/// The bucket server. Stops when dropped.
#[derive(Debug)]
pub struct Bucket {
    server: Server,
    state: Arc<Mutex<State>>,
}

// === impl Bucket ===

impl Bucket {
    /// Starts an empty store that has every bucket.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            mode: Mode::Up,
            objects: BTreeMap::new(),
            uploads: Vec::new(),
            requests: 0,
        }));
        let shared = state.clone();
        let server = Server::start(move |connection| serve(connection, shared.clone())).await;
        Self { server, state }
    }

    /// The endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Changes how it answers, from the next request on.
    pub fn set_mode(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    /// Every object by its path `/bucket/key`, but for what a check leaves behind.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Object> {
        let mut objects = self.state.lock().unwrap().objects.clone();
        objects.retain(|path, _| !path.ends_with(PROBE));
        objects
    }

    /// The object at `/bucket/key`.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Object> {
        self.state
            .lock()
            .unwrap()
            .objects
            .get(&format!("/{bucket}/{key}"))
            .cloned()
    }

    /// Every PUT of a file so far, in the order in which they ended.
    #[must_use]
    pub fn uploads(&self) -> Vec<Upload> {
        let mut uploads = self.state.lock().unwrap().uploads.clone();
        uploads.retain(|upload| !upload.path.ends_with(PROBE));
        uploads
    }

    /// How many PUTs of checks came so far.
    #[must_use]
    pub fn checks(&self) -> usize {
        let state = self.state.lock().unwrap();
        let puts = state.uploads.iter();
        puts.filter(|upload| upload.path.ends_with(PROBE)).count()
    }

    /// How many requests came, refused ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }

    /// Deletes an object behind the product's back.
    pub fn delete(&self, bucket: &str, key: &str) {
        self.state
            .lock()
            .unwrap()
            .objects
            .remove(&format!("/{bucket}/{key}"));
    }
}

async fn serve(mut connection: Connection, state: Arc<Mutex<State>>) -> io::Result<()> {
    while let Some(head) = connection.head().await? {
        let mode = {
            let mut state = state.lock().unwrap();
            state.requests += 1;
            state.mode
        };
        match (mode, head.method()) {
            (Mode::Down, _) => return Ok(()),
            (Mode::Refuse(status, code), _) | (Mode::RefusePut(status, code), "PUT") => {
                // A close with bytes unread is a reset, which may overtake the answer.
                let small = head.content_length().unwrap_or(0).min(SMALL);
                connection.body(small, |_| ()).await;
                refuse(&mut connection, status, code).await?;
                return Ok(());
            }
            (_, "PUT") => put(&mut connection, &head, &state, mode).await?,
            (_, "GET" | "HEAD") => get(&mut connection, &head, &state).await?,
            _ => refuse(&mut connection, 405, "MethodNotAllowed").await?,
        }
        if head.is_last() {
            return Ok(());
        }
    }
    Ok(())
}

async fn refuse(connection: &mut Connection, status: u16, code: &str) -> io::Result<()> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>{code}</Message></Error>"
    );
    connection
        .answer(
            status,
            &[("content-type", "application/xml")],
            body.as_bytes(),
        )
        .await
}

fn path_of(head: &Head) -> String {
    let target = head.target();
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    percent_decode(path)
}

/// Decodes `%XX`; keys are compared in their plain form.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| {
                text.get(at + 1..at + 3)
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            })
            .flatten();
        out.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

async fn put(
    connection: &mut Connection,
    head: &Head,
    state: &Mutex<State>,
    mode: Mode,
) -> io::Result<()> {
    if head.header("expect").is_some() {
        connection.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let path = path_of(head);
    let declared = head.content_length();
    let index = {
        let mut state = state.lock().unwrap();
        state.uploads.push(Upload {
            path: path.clone(),
            declared,
            received: 0,
        });
        state.uploads.len() - 1
    };
    let (mut hash, mut kept) = (Sha256::new(), Vec::new());
    let limit = declared.unwrap_or(u64::MAX);
    let mut received = 0;
    while received < limit {
        let step = if matches!(mode, Mode::Slow(_)) {
            64 * 1024
        } else {
            1024 * 1024
        };
        let wanted = (limit - received).min(step);
        let came = connection
            .body(wanted, |piece| {
                hash.update(piece);
                if limit <= KEEP {
                    kept.extend_from_slice(piece);
                }
                state.lock().unwrap().uploads[index].received += piece.len() as u64;
            })
            .await;
        received += came;
        if came < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Mode::Slow(pause) = mode {
            tokio::time::sleep(pause).await;
        }
    }
    let object = Object {
        bytes: (limit <= KEEP).then(|| kept.into()),
        sha256: hash.finalize().into(),
        length: received,
        headers: head.headers.clone(),
    };
    let etag = format!("\"{}\"", hex::encode(&object.sha256[..16]));
    state.lock().unwrap().objects.insert(path, object);
    connection.answer(200, &[("etag", &etag)], b"").await
}

async fn get(connection: &mut Connection, head: &Head, state: &Mutex<State>) -> io::Result<()> {
    let object = state.lock().unwrap().objects.get(&path_of(head)).cloned();
    let Some(object) = object else {
        return refuse(connection, 404, "NoSuchKey").await;
    };
    let bytes = object.bytes.clone().unwrap_or_default();
    let total = bytes.len() as u64;
    let mime = object
        .header("content-type")
        .unwrap_or("binary/octet-stream");
    let etag = format!("\"{}\"", hex::encode(&object.sha256[..16]));
    let mut headers = vec![
        ("content-type", mime),
        ("etag", etag.as_str()),
        ("accept-ranges", "bytes"),
    ];
    let metadata = object
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-amz-meta-"));
    headers.extend(metadata.map(|(name, value)| (name.as_str(), value.as_str())));
    let disposition = object.header("content-disposition");
    headers.extend(disposition.map(|value| ("content-disposition", value)));
    let range = head.header("range").map(|text| parse_range(text, total));
    let (status, body, content_range) = match range {
        None => (200, bytes, String::new()),
        Some(None) => return refuse(connection, 416, "InvalidRange").await,
        Some(Some((first, last))) => (
            206,
            bytes.slice(usize::try_from(first).unwrap()..=usize::try_from(last).unwrap()),
            format!("bytes {first}-{last}/{total}"),
        ),
    };
    let length = body.len().to_string();
    headers.push(("content-length", &length));
    if status == 206 {
        headers.push(("content-range", &content_range));
    }
    connection.write(&response_head(status, &headers)).await?;
    if head.method() == "GET" {
        connection.write(&body).await
    } else {
        Ok(())
    }
}
