//! One try to send one message as the session's own device.

use std::io;

use jiff::Timestamp;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    Upload,
    message::{encode, media_type, message},
    record,
    upload::{body, prepare},
};
use crate::{
    cdn::upload::{Blob, Permit, UploadError, Uploaded},
    clock,
    device::{CallError, Client, MediaConn},
    media::{MediaKey, encrypted_len},
    message::identity::normalise_jid,
    send::{
        Attachment, Content,
        deliver::{Delivered, lasting, open, passing},
    },
    session::Session,
    store::{Dispatch, SendError, Sent, StoreError},
};

/// The device is not there.
pub const NOT_CONNECTED: &str = "device_not_connected";

/// WhatsApp does not take it.
pub const REFUSED: &str = "whatsapp_refused";

/// Files that are prepared at once, over all sessions: a picture takes up to 80 MB while it is.
static PREPARING: Semaphore = Semaphore::const_new(1);

/// Sends one message; answers what the session is to keep of it, too.
///
/// # Errors
///
/// Why it was not sent, or may not have been.
pub(in crate::send) async fn deliver(
    session: &Session,
    send: &Dispatch,
) -> Result<Delivered, SendError> {
    let device = session.device().cloned();
    let device =
        device.ok_or_else(|| passing(NOT_CONNECTED, "the session has no linked device"))?;
    let client = device.client();
    let upload = match &send.message.content {
        Content::Text { .. } => None,
        Content::File(file) => Some(bring(session, client, send, file).await?),
    };
    let own = own_account(client, send).await?;
    let message = message(&send.message, upload.as_ref(), own.as_deref())
        .ok_or_else(|| lasting("file_lost", "the file to send is not there any more"))?;
    let taken = client
        .send(&send.message_id, &send.message.chat, &encode(&message))
        .await
        .map_err(|error| not_sent(&error))?;
    let timestamp = taken
        .timestamp
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or_else(clock::now);
    let kept = record::of(session, send, message, timestamp);
    let media_id = kept.as_ref().and_then(|kept| kept.media.first());
    Ok(Delivered {
        sent: Sent {
            id: taken.id,
            timestamp,
            media_id: media_id.map(|media| media.id.0.clone()),
        },
        kept,
    })
}

/// The account's own JID, where a quotation needs it.
async fn own_account(client: &Client, send: &Dispatch) -> Result<Option<String>, SendError> {
    let quoted = send.message.quoted.as_ref();
    if !quoted.is_some_and(|quoted| quoted.from_me && quoted.participant.is_none()) {
        return Ok(None);
    }
    let status = client.status().await.map_err(|error| not_sent(&error))?;
    Ok(status.jid.as_deref().map(normalise_jid))
}

/// Has the file on the CDN. What is known of it is on disk before anybody else learns of it.
async fn bring(
    session: &Session,
    client: &Client,
    send: &Dispatch,
    file: &Attachment,
) -> Result<Upload, SendError> {
    let mut upload = if let Some(known) = &send.upload {
        known.clone()
    } else {
        let upload = prepared(session, send, file).await?;
        keep(session, send, &upload).await?;
        upload
    };
    if upload.place.is_none() {
        upload.place = Some(brought(session, client, send, (file, &upload)).await?);
        keep(session, send, &upload).await?;
    }
    Ok(upload)
}

async fn prepared(
    session: &Session,
    send: &Dispatch,
    file: &Attachment,
) -> Result<Upload, SendError> {
    // The semaphore is never closed.
    let turn = PREPARING.acquire().await.ok();
    let (plain, file) = (open(session, send).await?, file.clone());
    let key = MediaKey(rand::random());
    let now = clock::now().as_second();
    let prepared = spawn_blocking(move || {
        let _turn = turn;
        prepare(plain, &file, key, now)
    });
    let prepared = prepared
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    prepared.map_err(|error| lasting("file_lost", &error.to_string()))
}

async fn keep(session: &Session, send: &Dispatch, upload: &Upload) -> Result<(), SendError> {
    let Some(key) = &send.file_key else {
        return Ok(());
    };
    let kept = session.store().keep_upload(&send.id, key, upload).await;
    kept.map_err(|error: StoreError| passing("store_unavailable", &error.to_string()))
}

/// Uploads the file; with another token once, if the first is refused.
async fn brought(
    session: &Session,
    client: &Client,
    send: &Dispatch,
    (file, upload): (&Attachment, &Upload),
) -> Result<Uploaded, SendError> {
    let blob = Blob {
        media_type: media_type(file.kind),
        enc_sha256: upload.enc_sha256,
        length: encrypted_len(file.length),
    };
    let content = |from| async move {
        let plain = open(session, send).await;
        let plain = plain.map_err(|error| io::Error::other(error.message))?;
        let keys = (upload.media_key.clone(), blob.media_type);
        Ok(body(plain, keys, from))
    };
    let mut refused = false;
    loop {
        let connection = client
            .media_conn(refused)
            .await
            .map_err(|error| not_sent(&error))?;
        match session
            .shared()
            .cdn
            .upload(&permit(connection), &blob, content)
            .await
        {
            Err(UploadError::Unauthorised { .. }) if !refused => refused = true,
            result => return result.map_err(|error| not_uploaded(&error)),
        }
    }
}

fn permit(connection: MediaConn) -> Permit {
    let hosts = connection.names();
    Permit {
        auth: connection.auth,
        hosts,
    }
}

fn not_uploaded(error: &UploadError) -> SendError {
    let words = error.to_string();
    match error {
        UploadError::Refused { .. } => lasting(REFUSED, &words),
        UploadError::File => lasting("file_lost", &words),
        UploadError::Unauthorised { .. }
        | UploadError::Status { .. }
        | UploadError::Network { .. }
        | UploadError::Answer { .. }
        | UploadError::NoHost => passing("upload_failed", &words),
    }
}

/// What the program that holds the device says, as ours.
fn not_sent(error: &CallError) -> SendError {
    let words = error.to_string();
    match (error, error.code()) {
        (CallError::Unreachable, _) | (_, "not_connected") => passing(NOT_CONNECTED, &words),
        (CallError::Refused { status, .. }, "refused") if status.as_u16() == 422 => {
            lasting(REFUSED, &words)
        }
        (CallError::Refused { status, .. }, _) if status.as_u16() == 400 => {
            lasting("internal", &words)
        }
        (_, "not_acknowledged") => passing("not_acknowledged", &words),
        (_, "in_flight") => passing("in_flight", &words),
        _ => passing("send_failed", &words),
    }
}
