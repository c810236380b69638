//! Dead letters: deliveries that were given up, kept until they are replayed or their record goes.

use jiff::Timestamp;

use super::error::StoreError;
use super::page::PageSize;
use super::sql::{self, Row};
use super::{Store, read};

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Id of the event: what a replay names.
    pub event_id: String,
    /// Name of the event.
    pub event: String,
    /// Id of the endpoint.
    pub endpoint: String,
    /// Chat of the event.
    pub chat: String,
    /// WhatsApp's id of the message that it is about, while that is kept.
    pub message_id: Option<String>,
    /// Attempts that were made.
    pub attempts: u32,
    /// Why it was given up; never with a secret.
    pub error: Option<String>,
    /// When the event came about.
    pub created_at: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// Which dead letters to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct DeadLetterFilter {
    /// `next_cursor` of the page before.
    pub cursor: Option<i64>,
    /// Only those of this endpoint.
    pub endpoint: Option<String>,
    /// Only those given up at or after this.
    pub since: Option<Timestamp>,
    /// Page size; at least 1.
    pub limit: usize,
}

/// One page of dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// Pass it on for the next page; `None` on the last.
    pub next_cursor: Option<i64>,
}

impl Store {
    /// Dead letters that match, newest first.
    pub async fn dead_letters(&self, filter: DeadLetterFilter) -> Result<DeadLetters, StoreError> {
        let size = PageSize::of(filter.limit);
        let since = filter.since.map_or(i64::MIN, Timestamp::as_millisecond);
        let mut conn = self.reader().await?;
        let rows = sql::query(
            "SELECT d.number, d.endpoint, d.attempts, d.last_error, d.finished_at, e.id AS event_id,
               e.name, e.chat, e.created_at, m.message_id
             FROM deliveries d JOIN events e ON e.number = d.event
               LEFT JOIN messages m ON m.number = e.message
             WHERE d.tenant = $1 AND d.session = $2 AND d.state = 'dead' AND d.number < $3
               AND d.finished_at >= $4 AND ($5 OR d.endpoint = $6)
             ORDER BY d.number DESC LIMIT $7",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(filter.cursor.unwrap_or(i64::MAX))
        .bind(since)
        .bind(filter.endpoint.is_none())
        .bind(filter.endpoint.unwrap_or_default())
        .bind(size.to_read())
        .fetch_all(&mut conn)
        .await?;
        drop(conn);
        let (rows, next_cursor) = size.cut(rows)?;
        let letters = rows.iter().map(letter).collect::<Result<_, _>>()?;
        Ok(DeadLetters {
            letters,
            next_cursor,
        })
    }
}

fn letter(row: &Row) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        event_id: row.try_get("event_id")?,
        event: row.try_get("name")?,
        endpoint: row.try_get("endpoint")?,
        chat: row.try_get("chat")?,
        message_id: row.try_get("message_id")?,
        attempts: read::count(row.try_get("attempts")?),
        error: row.try_get("last_error")?,
        created_at: read::time(row.try_get("created_at")?)?,
        died_at: read::time(row.try_get("finished_at")?)?,
    })
}
