//! From a request to a message that can be queued: its body read, its file on the volume as
//! ciphertext, and known by its bytes.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::Body;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{
    Outgoing, body, fetch, kind,
    request::{self, FoundFile, Request, RequestError, Source},
    spool::{Spool, SpoolError, SpoolKey, SpoolWriter, Spooled},
};

/// Of a body that is refused, so many bytes are read and dropped, for so long: a connection that is
/// closed with unread bytes is reset, and the caller would never see why.
const MOST_DROPPED: u64 = 64 << 20;
const LONGEST_DROPPING: Duration = Duration::from_secs(10);

/// Why a file that a link leads to could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The link leads to no file.
    #[error(transparent)]
    Link(#[from] fetch::FetchError),
    /// The file broke off on its way.
    #[error("the download broke off")]
    Broken(#[source] io::Error),
    /// It can't be kept.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// The file of a message that is not queued yet. Dropped before [`Self::keep`], it is removed.
#[derive(Debug)]
pub struct SpooledFile {
    place: Option<(Spool, String)>,
    key: SpoolKey,
    spooled: Spooled,
}

/// Reads a request; its base64 goes to file `id` of `spool`, under `key`.
///
/// # Errors
///
/// [`RequestError`]; then nothing of the file is left, and what was left of the body is read.
pub async fn read<B>(
    spool: Spool,
    id: String,
    key: SpoolKey,
    body: B,
) -> Result<Request<SpoolWriter>, RequestError>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let mut body = body::blocking(body);
    let read = spawn_blocking(move || {
        let open = || spool.create(&id, &key).map_err(io::Error::from);
        let request = request::read(&mut body, open);
        // Of a body that broke off or fell silent there is no rest.
        if !matches!(request, Ok(_) | Err(RequestError::Body(_))) {
            drop_rest(&mut body);
        }
        request
    });
    read.await
        .unwrap_or_else(|error| Err(RequestError::Body(io::Error::other(error))))
}

fn drop_rest(body: &mut impl Read) {
    let deadline = Instant::now() + LONGEST_DROPPING;
    let mut body = body.take(MOST_DROPPED);
    let mut piece = [0; 16 * 1024];
    while Instant::now() < deadline && body.read(&mut piece).is_ok_and(|read| read > 0) {}
}

/// Fetches the file behind `link` into file `id` of `spool`, under `key`.
pub async fn fetch(
    client: &fetch::Client,
    link: &str,
    spool: Spool,
    id: String,
    key: SpoolKey,
) -> Result<SpooledFile, FileError> {
    let body = fetch::open(client, link).await?;
    let mut body = body::blocking(body).take(fetch::LARGEST + 1);
    blocking(move || {
        let mut writer = spool.create(&id, &key)?;
        let length = copy(&mut body, &mut writer)?;
        if length > fetch::LARGEST {
            return Err(fetch::FetchError::TooLarge.into());
        }
        Ok(SpooledFile::finish(spool, id, key, writer)?)
    })
    .await
}

/// Like [`io::copy`], but tells whose fault a failure is.
fn copy(body: &mut impl Read, writer: &mut SpoolWriter) -> Result<u64, FileError> {
    let mut piece = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = body.read(&mut piece).map_err(FileError::Broken)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(length);
        };
        writer.write_all(bytes).map_err(SpoolError::from)?;
        length += read as u64;
    }
}

/// Makes a file durable whose bytes are all written.
pub async fn finish(
    spool: Spool,
    id: String,
    key: SpoolKey,
    writer: SpoolWriter,
) -> Result<SpooledFile, SpoolError> {
    blocking(move || SpooledFile::finish(spool, id, key, writer)).await
}

async fn blocking<T, E>(act: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<SpoolError> + Send + 'static,
{
    spawn_blocking(act)
        .await
        .unwrap_or_else(|error| Err(SpoolError::from(io::Error::other(error)).into()))
}

/// What a request asks for, as a hash: two that ask for the same have the same. `file` is that of
/// the bytes that came with it.
#[must_use]
pub fn fingerprint<W>(request: &Request<W>, file: Option<&[u8; 32]>) -> [u8; 32] {
    let link = match &request.file {
        Some(Source::Url(url)) => Some(url),
        Some(Source::Base64(_)) | None => None,
    };
    let asked = json!([
        request.chat_id,
        request.type_.as_str(),
        request.text,
        request.caption,
        request.filename,
        request.ptt,
        request.link_preview,
        request.quoted,
        request.mentions,
        request.is_forwarded,
        link,
        file,
    ]);
    Sha256::digest(asked.to_string()).into()
}

/// The message that `request` asks for, its file known by its bytes.
///
/// # Errors
///
/// 415 for a file of another type, 400 for an empty one.
pub fn understand<W>(
    request: Request<W>,
    file: Option<&SpooledFile>,
) -> Result<Outgoing, RequestError> {
    let found = file
        .map(|file| found(&request, &file.spooled))
        .transpose()?;
    request.outgoing(found)
}

fn found<W>(request: &Request<W>, spooled: &Spooled) -> Result<FoundFile, RequestError> {
    // What has no bytes is of no type; the message itself says so.
    let type_ = if spooled.length == 0 {
        request::RequestType::File
    } else {
        request.type_
    };
    Ok(FoundFile {
        found: kind::accept(type_, &spooled.head, request.ptt)?,
        length: spooled.length,
    })
}

// === impl SpooledFile ===

impl SpooledFile {
    fn finish(
        spool: Spool,
        id: String,
        key: SpoolKey,
        writer: SpoolWriter,
    ) -> Result<Self, SpoolError> {
        let spooled = writer.finish()?;
        Ok(Self {
            place: Some((spool, id)),
            key,
            spooled,
        })
    }

    /// SHA-256 of the plaintext.
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.spooled.sha256
    }

    /// Opens the file.
    #[must_use]
    pub fn key(&self) -> &SpoolKey {
        &self.key
    }

    /// The message is queued: the file stays.
    pub fn keep(mut self) {
        self.place = None;
    }

    /// The same file in another spool.
    pub async fn move_to(
        self,
        spool: Spool,
        id: String,
        key: SpoolKey,
    ) -> Result<Self, SpoolError> {
        let Some((from, name)) = self.place.clone() else {
            return Ok(self);
        };
        blocking(move || {
            let mut writer = spool.create(&id, &key)?;
            io::copy(&mut from.read(&name, &self.key)?, &mut writer).map_err(SpoolError::from)?;
            Self::finish(spool, id, key, writer)
        })
        .await
    }
}

impl Drop for SpooledFile {
    fn drop(&mut self) {
        if let Some((spool, id)) = self.place.take()
            && let Err(error) = spool.remove(&id)
        {
            tracing::warn!(%error, "a file that is not sent stays in the spool");
        }
    }
}
