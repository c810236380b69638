-- Messages to send, each from its request to the answer. Files that go along lie beside the store,
-- as ciphertext, under the name of the row's `id`.

CREATE TABLE sends (
    number     BIGINT  PRIMARY KEY, -- the order within a chat
    tenant     TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    id         TEXT    NOT NULL, -- cmd-…: the correlation id
    idempotency_key TEXT,        -- the caller's
    fingerprint BYTEA  NOT NULL, -- hash of what was asked
    chat       TEXT    NOT NULL,
    message_id TEXT    NOT NULL, -- WhatsApp's id of the message, made beforehand
    patient    BOOLEAN NOT NULL, -- nobody waits: what may pass is tried again, an event tells the end
    endpoints  TEXT    NOT NULL, -- JSON array of the endpoints that want command.result
    state      TEXT    NOT NULL, -- queued | running | sent | failed
    attempts   BIGINT  NOT NULL DEFAULT 0,
    created_at BIGINT  NOT NULL,
    due_at     BIGINT,           -- set exactly while queued and the first of its chat that has not ended
    finished_at BIGINT,          -- set exactly when sent or failed
    owner      TEXT,             -- the replica that has the file, or works on it
    lease_until BIGINT,
    file_key_id TEXT,            -- which store key seals file_key; NULL: not sealed
    file_key   BYTEA,            -- opens the file; NULL: there is none, or no more
    outcome    TEXT,             -- JSON
    message    TEXT    NOT NULL  -- JSON; empty once it has ended
);
CREATE UNIQUE INDEX sends_id ON sends (tenant, session, id);
CREATE UNIQUE INDEX sends_idempotency ON sends (tenant, session, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX sends_open ON sends (tenant, session, chat, number) WHERE finished_at IS NULL;
CREATE INDEX sends_due ON sends (tenant, session, due_at, number) WHERE due_at IS NOT NULL;
CREATE INDEX sends_finished ON sends (tenant, session, finished_at) WHERE finished_at IS NOT NULL;
