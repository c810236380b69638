//! The store as a whole: health, depths, keys.

use super::error::StoreError;
use super::model::Depths;
use super::prepare;
use super::seal::SealKey;
use super::writer::Tx;
use super::{Store, read, sql};
use crate::message::MediaId;

/// Keys sealed anew in one transaction.
const RESEAL_STEP: i64 = 256;

/// A table with sealed keys.
#[derive(Debug, Clone, Copy)]
struct Keys {
    /// Answers number, id, id of the store key, and key of rows that another store key seals, or none.
    select: &'static str,
    update: &'static str,
}

const KEYS: [Keys; 3] = [
    Keys {
        select: "SELECT number, id, media_key_id, media_key FROM media
             WHERE tenant = $1 AND session = $2 AND number > $3 AND media_key IS NOT NULL
               AND (media_key_id IS NULL OR media_key_id <> $4)
             ORDER BY number LIMIT $5",
        update: "UPDATE media SET media_key_id = $2, media_key = $3 WHERE number = $1",
    },
    Keys {
        select: "SELECT number, id, file_key_id, file_key FROM sends
             WHERE tenant = $1 AND session = $2 AND finished_at IS NULL AND number > $3
               AND file_key IS NOT NULL AND (file_key_id IS NULL OR file_key_id <> $4)
             ORDER BY number LIMIT $5",
        update: "UPDATE sends SET file_key_id = $2, file_key = $3 WHERE number = $1",
    },
    // A notification of history has a key in it.
    Keys {
        select: "SELECT number, id, key_id, notification FROM history
             WHERE tenant = $1 AND session = $2 AND number > $3
               AND (key_id IS NULL OR key_id <> $4)
             ORDER BY number LIMIT $5",
        update: "UPDATE history SET key_id = $2, notification = $3 WHERE number = $1",
    },
];

impl Store {
    /// Writes something small, durably: an error means that nothing can be accepted.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                sql::query(
                    "INSERT INTO meta (tenant, session, name, value)
                     VALUES ($1, $2, 'writable_checks', 1)
                     ON CONFLICT (tenant, session, name) DO UPDATE SET value = meta.value + 1",
                )
                .bind(&tx.session.tenant)
                .bind(&tx.session.session)
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// How much lies in each queue.
    pub async fn depths(&self) -> Result<Depths, StoreError> {
        let mut depths = Depths::default();
        let mut conn = self.reader().await?;
        let media = sql::query(
            "SELECT status, COUNT(*) FROM media WHERE tenant = $1 AND session = $2
             GROUP BY status",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .fetch_all(&mut conn)
        .await?;
        for row in media {
            let count = unsigned(row.try_get(1)?);
            let status = read::status(row.try_get(0)?)?;
            *depths.of(status) = count;
        }
        let rest = sql::query(
            "SELECT
               (SELECT COUNT(*) FROM events WHERE tenant = $1 AND session = $2
                  AND hold_until IS NOT NULL),
               (SELECT COUNT(*) FROM deliveries WHERE tenant = $1 AND session = $2
                  AND finished_at IS NULL),
               (SELECT COUNT(*) FROM deliveries WHERE tenant = $1 AND session = $2
                  AND state = 'dead'),
               (SELECT COUNT(*) FROM sends WHERE tenant = $1 AND session = $2
                  AND finished_at IS NULL)",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .fetch_one(&mut conn)
        .await?;
        depths.events_held = unsigned(rest.try_get(0)?);
        depths.deliveries_pending = unsigned(rest.try_get(1)?);
        depths.deliveries_dead = unsigned(rest.try_get(2)?);
        depths.sends_open = unsigned(rest.try_get(3)?);
        Ok(depths)
    }

    /// Seals every media key, and the key of every file that is still to be sent, under the current
    /// store key if it is not yet: after a rotation, or once a store key is given for the first time.
    /// Answers how many; then older keys may go.
    pub async fn reseal(&self) -> Result<u64, StoreError> {
        let mut resealed = 0;
        for keys in KEYS {
            let mut after = 0;
            while let Some(seal) = self.seal() {
                let step = self
                    .write(move |tx| Box::pin(async move { reseal(tx, &seal, keys, after).await }))
                    .await?;
                let Some((last, count)) = step else { break };
                after = last;
                resealed += count;
            }
        }
        Ok(resealed)
    }
}

/// One step: the last row looked at, and how many were sealed anew. A row whose key is missing is
/// left as it is.
async fn reseal(
    tx: &mut Tx,
    seal: &SealKey,
    keys: Keys,
    after: i64,
) -> Result<Option<(i64, u64)>, StoreError> {
    let rows = sql::query(keys.select)
        .bind(&tx.session.tenant)
        .bind(&tx.session.session)
        .bind(after)
        .bind(seal.id())
        .bind(RESEAL_STEP)
        .fetch_all(&mut tx.conn)
        .await?;
    let mut last = None;
    let mut count = 0;
    for row in rows {
        let number: i64 = row.try_get(0)?;
        last = Some(number);
        let id = MediaId(row.try_get(1)?);
        let key_id: Option<String> = row.try_get(2)?;
        let bytes: Vec<u8> = row.try_get(3)?;
        let opened = read::open_key(&tx.session, Some(seal), &id, key_id.as_deref(), bytes);
        let Ok(plain) = opened else { continue };
        let sealed = prepare::seal_key(&tx.session, Some(seal), &id, Some(&plain))?;
        sql::query(keys.update)
            .bind(number)
            .bind(&sealed.key_id)
            .bind(&sealed.bytes)
            .execute(&mut tx.conn)
            .await?;
        count += 1;
    }
    Ok(last.map(|last| (last, count)))
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
