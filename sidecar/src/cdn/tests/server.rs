//! A CDN on loopback that misbehaves on demand.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What happens to one request; once the script is used up the file is served properly.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// This status with these headers (each `name: value`) and body.
    Answer(u16, &'static str, &'static str),
    /// The right head, then so many bytes, then a reset (true) or an orderly end.
    Cut(usize, bool),
    /// The right head, then so many bytes, then silence.
    Stall(usize),
    /// The right answer, byte by byte, with a pause before each.
    Trickle,
    /// No head at all: the connection is closed.
    HangUp,
    /// The whole file with 200, whatever range was asked for.
    IgnoreRange,
    /// A 206 with this `Content-Range`.
    Range(&'static str),
    /// The right range with this many bytes fewer per answer.
    Short(usize),
    /// Chunked, without a length; so many chunks of 1 KiB, then the connection ends in the middle.
    Chunked(usize),
    /// Bytes without end and without a length.
    Endless,
}

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// First and last byte asked for.
    fn range(&self, total: usize) -> Option<(usize, usize)> {
        let (first, last) = self
            .header("range")?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        Some(match (first.parse().ok(), last.parse::<usize>().ok()) {
            (None, Some(n)) => (total.saturating_sub(n), total),
            (Some(first), last) => (first, last.map_or(total, |last| total.min(last + 1))),
            (None, None) => return None,
        })
    }
}

pub(super) struct Server {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(file: &[u8], etag: Option<&'static str>, script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let state = Arc::new(State {
            file: file.to_vec(),
            etag,
            script: Mutex::new(script.into()),
            seen: Arc::clone(&seen),
        });
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    // The client may hang up at any time: that is what some tests are about.
                    let _ = state.serve(stream).await;
                });
            }
        });
        Self { port, seen, task }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn ranges(&self) -> Vec<Option<String>> {
        self.seen()
            .iter()
            .map(|seen| seen.header("range").map(str::to_owned))
            .collect()
    }
}

struct State {
    file: Vec<u8>,
    etag: Option<&'static str>,
    script: Mutex<VecDeque<Step>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl State {
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read_head(&mut stream).await? {
            self.seen.lock().unwrap().push(request.clone());
            let step = self.script.lock().unwrap().pop_front();
            if !self.answer(stream.get_mut(), &request, step).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether the connection may carry another request.
    async fn answer(
        &self,
        out: &mut TcpStream,
        request: &Seen,
        step: Option<Step>,
    ) -> std::io::Result<bool> {
        let (head, body) = self.proper(request, matches!(step, Some(Step::IgnoreRange)));
        match step {
            None | Some(Step::IgnoreRange) => {
                out.write_all(head.as_bytes()).await?;
                out.write_all(body).await?;
                Ok(true)
            }
            Some(Step::Answer(status, headers, text)) => {
                let length = text.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{text}"
                );
                out.write_all(head.as_bytes()).await?;
                Ok(true)
            }
            Some(Step::Cut(after, reset)) => {
                out.write_all(head.as_bytes()).await?;
                out.write_all(&body[..after]).await?;
                out.flush().await?;
                if reset {
                    out.set_zero_linger()?;
                }
                Ok(false)
            }
            Some(Step::Stall(after)) => {
                out.write_all(head.as_bytes()).await?;
                out.write_all(&body[..after]).await?;
                std::future::pending().await
            }
            Some(Step::Trickle) => {
                out.write_all(head.as_bytes()).await?;
                for byte in body {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    out.write_all(&[*byte]).await?;
                }
                Ok(true)
            }
            Some(Step::HangUp) => Ok(false),
            Some(Step::Range(range)) => {
                let head = format!("HTTP/1.1 206 X\r\ncontent-range: {range}\r\n\r\n");
                out.write_all(head.as_bytes()).await?;
                out.write_all(body).await?;
                Ok(false)
            }
            Some(Step::Short(by)) => {
                let (first, end) = request.range(self.file.len()).unwrap();
                let (last, total) = (end - by - 1, self.file.len());
                let head = format!(
                    "HTTP/1.1 206 X\r\ncontent-range: bytes {first}-{last}/{total}\r\ncontent-length: {}\r\n\r\n",
                    last + 1 - first
                );
                out.write_all(head.as_bytes()).await?;
                out.write_all(&self.file[first..=last]).await?;
                Ok(true)
            }
            Some(Step::Chunked(chunks)) => {
                out.write_all(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
                    .await?;
                for chunk in self.file.chunks(1024).take(chunks) {
                    out.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
                        .await?;
                    out.write_all(chunk).await?;
                    out.write_all(b"\r\n").await?;
                }
                if chunks * 1024 >= self.file.len() {
                    out.write_all(b"0\r\n\r\n").await?;
                }
                Ok(false)
            }
            Some(Step::Endless) => {
                out.write_all(b"HTTP/1.1 200 X\r\n\r\n").await?;
                loop {
                    out.write_all(&[7; 4096]).await?;
                }
            }
        }
    }

    fn proper(&self, request: &Seen, ignore_range: bool) -> (String, &[u8]) {
        let total = self.file.len();
        let etag = self
            .etag
            .map(|etag| format!("etag: {etag}\r\n"))
            .unwrap_or_default();
        let same = request
            .header("if-range")
            .is_none_or(|tag| Some(tag) == self.etag);
        match request
            .range(total)
            .filter(|(first, _)| same && !ignore_range && *first < total)
        {
            Some((first, end)) => (
                format!(
                    "HTTP/1.1 206 X\r\ncontent-range: bytes {first}-{}/{total}\r\ncontent-length: {}\r\n{etag}\r\n",
                    end - 1,
                    end - first
                ),
                &self.file[first..end],
            ),
            None => (
                format!("HTTP/1.1 200 X\r\ncontent-length: {total}\r\n{etag}\r\n"),
                &self.file,
            ),
        }
    }
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Seen>> {
    let mut seen = Seen::default();
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        match line.trim_end() {
            "" => return Ok(Some(seen)),
            text if seen.target.is_empty() => {
                seen.target = text.split(' ').nth(1).unwrap_or_default().to_owned();
            }
            text => {
                let (name, value) = text.split_once(": ").unwrap_or((text, ""));
                seen.headers
                    .push((name.to_ascii_lowercase(), value.to_owned()));
            }
        }
        line.clear();
    }
    Ok(None)
}
