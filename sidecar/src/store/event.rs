//! When events come about: a held one is released by the first of stored, failed and deadline, in
//! the transaction that wrote that state; afterwards each file speaks for itself.

use super::command;
use super::error::StoreError;
use super::ids::{self, About, KeyHash};
use super::insert::{self, DeliveryInsert};
use super::lane;
use super::model::{MediaError, Outcome};
use super::prepare::json_list;
use super::read;
use super::rows;
use super::sql::{self, Row};
use super::writer::Tx;
use crate::message::MediaId;

/// In the place of a message's number: the event is about none that is kept.
pub(super) const NO_MESSAGE: i64 = 0;

/// Events released in one transaction when time runs out: nobody waits long behind them.
const STEP: i64 = 256;

/// A file that reached an end.
#[derive(Debug)]
pub(super) struct Settled {
    id: MediaId,
    message: i64,
    /// Endpoints that want to hear of it.
    followups: Vec<String>,
    round: i64,
    /// `None`: it is in the bucket.
    error: Option<MediaError>,
}

impl Settled {
    /// Reads `message`, `followups` and `round`.
    pub(super) fn of(
        id: &MediaId,
        row: &Row,
        error: Option<MediaError>,
    ) -> Result<Self, StoreError> {
        let followups: String = row.try_get("followups")?;
        Ok(Self {
            id: id.clone(),
            message: row.try_get("message")?,
            followups: read::words(&followups)?,
            round: row.try_get("round")?,
            error,
        })
    }

    /// Name of its own event.
    fn event(&self) -> &'static str {
        match self.error {
            None => "media.persisted",
            Some(_) => "media.failed",
        }
    }
}

/// Releases the event that waits for this file, if it was the last one; if the event went without
/// it, makes `media.persisted` or `media.failed`. Then answers the commands that asked for it.
pub(super) async fn settle(tx: &mut Tx, file: &Settled, now: i64) -> Result<(), StoreError> {
    announce(tx, file, now).await?;
    command::settle(tx, &file.id, file.message, file.error.as_ref(), now).await
}

async fn announce(tx: &mut Tx, file: &Settled, now: i64) -> Result<(), StoreError> {
    let Some(event) = held_event(tx, file.message).await? else {
        return follow_up(tx, file, now).await;
    };
    let row = sql::query(
        "SELECT COUNT(CASE WHEN status NOT IN ('stored', 'failed') AND awaited THEN 1 END),
                COUNT(CASE WHEN status = 'failed' THEN 1 END)
         FROM media WHERE message = $1",
    )
    .bind(file.message)
    .fetch_one(&mut tx.conn)
    .await?;
    let (open, failed): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if open > 0 {
        return Ok(());
    }
    let outcome = if failed > 0 {
        Outcome::Failed
    } else {
        Outcome::Stored
    };
    release(tx, &[event], outcome, now).await?;
    tell_others(tx, event, file.message, now).await
}

/// The event of a message that still waits for its media.
async fn held_event(tx: &mut Tx, message: i64) -> Result<Option<i64>, StoreError> {
    sql::query(
        "SELECT number FROM events
         WHERE message = $1 AND done_at IS NULL AND hold_until IS NOT NULL",
    )
    .bind(message)
    .scalar(&mut tx.conn)
    .await
}

/// Lets an event go that waits for no file any more, since the last one was forgotten.
pub(super) async fn release_if_idle(tx: &mut Tx, message: i64, now: i64) -> Result<(), StoreError> {
    let Some(event) = held_event(tx, message).await? else {
        return Ok(());
    };
    let open: Option<i64> = sql::query(
        "SELECT COUNT(*) FROM media
         WHERE message = $1 AND awaited AND status NOT IN ('stored', 'failed')",
    )
    .bind(message)
    .scalar(&mut tx.conn)
    .await?;
    if open > Some(0) {
        return Ok(());
    }
    release_without(tx, &[event], &[message], now).await
}

/// Lets an event go whose time ran out while its transfer did.
pub(super) async fn release_if_overdue(
    tx: &mut Tx,
    message: i64,
    now: i64,
) -> Result<(), StoreError> {
    let event: Option<i64> = sql::query(
        "SELECT number FROM events
         WHERE message = $1 AND done_at IS NULL AND hold_until <= $2",
    )
    .bind(message)
    .bind(now)
    .scalar(&mut tx.conn)
    .await?;
    match event {
        Some(event) => release_without(tx, &[event], &[message], now).await,
        None => Ok(()),
    }
}

/// Releases events held at most until `until`, one step's worth. Answers how many.
pub(super) async fn release_step(tx: &mut Tx, until: i64, now: i64) -> Result<usize, StoreError> {
    let overdue = sql::query(
        "SELECT number, message FROM events
         WHERE tenant = $1 AND session = $2 AND hold_until <= $3
         ORDER BY hold_until, number LIMIT $4",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(until)
    .bind(STEP)
    .fetch_all(&mut tx.conn)
    .await?;
    let mut events = Vec::with_capacity(overdue.len());
    let mut messages = Vec::with_capacity(overdue.len());
    for row in &overdue {
        events.push(row.try_get(0)?);
        messages.push(row.try_get(1)?);
    }
    release_without(tx, &events, &messages, now).await?;
    Ok(events.len())
}

/// Releases events without (all of) their media. The files that are done already get their own
/// events at once, the others when they are.
async fn release_without(
    tx: &mut Tx,
    events: &[i64],
    messages: &[i64],
    now: i64,
) -> Result<(), StoreError> {
    release(tx, events, Outcome::Deadline, now).await?;
    for file in finished(tx, messages).await? {
        follow_up(tx, &file, now).await?;
    }
    Ok(())
}

/// The files of messages that their events waited for and that reached an end.
async fn finished(tx: &mut Tx, messages: &[i64]) -> Result<Vec<Settled>, StoreError> {
    let mut finished = Vec::new();
    for list in rows::lists(messages) {
        let query = rows::list_statement(
            "SELECT id, message, followups, round, error FROM media WHERE message IN ",
            list.len(),
            " AND awaited AND status IN ('stored', 'failed') ORDER BY message, position",
        );
        for row in query.bind_all(list).fetch_all(&mut tx.conn).await? {
            let id = MediaId(row.try_get("id")?);
            finished.push(Settled::of(&id, &row, read::error(&row)?)?);
        }
    }
    Ok(finished)
}

/// An endpoint that wants `media.persisted` but not the message's own event hears of every file.
async fn tell_others(tx: &mut Tx, event: i64, message: i64, now: i64) -> Result<(), StoreError> {
    let told: Vec<String> = sql::query("SELECT endpoint FROM deliveries WHERE event = $1")
        .bind(event)
        .scalars(&mut tx.conn)
        .await?;
    for mut file in finished(tx, &[message]).await? {
        file.followups.retain(|endpoint| !told.contains(endpoint));
        follow_up(tx, &file, now).await?;
    }
    Ok(())
}

/// Lets the deliveries of events go, each when its lane lets it.
async fn release(
    tx: &mut Tx,
    events: &[i64],
    outcome: Outcome,
    now: i64,
) -> Result<(), StoreError> {
    for list in rows::lists(events) {
        let size = list.len();
        let deliveries = rows::list_statement(
            "UPDATE deliveries SET
               state = CASE WHEN opened_at IS NULL THEN 'blocked' ELSE 'pending' END,
               due_at = CASE WHEN opened_at < ? THEN ? ELSE opened_at END
             WHERE state = 'held' AND event IN ",
            size,
            "",
        );
        let released = rows::list_statement(
            "UPDATE events SET hold_until = NULL, outcome = ?, done_at = CASE WHEN EXISTS (
                 SELECT 1 FROM deliveries WHERE event = events.number AND state <> 'delivered')
               THEN NULL ELSE ? END
             WHERE number IN ",
            size,
            "",
        );
        let deliveries = deliveries.bind(now).bind(now);
        let released = released.bind(outcome.as_str()).bind(now);
        let events = list.iter().copied();
        deliveries
            .bind_all(events.clone())
            .execute(&mut tx.conn)
            .await?;
        released.bind_all(events).execute(&mut tx.conn).await?;
    }
    tx.outbox_changed = true;
    Ok(())
}

/// `media.persisted` or `media.failed` for one file.
async fn follow_up(tx: &mut Tx, file: &Settled, now: i64) -> Result<(), StoreError> {
    let facts = match &file.error {
        None => serde_json::Map::new(),
        Some(error) => error_facts(error),
    };
    let event = FileEvent {
        message: file.message,
        name: file.event(),
        about: About::Media(&file.id, file.round),
        media: &file.id,
        facts,
        endpoints: &file.followups,
    };
    tell(tx, event, now).await
}

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
