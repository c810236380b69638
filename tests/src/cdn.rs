//! A CDN that counts what it serves and fails exactly as told. It takes uploads too.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

pub use crate::fault::Fault;
use crate::range::parse_range;
use crate::wire::{ANY_PORT, Connection, Head, Server, response_head};

/// Unix time far in the future, as `oe` is written: hexadecimal.
pub const OE_FUTURE: &str = "7FFFFF00";

/// Unix time of 2020, as `oe` is written.
pub const OE_PAST: &str = "5E0BE100";

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Path without query.
    pub path: String,
    /// The query.
    pub query: String,
    /// `Range`, where sent.
    pub range: Option<String>,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// Body bytes written to the socket.
    pub sent: u64,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<String, (String, Bytes)>,
    faults: HashMap<String, VecDeque<Fault>>,
    always: HashMap<String, Fault>,
    hits: Vec<Hit>,
    serial: u64,
}

impl State {
    fn put(&mut self, blob: Bytes, oe: &str) -> String {
        self.serial += 1;
        let (serial, signature) = (self.serial, "ccb=11-4&oh=01_Q5Aa");
        let path = format!("/v/t62.7118-24/{serial:012}_n.enc");
        let query = format!("{signature}{serial:06x}%2Bz&oe={oe}&_nc_sid=5e03e0");
        self.files.insert(path.clone(), (query.clone(), blob));
        format!("{path}?{query}")
    }

    /// What an upload is answered; nothing is here of one that asks where to go on.
    fn take(&mut self, target: &str, blob: Bytes) -> Value {
        if target.contains("&resume=1") {
            return json!({});
        }
        let direct_path = self.put(blob, OE_FUTURE);
        let url = format!("https://mmg.whatsapp.net{direct_path}");
        json!({"url": url, "direct_path": direct_path})
    }
}

/// The CDN. Stops when dropped.
#[derive(Debug)]
pub struct Cdn {
    server: Server,
    state: Arc<Mutex<State>>,
}

// === impl Cdn ===

impl Cdn {
    /// Starts an empty CDN on loopback.
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

    /// The origin, for `--cdn-origin`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Stores `blob` under a path of WhatsApp's form; returns the `directPath` with its query.
    pub fn put(&self, blob: &Bytes) -> String {
        self.put_until(blob, OE_FUTURE)
    }

    /// [`Self::put`] with an `oe` of one's own.
    pub fn put_until(&self, blob: &Bytes, oe: &str) -> String {
        self.state.lock().unwrap().put(blob.clone(), oe)
    }

    /// Stores `blob` under a `directPath` that somebody else chose.
    pub fn put_at(&self, direct_path: &str, blob: Bytes) {
        let (path, query) = direct_path.split_once('?').unwrap_or((direct_path, ""));
        let file = (query.to_owned(), blob);
        let mut state = self.state.lock().unwrap();
        state.files.insert(path.to_owned(), file);
    }

    /// Forgets the file: 404 from now on.
    pub fn remove(&self, direct_path: &str) {
        let mut state = self.state.lock().unwrap();
        state.files.remove(path_of(direct_path));
    }

    /// The next requests for `direct_path` fail in this order; later ones are served.
    pub fn fail(&self, direct_path: &str, faults: impl IntoIterator<Item = Fault>) {
        let mut state = self.state.lock().unwrap();
        state
            .faults
            .entry(path_of(direct_path).to_owned())
            .or_default()
            .extend(faults);
    }

    /// Every request for `direct_path` fails so, until [`Self::heal`].
    pub fn fail_always(&self, direct_path: &str, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.always.insert(path_of(direct_path).to_owned(), fault);
    }

    /// Serves `direct_path` again.
    pub fn heal(&self, direct_path: &str) {
        let mut state = self.state.lock().unwrap();
        state.always.remove(path_of(direct_path));
        state.faults.remove(path_of(direct_path));
    }

    /// The requests for `direct_path` so far.
    #[must_use]
    pub fn hits(&self, direct_path: &str) -> Vec<Hit> {
        let state = self.state.lock().unwrap();
        state
            .hits
            .iter()
            .filter(|hit| hit.path == path_of(direct_path))
            .cloned()
            .collect()
    }

    /// All requests so far.
    #[must_use]
    pub fn all_hits(&self) -> Vec<Hit> {
        self.state.lock().unwrap().hits.clone()
    }
}

fn path_of(direct_path: &str) -> &str {
    direct_path
        .split_once('?')
        .map_or(direct_path, |(path, _)| path)
}

async fn serve(mut connection: Connection, state: Arc<Mutex<State>>) -> io::Result<()> {
    while let Some(head) = connection.head().await? {
        if head.method() == "POST" {
            let blob = connection.whole_body(&head).await?.into();
            let answer = state.lock().unwrap().take(head.target(), blob).to_string();
            connection.answer(200, &[], answer.as_bytes()).await?;
            continue;
        }
        let (path, query) = head
            .target()
            .split_once('?')
            .unwrap_or_else(|| (head.target(), ""));
        let (file, fault, index) = {
            let mut state = state.lock().unwrap();
            state.hits.push(Hit {
                path: path.to_owned(),
                query: query.to_owned(),
                range: head.header("range").map(str::to_owned),
                headers: head.headers.clone(),
                sent: 0,
            });
            let queued = state.faults.get_mut(path).and_then(VecDeque::pop_front);
            let fault = queued.or_else(|| state.always.get(path).cloned());
            (state.files.get(path).cloned(), fault, state.hits.len() - 1)
        };
        let mut answer = Answer {
            connection,
            state: state.clone(),
            index,
        };
        match file {
            Some((signed, _)) if !query.starts_with(&signed) => {
                answer.status(403, "Bad URL signature").await?;
            }
            None => answer.status(404, "no such file").await?,
            Some((_, blob)) => {
                if !answer.file(&head, &blob, fault).await? {
                    return Ok(());
                }
            }
        }
        if head.is_last() {
            return Ok(());
        }
        connection = answer.connection;
    }
    Ok(())
}

/// One answer under way: counts what it sends.
struct Answer {
    connection: Connection,
    state: Arc<Mutex<State>>,
    index: usize,
}

impl Answer {
    async fn status(&mut self, status: u16, body: &str) -> io::Result<()> {
        self.connection
            .answer(status, &[("content-type", "text/plain")], body.as_bytes())
            .await
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(64 * 1024) {
            self.connection.write(piece).await?;
            self.state.lock().unwrap().hits[self.index].sent += piece.len() as u64;
        }
        Ok(())
    }

    /// Serves `blob` under `fault`. Returns whether the connection lives on.
    async fn file(&mut self, head: &Head, blob: &Bytes, fault: Option<Fault>) -> io::Result<bool> {
        match fault {
            None => self.range(head, blob, 0).await.map(|()| true),
            Some(Fault::IgnoreRange) => self.whole(blob).await.map(|()| true),
            Some(Fault::ShiftRange(by)) => self.range(head, blob, by).await.map(|()| true),
            Some(Fault::Other(other)) => self.range(head, &other, 0).await.map(|()| true),
            Some(Fault::Flip(at)) => {
                let mut flipped = blob.to_vec();
                flipped[at] ^= 1;
                self.range(head, &flipped.into(), 0).await.map(|()| true)
            }
            Some(Fault::Status(status, body)) => self.status(status, body).await.map(|()| true),
            Some(Fault::RetryAfter(seconds)) => {
                let seconds = seconds.to_string();
                let headers = [("retry-after", seconds.as_str())];
                self.connection
                    .answer(503, &headers, b"")
                    .await
                    .map(|()| true)
            }
            Some(Fault::Redirect(to)) => self
                .connection
                .answer(302, &[("location", &to)], b"")
                .await
                .map(|()| true),
            Some(Fault::Trickle(piece, pause)) => self.trickle(head, blob, piece, pause).await,
            Some(Fault::Endless) => self.endless().await.map(|()| false),
            Some(Fault::Refuse) => Ok(false),
            Some(Fault::Length(length)) => {
                let text = length.to_string();
                self.connection
                    .write(&response_head(200, &[("content-length", &text)]))
                    .await?;
                let fits = blob
                    .len()
                    .min(usize::try_from(length).unwrap_or(usize::MAX));
                self.send(&blob[..fits]).await.map(|()| false)
            }
            Some(Fault::EndEarly(at)) => self.cut(head, blob, at).await.map(|()| false),
            Some(Fault::Stall(at)) => {
                self.cut(head, blob, at).await?;
                self.connection.closed().await;
                Ok(false)
            }
            Some(Fault::Reset(at)) => {
                self.cut(head, blob, at).await?;
                self.connection.reset_on_close();
                Ok(false)
            }
        }
    }

    /// Sends `at` body bytes of the answer and no more.
    async fn cut(&mut self, head: &Head, blob: &Bytes, at: usize) -> io::Result<()> {
        let body = self.head_of(head, blob, 0).await?;
        self.send(&body[..at.min(body.len())]).await
    }

    async fn trickle(
        &mut self,
        head: &Head,
        blob: &Bytes,
        piece: usize,
        pause: Duration,
    ) -> io::Result<bool> {
        let body = self.head_of(head, blob, 0).await?;
        for chunk in body.chunks(piece) {
            self.send(chunk).await?;
            tokio::time::sleep(pause).await;
        }
        Ok(true)
    }

    async fn endless(&mut self) -> io::Result<()> {
        self.connection
            .write(&response_head(200, &[("transfer-encoding", "chunked")]))
            .await?;
        let chunk = vec![0x5A; 64 * 1024];
        loop {
            self.connection.write(b"10000\r\n").await?;
            self.send(&chunk).await?;
            self.connection.write(b"\r\n").await?;
        }
    }

    async fn whole(&mut self, blob: &Bytes) -> io::Result<()> {
        let length = blob.len().to_string();
        self.connection
            .write(&response_head(200, &[("content-length", &length)]))
            .await?;
        self.send(blob).await
    }

    async fn range(&mut self, head: &Head, blob: &Bytes, shift: u64) -> io::Result<()> {
        let body = self.head_of(head, blob, shift).await?;
        if head.method() == "HEAD" {
            return Ok(());
        }
        self.send(&body).await
    }

    /// Writes the head that `head` deserves and returns the body that belongs to it.
    async fn head_of(&mut self, head: &Head, blob: &Bytes, shift: u64) -> io::Result<Bytes> {
        let total = blob.len() as u64;
        let etag = format!("\"{:x}-{total}\"", blob.first().copied().unwrap_or(0));
        let fresh = head.header("if-range").is_none_or(|tag| tag == etag);
        let asked = head.header("range").filter(|_| fresh);
        let Some(range) = asked.map(|text| parse_range(text, total)) else {
            let length = total.to_string();
            let headers = [
                ("content-length", length.as_str()),
                ("etag", &etag),
                ("accept-ranges", "bytes"),
            ];
            self.connection.write(&response_head(200, &headers)).await?;
            return Ok(blob.clone());
        };
        let Some((first, last)) = range else {
            self.connection
                .answer(416, &[("content-range", &format!("bytes */{total}"))], b"")
                .await?;
            return Ok(Bytes::new());
        };
        let first = (first + shift).min(last);
        let mut content_range = String::new();
        let _ = write!(content_range, "bytes {first}-{last}/{total}");
        let length = (last + 1 - first).to_string();
        let headers = [
            ("content-length", length.as_str()),
            ("content-range", &content_range),
            ("etag", &etag),
        ];
        self.connection.write(&response_head(206, &headers)).await?;
        Ok(blob.slice(usize::try_from(first).unwrap()..=usize::try_from(last).unwrap()))
    }
}
