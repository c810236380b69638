//! Kinds that callers see, and types that the CDN and the key derivation know.

use serde::{Deserialize, Serialize};

/// The five kinds of received media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A video, GIF playback and round video notes included.
    Video,
    /// Music or a voice note.
    Audio,
    /// Any file.
    Document,
    /// A sticker or a sticker pack.
    Sticker,
}

impl MediaKind {
    /// The name that callers see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }
}

/// `WhatsApp`'s own type of a file that a message can carry: picks the HKDF info string and the
/// `mms-type` of the URL. Its serialised name is the `mms-type`.
///
/// Not here: types that travel outside of messages (app state), belong to other products, or are
/// never encrypted (profile pictures, newsletters): plaintext is known by its missing media key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaType {
    /// A picture.
    Image,
    /// A sticker; shares the keys of images.
    Sticker,
    /// A product's picture; shares the keys of images.
    Product,
    /// A picture of a message from another Meta app; shares the keys of images.
    XmaImage,
    /// An identity document; shares the keys of images.
    KycId,
    /// A video.
    Video,
    /// A video that plays as a GIF; shares the keys of videos.
    Gif,
    /// A round video note; shares the keys of videos.
    Ptv,
    /// Music and other sound.
    Audio,
    /// A voice note; shares the keys of audio.
    Ptt,
    /// Any file.
    Document,
    /// A sticker pack.
    StickerPack,
    /// A chunk of history that the phone sends to a linked device.
    #[serde(rename = "md-msg-hist")]
    HistorySync,
    /// Messages that a new member of a group may see.
    GroupHistory,
    /// The background of a payment.
    #[serde(rename = "payment-bg-image")]
    PaymentBackground,
    /// A Brazilian payment document.
    PaymentBrDocument,
    /// Artwork of embedded music.
    MusicArtwork,
    /// A picture of an advertisement.
    AdsImage,
    /// A video of an advertisement.
    AdsVideo,
    /// Thumbnail of a picture.
    ThumbnailImage,
    /// Thumbnail of a video.
    ThumbnailVideo,
    /// Thumbnail of a GIF; shares the keys of video thumbnails.
    ThumbnailGif,
    /// Thumbnail of a document.
    ThumbnailDocument,
    /// Preview picture of a link.
    ThumbnailLink,
    /// Thumbnail of a sticker pack.
    ThumbnailStickerPack,
}

// === impl MediaType ===

impl MediaType {
    /// Every type.
    pub const ALL: [Self; 25] = [
        Self::Image,
        Self::Sticker,
        Self::Product,
        Self::XmaImage,
        Self::KycId,
        Self::Video,
        Self::Gif,
        Self::Ptv,
        Self::Audio,
        Self::Ptt,
        Self::Document,
        Self::StickerPack,
        Self::HistorySync,
        Self::GroupHistory,
        Self::PaymentBackground,
        Self::PaymentBrDocument,
        Self::MusicArtwork,
        Self::AdsImage,
        Self::AdsVideo,
        Self::ThumbnailImage,
        Self::ThumbnailVideo,
        Self::ThumbnailGif,
        Self::ThumbnailDocument,
        Self::ThumbnailLink,
        Self::ThumbnailStickerPack,
    ];

    /// The HKDF info string.
    #[must_use]
    pub const fn hkdf_info(self) -> &'static str {
        match self {
            Self::Image | Self::Sticker | Self::Product | Self::XmaImage | Self::KycId => {
                "WhatsApp Image Keys"
            }
            Self::Video | Self::Gif | Self::Ptv => "WhatsApp Video Keys",
            Self::Audio | Self::Ptt => "WhatsApp Audio Keys",
            Self::Document => "WhatsApp Document Keys",
            Self::StickerPack => "WhatsApp Sticker Pack Keys",
            Self::HistorySync => "WhatsApp History Keys",
            Self::GroupHistory => "Group History",
            Self::PaymentBackground => "WhatsApp Payment Background Keys",
            Self::PaymentBrDocument => "PAYMENT_DOC_UPLOAD",
            Self::MusicArtwork => "WhatsApp Music Artwork Keys",
            Self::AdsImage => "ads-image",
            Self::AdsVideo => "ads-video",
            Self::ThumbnailImage => "WhatsApp Image Thumbnail Keys",
            Self::ThumbnailVideo | Self::ThumbnailGif => "WhatsApp Video Thumbnail Keys",
            Self::ThumbnailDocument => "WhatsApp Document Thumbnail Keys",
            Self::ThumbnailLink => "WhatsApp Link Thumbnail Keys",
            Self::ThumbnailStickerPack => "WhatsApp Sticker Pack Thumbnail Keys",
        }
    }

    /// The `mms-type` of the CDN, as `WhatsApp` Web names it.
    #[must_use]
    pub const fn mms_type(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Sticker => "sticker",
            Self::Product => "product",
            Self::XmaImage => "xma-image",
            Self::KycId => "kyc-id",
            Self::Video => "video",
            Self::Gif => "gif",
            Self::Ptv => "ptv",
            Self::Audio => "audio",
            Self::Ptt => "ptt",
            Self::Document => "document",
            Self::StickerPack => "sticker-pack",
            Self::HistorySync => "md-msg-hist",
            Self::GroupHistory => "group-history",
            Self::PaymentBackground => "payment-bg-image",
            Self::PaymentBrDocument => "payment-br-document",
            Self::MusicArtwork => "music-artwork",
            Self::AdsImage => "ads-image",
            Self::AdsVideo => "ads-video",
            Self::ThumbnailImage => "thumbnail-image",
            Self::ThumbnailVideo => "thumbnail-video",
            Self::ThumbnailGif => "thumbnail-gif",
            Self::ThumbnailDocument => "thumbnail-document",
            Self::ThumbnailLink => "thumbnail-link",
            Self::ThumbnailStickerPack => "thumbnail-sticker-pack",
        }
    }

    /// The type of this file's thumbnail on the CDN, for the types that have one.
    #[must_use]
    pub const fn thumbnail(self) -> Option<Self> {
        match self {
            Self::Image => Some(Self::ThumbnailImage),
            Self::Video | Self::Ptv => Some(Self::ThumbnailVideo),
            Self::Gif => Some(Self::ThumbnailGif),
            Self::Document => Some(Self::ThumbnailDocument),
            Self::StickerPack => Some(Self::ThumbnailStickerPack),
            _ => None,
        }
    }
}
