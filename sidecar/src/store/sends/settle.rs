//! What became of a message, and the event that tells it.

use jiff::Timestamp;
use serde_json::{Map, json};

use super::{Outcome, SendError, Sent, unreadable};
use crate::store::error::StoreError;
use crate::store::event::{Announcement, NO_MESSAGE, announce_to};
use crate::store::ids::{self, About};
use crate::store::sql::{self, Row};
use crate::store::writer::Tx;
use crate::store::{Store, read};

impl Store {
    /// It was sent; if nobody waited, `command.result` comes about in the same transaction.
    pub async fn send_done(&self, id: &str, sent: Sent, now: Timestamp) -> Result<(), StoreError> {
        self.end_send(id, Outcome::Sent(sent), now).await
    }

    /// It was not sent and will not be; told like [`Self::send_done`].
    pub async fn send_failed(
        &self,
        id: &str,
        error: SendError,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.end_send(id, Outcome::Failed(error), now).await
    }

    /// It will be tried again at `due`; those behind it in its chat wait.
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
            Box::pin(async move { end(tx, &id, "queued", &Outcome::Failed(error), now).await })
        })
        .await
    }

    async fn end_send(&self, id: &str, outcome: Outcome, now: Timestamp) -> Result<(), StoreError> {
        let (of, now) = (id.to_owned(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { end(tx, &of, "running", &outcome, now).await }))
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

async fn wait(tx: &mut Tx, id: &str, due: i64) -> Result<(), StoreError> {
    sql::query(
        "UPDATE sends SET state = 'queued', due_at = $4, attempts = attempts + 1
         WHERE tenant = $1 AND session = $2 AND id = $3 AND state = 'running'",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(id)
    .bind(due)
    .execute(&mut tx.conn)
    .await?;
    tx.sends_changed = true;
    Ok(())
}

/// Ends a message that is in `state`. False: it is in none such.
async fn end(
    tx: &mut Tx,
    id: &str,
    state: &str,
    outcome: &Outcome,
    now: i64,
) -> Result<bool, StoreError> {
    let row = sql::query(
        "UPDATE sends SET state = $5, finished_at = $6, due_at = NULL, outcome = $7,
           file_key = NULL, file_key_id = NULL
         WHERE tenant = $1 AND session = $2 AND id = $3 AND state = $4
         RETURNING id, chat, patient, endpoints",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(id)
    .bind(state)
    .bind(word(outcome))
    .bind(now)
    .bind(serde_json::to_string(outcome).map_err(|_| unreadable("sends.outcome"))?)
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(false) };
    // The next of its chat may go.
    tx.sends_changed = true;
    if row.try_get("patient")? {
        tell(tx, &row, outcome, now).await?;
    }
    Ok(true)
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent(_) => "sent",
        Outcome::Failed(_) => "failed",
    }
}

/// Ends every message of `rows`, which have `id`, with `error`.
pub(super) async fn end_all(
    tx: &mut Tx,
    rows: &[Row],
    error: &SendError,
    now: i64,
) -> Result<(), StoreError> {
    for row in rows {
        let id: String = row.try_get("id")?;
        let state: String = row.try_get("state")?;
        end(tx, &id, &state, &Outcome::Failed(error.clone()), now).await?;
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
            json!({"id": sent.id, "status": "sent", "timestamp": sent.timestamp})
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
