//! Wrappers: messages that only carry another message. They nest in any order, so taking one off
//! says nothing about what comes next.

use waproto::whatsapp as wa;

/// What one wrapper held.
pub(super) struct Layer {
    /// The message inside; empty when the wrapper was.
    pub(super) inner: wa::Message,
    /// The wrapper marks its content view-once.
    pub(super) view_once: bool,
    /// The message that this one comments on.
    pub(super) target: Option<String>,
}

/// Takes one wrapper off, if there is one.
pub(super) fn peel(message: &mut wa::Message) -> Option<Layer> {
    if let Some(sent) = message.device_sent_message.take() {
        return Some(Layer::of(sent.message.into_option(), false));
    }
    if let Some(inner) = view_once(message) {
        return Some(Layer::of(inner.message.into_option(), true));
    }
    if let Some(inner) = future_proof(message) {
        return Some(Layer::of(inner.message.into_option(), false));
    }
    let comment = message.comment_message.take()?;
    let mut layer = Layer::of(comment.message.into_option(), false);
    layer.target = comment
        .target_message_key
        .into_option()
        .and_then(|key| key.id);
    Some(layer)
}

/// The first of the named fields that is set, taken out.
macro_rules! first_of {
    ($message:ident: $($field:ident)*) => {
        None$(.or_else(|| $message.$field.take()))*
    };
}

fn view_once(message: &mut wa::Message) -> Option<wa::message::FutureProofMessage> {
    first_of!(message: view_once_message view_once_message_v2 view_once_message_v2_extension)
}

/// The wrappers of `FutureProofMessage` type that say nothing about their content that we keep.
fn future_proof(message: &mut wa::Message) -> Option<wa::message::FutureProofMessage> {
    first_of!(message:
        ephemeral_message
        document_with_caption_message
        edited_message
        group_mentioned_message
        bot_invoke_message
        lottie_sticker_message
        event_cover_image
        status_mention_message
        poll_creation_option_image_message
        associated_child_message
        group_status_mention_message
        poll_creation_message_v4
        status_add_yours
        group_status_message
        limit_sharing_message
        bot_task_message
        question_message
        group_status_message_v2
        bot_forwarded_message
        question_reply_message
        newsletter_admin_profile_message
        newsletter_admin_profile_message_v2
        newsletter_admin_profile_status_message
        spoiler_message
    )
}

// === impl Layer ===

impl Layer {
    fn of(inner: Option<wa::Message>, view_once: bool) -> Self {
        Self {
            inner: inner.unwrap_or_default(),
            view_once,
            target: None,
        }
    }
}
