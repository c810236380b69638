//! Media records: one, and lists of them.

use super::Store;
use super::error::StoreError;
use super::ids::indexed;
use super::model::{MediaFilter, MediaRecord, Page};
use super::page::PageSize;
use super::read::{self, record_columns};
use super::reference::kind_word;
use super::sql::{self, Query};
use crate::message::MediaId;

impl Store {
    /// The record of a file, if there is one.
    pub async fn media(&self, id: &MediaId) -> Result<Option<MediaRecord>, StoreError> {
        let seal = self.seal();
        let mut conn = self.reader().await?;
        let row = sql::query(concat!(
            "SELECT ",
            record_columns!(),
            " FROM media f JOIN messages m ON m.number = f.message
             WHERE f.tenant = $1 AND f.session = $2 AND f.id = $3"
        ))
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(&id.0)
        .fetch_optional(&mut conn)
        .await?;
        row.map(|row| read::record(&row, self.session(), seal.as_deref()))
            .transpose()
    }

    /// Records that match, newest first.
    pub async fn list(&self, filter: MediaFilter) -> Result<Page, StoreError> {
        let size = PageSize::of(filter.limit);
        let seal = self.seal();
        let query = sql::query(concat!(
            "SELECT ",
            record_columns!(),
            " FROM media f JOIN messages m ON m.number = f.message"
        ))
        .and(" WHERE f.tenant = ?", &self.session().tenant)
        .and(" AND f.session = ?", &self.session().session);
        let query = narrow(query, &filter).and(" ORDER BY f.number DESC LIMIT ?", size.to_read());
        let mut conn = self.reader().await?;
        let rows = query.fetch_all(&mut conn).await?;
        drop(conn);
        let (rows, next_cursor) = size.cut(rows)?;
        let records = rows
            .iter()
            .map(|row| read::record(row, self.session(), seal.as_deref()))
            .collect::<Result<_, _>>()?;
        Ok(Page {
            records,
            next_cursor,
        })
    }
}

/// Adds the conditions of a filter.
fn narrow(mut query: Query, filter: &MediaFilter) -> Query {
    if let Some(cursor) = filter.cursor {
        query = query.and(" AND f.number < ?", cursor);
    }
    if let Some(status) = filter.status {
        query = query.and(" AND f.status = ?", status.as_str());
    }
    if let Some(kind) = filter.kind {
        query = query.and(" AND f.kind = ?", kind_word(kind));
    }
    if let Some(since) = filter.since {
        query = query.and(" AND f.received_at >= ?", since.as_millisecond());
    }
    if let Some(message_id) = &filter.message_id {
        query = query.and(" AND f.message_id = ?", indexed(message_id.clone()));
    }
    query
}
