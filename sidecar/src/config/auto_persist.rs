//! `spec.autoPersist`, resolved.

use titan_crds::media_session;

use super::session::{AutoPersist, Chats};
use crate::media::MediaKind;

/// Fills in what the spec leaves out.
pub(super) fn resolve(spec: &media_session::AutoPersist) -> AutoPersist {
    let chats = spec.chats();
    AutoPersist {
        enabled: spec.enabled(),
        kinds: spec.kinds().iter().copied().map(kind).collect(),
        max_bytes: spec.max_bytes(),
        include_sent: spec.include_sent(),
        hold_webhook: spec.hold_webhook(),
        chats: Chats {
            direct: chats.direct(),
            group: chats.group(),
            newsletter: chats.newsletter(),
            status: chats.status(),
        },
    }
}

fn kind(kind: media_session::MediaKind) -> MediaKind {
    use media_session::MediaKind as Spec;
    match kind {
        Spec::Image => MediaKind::Image,
        Spec::Video => MediaKind::Video,
        Spec::Audio => MediaKind::Audio,
        Spec::Document => MediaKind::Document,
        Spec::Sticker => MediaKind::Sticker,
    }
}
