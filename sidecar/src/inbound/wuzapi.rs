//! wuzapi: whatsmeow's events under `event`, with the event's name beside them in `type`. Its form
//! bodies hold the same JSON (see `form`).

use super::json::Json;
use super::{Found, ParseError, whatsmeow};

/// The types that are messages, with or without content.
const MESSAGES: [&str; 2] = ["Message", "UndecryptableMessage"];

/// The other types, so that they are known even where the event itself says little.
const OTHERS: [&str; 42] = [
    "AppState",
    "AppStateSyncComplete",
    "Blocklist",
    "BlocklistChange",
    "CATRefreshError",
    "CallAccept",
    "CallOffer",
    "CallOfferNotice",
    "CallRelayLatency",
    "CallTerminate",
    "ChatPresence",
    "ClientOutdated",
    "ConnectFailure",
    "Connected",
    "Disconnected",
    "FBMessage",
    "GroupInfo",
    "HistorySync",
    "IdentityChange",
    "JoinedGroup",
    "KeepAliveRestored",
    "KeepAliveTimeout",
    "LoggedOut",
    "MediaRetry",
    "NewsletterJoin",
    "NewsletterLeave",
    "NewsletterLiveUpdate",
    "NewsletterMuteChange",
    "OfflineSyncCompleted",
    "OfflineSyncPreview",
    "PairError",
    "PairSuccess",
    "Picture",
    "Presence",
    "PrivacySettings",
    "PushNameSetting",
    "QR",
    "QRTimeout",
    "ReadReceipt",
    "Receipt",
    "StreamError",
    "UserAbout",
];

/// Whether a body is surely wuzapi's.
pub(super) fn recognises(value: &Json<'_>) -> bool {
    let kind = value.get_exact("type").and_then(Json::text);
    let named = kind.is_some_and(|kind| MESSAGES.contains(&kind) || OTHERS.contains(&kind));
    let event = value.members().iter().any(|(name, _)| name == "event");
    named && event
}

/// Reads one event.
pub(super) fn read(value: &Json<'_>) -> Result<Found, ParseError> {
    let kind = value
        .get_exact("type")
        .and_then(Json::text)
        .ok_or_else(|| ParseError::unknown_shape("/type", "an event of wuzapi has a type"))?;
    // A newer version's type is an event all the same, and no message.
    if !MESSAGES.contains(&kind) {
        return Ok(Found::ignored());
    }
    let event = value.get_exact("event").unwrap_or(&Json::Null);
    whatsmeow::message(event, "/event")
}
