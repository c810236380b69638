//! Where a database is and how it is entered: the URL that a Secret holds.

use std::fmt;
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

/// A database's address with its credentials. `Debug` shows neither user nor password.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(super) options: Box<PgConnectOptions>,
}

/// Why a value is no database URL. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Not UTF-8.
    #[error("is not text")]
    Text,
    /// Another scheme, or none.
    #[error("does not begin with postgres:// or postgresql://")]
    Scheme,
    /// Not a URL, or a parameter of it is wrong.
    #[error("is no usable postgres:// URL")]
    Url,
}

// === impl DatabaseUrl ===

impl DatabaseUrl {
    /// Reads the value of a Secret, without white space around it.
    ///
    /// # Errors
    ///
    /// [`DatabaseUrlError`].
    pub fn parse(value: &[u8]) -> Result<Self, DatabaseUrlError> {
        let url = std::str::from_utf8(value.trim_ascii()).map_err(|_| DatabaseUrlError::Text)?;
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(DatabaseUrlError::Scheme);
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| DatabaseUrlError::Url)?;
        Ok(Self {
            options: Box::new(options.disable_statement_logging()),
        })
    }

    /// Whether the records behind both are the same; the credentials may differ.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |url: &Self| {
            let options = &url.options;
            (
                options.get_host().to_owned(),
                options.get_port(),
                options.get_socket().cloned(),
                options.get_database().map(str::to_owned),
                options.get_options().map(str::to_owned),
            )
        };
        place(self) == place(other)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseUrl")
            .field("host", &self.options.get_host())
            .field("port", &self.options.get_port())
            .field("database", &self.options.get_database())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_never_shown() {
        let url = DatabaseUrl::parse(b"postgres://me:hunter2@db.acme.svc/titan\n").unwrap();
        let shown = format!("{url:?}");
        assert!(shown.contains("db.acme.svc"), "{shown}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("me:"),
            "{shown}"
        );
        let wrong = |value: &[u8]| DatabaseUrl::parse(value).unwrap_err();
        assert_eq!(wrong(b"mysql://db/titan"), DatabaseUrlError::Scheme);
        assert_eq!(wrong(b"postgres://db:port/titan"), DatabaseUrlError::Url);
        assert_eq!(wrong(b"\xFF"), DatabaseUrlError::Text);
    }

    #[test]
    fn other_credentials_lead_to_the_same_place() {
        let url = |text: &str| DatabaseUrl::parse(text.as_bytes()).unwrap();
        let first = url("postgres://me:one@db.acme.svc/titan?options[search_path]=a");
        for (other, same) in [
            (
                "postgres://me:two@db.acme.svc/titan?options[search_path]=a",
                true,
            ),
            (
                "postgres://v-token-1:x@db.acme.svc:5432/titan?options[search_path]=a",
                true,
            ),
            (
                "postgres://me:one@db.acme.svc/titan?options[search_path]=b",
                false,
            ),
            (
                "postgres://me:one@db.acme.svc/other?options[search_path]=a",
                false,
            ),
            (
                "postgres://me:one@db2.acme.svc/titan?options[search_path]=a",
                false,
            ),
        ] {
            assert_eq!(first.is_same_place(&url(other)), same, "{other}");
        }
    }
}
