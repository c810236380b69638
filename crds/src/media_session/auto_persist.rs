//! Which media is saved to the bucket as it arrives.

use std::time::Duration as Time;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, Quantity};

/// Largest file that is saved by itself, in bytes.
pub const DEFAULT_MAX_BYTES: u64 = 2 << 30;
/// How long an event waits for its object.
pub const DEFAULT_HOLD_WEBHOOK: Time = Time::from_mins(1);

/// Which media is saved to the bucket as it arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoPersist {
    /// Whether media is saved by itself. It needs `storageRef`. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,

    /// Kinds that are saved: image, video, audio, document, sticker. Default: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub kinds: Option<Vec<MediaKind>>,

    /// Largest file that is saved, such as 500Mi. The real bytes count, not what the sender says. Default 2Gi.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("quantity(string(self)).compareTo(quantity('1')) >= 0 && quantity(string(self)).compareTo(quantity('1Ei')) <= 0")
        .message("spec.autoPersist.maxBytes must be between 1 and 1Ei"))]
    pub max_bytes: Option<Quantity>,

    /// Whether media that this account itself sent is saved too. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_sent: Option<bool>,

    /// How long `message.received` waits for the object, so that it can carry `mediaUrl`: 0s to 5m. If the time
    /// runs out it goes without, and `media.persisted` or `media.failed` follows. Default 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= duration('0s') && self <= duration('5m')")
        .message("spec.autoPersist.holdWebhook must be between 0s and 5m"))]
    pub hold_webhook: Option<Duration>,

    /// Kinds of chat whose media is saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chats: Option<Chats>,
}

/// Kinds of chat whose media is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chats {
    /// Chats with one person. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<bool>,

    /// Groups. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<bool>,

    /// Newsletters (channels). Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newsletter: Option<bool>,

    /// Status updates (stories). Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<bool>,
}

/// Kind of a media file, as the API names it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film, also a round one or one that plays as GIF.
    Video,
    /// Sound, also a voice note.
    Audio,
    /// A file of any type.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Sticker,
    ];
}

// === impl AutoPersist ===

impl AutoPersist {
    /// Whether media is saved by itself.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }

    /// Kinds that are saved.
    #[must_use]
    pub fn kinds(&self) -> &[MediaKind] {
        self.kinds.as_deref().unwrap_or(&MediaKind::ALL)
    }

    /// Largest file that is saved, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
            .as_ref()
            .map_or(DEFAULT_MAX_BYTES, Quantity::bytes)
    }

    /// Whether media that this account itself sent is saved too.
    #[must_use]
    pub fn include_sent(&self) -> bool {
        self.include_sent.unwrap_or(false)
    }

    /// How long an event waits for its object.
    #[must_use]
    pub fn hold_webhook(&self) -> Time {
        self.hold_webhook
            .as_ref()
            .map_or(DEFAULT_HOLD_WEBHOOK, Duration::get)
    }

    /// Kinds of chat whose media is saved.
    #[must_use]
    pub fn chats(&self) -> Chats {
        self.chats.clone().unwrap_or_default()
    }
}

// === impl Chats ===

impl Chats {
    /// Whether media of chats with one person is saved.
    #[must_use]
    pub fn direct(&self) -> bool {
        self.direct.unwrap_or(true)
    }

    /// Whether media of groups is saved.
    #[must_use]
    pub fn group(&self) -> bool {
        self.group.unwrap_or(true)
    }

    /// Whether media of newsletters is saved.
    #[must_use]
    pub fn newsletter(&self) -> bool {
        self.newsletter.unwrap_or(true)
    }

    /// Whether media of status updates is saved.
    #[must_use]
    pub fn status(&self) -> bool {
        self.status.unwrap_or(false)
    }
}
