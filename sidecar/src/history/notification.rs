//! What the phone says of a chunk.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use waproto::buffa::Message as _;
use waproto::whatsapp::message::{HistorySyncNotification, HistorySyncType};

use crate::{
    media::{MediaKey, MediaKind, MediaType},
    message::MediaReference,
};

/// What the program that holds the device posts.
#[derive(Debug, Deserialize)]
pub struct Offer {
    /// WhatsApp's id of the phone's message.
    pub id: String,
    /// The protobuf `HistorySyncNotification`, in base64.
    notification: String,
}

/// Not a notification of history.
#[derive(Debug, thiserror::Error)]
#[error("not a notification of history")]
pub struct NotificationError;

/// Where a chunk is.
#[derive(Debug)]
pub(super) enum Place {
    /// In the notification, compressed.
    Inline(Vec<u8>),
    /// On the CDN.
    File(Box<MediaReference>),
}

impl Offer {
    /// The notification's bytes, where it offers messages of chats. `None`: names, settings, status
    /// updates, or the word that there is nothing.
    ///
    /// # Errors
    ///
    /// Where the notification is none.
    pub fn chats(&self) -> Result<Option<Vec<u8>>, NotificationError> {
        let bytes = STANDARD
            .decode(&self.notification)
            .map_err(|_| NotificationError)?;
        let kind = decode(&bytes)?.sync_type;
        let chats = matches!(
            kind,
            None | Some(
                HistorySyncType::INITIAL_BOOTSTRAP
                    | HistorySyncType::RECENT
                    | HistorySyncType::FULL
                    | HistorySyncType::ON_DEMAND
            )
        );
        Ok(chats.then_some(bytes))
    }
}

/// Where the chunk is that a notification offers.
pub(super) fn place(notification: &[u8]) -> Result<Place, NotificationError> {
    let HistorySyncNotification {
        file_sha256,
        file_length,
        media_key,
        file_enc_sha256,
        direct_path,
        initial_hist_bootstrap_inline_payload,
        ..
    } = decode(notification)?;
    if let Some(payload) = initial_hist_bootstrap_inline_payload {
        return Ok(Place::Inline(payload));
    }
    let digest = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| bytes.try_into().ok());
    let key: Option<[u8; 32]> = media_key.and_then(|key| key.try_into().ok());
    Ok(Place::File(Box::new(MediaReference {
        fault: key
            .is_none()
            .then(|| "mediaKey is missing or not 32 bytes".to_owned()),
        direct_path,
        media_key: key.map(MediaKey),
        sha256: digest(file_sha256),
        enc_sha256: digest(file_enc_sha256),
        file_length,
        ..MediaReference::unknown(MediaKind::Document, MediaType::HistorySync)
    })))
}

fn decode(bytes: &[u8]) -> Result<HistorySyncNotification, NotificationError> {
    HistorySyncNotification::decode_from_slice(bytes).map_err(|_| NotificationError)
}
