//! Row numbers: ascending within a session, which is what the order of a lane goes by.

use super::conn::Conn;
use super::error::StoreError;
use super::sql;

/// The next row numbers, one counter per table.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    message: i64,
    media: i64,
    event: i64,
    delivery: i64,
    send: i64,
}

// === impl Numbers ===

impl Numbers {
    /// Continues after the highest numbers in a file: its one writer gives them all out.
    pub(super) async fn load(conn: &mut Conn) -> Result<Self, StoreError> {
        let row = sql::query(
            "SELECT (SELECT COALESCE(MAX(number), 0) FROM messages),
                    (SELECT COALESCE(MAX(number), 0) FROM media),
                    (SELECT COALESCE(MAX(number), 0) FROM events),
                    (SELECT COALESCE(MAX(number), 0) FROM deliveries),
                    (SELECT COALESCE(MAX(number), 0) FROM sends)",
        )
        .fetch_one(conn)
        .await?;
        Ok(Self {
            message: row.try_get(0)?,
            media: row.try_get(1)?,
            event: row.try_get(2)?,
            delivery: row.try_get(3)?,
            send: row.try_get(4)?,
        })
    }

    /// Those of a block that the database's sequence gave to one transaction. Taken while the
    /// session's lock is held, blocks ascend in the order of the session's transactions. A block has
    /// four million (the sequence's increment): a request of 8 MiB needs far less.
    pub(super) fn block(start: i64) -> Self {
        Self {
            message: start,
            media: start,
            event: start,
            delivery: start,
            send: start,
        }
    }

    pub(super) fn message(&mut self) -> i64 {
        self.message += 1;
        self.message
    }

    pub(super) fn media(&mut self) -> i64 {
        self.media += 1;
        self.media
    }

    pub(super) fn event(&mut self) -> i64 {
        self.event += 1;
        self.event
    }

    pub(super) fn delivery(&mut self) -> i64 {
        self.delivery += 1;
        self.delivery
    }

    pub(super) fn send(&mut self) -> i64 {
        self.send += 1;
        self.send
    }
}
