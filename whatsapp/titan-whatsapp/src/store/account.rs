//! What WhatsApp says of the account only once, when it is linked, and the library forgets: in a table of our own beside the
//! device's keys, under their seal.

use std::{path::PathBuf, sync::Arc};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{Nullable, Text},
};
use serde::Serialize;

use super::key::Key;

/// The library writes to the same file.
const PREPARE: &str = "PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS titan_account (one INTEGER PRIMARY KEY CHECK (one = 1), business_name TEXT, platform TEXT);";

/// The account can't be read or written. What SQLite says of it stays here: it could quote the key.
#[derive(Debug, thiserror::Error)]
#[error("what is known of the account can't be kept beside the device's keys")]
pub(crate) struct AccountError;

/// The account that a device is linked to.
#[derive(Debug, Clone, Default, PartialEq, Eq, QueryableByName, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    /// Name of the business, of WhatsApp Business accounts.
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) business_name: Option<String>,
    /// What its phone runs, in WhatsApp's words: `android`, `smba`, `iphone`, ...
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) platform: Option<String>,
}

/// Where it is kept. Its calls block.
#[derive(Clone)]
pub(crate) struct AccountStore {
    pub(super) path: PathBuf,
    pub(super) key: Option<Arc<Key>>,
}

// === impl AccountStore ===

impl AccountStore {
    /// What was kept.
    pub(crate) fn load(&self) -> Result<Account, AccountError> {
        let kept = sql_query("SELECT business_name, platform FROM titan_account")
            .load::<Account>(&mut self.connect()?);
        Ok(kept
            .map_err(|_may_quote_the_key| AccountError)?
            .pop()
            .unwrap_or_default())
    }

    /// Keeps it in place of what was kept before.
    pub(crate) fn save(&self, account: &Account) -> Result<(), AccountError> {
        sql_query(
            "INSERT OR REPLACE INTO titan_account (one, business_name, platform) VALUES (1, ?, ?)",
        )
        .bind::<Nullable<Text>, _>(&account.business_name)
        .bind::<Nullable<Text>, _>(&account.platform)
        .execute(&mut self.connect()?)
        .map(|_rows| ())
        .map_err(|_may_quote_the_key| AccountError)
    }

    fn connect(&self) -> Result<SqliteConnection, AccountError> {
        let name = self.path.to_str().ok_or(AccountError)?;
        let mut connection = SqliteConnection::establish(name).map_err(|_unused| AccountError)?;
        if let Some(key) = &self.key {
            key.unlock(&mut connection)
                .map_err(|_may_quote_the_key| AccountError)?;
        }
        connection
            .batch_execute(PREPARE)
            .map_err(|_may_quote_the_key| AccountError)?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_account_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = AccountStore {
            path: folder.path().join("device.db"),
            key: None,
        };
        assert_eq!(store.load().unwrap(), Account::default());
        for name in ["Shop 1", "Shop '2'"] {
            let account = Account {
                business_name: Some(name.to_owned()),
                platform: Some("smba".to_owned()),
            };
            store.save(&account).unwrap();
            assert_eq!(store.load().unwrap(), account);
        }
    }
}
