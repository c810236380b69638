//! Every fixture of `tests/fixtures`: what is understood of it, and that no two detectors want it.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::{Format, Parsed, Query, Request, SHAPES, form, json as tree, parse};
use crate::media::MediaKind;
use crate::message::{Content, Event, Incoming, MediaReference};

/// One body that a gateway posts.
struct Fixture {
    gateway: String,
    name: String,
    body: Vec<u8>,
}

// === impl Fixture ===

impl Fixture {
    fn all() -> Vec<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
        let mut all = Vec::new();
        for folder in fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            for file in fs::read_dir(&folder).into_iter().flatten() {
                let file = file.unwrap().path();
                all.push(Self {
                    gateway: folder.file_name().unwrap().to_str().unwrap().to_owned(),
                    name: file.file_name().unwrap().to_str().unwrap().to_owned(),
                    body: fs::read(file).unwrap(),
                });
            }
        }
        all.sort_by(|left, right| (&left.gateway, &left.name).cmp(&(&right.gateway, &right.name)));
        assert!(all.len() > 70, "{}", all.len());
        all
    }

    fn content_type(&self) -> String {
        match self.name.rsplit_once('.').unwrap().1 {
            "json" => "application/json".to_owned(),
            "form" => "application/x-www-form-urlencoded".to_owned(),
            "pb" => "application/x-protobuf".to_owned(),
            "multipart" => {
                let first = self.body.split(|byte| *byte == b'\r').next().unwrap();
                let boundary = str::from_utf8(first).unwrap().strip_prefix("--").unwrap();
                format!("multipart/form-data; boundary={boundary}")
            }
            other => panic!("{other}"),
        }
    }

    /// Reads it without naming its format.
    fn parsed(&self) -> Parsed {
        let bare = self.name.starts_with("message-");
        let given = |text: &str| bare.then(|| text.to_owned());
        let request = Request {
            content_type: Some(&self.content_type()),
            format: None,
            query: Query {
                message_id: given("3EB0GOLDEN"),
                chat: given("5511999999999@s.whatsapp.net"),
                ..Query::default()
            },
            body: &self.body,
        };
        parse(request).unwrap_or_else(|error| panic!("{}/{}: {error}", self.gateway, self.name))
    }

    /// The JSON that detectors see; none in protobuf.
    fn json(&self) -> Option<String> {
        let text = match self.name.rsplit_once('.').unwrap().1 {
            "pb" => return None,
            "form" => form::urlencoded(&self.body).unwrap().into_owned(),
            "multipart" => {
                let event = form::multipart(&self.content_type(), &self.body).unwrap();
                String::from_utf8(event.to_vec()).unwrap()
            }
            _ => String::from_utf8(self.body.clone()).unwrap(),
        };
        Some(text)
    }
}

#[test]
fn what_is_understood_of_every_fixture() {
    let fixtures = Fixture::all();
    for gateway in [
        "baileys",
        "evolution",
        "protobuf",
        "waha",
        "whatsmeow",
        "wuzapi",
    ] {
        let understood: serde_json::Map<_, _> = fixtures
            .iter()
            .filter(|fixture| fixture.gateway == gateway)
            .map(|fixture| (fixture.name.clone(), summary(&fixture.parsed())))
            .collect();
        assert!(!understood.is_empty());
        insta::assert_yaml_snapshot!(gateway, understood);
    }
}

#[test]
fn a_body_is_recognised_by_its_own_gateways_detector_alone() {
    for fixture in Fixture::all() {
        let Some(text) = fixture.json() else {
            continue;
        };
        let value = tree::parse(text.as_bytes()).unwrap();
        let found: Vec<_> = SHAPES
            .iter()
            .filter(|shape| (shape.recognises)(&value))
            .map(|shape| shape.format.name())
            .collect();
        assert_eq!(found, [fixture.gateway.as_str()], "{}", fixture.name);
    }
}

#[test]
fn the_published_vector_is_the_same_in_every_rendering() {
    let mut seen = 0;
    for fixture in Fixture::all() {
        if !["image", "view-once", "document"]
            .iter()
            .any(|what| fixture.name.contains(what))
        {
            continue;
        }
        let parsed = fixture.parsed();
        let content = received(&parsed.messages[0]).unwrap();
        let file = &content.media[0];
        let name = format!("{}/{}", fixture.gateway, fixture.name);
        assert_eq!(parsed.messages.len(), 1, "{name}");
        assert_eq!(content.media.len(), 1, "{name}");
        assert_eq!(file.fault, None, "{name}");
        assert_eq!(file.media_key.as_ref().unwrap().0, *super::key(), "{name}");
        assert_eq!(hash(file.sha256.as_ref()), GOLDEN, "{name}");
        assert_eq!(hash(file.enc_sha256.as_ref()), GOLDEN_BLOB, "{name}");
        assert_eq!(file.file_length, Some(60), "{name}");
        assert!(file.direct_path.as_deref().unwrap().ends_with("5e03e0"));
        assert_eq!(
            file.jpeg_thumbnail.as_deref(),
            Some(&[0xff, 0xd8, 0xff, 0xe0][..]),
            "{name}"
        );
        assert_eq!(parsed.messages[0].key.id, "3EB0GOLDEN", "{name}");
        assert_eq!(
            content.view_once,
            fixture.name.contains("view-once"),
            "{name}"
        );
        seen += 1;
    }
    assert!(seen > 25, "{seen}");
}

const GOLDEN: &str = "c090368078d73efad27a94d2d7e357408e56f43b5d20ac99ad23860b829b6a92";
const GOLDEN_BLOB: &str = "a0f35fa34e6d5bfc21acf306ca610b1b6df743601b02c63d8325fb986faaf7b6";

fn hash(hash: Option<&[u8; 32]>) -> String {
    hex::encode(hash.unwrap())
}

fn received(message: &Incoming) -> Option<&Content> {
    match &message.event {
        Event::Received(content) => Some(content),
        _ => None,
    }
}

/// What matters of a request, without what is absent.
fn summary(parsed: &Parsed) -> Value {
    let Parsed {
        format,
        messages,
        ignored,
    } = parsed;
    let messages: Vec<_> = messages.iter().map(message).collect();
    json!({"format": Format::name(*format), "ignored": ignored, "messages": messages})
}

fn message(message: &Incoming) -> Value {
    let key = &message.key;
    let mut summary = json!({
        "chat": key.chat, "fromMe": key.from_me, "id": key.id, "participant": key.participant,
        "phone": message.sender_phone, "lid": message.sender_lid, "time": message.timestamp,
        "name": message.push_name, "event": event(&message.event),
    });
    thin(&mut summary);
    summary
}

fn event(event: &Event) -> Value {
    match event {
        Event::Received(content) => json!({"received": self::content(content)}),
        Event::Edited { target, content } => {
            json!({"edited": target, "content": self::content(content)})
        }
        Event::Revoked { target } => json!({"revoked": target}),
        Event::Reaction { target, reaction } => json!({"reaction": reaction, "target": target}),
        Event::Vote { target } => json!({"vote": target}),
        Event::Placeholder { reason } => json!({"placeholder": reason}),
    }
}

fn content(content: &Content) -> Value {
    let media: Vec<_> = content.media.iter().map(file).collect();
    let mut summary = json!({
        "kind": content.kind, "text": content.text, "caption": content.caption,
        "quoted": content.quoted_id, "mentions": content.mentions,
        "viewOnce": content.view_once.then_some(true), "media": media, "fault": content.fault,
    });
    thin(&mut summary);
    summary
}

fn file(file: &MediaReference) -> Value {
    let mut summary = json!({
        "kind": MediaKind::as_str(file.kind), "mime": file.mime_type, "file": file.file_name,
        "length": file.file_length, "path": file.direct_path, "fault": file.fault,
        "sha256": file.sha256.as_ref().map(hex::encode),
    });
    thin(&mut summary);
    summary
}

fn thin(summary: &mut Value) {
    if let Value::Object(members) = summary {
        members.retain(|_, value| !value.is_null() && *value != json!([]));
    }
}
