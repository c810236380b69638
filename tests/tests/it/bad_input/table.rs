//! The table: one row for each operation of the served document.

/// Who may call an operation, and how the key is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// An API key of the session in the path.
    Api,
    /// An API key of any session: there is none in the path.
    AnySession,
    /// A gateway, with a key in a header.
    Gateway,
    /// A gateway, with a key in the path.
    GatewayByPath,
}

/// One operation, how it is used rightly, and what is wrong use of its own.
#[derive(Debug)]
pub(super) struct Row {
    /// Method and path, as the document has them.
    pub(super) operation: &'static str,
    pub(super) caller: Caller,
    /// Query of right use; `{event}` is the id of a delivered event.
    pub(super) query: &'static str,
    /// Status of right use.
    pub(super) status: u16,
    /// It writes into the store.
    pub(super) writes: bool,
    /// Queries that are answered with 400 `invalid_parameter`.
    pub(super) wrong_queries: &'static [&'static str],
}

impl Row {
    pub(super) fn method(&self) -> &'static str {
        self.operation.split_once(' ').unwrap().0
    }

    pub(super) fn path(&self) -> &'static str {
        self.operation.split_once(' ').unwrap().1
    }

    pub(super) fn takes_messages(&self) -> bool {
        matches!(self.caller, Caller::Gateway | Caller::GatewayByPath)
    }

    pub(super) fn sends(&self) -> bool {
        self.path().ends_with("/messages/send")
    }
}

const fn row(operation: &'static str, status: u16) -> Row {
    Row {
        operation,
        caller: Caller::Api,
        query: "",
        status,
        writes: false,
        wrong_queries: &[],
    }
}

const fn writing(operation: &'static str, status: u16) -> Row {
    Row {
        writes: true,
        ..row(operation, status)
    }
}

const MEDIA_QUERIES: &[&str] = &[
    "?limit=0",
    "?limit=501",
    "?limit=-1",
    "?cursor=abc",
    "?cursor=99999999999999999999",
    "?status=Stored",
    "?status=",
    "?kind=gif",
    "?kind=",
    "?since=2025-13-01T00:00:00Z",
    "?since=1736935200",
    "?status=stored&status=failed",
];

/// Of the forms of a pairing code.
const FORM_QUERIES: &[&str] = &["?format=gif", "?format=", "?format=json&format=text"];

const LETTER_QUERIES: &[&str] = &[
    "?limit=0",
    "?limit=501",
    "?limit=-1",
    "?limit=x",
    "?limit=",
    "?cursor=abc",
    "?cursor=",
    "?cursor=99999999999999999999",
    "?since=2025-13-01T00:00:00Z",
    "?since=1736935200",
    "?since=",
    "?limit=1&limit=2",
];

const DOWNLOAD_QUERIES: &[&str] = &[
    "?variant=original",
    "?variant=",
    "?redirect=1",
    "?redirect=",
    "?redirect=yes",
    "?redirect=true&redirect=true",
];

const INBOUND_QUERIES: &[&str] = &[
    "?format=nonsense",
    "?format=",
    "?fromMe=perhaps",
    "?timestamp=soon",
    "?timestamp=99999999999999999999",
    "?format=baileys&format=waha",
];

/// The table.
pub(super) const ROWS: [Row; 24] = [
    Row {
        caller: Caller::Gateway,
        wrong_queries: INBOUND_QUERIES,
        ..writing("POST /api/sessions/{session}/inbound", 202)
    },
    Row {
        caller: Caller::GatewayByPath,
        wrong_queries: INBOUND_QUERIES,
        ..writing("POST /api/sessions/{session}/inbound/{token}", 202)
    },
    Row {
        wrong_queries: MEDIA_QUERIES,
        ..row("GET /api/sessions/{session}/media", 200)
    },
    row("GET /api/sessions/{session}/media/{media}", 200),
    writing("DELETE /api/sessions/{session}/media/{media}", 200),
    Row {
        wrong_queries: DOWNLOAD_QUERIES,
        ..row("POST /api/sessions/{session}/media/{media}/download", 200)
    },
    Row {
        wrong_queries: DOWNLOAD_QUERIES,
        ..row("GET /api/sessions/{session}/media/{media}/download", 200)
    },
    Row {
        wrong_queries: DOWNLOAD_QUERIES,
        ..row("HEAD /api/sessions/{session}/media/{media}/download", 200)
    },
    writing("POST /api/sessions/{session}/media/{media}/persist", 200),
    writing("POST /api/sessions/{session}/media/{media}/retry", 202),
    Row {
        wrong_queries: &[
            "?status=stored",
            "?status=running",
            "?status=Failed",
            "?status=",
            "?since=yesterday",
            "?since=",
            "?status=failed&status=waiting",
        ],
        ..writing("POST /api/sessions/{session}/media/retry", 200)
    },
    Row {
        caller: Caller::AnySession,
        ..writing("POST /api/messages/send", 200)
    },
    writing("POST /api/sessions/{session}/messages/send", 200),
    Row {
        caller: Caller::AnySession,
        ..row("GET /api/sessions", 200)
    },
    row("GET /api/sessions/{session}", 200),
    // A session of a gateway has no device: right use of these is a conflict.
    Row {
        wrong_queries: FORM_QUERIES,
        ..row("GET /api/sessions/{session}/pair/qr", 409)
    },
    Row {
        wrong_queries: FORM_QUERIES,
        ..row("GET /api/{session}/pair/qr", 409)
    },
    row("POST /api/sessions/{session}/pair/code", 409),
    row("POST /api/sessions/{session}/start", 409),
    row("POST /api/sessions/{session}/stop", 409),
    row("POST /api/sessions/{session}/logout", 409),
    Row {
        wrong_queries: &["?endpoint=a&endpoint=b"],
        ..row("POST /api/sessions/{session}/webhooks/test", 200)
    },
    Row {
        wrong_queries: LETTER_QUERIES,
        ..row("GET /api/sessions/{session}/webhooks/dead-letters", 200)
    },
    Row {
        query: "?id={event}",
        wrong_queries: &[
            "",
            "?id=",
            "?until=2025-01-01T00:00:00Z",
            "?id=evt_1&since=2025-01-01T00:00:00Z",
            "?id=evt_1&until=2025-01-01T00:00:00Z",
            "?since=yesterday",
            "?since=2025-01-02T00:00:00Z&until=2025-01-01T00:00:00Z",
            "?since=2025-01-01T00:00:00Z&status=pending",
            "?id=evt_1&status=",
            "?id=evt_1&id=evt_2",
        ],
        ..writing("POST /api/sessions/{session}/webhooks/replay", 202)
    },
];
