-- Leases of replicas, which only Postgres has. Here the columns stay NULL: the lock on the data
-- directory is the lease. They are here all the same, because the statements are the same.

ALTER TABLE media ADD COLUMN owner TEXT;
ALTER TABLE media ADD COLUMN lease_until BIGINT;
ALTER TABLE deliveries ADD COLUMN owner TEXT;
ALTER TABLE deliveries ADD COLUMN lease_until BIGINT;
