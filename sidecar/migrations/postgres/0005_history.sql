-- Chunks of the chats' history that the phone offered and that are still to be read. What is done is gone.

CREATE TABLE history (
    number     BIGSERIAL PRIMARY KEY, -- the order
    tenant     TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    id         TEXT    NOT NULL, -- WhatsApp's id of the phone's message
    queued_at  BIGINT  NOT NULL,
    attempts   BIGINT  NOT NULL DEFAULT 0,
    due_at     BIGINT  NOT NULL,
    key_id     TEXT,             -- which store key seals the notification; NULL: not sealed
    notification BYTEA NOT NULL  -- protobuf, with the chunk's key and perhaps the chunk itself
);
CREATE UNIQUE INDEX history_id ON history (tenant, session, id);
CREATE INDEX history_due ON history (tenant, session, due_at, number);
