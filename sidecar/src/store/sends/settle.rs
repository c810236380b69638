//! What became of a message, and the event that tells it.

use jiff::Timestamp;
use serde_json::{Map, json};

use super::{Outcome, SendError, Sent, unreadable};
use crate::store::announce::{Announcement, NO_MESSAGE, announce_to};
use crate::store::error::StoreError;
use crate::store::ids::{self, About};
use crate::store::sql::{self, Row};
use crate::store::writer::Tx;
use crate::store::{NewMessage, Store, accept, prepare, read};

impl Store {
    /// It was sent, whoever works on it now; if nobody waited, `command.result` comes about in the same
    /// transaction.
    pub async fn send_done(&self, id: &str, sent: Sent, now: Timestamp) -> Result<(), StoreError> {
        self.end_send(id, Outcome::Sent(sent), None, now).await
    }

    /// [`Self::send_done`] of a message that the session keeps like those that it received: `message`,
    /// its file and its event come about in the same transaction.
    pub async fn send_done_and_kept(
        &self,
        id: &str,
        sent: Sent,
        message: NewMessage,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (seal, at) = (self.seal(), now.as_millisecond());
        let row = prepare::prepare(self.session(), seal.as_deref(), message, at)?;
        self.end_send(id, Outcome::Sent(sent), Some(row), now).await
    }

    /// It was not sent and will not be; told like [`Self::send_done`]. What another replica took over
    /// meanwhile is its to judge.
    pub async fn send_failed(
        &self,
        id: &str,
        error: SendError,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.end_send(id, Outcome::Failed(error), None, now).await
    }

    /// It will be tried again at `due`; those behind it in its chat wait. As with
    /// [`Self::send_failed`], not if another replica took it over.
    pub async fn send_waiting(&self, id: &str, due: Timestamp) -> Result<(), StoreError> {
        let (of, due) = (id.to_owned(), due.as_millisecond());
        self.write(move |tx| Box::pin(async move { wait(tx, &of, due).await }))
            .await?;
        self.let_go_of_send(id);
        Ok(())
    }

    /// Takes back a message that is still queued. False: it is on its way, or has ended.
    pub async fn withdraw_send(
        &self,
        id: &str,
        error: SendError,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, now) = (id.to_owned(), now.as_millisecond());
        self.write(move |tx| {
            Box::pin(async move {
                let ending = Ending {
                    from: Where::State("queued"),
                    outcome: Outcome::Failed(error),
                    now,
                };
                end(tx, &id, &ending).await
            })
        })
        .await
    }

    async fn end_send(
        &self,
        id: &str,
        outcome: Outcome,
        kept: Option<prepare::Row>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let of = id.to_owned();
        let ending = Ending {
            from: match outcome {
                // What is sent is sent.
                Outcome::Sent(_) => Where::Any,
                Outcome::Failed(_) => Where::Here,
            },
            outcome,
            now: now.as_millisecond(),
        };
        self.write(move |tx| {
            Box::pin(async move {
                if end(tx, &of, &ending).await?
                    && let Some(row) = kept
                {
                    accept::accept(tx, vec![row]).await?;
                }
                Ok(())
            })
        })
        .await?;
        self.let_go_of_send(id);
        Ok(())
    }

    fn let_go_of_send(&self, id: &str) {
        if let Some(held) = self.held() {
            held.remove_send(id);
        }
    }
}

/// How a message ends.
#[derive(Debug)]
struct Ending<'a> {
    from: Where<'a>,
    outcome: Outcome,
    now: i64,
}

/// Where a message must be for an outcome to count; it has not ended in any case.
#[derive(Debug)]
enum Where<'a> {
    /// Anywhere.
    Any,
    /// In this state, whoever has it.
    State(&'a str),
    /// On its way from this replica.
    Here,
}

async fn wait(tx: &mut Tx, id: &str, due: i64) -> Result<(), StoreError> {
    let waits = sql::query(
        "UPDATE sends SET state = 'queued', due_at = $4, attempts = attempts + 1
         WHERE tenant = $1 AND session = $2 AND id = $3 AND state = 'running'
           AND (owner IS NULL OR owner = $5)",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(id)
    .bind(due)
    .bind(tx.owner.as_deref())
    .execute(&mut tx.conn)
    .await?;
    tx.sends_changed |= waits > 0;
    Ok(())
}

/// Ends a message, and lets the next of its chat go. False: it was not where it must be.
async fn end(tx: &mut Tx, id: &str, ending: &Ending<'_>) -> Result<bool, StoreError> {
    let (state, here) = match ending.from {
        Where::Any => (None, false),
        Where::State(state) => (Some(state), false),
        Where::Here => (Some("running"), true),
    };
    let outcome = &ending.outcome;
    let row = sql::query(
        "UPDATE sends SET state = $4, finished_at = $5, due_at = NULL, outcome = $6, message = '',
           file_key = NULL, file_key_id = NULL, upload = NULL
         WHERE tenant = $1 AND session = $2 AND id = $3 AND finished_at IS NULL
           AND ($7 OR state = $8) AND ($9 OR owner IS NULL OR owner = $10)
         RETURNING id, chat, patient, endpoints",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(id)
    .bind(word(outcome))
    .bind(ending.now)
    .bind(serde_json::to_string(outcome).map_err(|_| unreadable("sends.outcome"))?)
    .bind(state.is_none())
    .bind(state)
    .bind(!here)
    .bind(tx.owner.as_deref())
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(false) };
    open_next(tx, &row.try_get::<String, _>("chat")?, ending.now).await?;
    if row.try_get("patient")? {
        tell(tx, &row, outcome, ending.now).await?;
    }
    Ok(true)
}

/// The first of a chat that has not ended is due, if it only waited for its turn.
async fn open_next(tx: &mut Tx, chat: &str, now: i64) -> Result<(), StoreError> {
    let opened = sql::query(
        "UPDATE sends SET due_at = $4
         WHERE state = 'queued' AND due_at IS NULL AND number = (
           SELECT number FROM sends
           WHERE tenant = $1 AND session = $2 AND chat = $3 AND finished_at IS NULL
           ORDER BY number LIMIT 1)",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(chat)
    .bind(now)
    .execute(&mut tx.conn)
    .await?;
    tx.sends_changed |= opened > 0;
    Ok(())
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent(_) => "sent",
        Outcome::Failed(_) => "failed",
    }
}

/// Ends messages with `error`, each from the state that its row has. Reads `id` and `state`.
pub(super) async fn end_all(
    tx: &mut Tx,
    rows: &[Row],
    error: &SendError,
    now: i64,
) -> Result<(), StoreError> {
    for row in rows {
        let (id, state): (String, String) = (row.try_get("id")?, row.try_get("state")?);
        let ending = Ending {
            from: Where::State(&state),
            outcome: Outcome::Failed(error.clone()),
            now,
        };
        end(tx, &id, &ending).await?;
    }
    Ok(())
}

/// Writes `command.result`; nothing where nobody wants it.
async fn tell(tx: &mut Tx, row: &Row, outcome: &Outcome, now: i64) -> Result<(), StoreError> {
    let (id, chat): (String, String) = (row.try_get("id")?, row.try_get("chat")?);
    let endpoints: String = row.try_get("endpoints")?;
    let endpoints = read::words(&endpoints)?;
    if endpoints.is_empty() {
        return Ok(());
    }
    let result = match outcome {
        Outcome::Sent(sent) => {
            let mut result = json!({"id": sent.id, "status": "sent", "timestamp": sent.timestamp});
            if let (Some(media), Some(members)) = (&sent.media_id, result.as_object_mut()) {
                members.insert("mediaId".to_owned(), media.as_str().into());
            }
            result
        }
        Outcome::Failed(error) => json!(error),
    };
    let facts = Map::from_iter([
        ("correlationId".to_owned(), id.as_str().into()),
        (
            "success".to_owned(),
            matches!(outcome, Outcome::Sent(_)).into(),
        ),
        ("chatId".to_owned(), chat.as_str().into()),
        ("result".to_owned(), result),
    ]);
    let name = "command.result";
    let event = Announcement {
        id: ids::event_id(&tx.session, &[0; 32], name, &About::Command(&id)),
        message: NO_MESSAGE,
        name,
        chat,
        media: &[],
        facts,
        endpoints: &endpoints,
    };
    announce_to(tx, event, now).await
}
