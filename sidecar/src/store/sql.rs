//! Statements and rows of either database. The text is shared: both take `$1`, and built text has
//! `?`, numbered for Postgres on its way.
//!
//! Not `sqlx::Any`, which knows only the types that every database of its has: here is a closed set of
//! values, bound with the types of the database that runs the statement.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query as Prepared;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, ColumnIndex, Decode, Postgres, SqlSafeStr as _, SqlStr, Sqlite,
    Type,
};

use super::conn::Conn;
use super::error::StoreError;
use super::postgres;

/// A value to bind.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Bool(bool),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A statement being bound.
#[derive(Debug)]
#[must_use = "a statement does nothing until it is run"]
pub(super) struct Query {
    text: Text,
    values: Vec<Value>,
    /// What locks the rows that are read, on Postgres.
    locking: Option<&'static str>,
}

#[derive(Debug)]
enum Text {
    /// With `$1`.
    Fixed(&'static str),
    /// With `?`: SQLite looks numbered ones up by name, one after the other, which a statement over
    /// a thousand values would feel.
    Built(String),
}

/// A statement whose parameters are `$1`, `$2` …
pub(super) fn query(text: &'static str) -> Query {
    Query {
        text: Text::Fixed(text),
        values: Vec::new(),
        locking: None,
    }
}

/// A statement whose parameters are `?`, in their order. `text` has no other question mark.
pub(super) fn built(text: String) -> Query {
    Query {
        text: Text::Built(text),
        values: Vec::new(),
        locking: None,
    }
}

/// A row of the database that answered.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column reads as, in both databases.
pub(super) trait Column<'r>:
    Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

impl<'r, T> Column<'r> for T where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

// === impl Query ===

impl Query {
    /// Binds the next parameter.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Binds the next parameters, in their order.
    pub(super) fn bind_all(mut self, values: impl IntoIterator<Item: Into<Value>>) -> Self {
        self.values.extend(values.into_iter().map(Into::into));
        self
    }

    /// Ends a `SELECT` with `clause`, which locks its rows, on Postgres. SQLite has no such clause and
    /// needs none: whoever writes is alone.
    pub(super) fn locking(mut self, clause: &'static str) -> Self {
        self.locking = Some(clause);
        self
    }

    /// Appends to a built statement; `value` is bound to the one `?` in `text`.
    pub(super) fn and(mut self, text: &str, value: impl Into<Value>) -> Self {
        let mut whole = match self.text {
            Text::Fixed(before) => before.to_owned(),
            Text::Built(before) => before,
        };
        whole.push_str(text);
        self.text = Text::Built(whole);
        self.bind(value)
    }

    /// Runs it. Answers how many rows it touched.
    pub(super) async fn execute(self, conn: &mut Conn) -> Result<u64, StoreError> {
        match conn {
            Conn::Sqlite(conn) => Ok(self.for_sqlite()?.execute(conn).await?.rows_affected()),
            Conn::Postgres(link) => {
                let query = self.for_postgres()?;
                let done = postgres::answer(query.execute(link.conn()?)).await;
                Ok(link.noted(done)?.rows_affected())
            }
        }
    }

    /// All its rows.
    pub(super) async fn fetch_all(self, conn: &mut Conn) -> Result<Vec<Row>, StoreError> {
        match conn {
            Conn::Sqlite(conn) => {
                let rows = self.for_sqlite()?.fetch_all(conn).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Conn::Postgres(link) => {
                let query = self.for_postgres()?;
                let rows = postgres::answer(query.fetch_all(link.conn()?)).await;
                let rows = link.noted(rows)?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Its first row, if there is one.
    pub(super) async fn fetch_optional(self, conn: &mut Conn) -> Result<Option<Row>, StoreError> {
        match conn {
            Conn::Sqlite(conn) => {
                let row = self.for_sqlite()?.fetch_optional(conn).await?;
                Ok(row.map(Row::Sqlite))
            }
            Conn::Postgres(link) => {
                let query = self.for_postgres()?;
                let row = postgres::answer(query.fetch_optional(link.conn()?)).await;
                Ok(link.noted(row)?.map(Row::Postgres))
            }
        }
    }

    /// Its first row, which there must be.
    pub(super) async fn fetch_one(self, conn: &mut Conn) -> Result<Row, StoreError> {
        let row = self.fetch_optional(conn).await?;
        row.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// First column of its first row, if there is one.
    pub(super) async fn scalar<T>(self, conn: &mut Conn) -> Result<Option<T>, StoreError>
    where
        T: for<'r> Column<'r>,
    {
        let row = self.fetch_optional(conn).await?;
        row.map(|row| row.try_get(0)).transpose()
    }

    /// First column of all its rows.
    pub(super) async fn scalars<T>(self, conn: &mut Conn) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> Column<'r>,
    {
        let rows = self.fetch_all(conn).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }

    fn for_sqlite(self) -> Result<Prepared<'static, Sqlite, SqliteArguments>, StoreError> {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(self.values.len(), 0);
        for value in self.values {
            match value {
                Value::Bool(value) => arguments.add(value),
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        let text = match self.text {
            Text::Fixed(text) => text.into_sql_str(),
            Text::Built(text) => asserted(text),
        };
        Ok(sqlx::query_with(text, arguments))
    }

    fn for_postgres(self) -> Result<Prepared<'static, Postgres, PgArguments>, StoreError> {
        let mut arguments = PgArguments::default();
        arguments.reserve(self.values.len(), 0);
        for value in self.values {
            match value {
                Value::Bool(value) => arguments.add(value),
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value.map(without_nul)),
                Value::Bytes(value) => arguments.add(value),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        let text = match (self.text, self.locking) {
            (Text::Fixed(text), None) => text.into_sql_str(),
            (Text::Fixed(text), Some(clause)) => asserted(format!("{text} {clause}")),
            (Text::Built(text), None) => asserted(numbered(&text)),
            (Text::Built(text), Some(clause)) => asserted(format!("{} {clause}", numbered(&text))),
        };
        Ok(sqlx::query_with(text, arguments))
    }
}

/// Built text holds nothing but our own words: values are always bound.
fn asserted(text: String) -> SqlStr {
    AssertSqlSafe(text).into_sql_str()
}

/// `?` as `$1`, `$2` …
fn numbered(text: &str) -> String {
    let mut numbered = String::with_capacity(text.len() * 2);
    for (index, part) in text.split('?').enumerate() {
        if index > 0 {
            numbered.push('$');
            numbered.push_str(&index.to_string());
        }
        numbered.push_str(part);
    }
    numbered
}

/// Postgres has no NUL in text, and senders may write one: it becomes the replacement character, in
/// rows and in what is looked up alike.
fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{FFFD}")
    } else {
        text
    }
}

// === impl Row ===

impl Row {
    /// A column, by name or place.
    pub(super) fn try_get<'r, T, I>(&'r self, index: I) -> Result<T, StoreError>
    where
        T: Column<'r>,
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        let column = match self {
            Self::Sqlite(row) => sqlx::Row::try_get(row, index),
            Self::Postgres(row) => sqlx::Row::try_get(row, index),
        };
        Ok(column?)
    }
}

// === impl Value ===

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

impl From<&Option<Vec<u8>>> for Value {
    fn from(value: &Option<Vec<u8>>) -> Self {
        Self::Bytes(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_in_their_order() {
        assert_eq!(numbered("a = ? AND b IN (?,?)"), "a = $1 AND b IN ($2,$3)");
        assert_eq!(numbered("nothing"), "nothing");
    }

    #[test]
    fn nul_becomes_the_replacement_character() {
        assert_eq!(without_nul("a\0b".into()), "a\u{FFFD}b");
        assert_eq!(without_nul("ab".into()), "ab");
    }
}
