//! Bodies that gateways post, from `tests/fixtures`.

use std::fs;
use std::path::PathBuf;

use crate::cache::crate_folder;

/// The id of the message in every fixture that is about one.
const ID: &str = "3EB0GOLDEN";

/// What all files of the fixtures are called on the CDN, up to where they may differ.
const FILE: &str = "golden_n.enc";

/// One body with its content type.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// `gateway/name`.
    pub name: String,
    /// As the gateway sends it.
    pub content_type: String,
    /// As the gateway sends it.
    pub body: Vec<u8>,
    /// The query that a bare protobuf message needs; else empty.
    pub query: String,
}

// === impl Fixture ===

impl Fixture {
    /// The folder of all fixtures.
    #[must_use]
    pub fn root() -> PathBuf {
        crate_folder().join("fixtures")
    }

    /// Every fixture, by name.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for folder in fs::read_dir(Self::root()).unwrap().flatten() {
            for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                let name = PathBuf::from(folder.file_name()).join(file.file_name());
                let body = fs::read(file.path()).unwrap();
                all.push(Self::new(name.to_string_lossy().into_owned(), body));
            }
        }
        all.sort_by(|left, right| left.name.cmp(&right.name));
        all
    }

    /// Those whose file name contains `what`.
    #[must_use]
    pub fn about(what: &str) -> Vec<Self> {
        let mut all = Self::all();
        all.retain(|fixture| fixture.file().contains(what));
        assert!(!all.is_empty(), "no fixture is about {what}");
        all
    }

    /// The same about a message of another id of ten characters, as long as the one it replaces.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        assert_eq!(id.len(), ID.len());
        self.body = replace(&self.body, ID, id);
        self.query = self.query.replace(ID, id);
        self
    }

    /// The same with the file under another name of twelve characters on the CDN.
    #[must_use]
    pub fn with_file(mut self, name: &str) -> Self {
        assert_eq!(name.len(), FILE.len());
        self.body = replace(&self.body, FILE, name);
        self
    }

    /// The path of a file of that name on the CDN.
    #[must_use]
    pub fn direct_path(name: &str) -> String {
        format!("/v/t62.7118-24/{name}?ccb=11-4&oh=01_Q5Golden&oe=7FFFFF00&_nc_sid=5e03e0")
    }

    /// The gateway's name: its folder.
    #[must_use]
    pub fn gateway(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    fn file(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    fn new(name: String, body: Vec<u8>) -> Self {
        let content_type = match name.rsplit('.').next() {
            Some("form") => "application/x-www-form-urlencoded".to_owned(),
            Some("pb") => "application/x-protobuf".to_owned(),
            Some("multipart") => {
                let first = body.split(|byte| *byte == b'\r').next().unwrap();
                let boundary = String::from_utf8(first[2..].to_vec()).unwrap();
                format!("multipart/form-data; boundary={boundary}")
            }
            _ => "application/json".to_owned(),
        };
        let query = if name.contains("/message-") {
            format!("?messageId={ID}&chat=5511999999999@s.whatsapp.net")
        } else {
            String::new()
        };
        Self {
            name,
            content_type,
            body,
            query,
        }
    }
}

fn replace(body: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut made = body.to_vec();
    let mut at = 0;
    while let Some(found) = made[at..]
        .windows(from.len())
        .position(|window| window == from.as_bytes())
    {
        at += found;
        made[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    made
}
