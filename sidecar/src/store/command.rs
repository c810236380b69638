//! Calls that an event answers: kept until the file that they ask for reaches an end, which makes
//! `command.result` in the same transaction.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::announce::{self, FileEvent, error_facts};
use super::error::StoreError;
use super::ids::About;
use super::model::{MediaError, MediaStatus};
use super::prepare::json_list;
use super::writer::Tx;
use super::{Store, queue, read, sql};
use crate::message::MediaId;

/// A call to be answered later.
#[derive(Debug, Clone)]
pub struct NewCommand {
    /// Correlation id, new for each call.
    pub id: String,
    /// Ids of the endpoints that want its result.
    pub endpoints: Vec<String>,
}

impl Store {
    /// Like [`Store::request_persist`], but answered by `command.result`; at once, where the file
    /// is in the bucket already or will not come. False: there is no such file.
    pub async fn command_persist(
        &self,
        media: &MediaId,
        command: NewCommand,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (media, now) = (media.clone(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { begin(tx, &media, &command, now).await }))
            .await
    }
}

async fn begin(
    tx: &mut Tx,
    media: &MediaId,
    command: &NewCommand,
    now: i64,
) -> Result<bool, StoreError> {
    queue::request(tx, media, now).await?;
    // Writing the row, not only reading it, keeps another process from settling it meanwhile.
    let row = sql::query(
        "UPDATE media SET persist = TRUE WHERE tenant = $1 AND session = $2 AND id = $3
         RETURNING message, status, error",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&media.0)
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let message = row.try_get("message")?;
    match read::status(row.try_get("status")?)? {
        MediaStatus::Stored => answer(tx, media, message, command, None, now).await?,
        MediaStatus::Failed => {
            let error = read::error(&row)?;
            answer(tx, media, message, command, error.as_ref(), now).await?;
        }
        _ => keep(tx, media, command, now).await?,
    }
    Ok(true)
}

async fn keep(
    tx: &mut Tx,
    media: &MediaId,
    command: &NewCommand,
    now: i64,
) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO commands (tenant, session, id, media, created_at, endpoints)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&command.id)
    .bind(&media.0)
    .bind(now)
    .bind(json_list(&command.endpoints)?)
    .execute(&mut tx.conn)
    .await?;
    Ok(())
}

/// Answers every call that asks for a file, which reached its end: in the bucket, or not, with
/// `error`.
pub(super) async fn settle(
    tx: &mut Tx,
    media: &MediaId,
    message: i64,
    error: Option<&MediaError>,
    now: i64,
) -> Result<(), StoreError> {
    let rows = sql::query(
        "SELECT id, endpoints FROM commands
         WHERE tenant = $1 AND session = $2 AND media = $3 ORDER BY created_at, id",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&media.0)
    .fetch_all(&mut tx.conn)
    .await?;
    if rows.is_empty() {
        return Ok(());
    }
    for row in rows {
        let endpoints: String = row.try_get(1)?;
        let command = NewCommand {
            id: row.try_get(0)?,
            endpoints: read::words(&endpoints)?,
        };
        answer(tx, media, message, &command, error, now).await?;
    }
    sql::query("DELETE FROM commands WHERE tenant = $1 AND session = $2 AND media = $3")
        .bind(&tx.session.tenant)
        .bind(&tx.session.session)
        .bind(&media.0)
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}

async fn answer(
    tx: &mut Tx,
    media: &MediaId,
    message: i64,
    command: &NewCommand,
    error: Option<&MediaError>,
    now: i64,
) -> Result<(), StoreError> {
    let mut facts = Map::from_iter([
        ("correlationId".to_owned(), command.id.as_str().into()),
        ("success".to_owned(), error.is_none().into()),
    ]);
    // On success the result is the file's MediaInfo, which is rendered anew for each attempt.
    if let Some(error) = error {
        facts.insert("result".to_owned(), Value::Object(error_facts(error)));
    }
    let event = FileEvent {
        message,
        name: "command.result",
        about: About::Command(&command.id),
        media,
        facts,
        endpoints: &command.endpoints,
    };
    announce::tell(tx, event, now).await
}
