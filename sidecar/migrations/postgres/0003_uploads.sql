-- What is known of a message's file on WhatsApp's CDN, where the session sends as its own device: sealed
-- with a key that comes from file_key; NULL: nothing, or no more.

ALTER TABLE sends ADD COLUMN upload BYTEA;
