//! A part of a file straight from the CDN, where a streaming sidecar can vouch for it: each 64 KiB
//! chunk is checked before any byte of it is released.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{TransferError, part::Part, source::cdn_reference};
use crate::{
    cdn::{Cdn, Reference},
    media::{Chunks, Lengths, MediaKeys, MediaKind, chunks::TAIL},
    message::MediaReference,
};

/// Files whose lengths are remembered; a few dozen bytes each.
const REMEMBERED: usize = 4096;

/// Lengths that were authenticated once, so that a player's next request needs no second look at
/// the end of the file. Named by key and sidecar: another file never has them.
#[derive(Debug, Default)]
pub struct KnownLengths(Mutex<HashMap<[u8; 32], Lengths>>);

/// A file on the CDN that can be read in parts.
#[derive(Debug)]
pub(super) struct Ranged {
    pub(super) cdn: Cdn,
    pub(super) reference: Reference,
    pub(super) chunks: Chunks,
    /// Which host to begin with.
    pub(super) prefer_host: usize,
}

// === impl KnownLengths ===

impl KnownLengths {
    fn get(&self, name: &[u8; 32]) -> Option<Lengths> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).copied()
    }

    fn keep(&self, name: [u8; 32], lengths: Lengths) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name, lengths);
    }

    /// The authenticated length of a file's plaintext, if a part of it was asked for before.
    #[must_use]
    pub fn of(&self, media: &MediaReference) -> Option<u64> {
        Some(self.get(&name_of(media)?)?.plain)
    }
}

fn name_of(media: &MediaReference) -> Option<[u8; 32]> {
    let (key, sidecar) = media.media_key.as_ref().zip(sidecar(media))?;
    Some(
        Sha256::new()
            .chain_update(key.0)
            .chain_update(sidecar)
            .finalize()
            .into(),
    )
}

fn sidecar(media: &MediaReference) -> Option<&[u8]> {
    let plays = matches!(media.kind, MediaKind::Video | MediaKind::Audio);
    media.streaming_sidecar.as_deref().filter(|_| plays)
}

/// Whether parts of the file may be had from the CDN, as far as its message tells.
#[must_use]
pub fn is_offered(media: &MediaReference) -> bool {
    media.fault.is_none() && name_of(media).is_some()
}

/// Looks at the end of a file on the CDN, once, and learns its length. `None`: it has no streaming
/// sidecar.
///
/// # Errors
///
/// The CDN's, and that of [`Lengths::from_tail`]: then no part of it can be verified.
pub(super) async fn look(
    cdn: &Cdn,
    media: &MediaReference,
    known: &KnownLengths,
    prefer_host: usize,
) -> Result<Option<Ranged>, TransferError> {
    let (Some(name), Some(key), Some(sidecar)) =
        (name_of(media), media.media_key.as_ref(), sidecar(media))
    else {
        return Ok(None);
    };
    let keys = MediaKeys::derive(key, media.media_type);
    let reference = cdn_reference(media);
    let lengths = if let Some(lengths) = known.get(&name) {
        lengths
    } else {
        let (tail, blob) = cdn.tail(&reference, TAIL as u64, prefer_host).await?;
        let lengths = Lengths::from_tail(&keys, sidecar, blob, &tail)?;
        known.keep(name, lengths);
        lengths
    };
    Ok(Some(Ranged {
        cdn: cdn.clone(),
        reference,
        chunks: Chunks::new(keys, sidecar.to_vec(), lengths),
        prefer_host,
    }))
}

// === impl Ranged ===

impl Ranged {
    /// Bytes of the plaintext.
    pub(super) fn length(&self) -> u64 {
        self.chunks.lengths().plain
    }

    /// Begins to read the bytes from `first` to `last`, both inside the file. The first chunk is
    /// verified when this returns.
    ///
    /// # Errors
    ///
    /// What shows up to then.
    pub(super) async fn open(self, first: u64, last: u64) -> Result<(Bytes, Part), TransferError> {
        let mut part = Part::begin(self, first, last).await?;
        let chunk = part.next().await.transpose()?;
        Ok((chunk.unwrap_or_default(), part))
    }
}
