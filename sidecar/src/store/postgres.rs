//! All that is Postgres' own: connections that come back, the session's lock, its error codes.
//!
//! Replicas of a session write to one database. Each transaction that writes takes the session's
//! lock first, so that within a session everything is as with SQLite's one writer; only claims go
//! without it, by row (see `lease`). The lock is the transaction's: it dies with its connection.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::conn::{Begun, Conn};
use super::database_url::DatabaseUrl;
use super::error::StoreError;
use super::numbers::Numbers;
use super::sql;
use crate::message::SessionKey;
use crate::net::{AddressPolicy, Purpose};

/// So long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// So long a statement may take. The server gives up a little earlier, so that this one is for a
/// server or network that says nothing any more.
const STATEMENT: Duration = Duration::from_secs(30);

/// Settings of every connection, whatever the role's are. A replica that froze inside a transaction
/// holds the session's lock: the server ends it, and the others go on. What is read after the lock
/// was taken must be what its last holder wrote, so each statement has a snapshot of its own.
const SETTINGS: &str = "SET synchronous_commit = on;
    SET default_transaction_isolation = 'read committed';
    SET idle_in_transaction_session_timeout = '10s';
    SET statement_timeout = '25s';";

/// Claims give way long before the server looks for a deadlock and picks a victim: one that is in the
/// way of another replica's is simply tried again.
const GIVE_WAY: &str = "SET lock_timeout = '200ms'";

/// The server's clock, Unix milliseconds.
const CLOCK: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Prepared statements kept per connection: all there are.
const STATEMENTS: usize = 256;

/// A database, and the rules for reaching it. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Database {
    url: Arc<RwLock<DatabaseUrl>>,
    policy: Arc<AddressPolicy>,
}

// === impl Database ===

impl Database {
    /// The database at `url`, if `policy` lets its address be dialled. The driver dials by itself, so
    /// addresses are checked right before it does, and not on the connection as everywhere else.
    #[must_use]
    pub fn new(url: DatabaseUrl, policy: Arc<AddressPolicy>) -> Self {
        Self {
            url: Arc::new(RwLock::new(url)),
            policy,
        }
    }

    /// Takes other credentials for connections that come about from now on; those that work stay.
    pub(super) fn set_url(&self, url: DatabaseUrl) {
        *self.url.write().unwrap_or_else(PoisonError::into_inner) = url;
    }

    fn options(&self) -> PgConnectOptions {
        let url = self.url.read().unwrap_or_else(PoisonError::into_inner);
        let options = url.options.as_ref().clone();
        let named = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("titan-sidecar"),
        };
        named.statement_cache_capacity(STATEMENTS)
    }

    /// Brings the schema to this release's form; processes that start together take turns, under
    /// the advisory lock of sqlx. One that a newer release migrated is taken too: migrations only
    /// add.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        let mut conn = self.connect().await?;
        // What is there already is no news.
        conn.execute("SET client_min_messages = warning").await?;
        let encoding: String = sqlx::query_scalar("SELECT current_setting('server_encoding')")
            .fetch_one(&mut conn)
            .await?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding(encoding));
        }
        let mut migrations = sqlx::migrate!("./migrations/postgres");
        migrations.set_ignore_missing(true);
        migrations.run(&mut conn).await?;
        Ok(conn.close().await?)
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let options = self.options();
        self.check(&options).await?;
        let connecting = PgConnection::connect_with(&options);
        Ok(in_time(CONNECT, connecting).await?)
    }

    async fn check(&self, options: &PgConnectOptions) -> Result<(), StoreError> {
        let host = options.get_host();
        if options.get_socket().is_some() || host.starts_with('/') {
            return Ok(());
        }
        let bare = host.trim_matches(['[', ']']);
        let addresses = tokio::net::lookup_host((bare, options.get_port()))
            .await
            .map_err(|error| StoreError::io("resolve the database's host", error))?;
        for address in addresses {
            self.policy.check(address.ip(), Purpose::Database)?;
        }
        Ok(())
    }
}

/// A connection that comes back after it was lost.
pub(super) struct Link {
    database: Database,
    /// The session's lock, which transactions take; `None`: they go without.
    lock: Option<i64>,
    conn: Option<PgConnection>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("database", &self.database)
            .field("connected", &self.conn.is_some())
            .finish_non_exhaustive()
    }
}

// === impl Link ===

impl Link {
    /// Connects. With `session`, transactions take its lock.
    pub(super) async fn open(
        database: &Database,
        session: Option<&SessionKey>,
    ) -> Result<Self, StoreError> {
        let mut link = Self {
            database: database.clone(),
            lock: session.map(lock_of),
            conn: None,
        };
        link.ready().await?;
        Ok(link)
    }

    /// Connects again where the connection was lost.
    pub(super) async fn ready(&mut self) -> Result<(), StoreError> {
        if self.conn.is_none() {
            let mut conn = self.database.connect().await?;
            answer(conn.execute(SETTINGS)).await?;
            if self.lock.is_none() {
                answer(conn.execute(GIVE_WAY)).await?;
            }
            self.conn = Some(conn);
        }
        Ok(())
    }

    /// Begins a transaction, on a new connection if the old one turns out to be lost: nothing of it
    /// was sent yet.
    pub(super) async fn begin(&mut self) -> Result<Begun, StoreError> {
        self.ready().await?;
        match self.try_begin().await {
            Err(_) if self.conn.is_none() => {
                self.ready().await?;
                self.try_begin().await
            }
            begun => begun,
        }
    }

    /// One round trip. The number is taken after the lock, so that numbers ascend within a session.
    async fn try_begin(&mut self) -> Result<Begun, StoreError> {
        let text = match self.lock {
            Some(lock) => format!(
                "BEGIN; SELECT pg_advisory_xact_lock({lock}); SELECT {CLOCK}, nextval('numbers')"
            ),
            None => format!("BEGIN; SELECT {CLOCK}, 0::bigint"),
        };
        let begun = sqlx::raw_sql(AssertSqlSafe(text));
        let rows = answer(begun.fetch_all(self.conn()?)).await;
        let rows = self.noted(rows)?;
        let row = rows.last().ok_or(sqlx::Error::RowNotFound)?;
        Ok(Begun {
            clock: row.try_get(0)?,
            numbers: Numbers::block(row.try_get(1)?),
        })
    }

    /// The connection, to send one statement on.
    pub(super) fn conn(&mut self) -> Result<&mut PgConnection, StoreError> {
        let lost = || io::Error::new(io::ErrorKind::NotConnected, "the connection was lost");
        self.conn
            .as_mut()
            .ok_or_else(|| sqlx::Error::Io(lost()).into())
    }

    /// Lets go of the connection after an error that leaves it unusable.
    pub(super) fn noted<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        if result.as_ref().is_err_and(is_lost) {
            self.give_up();
        }
        Ok(result?)
    }

    /// The next use connects anew. The server notices, and rolls back what was open.
    pub(super) fn give_up(&mut self) {
        self.conn = None;
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self.conn {
            Some(conn) => conn.close().await,
            None => Ok(()),
        }
    }
}

/// Has the server count the rows of tables that grew since it last did. It would by itself within a
/// minute or so; until then its plans take a session's rows for few, and read them all to find one.
pub(super) async fn count_young(conn: &mut Conn) -> Result<(), StoreError> {
    let young: Vec<String> = sql::query(
        "SELECT relname::text FROM pg_class
         WHERE oid = ANY (ARRAY['messages', 'media', 'events', 'deliveries', 'sends']::regclass[])
           AND reltuples < 1000 AND pg_relation_size(oid) BETWEEN 1000000 AND 100000000",
    )
    .scalars(conn)
    .await?;
    for table in young {
        sql::built(format!("ANALYZE {table}")).execute(conn).await?;
    }
    Ok(())
}

/// A statement's answer, or an I/O error when there is none in time.
pub(super) async fn answer<T>(
    running: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    in_time(STATEMENT, running).await
}

async fn in_time<T>(
    limit: Duration,
    running: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(limit, running).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
    }
}

/// A session's advisory lock. Two sessions that share one by chance only wait for each other.
fn lock_of(session: &SessionKey) -> i64 {
    let mut hash = Sha256::new();
    hash.update(b"titan-sidecar session\0");
    hash.update(session.tenant.as_bytes());
    hash.update(b"\0");
    hash.update(session.session.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().map_or(0, i64::from_be_bytes)
}

/// Whether the server has no disk left.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == "53100")
}

/// Whether the connection is of no use any more: broken, ended by the server, to a server that was
/// the primary before a failover, or of a role that was dropped since its credentials were rotated.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        error => code(error).is_some_and(|code| {
            let of_class = |class| code.starts_with(class);
            ["08", "28", "57P"].into_iter().any(of_class) || code == "25006" || code == "42501"
        }),
    }
}

/// Whether another replica was faster: the lane has a deliverer (the unique index of leased
/// deliveries), or the two stood in each other's way.
pub(super) fn is_contended(error: &sqlx::Error) -> bool {
    let leased = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::constraint)
        == Some("deliveries_leased");
    leased || code(error).is_some_and(|code| ["40001", "40P01", "55P03"].contains(&code.as_ref()))
}

fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_have_locks_of_their_own() {
        let of = |tenant: &str, session: &str| {
            lock_of(&SessionKey {
                tenant: tenant.into(),
                session: session.into(),
            })
        };
        assert_ne!(of("a", "bc"), of("ab", "c"));
        assert_eq!(of("a", "b"), of("a", "b"));
    }
}
