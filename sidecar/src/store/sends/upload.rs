//! A message's upload at rest: sealed with a key that comes from the file's own, so that it opens as
//! long as the file does, and is gone with it.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::unreadable;
use crate::send::{device::Upload, spool::SpoolKey};
use crate::store::error::StoreError;
use crate::store::{Store, sql};

/// What makes the key another one than the file's.
const PURPOSE: &[u8] = b"titan upload 1";

/// Length of the nonce, bytes.
const NONCE: usize = 12;

impl Store {
    /// Keeps what is known of the upload of message `id`, whose file `key` opens. On disk when it
    /// answers.
    pub async fn keep_upload(
        &self,
        id: &str,
        key: &SpoolKey,
        upload: &Upload,
    ) -> Result<(), StoreError> {
        let (id, sealed) = (id.to_owned(), seal(id, key, upload)?);
        self.write(move |tx| {
            Box::pin(async move {
                sql::query(
                    "UPDATE sends SET upload = $4
                     WHERE tenant = $1 AND session = $2 AND id = $3 AND finished_at IS NULL",
                )
                .bind(&tx.session.tenant)
                .bind(&tx.session.session)
                .bind(id)
                .bind(sealed)
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            })
        })
        .await
    }
}

fn seal(id: &str, key: &SpoolKey, upload: &Upload) -> Result<Vec<u8>, StoreError> {
    let plain = serde_json::to_vec(upload).map(Zeroizing::new);
    let plain = plain.map_err(|_| unreadable("sends.upload"))?;
    let nonce: [u8; NONCE] = rand::random();
    let payload = Payload {
        msg: &plain,
        aad: id.as_bytes(),
    };
    let sealed = cipher(key)
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| unreadable("sends.upload"))?;
    Ok([&nonce, sealed.as_slice()].concat())
}

/// Opens what [`Store::keep_upload`] wrote.
pub(super) fn open(id: &str, key: &SpoolKey, sealed: &[u8]) -> Result<Upload, StoreError> {
    let plain = sealed
        .split_first_chunk::<NONCE>()
        .and_then(|(nonce, msg)| {
            let payload = Payload {
                msg,
                aad: id.as_bytes(),
            };
            cipher(key).decrypt(&Nonce::from(*nonce), payload).ok()
        })
        .map(Zeroizing::new)
        .ok_or_else(|| unreadable("sends.upload"))?;
    serde_json::from_slice(&plain).map_err(|_| unreadable("sends.upload"))
}

fn cipher(key: &SpoolKey) -> Aes256Gcm {
    let mut digest = Sha256::new();
    digest.update(PURPOSE);
    digest.update(key.bytes());
    let derived = Zeroizing::new(<[u8; 32]>::from(digest.finalize()));
    Aes256Gcm::new((&*derived).into())
}
