//! A media file as a stream of verified plaintext, whoever receives it.
//!
//! [`open`] settles the true length and hash before the first byte, because both a `PutObject` and
//! an HTTP response must promise a `Content-Length`. Then one task pulls ciphertext, decrypts, and
//! hands plaintext on through a channel of one chunk: memory stays constant, and the byte that
//! completes the promised length follows only after the verdict (see [`crate::media::Decryptor`]).

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::error::TransferError;
use crate::{
    cdn::{Cdn, CdnBody, Limits, Reference},
    media::{
        Decryptor, Expected, IntegrityError, MediaKeys, Scan, Verified, encrypted_len,
        length_from_tail,
    },
    message::MediaReference,
};

/// Files up to this size (bytes) are verified in memory before anything is released.
pub const VERIFY_IN_MEMORY: u64 = 1024 * 1024;

/// How to fetch one file.
#[derive(Debug, Clone, Copy)]
pub struct Fetch {
    /// Largest plaintext in bytes.
    pub max_bytes: u64,
    /// Which host to begin with; another one after an integrity failure.
    pub prefer_host: usize,
    /// Ask the padding for the true length even where the declared one is plausible: for a
    /// receiver that can't be restarted.
    pub settle_length: bool,
}

/// A file whose length and hash are promised and whose bytes are on the way.
#[derive(Debug)]
pub struct Source {
    /// `Content-Length` in bytes.
    pub length: u64,
    /// SHA-256 that the bytes will have, if they come to an end.
    pub sha256: [u8; 32],
    chunks: mpsc::Receiver<Result<Bytes, TransferError>>,
    _task: Option<AbortOnDropHandle<()>>,
}

impl Source {
    /// The next chunk of plaintext; `None` only after the whole file, verified.
    pub async fn next(&mut self) -> Option<Result<Bytes, TransferError>> {
        self.chunks.recv().await
    }

    /// Like [`Source::next`], for `http_body::Body` implementations.
    pub fn poll_next(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, TransferError>>> {
        self.chunks.poll_recv(context)
    }

    fn whole(verified: &Verified, plaintext: Bytes) -> Self {
        let (sender, chunks) = mpsc::channel(1);
        if !plaintext.is_empty() {
            // The channel is new and has room for one.
            let _full = sender.try_send(Ok(plaintext));
        }
        Self {
            length: verified.length,
            sha256: verified.sha256,
            chunks,
            _task: None,
        }
    }
}

/// Begins to fetch a file.
///
/// # Errors
///
/// Everything that shows before the first byte is released: the sender's faults, the CDN's answer,
/// and for files up to [`VERIFY_IN_MEMORY`] also every integrity failure.
pub async fn open(
    cdn: &Cdn,
    media: &MediaReference,
    fetch: Fetch,
) -> Result<Source, TransferError> {
    if let Some(fault) = &media.fault {
        return Err(TransferError::Invalid(fault.clone()));
    }
    if media
        .file_length
        .is_some_and(|length| length > fetch.max_bytes)
    {
        return Err(TransferError::TooLarge {
            limit: fetch.max_bytes,
        });
    }
    let file = File {
        cdn,
        reference: cdn_reference(media),
        keys: media
            .media_key
            .as_ref()
            .map(|key| MediaKeys::derive(key, media.media_type)),
        enc_sha256: media.enc_sha256,
        fetch,
    };
    match media.sha256 {
        Some(sha256) => file.open_once(sha256, media.file_length).await,
        None => file.open_twice().await,
    }
}

/// Where the CDN has a file.
pub(super) fn cdn_reference(media: &MediaReference) -> Reference {
    Reference {
        direct_path: media.direct_path.clone(),
        url: media.url.clone(),
        enc_sha256: media.enc_sha256,
        media_type: media.media_type,
        encrypted: media.media_key.is_some(),
    }
}

struct File<'a> {
    cdn: &'a Cdn,
    reference: Reference,
    keys: Option<MediaKeys>,
    enc_sha256: Option<[u8; 32]>,
    fetch: Fetch,
}

impl File<'_> {
    async fn body(&self) -> Result<CdnBody, TransferError> {
        let limits = Limits {
            max_blob_bytes: match self.keys {
                Some(_) => encrypted_len(self.fetch.max_bytes),
                None => self.fetch.max_bytes,
            },
        };
        Ok(self
            .cdn
            .open(&self.reference, limits, self.fetch.prefer_host)
            .await?)
    }

    async fn open_once(
        &self,
        sha256: [u8; 32],
        declared: Option<u64>,
    ) -> Result<Source, TransferError> {
        let body = self.body().await?;
        let length = self.length(&body, declared).await?;
        self.start(body, sha256, length).await
    }

    /// Without a plaintext hash the file is read twice: the first pass verifies and yields hash and
    /// length, so that the second can promise both. Nothing is ever spooled.
    async fn open_twice(&self) -> Result<Source, TransferError> {
        let mut body = self.body().await?;
        let Some(keys) = &self.keys else {
            return Err(TransferError::Invalid(
                "fileSha256 is missing for a file that is not encrypted".to_owned(),
            ));
        };
        let mut scan = Scan::new(keys, self.enc_sha256);
        while let Some(chunk) = body.next().await {
            scan.push(&chunk?);
        }
        let verified = scan.finish()?;
        let body = self.body().await?;
        self.start(body, verified.sha256, verified.length).await
    }

    /// The plaintext's true length: the declared one where the blob's length agrees, else what the
    /// padding in the blob's last block says.
    async fn length(&self, body: &CdnBody, declared: Option<u64>) -> Result<u64, TransferError> {
        let Some(keys) = &self.keys else {
            return body.blob_len().or(declared).ok_or_else(|| {
                TransferError::Invalid("fileLength is missing and the CDN names none".into())
            });
        };
        let small = body
            .blob_len()
            .is_some_and(|len| len <= encrypted_len(VERIFY_IN_MEMORY));
        if let (Some(declared), Some(blob)) = (declared, body.blob_len())
            && encrypted_len(declared) == blob
            && (small || !self.fetch.settle_length)
        {
            return Ok(declared);
        }
        if small {
            // Read whole and verified in memory anyway; the padding speaks then.
            return Ok(declared.unwrap_or(0));
        }
        let (tail, blob) = self
            .cdn
            .tail(&self.reference, 42, self.fetch.prefer_host)
            .await?;
        Ok(length_from_tail(keys, blob, &tail)?)
    }

    fn check_size(&self, length: u64) -> Result<(), TransferError> {
        let limit = self.fetch.max_bytes;
        if length > limit {
            return Err(TransferError::TooLarge { limit });
        }
        Ok(())
    }

    async fn start(
        &self,
        body: CdnBody,
        sha256: [u8; 32],
        length: u64,
    ) -> Result<Source, TransferError> {
        self.check_size(length)?;
        let small = body.blob_len().map_or(length <= VERIFY_IN_MEMORY, |len| {
            len <= encrypted_len(VERIFY_IN_MEMORY)
        });
        if small {
            return self.in_memory(body, sha256).await;
        }
        let expected = Expected {
            sha256: Some(sha256),
            enc_sha256: self.enc_sha256,
            length,
        };
        let decryptor = match &self.keys {
            Some(keys) => Decryptor::encrypted(keys, expected),
            None => Decryptor::plain(expected),
        };
        let (sender, chunks) = mpsc::channel(1);
        let task = tokio::spawn(pump(body, decryptor, sender));
        Ok(Source {
            length,
            sha256,
            chunks,
            _task: Some(AbortOnDropHandle::new(task)),
        })
    }

    /// Small files: the blob is collected, its padding gives the length, and all is verified before
    /// anything is promised.
    async fn in_memory(
        &self,
        mut body: CdnBody,
        sha256: [u8; 32],
    ) -> Result<Source, TransferError> {
        let mut blob = BytesMut::new();
        while let Some(chunk) = body.next().await {
            blob.extend_from_slice(&chunk?);
            if blob.len() as u64 > encrypted_len(VERIFY_IN_MEMORY) {
                // Only a body that named no length can get here: it outgrew the sender's word.
                return Err(IntegrityError::Length {
                    expected: VERIFY_IN_MEMORY,
                    found: blob.len() as u64,
                }
                .into());
            }
        }
        let blob_len = blob.len() as u64;
        let length = match &self.keys {
            Some(keys) => {
                let tail = blob
                    .get(blob.len().saturating_sub(42)..)
                    .unwrap_or_default();
                length_from_tail(keys, blob_len, tail)?
            }
            None => blob_len,
        };
        let expected = Expected {
            sha256: Some(sha256),
            enc_sha256: self.enc_sha256,
            length,
        };
        let mut decryptor = match &self.keys {
            Some(keys) => Decryptor::encrypted(keys, expected),
            None => Decryptor::plain(expected),
        };
        let mut plaintext = BytesMut::with_capacity(blob.len());
        decryptor.push(&blob, &mut plaintext)?;
        drop(blob);
        let verified = decryptor.finish(&mut plaintext)?;
        // The blob's limit lets up to 15 bytes too many through.
        self.check_size(verified.length)?;
        Ok(Source::whole(&verified, plaintext.freeze()))
    }
}

/// Pulls, decrypts and hands on until the verdict; the channel's end is the file's end.
async fn pump(
    mut body: CdnBody,
    mut decryptor: Decryptor,
    sender: mpsc::Sender<Result<Bytes, TransferError>>,
) {
    let mut plaintext = BytesMut::new();
    let verdict = loop {
        match body.next().await {
            Some(Ok(chunk)) => {
                if let Err(error) = decryptor.push(&chunk, &mut plaintext) {
                    break Err(error.into());
                }
                if !plaintext.is_empty()
                    && sender.send(Ok(plaintext.split().freeze())).await.is_err()
                {
                    return;
                }
            }
            Some(Err(error)) => break Err(error.into()),
            None => {
                break decryptor
                    .finish(&mut plaintext)
                    .map_err(IntegrityError::into);
            }
        }
    };
    let last = match verdict {
        Ok(_) if plaintext.is_empty() => return,
        Ok(_) => Ok(plaintext.freeze()),
        Err(error) => Err(error),
    };
    // A receiver that is gone needs no verdict.
    let _receiver_gone = sender.send(last).await;
}
