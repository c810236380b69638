//! Multi-row inserts of what `accept` decided.

use super::error::StoreError;
use super::lane::{Lane, Tail};
use super::model::{MediaError, MediaStatus, Outcome};
use super::prepare::{MediaRow, Row};
use super::reference::kind_word;
use super::rows;
use super::sql::{self, Query};
use super::writer::Tx;

/// The rows of one run, per table.
#[derive(Debug, Default)]
pub(super) struct Inserts<'r> {
    pub(super) messages: Vec<MessageInsert<'r>>,
    pub(super) media: Vec<MediaInsert<'r>>,
    pub(super) events: Vec<EventInsert<'r>>,
    pub(super) deliveries: Vec<DeliveryInsert>,
}

#[derive(Debug)]
pub(super) struct MessageInsert<'r> {
    pub(super) number: i64,
    /// The row is there, as a placeholder.
    pub(super) replaces: bool,
    pub(super) row: &'r Row,
    /// JSON.
    pub(super) media: String,
}

#[derive(Debug)]
pub(super) struct MediaInsert<'r> {
    pub(super) number: i64,
    pub(super) message: i64,
    pub(super) position: usize,
    pub(super) row: &'r Row,
    pub(super) file: &'r MediaRow,
}

#[derive(Debug)]
pub(super) struct EventInsert<'r> {
    pub(super) number: i64,
    pub(super) message: i64,
    pub(super) row: &'r Row,
    pub(super) hold_until: Option<i64>,
    pub(super) outcome: Option<Outcome>,
    pub(super) done_at: Option<i64>,
    /// JSON.
    pub(super) media: String,
}

#[derive(Debug)]
pub(super) struct DeliveryInsert {
    number: i64,
    event: i64,
    endpoint: String,
    chat: String,
    state: &'static str,
    opened_at: Option<i64>,
    due_at: Option<i64>,
}

impl DeliveryInsert {
    /// A delivery of `event` at the end of its lane, which lets it go at `opened_at`.
    pub(super) fn new(
        number: i64,
        event: i64,
        lane: &Lane,
        opened_at: Option<i64>,
        held: bool,
    ) -> Self {
        let (state, due_at) = match (held, opened_at) {
            (true, _) => ("held", None),
            (false, Some(opened)) => ("pending", Some(opened)),
            (false, None) => ("blocked", None),
        };
        Self {
            number,
            event,
            endpoint: lane.0.clone(),
            chat: lane.1.clone(),
            state,
            opened_at,
            due_at,
        }
    }

    /// What the next one of its lane stands behind.
    pub(super) fn tail(&self) -> Tail {
        Tail {
            state: self.state.to_owned(),
            attempts: 0,
            opened_at: self.opened_at,
        }
    }
}

/// Writes them all.
pub(super) async fn all(tx: &mut Tx, inserts: &Inserts<'_>) -> Result<(), StoreError> {
    messages(tx, &inserts.messages).await?;
    media(tx, &inserts.media).await?;
    events(tx, &inserts.events).await?;
    deliveries(tx, &inserts.deliveries).await
}

async fn messages(tx: &mut Tx, list: &[MessageInsert<'_>]) -> Result<(), StoreError> {
    let (replaced, new): (Vec<_>, Vec<_>) = list.iter().partition(|insert| insert.replaces);
    for insert in replaced {
        replace_placeholder(tx, insert).await?;
    }
    for piece in rows::pieces(&new) {
        let mut query = rows::statement(
            "INSERT INTO messages (number, tenant, session, key, placeholder, from_me, received_at,
             timestamp, chat, participant, message_id, media) VALUES ",
            12,
            piece.len(),
            "",
        );
        for insert in piece {
            let row = insert.row;
            query = query
                .bind(insert.number)
                .bind(tx.session.tenant.clone())
                .bind(tx.session.session.clone())
                .bind(row.hash.to_vec())
                .bind(row.placeholder)
                .bind(row.from_me)
                .bind(row.received_at)
                .bind(row.timestamp)
                .bind(row.chat.clone())
                .bind(row.participant.clone())
                .bind(row.message_id.clone())
                .bind(insert.media.clone());
        }
        query.execute(&mut tx.conn).await?;
    }
    Ok(())
}

async fn replace_placeholder(tx: &mut Tx, insert: &MessageInsert<'_>) -> Result<(), StoreError> {
    sql::query(
        "UPDATE messages SET placeholder = $2, received_at = $3, timestamp = $4, media = $5
         WHERE number = $1",
    )
    .bind(insert.number)
    .bind(insert.row.placeholder)
    .bind(insert.row.received_at)
    .bind(insert.row.timestamp)
    .bind(&insert.media)
    .execute(&mut tx.conn)
    .await?;
    Ok(())
}

async fn media(tx: &mut Tx, list: &[MediaInsert<'_>]) -> Result<(), StoreError> {
    for piece in rows::pieces(list) {
        let mut query = rows::statement(
            "INSERT INTO media (number, tenant, session, id, message, message_id, position, kind,
             status, persist, awaited, received_at, expires_at, due_at, error, followups,
             media_key_id, media_key, reference, streaming_sidecar, jpeg_thumbnail) VALUES ",
            21,
            piece.len(),
            "",
        );
        for insert in piece {
            query = bind_media(query, &tx.session, insert)?;
        }
        query.execute(&mut tx.conn).await?;
    }
    Ok(())
}

fn bind_media(
    query: Query,
    session: &crate::message::SessionKey,
    insert: &MediaInsert<'_>,
) -> Result<Query, StoreError> {
    let (row, file) = (insert.row, insert.file);
    let status = match (file.is_faulty(), file.persist) {
        (true, _) => MediaStatus::Failed,
        (false, true) => MediaStatus::Queued,
        (false, false) => MediaStatus::Received,
    };
    let position = i64::try_from(insert.position).unwrap_or(i64::MAX);
    Ok(query
        .bind(insert.number)
        .bind(session.tenant.clone())
        .bind(session.session.clone())
        .bind(file.id.0.clone())
        .bind(insert.message)
        .bind(row.message_id.clone())
        .bind(position)
        .bind(kind_word(file.reference.kind))
        .bind(status.as_str())
        .bind(file.persist)
        .bind(file.is_awaited())
        .bind(row.received_at)
        .bind(file.expires_at)
        .bind((status == MediaStatus::Queued).then_some(row.now))
        .bind(fault(file)?)
        .bind(row.followups.clone())
        .bind(file.sealed.key_id.clone())
        .bind(file.sealed.bytes.clone())
        .bind(file.columns.json.clone())
        .bind(file.columns.streaming_sidecar.clone())
        .bind(file.columns.jpeg_thumbnail.clone()))
}

/// The error column of a file that the sender described wrongly.
fn fault(file: &MediaRow) -> Result<Option<String>, StoreError> {
    let Some(fault) = &file.reference.fault else {
        return Ok(None);
    };
    let error = MediaError {
        code: "media_invalid".to_owned(),
        message: fault.clone(),
        retryable: false,
    };
    super::read::error_json(&error).map(Some)
}

async fn events(tx: &mut Tx, list: &[EventInsert<'_>]) -> Result<(), StoreError> {
    for piece in rows::pieces(list) {
        let mut query = rows::statement(
            "INSERT INTO events (number, tenant, session, id, message, name, chat, created_at,
             hold_until, outcome, done_at, media, facts) VALUES ",
            13,
            piece.len(),
            "",
        );
        for insert in piece {
            let row = insert.row;
            query = query
                .bind(insert.number)
                .bind(tx.session.tenant.clone())
                .bind(tx.session.session.clone())
                .bind(row.event_id.clone())
                .bind(insert.message)
                .bind(row.event)
                .bind(row.chat.clone())
                .bind(row.received_at)
                .bind(insert.hold_until)
                .bind(insert.outcome.map(Outcome::as_str))
                .bind(insert.done_at)
                .bind(insert.media.clone())
                .bind(row.facts.clone());
        }
        query.execute(&mut tx.conn).await?;
    }
    Ok(())
}

/// Writes deliveries, in the order of their numbers.
pub(super) async fn deliveries(tx: &mut Tx, list: &[DeliveryInsert]) -> Result<(), StoreError> {
    for piece in rows::pieces(list) {
        let mut query = rows::statement(
            "INSERT INTO deliveries (number, tenant, session, event, endpoint, chat, state,
             opened_at, due_at) VALUES ",
            9,
            piece.len(),
            "",
        );
        for insert in piece {
            query = query
                .bind(insert.number)
                .bind(tx.session.tenant.clone())
                .bind(tx.session.session.clone())
                .bind(insert.event)
                .bind(insert.endpoint.clone())
                .bind(insert.chat.clone())
                .bind(insert.state)
                .bind(insert.opened_at)
                .bind(insert.due_at);
        }
        query.execute(&mut tx.conn).await?;
    }
    Ok(())
}
