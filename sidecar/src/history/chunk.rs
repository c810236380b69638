//! Reads one chunk and accepts what it holds.

use bytes::Bytes;

use super::{
    inflate::{Inflate, InflateError},
    notification::{self, NotificationError, Place},
    walk::{Walk, WalkError},
};
use crate::{
    cdn::Cdn,
    clock, inbound,
    message::{Incoming, MediaReference},
    session::Session,
    store::{HistoryChunk, StoreError},
    transfer::{
        TransferError,
        source::{self, Fetch, Source, VERIFY_IN_MEMORY},
    },
};

/// Largest chunk on the CDN, bytes.
const LARGEST: u64 = 256 << 20;

/// Messages that are accepted at once, and the bytes of them.
const BATCH: usize = 200;
const BATCH_BYTES: usize = 512 * 1024;

/// Why a chunk was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChunkError {
    /// The file did not arrive.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// What it says can't be kept now.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// It is none.
    #[error(transparent)]
    Notification(#[from] NotificationError),
    /// It is not compressed as chunks are.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// It is no history.
    #[error(transparent)]
    Walk(#[from] WalkError),
}

/// What a chunk held.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Messages that are new.
    pub(super) new: usize,
    /// Messages that were known.
    pub(super) known: usize,
    /// What is no message, or can't be read as one.
    pub(super) ignored: usize,
}

/// Reads a chunk and accepts its messages. Nothing of it is accepted unless the whole of it is what the
/// phone says it is.
pub(super) async fn read(session: &Session, chunk: &HistoryChunk) -> Result<Read, ChunkError> {
    let mut reader = Reader::new(session);
    match notification::place(&chunk.notification)? {
        Place::Inline(payload) => reader.push(&payload).await?,
        Place::File(file) => {
            let file = &*file;
            let mut source = session
                .over_cdn(|cdn| async move { verified(&cdn, file, chunk.attempts).await })
                .await?;
            while let Some(piece) = source.next().await {
                reader.push(&piece?).await?;
            }
        }
    }
    reader.finish().await
}

/// The file from its beginning, every byte of it verified. One that is too large to be held is read twice
/// for that: messages that were accepted can't be taken back.
async fn verified(
    cdn: &Cdn,
    file: &MediaReference,
    attempts: u32,
) -> Result<Source, TransferError> {
    let fetch = Fetch {
        max_bytes: LARGEST,
        prefer_host: attempts as usize,
        settle_length: false,
    };
    let mut source = source::open(cdn, file, fetch).await?;
    if source.length <= VERIFY_IN_MEMORY {
        return Ok(source);
    }
    while let Some(piece) = source.next().await {
        let _unread: Bytes = piece?;
    }
    source::open(cdn, file, fetch).await
}

/// A chunk being read.
struct Reader<'a> {
    session: &'a Session,
    inflate: Inflate,
    walk: Walk,
    batch: Vec<Incoming>,
    bytes: usize,
    read: Read,
}

impl<'a> Reader<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            inflate: Inflate::new(),
            walk: Walk::new(),
            batch: Vec::new(),
            bytes: 0,
            read: Read::default(),
        }
    }

    async fn push(&mut self, mut compressed: &[u8]) -> Result<(), ChunkError> {
        while let Some(mut piece) = self.inflate.next(&mut compressed)? {
            while let Some(message) = self.walk.next(&mut piece)? {
                match inbound::history(&message) {
                    Some(incoming) => self.batch.push(incoming),
                    None => self.read.ignored += 1,
                }
                self.bytes += message.len();
            }
            if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
                accept(self.session, &mut self.batch, &mut self.read).await?;
                self.bytes = 0;
            }
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Read, ChunkError> {
        self.inflate.finish()?;
        self.walk.finish()?;
        accept(self.session, &mut self.batch, &mut self.read).await?;
        self.read.ignored += self.walk.too_large;
        Ok(self.read)
    }
}

async fn accept(
    session: &Session,
    batch: &mut Vec<Incoming>,
    read: &mut Read,
) -> Result<(), StoreError> {
    let accepted = session.accept(std::mem::take(batch), clock::now()).await?;
    let new = accepted.iter().filter(|accepted| accepted.new).count();
    read.new += new;
    read.known += accepted.len() - new;
    Ok(())
}
