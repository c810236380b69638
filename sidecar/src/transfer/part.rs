//! A part of a file under way: chunk by chunk, each released only once it is verified.

use bytes::{Bytes, BytesMut};

use super::{TransferError, range::Ranged};
use crate::{
    cdn::CdnBody,
    media::{IntegrityError, streaming_sidecar::CHUNK},
};

/// Bytes of the blob before a chunk, without which it can't be decrypted.
const BEFORE: usize = 16;

/// Reads a part of a file.
#[derive(Debug)]
pub(super) struct Part {
    file: Ranged,
    blob: Blob,
    /// The 16 bytes before the next chunk.
    previous: [u8; BEFORE],
    /// The next chunk.
    index: u64,
    /// The first byte of the file that is wanted.
    first: u64,
    /// The last one.
    last: u64,
    /// A wrong chunk was asked for a second time.
    asked_again: bool,
    /// Nothing follows: all is released, or the last thing was an error.
    done: bool,
}

/// A run of a blob's bytes, taken in pieces of any size.
#[derive(Debug)]
struct Blob {
    body: CdnBody,
    buffer: BytesMut,
}

// === impl Part ===

impl Part {
    /// Opens the chunks that hold the bytes from `first` to `last`, both inside the file.
    pub(super) async fn begin(file: Ranged, first: u64, last: u64) -> Result<Self, TransferError> {
        let index = first / CHUNK as u64;
        let (blob, previous) = from_chunk(&file, index, last, file.prefer_host).await?;
        Ok(Self {
            file,
            blob,
            previous,
            index,
            first,
            last,
            asked_again: false,
            done: false,
        })
    }

    /// The next verified bytes; `None` after the last, or after an error.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, TransferError>> {
        if self.done {
            return None;
        }
        let next = self.chunk().await;
        self.done = next.is_err() || self.index > self.last / CHUNK as u64;
        Some(next)
    }

    async fn chunk(&mut self) -> Result<Bytes, TransferError> {
        loop {
            let size = self.file.chunks.chunk_len(self.index);
            let mut chunk = self.blob.take(size).await?;
            let end = chunk.last_chunk().copied();
            let opened = self
                .file
                .chunks
                .open(self.index, &self.previous, &mut chunk);
            match opened {
                Ok(()) => {
                    self.previous = end.unwrap_or(self.previous);
                    return Ok(self.wanted(chunk));
                }
                // Wrong bytes of one host may be right ones of another.
                Err(error) if !self.asked_again => {
                    tracing::info!(%error, "asking for the chunk again");
                    self.asked_again = true;
                    let prefer = self.file.prefer_host.wrapping_add(1);
                    (self.blob, self.previous) =
                        from_chunk(&self.file, self.index, self.last, prefer).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What of the next chunk, which is verified, belongs to the part.
    fn wanted(&mut self, chunk: Vec<u8>) -> Bytes {
        let at = self.index * CHUNK as u64;
        self.index += 1;
        let within = |byte: u64| usize::try_from(byte.saturating_sub(at)).unwrap_or(CHUNK);
        let end = within(self.last.saturating_add(1)).min(chunk.len());
        let start = within(self.first).min(end);
        Bytes::from(chunk).slice(start..end)
    }
}

/// The blob from chunk `index` to the chunk that holds byte `last` of the file, and the 16 bytes
/// before it.
async fn from_chunk(
    file: &Ranged,
    index: u64,
    last: u64,
    prefer: usize,
) -> Result<(Blob, [u8; BEFORE]), TransferError> {
    let (size, total) = (CHUNK as u64, file.chunks.lengths().blob);
    let start = (index * size).saturating_sub(BEFORE as u64);
    let end = ((last / size + 1) * size).min(total);
    let part = file.cdn.part(&file.reference, start..end, total, prefer);
    let mut blob = Blob {
        body: part.await?,
        buffer: BytesMut::new(),
    };
    let previous = if index == 0 {
        file.chunks.iv()
    } else {
        let before = blob.take(BEFORE).await?;
        before.try_into().unwrap_or_default()
    };
    Ok((blob, previous))
}

// === impl Blob ===

impl Blob {
    /// The next `count` bytes.
    async fn take(&mut self, count: usize) -> Result<Vec<u8>, TransferError> {
        while self.buffer.len() < count {
            let Some(data) = self.body.next().await else {
                let consumed = self.buffer.len() as u64;
                return Err(IntegrityError::Truncated { consumed }.into());
            };
            self.buffer.extend_from_slice(&data?);
        }
        Ok(self.buffer.split_to(count).to_vec())
    }
}
