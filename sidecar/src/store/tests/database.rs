//! The database itself: how it is reached, what it is set to, its schema.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::fixture::{CHAT, Fixture, at, image, reachable, session, text};
use crate::store::{Database, DatabaseUrl, Store, StoreError, sql};

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_young_database_are_counted() {
    let fixture = Fixture::postgres().await;
    for batch in 0..10 {
        let messages = (0..1000).map(|n| text(&format!("{batch}-{n}"))).collect();
        fixture.accept(messages, at(0)).await;
    }
    let week = std::time::Duration::from_hours(7 * 24);
    fixture.store.prune(at(0), week).await.unwrap();
    let counted = fixture
        .database()
        .sql("SELECT reltuples >= 1000 FROM pg_class WHERE relname = 'messages'");
    assert_eq!(counted, "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_password_is_spoken_and_the_name_checked() {
    let fixture = Fixture::postgres().await;
    let url = fixture.database().tls_url();
    let store = Store::open_postgres(&reachable(&url), session(), None)
        .await
        .unwrap();
    store.check_writable().await.unwrap();
    let encrypted = fixture.database().sql(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE datname = current_database() AND client_addr IS NOT NULL",
    );
    assert_eq!(encrypted, "t");
    let other_name = url.replace("@localhost", "@127.0.0.1");
    let refused = Store::open_postgres(&reachable(&other_name), session(), None).await;
    assert!(
        matches!(refused, Err(StoreError::Database(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_may_not_be_dialled_is_not() {
    let fixture = Fixture::postgres().await;
    let url = fixture.database().tls_url();
    let database = Database::new(
        DatabaseUrl::parse(url.as_bytes()).unwrap(),
        std::sync::Arc::default(),
    );
    let refused = Store::open_postgres(&database, session(), None).await;
    assert!(
        matches!(refused, Err(StoreError::Address(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_wait_for_the_disk_whatever_the_role_says() {
    let fixture = Fixture::postgres().await;
    let name = fixture.database().sql("SELECT current_database()");
    fixture.database().sql(&format!(
        "ALTER DATABASE {name} SET synchronous_commit = off"
    ));
    let store = fixture.another(session()).await;
    let setting = store
        .write(|tx| {
            Box::pin(async move {
                sql::query("SELECT current_setting('synchronous_commit')")
                    .scalar::<String>(&mut tx.conn)
                    .await
            })
        })
        .await;
    assert_eq!(setting.unwrap().unwrap(), "on");
}

/// Table, column, and whether it may be NULL, of both databases.
#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_the_same_as_on_sqlite() {
    let on_postgres = Fixture::postgres().await.database().sql(
        "SELECT table_name || '.' || column_name || ' ' || is_nullable
         FROM information_schema.columns WHERE table_schema = 'public'
           AND table_name NOT LIKE '\\_sqlx%' ORDER BY 1",
    );
    let fixture = Fixture::sqlite().await;
    let on_sqlite = fixture
        .store
        .write(|tx| {
            Box::pin(async move {
                sql::query(
                    "SELECT t.name || '.' || c.name || ' ' ||
                       CASE WHEN c.\"notnull\" OR c.pk THEN 'NO' ELSE 'YES' END
                     FROM sqlite_master t, pragma_table_info(t.name) c
                     WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'
                       AND t.name NOT LIKE 'sqlite%' ORDER BY 1",
                )
                .scalars::<String>(&mut tx.conn)
                .await
            })
        })
        .await;
    let on_postgres: BTreeSet<&str> = on_postgres.lines().collect();
    let on_sqlite = on_sqlite.unwrap();
    let on_sqlite: BTreeSet<&str> = on_sqlite.iter().map(String::as_str).collect();
    assert_eq!(on_postgres, on_sqlite);
    assert!(on_sqlite.len() > 50, "{on_sqlite:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_release_opens() {
    let fixture = Fixture::postgres().await;
    fixture.database().sql(
        "ALTER TABLE media ADD COLUMN of_tomorrow TEXT;
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'tomorrow', true, 'x', 0)",
    );
    let store = fixture.another(session()).await;
    assert!(store.accept(vec![image("A")], at(0)).await.unwrap()[0].new);
    assert_eq!(
        store
            .claim_transfer(at(0))
            .await
            .unwrap()
            .unwrap()
            .message
            .chat,
        CHAT
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_migrate_once() {
    let database =
        tokio::task::spawn_blocking(|| titan_tests::postgres::Postgres::shared().database());
    let url = reachable(&database.await.unwrap().url());
    let opened = join_all((0..6).map(|_| Store::open_postgres(&url, session(), None))).await;
    for store in opened {
        store.unwrap().check_writable().await.unwrap();
    }
}
