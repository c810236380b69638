//! A CDN over files: the kernel copies them to the socket, so that serving gigabytes takes little
//! from the cores that the sidecar runs on.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use crate::cdn::OE_FUTURE;
use crate::netns::ADDRESS;
use crate::range::parse_range;
use crate::wire::response_head;

/// The CDN. Its threads end with the program.
#[derive(Debug)]
pub struct FileCdn {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    files: Mutex<HashMap<String, PathBuf>>,
    gate: Mutex<Gate>,
    opened: Condvar,
}

/// Holds answers back until enough of them wait.
#[derive(Debug, Default)]
struct Gate {
    wanted: usize,
    waiting: usize,
}

// === impl FileCdn ===

impl FileCdn {
    /// Starts an empty CDN.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((ADDRESS, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let state = shared.clone();
                // A caller that hangs up is no concern of a CDN.
                std::thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        Self { address, state }
    }

    /// The origin, for `--cdn-origin`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves the file at `path` under `name`; returns its `directPath`.
    #[must_use]
    pub fn put(&self, name: &str, path: &Path) -> String {
        let target = format!("/v/t62.7118-24/{name}_n.enc");
        self.state
            .files
            .lock()
            .unwrap()
            .insert(target.clone(), path.to_owned());
        format!("{target}?ccb=11-4&oh=01_Q5Aa&oe={OE_FUTURE}&_nc_sid=5e03e0")
    }

    /// The next `count` answers begin together, when all of them have been asked for.
    pub fn hold(&self, count: usize) {
        *self.state.gate.lock().unwrap() = Gate {
            wanted: count,
            waiting: 0,
        };
    }
}

// === impl State ===

impl State {
    fn pass(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.waiting += 1;
        self.opened.notify_all();
        while gate.waiting < gate.wanted {
            gate = self.opened.wait(gate).unwrap();
        }
    }
}

fn serve(stream: &TcpStream, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some((target, range)) = request(&mut reader)? {
        let path = target.split('?').next().unwrap_or_default();
        let file = state.files.lock().unwrap().get(path).cloned();
        let Some(file) = file else {
            let head = response_head(404, &[("content-length", "0")]);
            { stream }.write_all(&head)?;
            continue;
        };
        state.pass();
        send(stream, &file, range.as_deref())?;
    }
    Ok(())
}

/// Target and `Range` of the next request; `None` when the caller has closed.
fn request(reader: &mut impl io::BufRead) -> io::Result<Option<(String, Option<String>)>> {
    let (mut target, mut range, mut line) = (None, None, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match (line.trim_end(), &target) {
            ("", Some(_)) => return Ok(target.map(|target| (target, range))),
            (start, None) => target = start.split(' ').nth(1).map(str::to_owned),
            (header, Some(_)) => {
                if let Some((name, value)) = header.split_once(':')
                    && name.eq_ignore_ascii_case("range")
                {
                    range = Some(value.trim().to_owned());
                }
            }
        }
    }
}

fn send(mut stream: &TcpStream, path: &Path, range: Option<&str>) -> io::Result<()> {
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    let (first, last) = range
        .and_then(|text| parse_range(text, total))
        .unwrap_or((0, total - 1));
    let length = last + 1 - first;
    let content_range = format!("bytes {first}-{last}/{total}");
    let length_text = length.to_string();
    let mut headers = vec![("content-length", length_text.as_str()), ("etag", "\"1\"")];
    if range.is_some() {
        headers.push(("content-range", content_range.as_str()));
    }
    let status = if range.is_some() { 206 } else { 200 };
    stream.write_all(&response_head(status, &headers))?;
    file.seek(SeekFrom::Start(first))?;
    // From a file to a socket, this is `sendfile`.
    io::copy(&mut file.take(length), &mut stream)?;
    Ok(())
}
