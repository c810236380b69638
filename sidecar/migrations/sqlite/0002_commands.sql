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
