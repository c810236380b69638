//! A connection of either kind, and how a transaction on it begins.

use sqlx::{Connection as _, SqliteConnection};

use super::error::StoreError;
use super::numbers::Numbers;
use super::postgres::Link;
use super::sql;
use super::sqlite::{self, Pages};

/// A connection to the store's database.
#[derive(Debug)]
pub(super) enum Conn {
    /// The session's file.
    Sqlite(SqliteConnection),
    /// A database that other replicas write to as well.
    Postgres(Link),
}

/// What a transaction on a shared database begins with.
#[derive(Debug)]
pub(super) struct Begun {
    /// The database's clock, Unix milliseconds: leases go by it, since those of replicas differ.
    pub(super) clock: i64,
    /// Row numbers to give out.
    pub(super) numbers: Numbers,
}

// === impl Conn ===

impl Conn {
    /// Begins a transaction that writes. From here to its end nobody else changes the session's
    /// lanes: SQLite has one writer, and on Postgres the session's lock is held. Answers what the
    /// database gives with it; `None`: this process alone counts and needs no leases.
    pub(super) async fn begin(&mut self) -> Result<Option<Begun>, StoreError> {
        match self {
            Self::Sqlite(_) => {
                self.execute("BEGIN IMMEDIATE").await?;
                Ok(None)
            }
            Self::Postgres(link) => link.begin().await.map(Some),
        }
    }

    /// Runs a statement without parameters.
    pub(super) async fn execute(&mut self, text: &'static str) -> Result<(), StoreError> {
        sql::query(text).execute(self).await?;
        Ok(())
    }

    /// The pages of a file; `None`: Postgres looks after its own.
    pub(super) async fn pages(&mut self) -> Result<Option<Pages>, StoreError> {
        match self {
            Self::Sqlite(conn) => sqlite::pages(conn).await.map(Some),
            Self::Postgres(_) => Ok(None),
        }
    }

    /// Ends a transaction that failed. A connection that can't even do that is not used again.
    pub(super) async fn roll_back(&mut self) {
        let ended = self.execute("ROLLBACK").await;
        if let (Self::Postgres(link), Err(_)) = (&mut *self, ended) {
            link.give_up();
        }
        // On SQLite there may be none: a full disk ends a transaction by itself.
    }

    /// Connects again where the connection was lost.
    pub(super) async fn ready(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(link) => link.ready().await,
        }
    }

    /// Closes it. What is committed is safe whatever comes of that.
    pub(super) async fn close(self) {
        let closed = match self {
            Self::Sqlite(conn) => conn.close().await,
            Self::Postgres(link) => link.close().await,
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "the store's connection did not close in order");
        }
    }
}
