//! A file on its way to WhatsApp's CDN: encrypted once to know what it will be, and again for each
//! upload, both times from the spool and under the same key, so that neither is ever kept.

use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{Look, encoded, look::look, message::media_type};
use crate::{
    cdn::upload::{Body, Uploaded},
    media::{Encryptor, MediaKey, MediaKeys, MediaType},
    send::{Attachment, OutgoingKind, spool::SpoolReader},
};

/// Plaintext that is encrypted at once.
const PIECE: usize = 64 * 1024;

/// Pieces that lie ready.
const READY: usize = 2;

/// All that is known of a file that goes, or went, to the CDN. Kept with its message, so that every
/// further try is the same upload, or none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its key.
    #[serde(with = "encoded::key")]
    pub media_key: MediaKey,
    /// When the key was made, Unix seconds.
    pub key_timestamp: i64,
    /// SHA-256 of the plaintext.
    #[serde(with = "encoded::hash")]
    pub sha256: [u8; 32],
    /// SHA-256 of the blob.
    #[serde(with = "encoded::hash")]
    pub enc_sha256: [u8; 32],
    /// The streaming sidecar; empty where none is sent.
    #[serde(with = "encoded::bytes")]
    pub sidecar: Vec<u8>,
    /// What the file shows.
    pub look: Look,
    /// Where it is; `None`: not uploaded yet.
    pub place: Option<Uploaded>,
}

/// Reads all of `file`, which is sent as `of`, to know what is to be said of it under `media_key`.
/// Blocks.
///
/// # Errors
///
/// When the file can't be read, or was altered.
pub fn prepare<R: Read + Seek>(
    mut file: R,
    of: &Attachment,
    media_key: MediaKey,
    key_timestamp: i64,
) -> io::Result<Upload> {
    let look = look(of.kind, &of.mime, &mut file)?;
    let mut encryption = Encryption::new(file, &media_key, media_type(of.kind))?;
    while encryption.next()?.is_some() {}
    let sealed = encryption.sealed.ok_or(io::ErrorKind::UnexpectedEof)?;
    // WhatsApp's own clients say it of video and sound only.
    let streamed = matches!(of.kind, OutgoingKind::Video | OutgoingKind::Audio { .. });
    Ok(Upload {
        media_key,
        key_timestamp,
        sha256: sealed.sha256,
        enc_sha256: sealed.enc_sha256,
        sidecar: if streamed { sealed.sidecar } else { Vec::new() },
        look,
        place: None,
    })
}

/// The blob of `file` from byte `from` on, read few pieces ahead in a thread of its own.
#[must_use]
pub fn body(file: SpoolReader, keys: (MediaKey, MediaType), from: u64) -> Body {
    let (pieces, ready) = mpsc::channel::<io::Result<Bytes>>(READY);
    drop(spawn_blocking(move || {
        let sent = give(file, &keys, from, &pieces);
        if let Err(error) = sent {
            let _gone = pieces.blocking_send(Err(error));
        }
    }));
    let frames = stream::unfold(ready, |mut ready| async move {
        let piece = ready.recv().await?;
        Some((piece.map(Frame::data), ready))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn give(
    file: SpoolReader,
    (key, media_type): &(MediaKey, MediaType),
    from: u64,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut encryption = Encryption::new(file, key, *media_type)?;
    let mut skip = from;
    while let Some(mut piece) = encryption.next()? {
        let skipped = skip.min(piece.len() as u64);
        skip -= skipped;
        let _skipped = piece.split_to(usize::try_from(skipped).unwrap_or(piece.len()));
        // Whoever posts it may be gone: then nobody needs the rest.
        if !piece.is_empty() && pieces.blocking_send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// A file becoming a blob, piece by piece.
struct Encryption<R> {
    file: R,
    /// `None`: it is done.
    encryptor: Option<Encryptor>,
    sealed: Option<crate::media::Sealed>,
    plain: Vec<u8>,
}

// === impl Encryption ===

impl<R: Read + Seek> Encryption<R> {
    fn new(mut file: R, key: &MediaKey, media_type: MediaType) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self {
            file,
            encryptor: Some(Encryptor::new(&MediaKeys::derive(key, media_type))),
            sealed: None,
            plain: Vec::with_capacity(PIECE),
        })
    }

    /// The next bytes of the blob; `None` after the last.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(mut encryptor) = self.encryptor.take() else {
            return Ok(None);
        };
        self.plain.clear();
        let piece = (&mut self.file).take(PIECE as u64);
        let read = { piece }.read_to_end(&mut self.plain)?;
        let mut blob = BytesMut::with_capacity(PIECE + 32);
        encryptor.push(&self.plain, &mut blob);
        if read < PIECE {
            self.sealed = Some(encryptor.finish(&mut blob));
        } else {
            self.encryptor = Some(encryptor);
        }
        Ok(Some(blob.freeze()))
    }
}

// === impl Upload ===

/// Shows neither key nor path.
impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("uploaded", &self.place.is_some())
            .finish_non_exhaustive()
    }
}
