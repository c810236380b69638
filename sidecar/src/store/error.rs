//! What can go wrong in the store. No text here ever carries a bound value: no payload, no key.

use std::io;
use std::sync::Arc;

use super::seal::SealError;
use super::{postgres, sqlite};
use crate::net::Refusal;

/// A store operation that did not happen, wholly: nothing is ever half-done.
///
/// Cloneable, because one failed commit answers every request that was in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The volume (or the limit given for it) has no room. Callers answer 503.
    #[error("the volume is full")]
    Full,
    /// The database refused or broke.
    #[error("database: {0}")]
    Database(#[source] Arc<sqlx::Error>),
    /// A migration could not be applied.
    #[error("migration: {0}")]
    Migration(#[source] Arc<sqlx::migrate::MigrateError>),
    /// A file or directory of the store could not be used.
    #[error("cannot {act}: {source}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// The system's answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// A media key could not be sealed or opened.
    #[error("media key: {0}")]
    Seal(#[from] SealError),
    /// A row does not read as it was written. Names the column, never its value.
    #[error("unreadable {column}")]
    Unreadable {
        /// `table.column`.
        column: &'static str,
    },
    /// The database keeps text in another encoding, in which not every message can be written.
    #[error("the database's encoding is {0}, not UTF8")]
    Encoding(String),
    /// The database is on an address that may not be dialled.
    #[error("the database's address: {0}")]
    Address(#[from] Refusal),
    /// The session names a database that is not known yet: its Secret is missing, say.
    #[error("{0}")]
    NotConfigured(String),
    /// Another replica was faster; nothing was done.
    #[error("another replica was faster")]
    Contended,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Wraps an I/O error with the act that met it.
    pub(crate) fn io(act: &'static str, source: io::Error) -> Self {
        Self::Io {
            act,
            source: Arc::new(source),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if sqlite::is_full(&error) || postgres::is_full(&error) {
            Self::Full
        } else if postgres::is_contended(&error) {
            Self::Contended
        } else {
            Self::Database(Arc::new(error))
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migration(Arc::new(error))
    }
}
