-- Records of received messages and their media, and the outbox of webhook events.
--
-- Rules for every migration after this one: only add (tables, indexes, columns that may be NULL or
-- have a default). The previous release keeps working on the migrated file, so that a rollback of
-- the program needs no rollback of the data.
--
-- Times are Unix milliseconds, UTC. `number` columns are given out by the writers, ascending within a
-- session. The tables are those of SQLite; a test holds one against the other.
--
-- Where the two databases differ: an index entry has at most 2,700 bytes here, so the store shortens
-- what it looks up; and leases are kept here (owner, lease_until), with the rule that a lane has one
-- deliverer in the index `deliveries_leased`.

-- One number is one transaction's block of them. Without a cache: blocks taken one after the other
-- ascend, whichever connection takes them.
CREATE SEQUENCE numbers AS BIGINT START WITH 4194304 INCREMENT BY 4194304 CACHE 1;

CREATE TABLE messages (
    number     BIGINT  PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    key        BYTEA   NOT NULL, -- hash of session, chat, from_me, participant, message_id
    placeholder BOOLEAN NOT NULL,
    from_me    BOOLEAN NOT NULL,
    received_at BIGINT NOT NULL,
    timestamp  BIGINT,           -- Unix seconds, as WhatsApp says
    chat       TEXT    NOT NULL,
    participant TEXT,
    message_id TEXT    NOT NULL,
    media      TEXT    NOT NULL  -- JSON array of media ids; an edit's may be another message's
);
CREATE UNIQUE INDEX messages_key ON messages (tenant, session, key);
CREATE INDEX messages_number ON messages (tenant, session, number);

CREATE TABLE media (
    number     BIGINT  PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    message    BIGINT  NOT NULL, -- messages.number
    message_id TEXT    NOT NULL,
    position   BIGINT  NOT NULL,
    kind       TEXT    NOT NULL,
    status     TEXT    NOT NULL, -- received | queued | running | waiting | stored | failed
    persist    BOOLEAN NOT NULL, -- somebody wants it in the bucket
    awaited    BOOLEAN NOT NULL, -- the message's event waits (or waited) for it
    replaced   BOOLEAN NOT NULL DEFAULT FALSE, -- a newer reference came while it was running
    received_at BIGINT NOT NULL,
    expires_at BIGINT  NOT NULL,
    due_at     BIGINT,           -- set exactly while queued or waiting
    attempts   BIGINT  NOT NULL DEFAULT 0,
    integrity_failures BIGINT NOT NULL DEFAULT 0,
    round      BIGINT  NOT NULL DEFAULT 0, -- how often a failed file was asked for again
    error      TEXT,             -- JSON {code, message, retryable}
    bucket     TEXT,
    object_key TEXT,
    stored_sha256 BYTEA,
    stored_length BIGINT,
    stored_at  BIGINT,
    owner      TEXT,             -- which replica runs it
    lease_until BIGINT,          -- until when, unless renewed
    followups  TEXT    NOT NULL, -- JSON array of the endpoints that want media.persisted / .failed
    media_key_id TEXT,           -- which store key seals media_key; NULL: not sealed
    media_key  BYTEA,            -- NULL: the file is not encrypted
    reference  TEXT    NOT NULL, -- JSON: the message's description of the file, without its key
    streaming_sidecar BYTEA,
    jpeg_thumbnail BYTEA
);
CREATE UNIQUE INDEX media_id ON media (tenant, session, id);
CREATE INDEX media_number ON media (tenant, session, number);
CREATE INDEX media_message ON media (message);
CREATE INDEX media_message_id ON media (tenant, session, message_id);
CREATE INDEX media_status ON media (tenant, session, status, number);
CREATE INDEX media_due ON media (tenant, session, due_at, number) WHERE due_at IS NOT NULL;
CREATE INDEX media_running ON media (tenant, session, lease_until) WHERE status = 'running';

CREATE TABLE events (
    number     BIGINT  PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    id         TEXT    NOT NULL, -- evt_…
    message    BIGINT  NOT NULL, -- messages.number
    name       TEXT    NOT NULL, -- message.received …
    chat       TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    hold_until BIGINT,           -- set exactly while the event waits for media
    outcome    TEXT,             -- stored | failed | deadline; NULL: nothing to wait for, or held
    done_at    BIGINT,           -- every delivery succeeded, or there was none to make
    media      TEXT    NOT NULL, -- JSON array of media ids
    facts      TEXT    NOT NULL  -- JSON
);
CREATE INDEX events_held ON events (tenant, session, hold_until) WHERE hold_until IS NOT NULL;
CREATE INDEX events_open ON events (message) WHERE done_at IS NULL;
CREATE INDEX events_done ON events (tenant, session, done_at) WHERE done_at IS NOT NULL;

CREATE TABLE deliveries (
    number     BIGINT  PRIMARY KEY, -- the order within a lane, which is one (endpoint, chat)
    tenant     TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    event      BIGINT  NOT NULL, -- events.number
    endpoint   TEXT    NOT NULL,
    chat       TEXT    NOT NULL,
    state      TEXT    NOT NULL, -- held | blocked | pending | leased | delivered | dead
    attempts   BIGINT  NOT NULL DEFAULT 0,
    opened_at  BIGINT,           -- when its lane lets it go; NULL: still behind others
    due_at     BIGINT,           -- set exactly while pending
    finished_at BIGINT,          -- set exactly when delivered or dead
    owner      TEXT,             -- which replica delivers it
    lease_until BIGINT,          -- until when, unless renewed
    last_error TEXT
);
CREATE INDEX deliveries_event ON deliveries (event);
CREATE INDEX deliveries_lane ON deliveries (tenant, session, endpoint, chat, number)
    WHERE finished_at IS NULL;
CREATE INDEX deliveries_due ON deliveries (tenant, session, endpoint, due_at, number)
    WHERE state = 'pending';
CREATE UNIQUE INDEX deliveries_leased ON deliveries (tenant, session, endpoint, chat)
    WHERE state = 'leased';
CREATE INDEX deliveries_dead ON deliveries (tenant, session, number) WHERE state = 'dead';

-- Calls that a `command.result` answers once their file is stored or given up.

CREATE TABLE commands (
    tenant     TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    id         TEXT    NOT NULL, -- correlation id
    media      TEXT    NOT NULL, -- media.id
    created_at BIGINT  NOT NULL,
    endpoints  TEXT    NOT NULL, -- JSON array of the endpoints that want the result
    PRIMARY KEY (tenant, session, id)
);
CREATE INDEX commands_media ON commands (tenant, session, media);

CREATE TABLE meta (
    tenant     TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    value      BIGINT  NOT NULL,
    PRIMARY KEY (tenant, session, name)
);
