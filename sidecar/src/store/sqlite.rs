//! All that is SQLite's own: pragmas, error codes, how full the file is, backups.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteError, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use super::error::StoreError;

/// SQLite's `SQLITE_FULL`; extended codes carry it in their low byte.
const SQLITE_FULL: i32 = 13;

/// Page size, bytes: SQLite's default, that of most file systems too.
pub(super) const PAGE: u64 = 4096;

/// The write-ahead log is written back once it has this many pages (8 MiB); less on a small volume.
const LARGEST_LOG: u64 = 2048;

/// Page cache of the writing and of the reading connection, KiB. The system caches the file as
/// well; the writer's is let go when it idles.
const WRITER_CACHE: u32 = 1024;
const READER_CACHE: u32 = 256;

/// Opens the connection that writes. Creates the file.
pub(super) async fn open_writer(path: &Path, volume: u64) -> Result<SqliteConnection, StoreError> {
    let log = (volume / PAGE / 32).clamp(32, LARGEST_LOG);
    let options = options(path, WRITER_CACHE)
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("wal_autocheckpoint", log.to_string())
        .pragma("journal_size_limit", (log * PAGE).to_string());
    Ok(SqliteConnection::connect_with(&options).await?)
}

/// Brings the file to this release's form. One that a newer release migrated opens too: migrations
/// only add.
pub(super) async fn migrate(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut migrations = sqlx::migrate!("./migrations/sqlite");
    migrations.set_ignore_missing(true);
    Ok(migrations.run(conn).await?)
}

/// Opens the connection that reads. The file must be there and migrated.
pub(super) async fn open_reader(path: &Path) -> Result<SqliteConnection, StoreError> {
    let options = options(path, READER_CACHE).pragma("query_only", "ON");
    Ok(SqliteConnection::connect_with(&options).await?)
}

/// Opens a connection to copy a file that another process may be writing to.
pub(super) async fn open_to_copy(path: &Path) -> Result<SqliteConnection, StoreError> {
    let options = options(path, READER_CACHE).read_only(true);
    Ok(SqliteConnection::connect_with(&options).await?)
}

fn options(path: &Path, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        // What we answer 202 to is on the disk.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(64)
        .row_buffer_size(256)
        .pragma("cache_size", format!("-{cache_kib}"))
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

/// Whether the file system, or the page limit, has no room left.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<SqliteError>())
        .and_then(DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == SQLITE_FULL)
}

/// Pages of the database file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pages {
    pub(super) total: u64,
    pub(super) free: u64,
}

/// Counts the pages, as the open transaction sees them.
pub(super) async fn pages(conn: &mut SqliteConnection) -> Result<Pages, StoreError> {
    let row = sqlx::query(
        "SELECT page_count, freelist_count FROM pragma_page_count(), pragma_freelist_count()",
    )
    .fetch_one(conn)
    .await?;
    let total: i64 = row.try_get(0)?;
    let free: i64 = row.try_get(1)?;
    Ok(Pages {
        total: u64::try_from(total).unwrap_or_default(),
        free: u64::try_from(free).unwrap_or_default(),
    })
}

/// Gives up to `pages` free pages back to the file system, which happens when the log is written
/// back. Not within a transaction.
pub(super) async fn vacuum(conn: &mut SqliteConnection, pages: u32) -> Result<(), StoreError> {
    let sql = format!("PRAGMA incremental_vacuum({pages})");
    for sql in [sql.as_str(), "PRAGMA wal_checkpoint(PASSIVE)"] {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .persistent(false)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Lets page cache and prepared statements go: a session without traffic is to cost little.
pub(super) async fn let_go(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    conn.clear_cached_statements().await?;
    sqlx::query("PRAGMA shrink_memory")
        .persistent(false)
        .execute(conn)
        .await?;
    Ok(())
}

/// The write-ahead log beside a database file.
pub(super) fn log_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
