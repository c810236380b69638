//! When events come about: a held one is released by the first of stored, failed and deadline, in
//! the transaction that wrote that state; afterwards each file speaks for itself.

use super::announce::{FileEvent, error_facts, tell};
use super::command;
use super::error::StoreError;
use super::ids::About;
use super::model::{MediaError, MediaStatus, Outcome};
use super::phone::waits_for_phone;
use super::read;
use super::rows;
use super::sql::{self, Row};
use super::writer::Tx;
use crate::message::MediaId;

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
    /// It has not, and waits for the phone.
    waits: bool,
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
            waits: false,
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

/// The phone was asked for a file of the queue, which may take days: `media.failed`, retryable, unless
/// the message's event is held for it, which tells of it when it goes.
pub(super) async fn announce_wait(
    tx: &mut Tx,
    file: &Settled,
    awaited: bool,
    now: i64,
) -> Result<(), StoreError> {
    if awaited && held_event(tx, file.message).await?.is_some() {
        return Ok(());
    }
    follow_up(tx, file, now).await?;
    end_round(tx, &file.id).await
}

/// What follows of a file is another event than what was told.
async fn end_round(tx: &mut Tx, id: &MediaId) -> Result<(), StoreError> {
    sql::query("UPDATE media SET round = round + 1 WHERE tenant = $1 AND session = $2 AND id = $3")
        .bind(&tx.session.tenant)
        .bind(&tx.session.session)
        .bind(&id.0)
        .execute(&mut tx.conn)
        .await?;
    Ok(())
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
        if file.waits {
            end_round(tx, &file.id).await?;
        }
    }
    Ok(())
}

/// The files of messages that their events waited for and that reached an end, or wait for the phone.
async fn finished(tx: &mut Tx, messages: &[i64]) -> Result<Vec<Settled>, StoreError> {
    let mut finished = Vec::new();
    for list in rows::lists(messages) {
        let query = rows::list_statement(
            "SELECT id, message, followups, round, error, status FROM media WHERE message IN ",
            list.len(),
            " AND awaited AND (status IN ('stored', 'failed') OR phone = 'asked')
              ORDER BY message, position",
        );
        for row in query.bind_all(list).fetch_all(&mut tx.conn).await? {
            let id = MediaId(row.try_get("id")?);
            let status = read::status(row.try_get("status")?)?;
            let ended = matches!(status, MediaStatus::Stored | MediaStatus::Failed);
            if ended || waits_for_phone(&row)? {
                let mut file = Settled::of(&id, &row, read::error(&row)?)?;
                file.waits = !ended;
                finished.push(file);
            }
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
