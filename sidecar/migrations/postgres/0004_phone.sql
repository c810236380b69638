-- Where a file that has left WhatsApp's CDN stands with the phone, which is asked to upload it again.

ALTER TABLE media ADD COLUMN phone TEXT;      -- NULL: never asked | due | asking | asked | found | lacks
ALTER TABLE media ADD COLUMN phone_at BIGINT; -- due: when to ask; then since when it is so
ALTER TABLE media ADD COLUMN phone_questions BIGINT NOT NULL DEFAULT 0; -- taken by WhatsApp
CREATE INDEX media_phone ON media (tenant, session, phone_at, number) WHERE phone IN ('due', 'asking');
