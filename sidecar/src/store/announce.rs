//! Writes an event and its deliveries.

use super::error::StoreError;
use super::ids::{self, About, KeyHash};
use super::insert::{self, DeliveryInsert};
use super::lane;
use super::model::MediaError;
use super::prepare::json_list;
use super::sql;
use super::writer::Tx;
use crate::message::MediaId;

/// In the place of a message's number: the event is about none that is kept.
pub(super) const NO_MESSAGE: i64 = 0;

/// An error as members of a payload.
pub(super) fn error_facts(error: &MediaError) -> serde_json::Map<String, serde_json::Value> {
    let MediaError {
        code,
        message,
        retryable,
    } = error;
    serde_json::Map::from_iter([
        ("code".to_owned(), code.as_str().into()),
        ("message".to_owned(), message.as_str().into()),
        ("retryable".to_owned(), (*retryable).into()),
    ])
}

/// An event about one file, beside that of its message.
#[derive(Debug)]
pub(super) struct FileEvent<'a> {
    /// Number of the file's message.
    pub(super) message: i64,
    pub(super) name: &'static str,
    pub(super) about: About<'a>,
    pub(super) media: &'a MediaId,
    /// What the payload says beside the ids.
    pub(super) facts: serde_json::Map<String, serde_json::Value>,
    pub(super) endpoints: &'a [String],
}

/// Writes an event about a file and its deliveries; nothing where nobody wants it.
pub(super) async fn tell(tx: &mut Tx, news: FileEvent<'_>, now: i64) -> Result<(), StoreError> {
    if news.endpoints.is_empty() {
        return Ok(());
    }
    let message = sql::query("SELECT key, chat, message_id FROM messages WHERE number = $1")
        .bind(news.message)
        .fetch_optional(&mut tx.conn)
        .await?;
    let Some(message) = message else {
        return Ok(());
    };
    let key: Vec<u8> = message.try_get(0)?;
    let hash = KeyHash::try_from(key).map_err(|_| StoreError::Unreadable {
        column: "messages.key",
    })?;
    let chat: String = message.try_get(1)?;
    let message_id: String = message.try_get(2)?;
    let mut facts = news.facts;
    facts.insert("messageId".to_owned(), message_id.into());
    facts.insert("chatId".to_owned(), chat.as_str().into());
    facts.insert("mediaId".to_owned(), news.media.0.as_str().into());
    let event = Announcement {
        id: ids::event_id(&tx.session, &hash, news.name, &news.about),
        message: news.message,
        name: news.name,
        chat,
        media: std::slice::from_ref(news.media),
        facts,
        endpoints: news.endpoints,
    };
    announce_to(tx, event, now).await
}

/// An event that waits for nothing.
#[derive(Debug)]
pub(super) struct Announcement<'a> {
    pub(super) id: String,
    /// Number of its message, or [`NO_MESSAGE`].
    pub(super) message: i64,
    pub(super) name: &'static str,
    pub(super) chat: String,
    pub(super) media: &'a [MediaId],
    pub(super) facts: serde_json::Map<String, serde_json::Value>,
    pub(super) endpoints: &'a [String],
}

/// Writes an event and one delivery per endpoint.
pub(super) async fn announce_to(
    tx: &mut Tx,
    event: Announcement<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let number = tx.numbers.event();
    sql::query(
        "INSERT INTO events (number, tenant, session, id, message, name, chat, created_at, media,
         facts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(number)
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(event.id)
    .bind(event.message)
    .bind(event.name)
    .bind(&event.chat)
    .bind(now)
    .bind(json_list(event.media)?)
    .bind(serde_json::Value::Object(event.facts).to_string())
    .execute(&mut tx.conn)
    .await?;
    deliver(tx, number, &event.chat, event.endpoints, now).await
}

/// One delivery of an event per endpoint, each at the end of its lane.
pub(super) async fn deliver(
    tx: &mut Tx,
    event: i64,
    chat: &str,
    endpoints: &[String],
    now: i64,
) -> Result<(), StoreError> {
    let lanes: Vec<lane::Lane> = endpoints
        .iter()
        .map(|endpoint| (endpoint.clone(), chat.to_owned()))
        .collect();
    let tails = lane::tails(tx, &lanes).await?;
    let mut deliveries = Vec::with_capacity(lanes.len());
    for lane in &lanes {
        let number = tx.numbers.delivery();
        let opens = lane::opens(tails.get(lane), now);
        deliveries.push(DeliveryInsert::new(number, event, lane, opens, false));
    }
    tx.outbox_changed = true;
    insert::deliveries(tx, &deliveries).await
}
