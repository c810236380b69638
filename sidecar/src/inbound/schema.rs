//! Which fields of WhatsApp's message types are read from JSON. A field that is not named here is
//! skipped, above all `quotedMessage`: what somebody quotes is not received again.
//!
//! Go writes a oneof as an object of its own (`"Header":{"ImageMessage":{…}}`), JavaScript and
//! protobuf's JSON write its member in place; both are read.

use waproto::whatsapp as wa;
use waproto::whatsapp::__buffa::oneof::message as oneof;
use waproto::whatsapp::message as m;

use super::json::{Json, same_name};
use super::proto_json::{Readable, Slot, enumeration, fill, read};

/// `fields!(Type: a b; [c]; slot { member => Variant, … })`: plain fields by name, enum fields
/// in brackets, and the members of one oneof that are messages or, after `text`, a string.
macro_rules! fields {
    ($type:ty: $($field:ident)*
        $(; [$($choice:ident)*])?
        $(; $slot:ident $(text $text:ident => $text_variant:path,)? { $($member:ident => $variant:path,)* })?
    ) => {
        impl Readable for $type {
            fn set(&mut self, name: &str, value: &Json<'_>) {
                $(if same_field(name, stringify!($field)) {
                    return self.$field.read_from(value);
                })*
                $($(if same_field(name, stringify!($choice)) {
                    self.$choice = enumeration(value);
                    return;
                })*)?
                $(
                    if same_field(name, stringify!($slot)) && value.is_object() {
                        return fill(self, value);
                    }
                    $(if same_field(name, stringify!($text)) {
                        self.$slot = value.text().map(|text| $text_variant(text.to_owned()));
                        return;
                    })?
                    $(if same_field(name, stringify!($member)) && value.is_object() {
                        self.$slot = Some($variant(Box::new(read(value))));
                    })*
                )?
                let _ = (name, value);
            }
        }
    };
}

fn same_field(name: &str, field: &str) -> bool {
    same_name(name, field.strip_prefix("r#").unwrap_or(field))
}

/// Types of which only their presence and what they answer to is read.
macro_rules! present {
    ($($type:ty)*) => { $(fields!($type:);)* };
}

fields!(wa::Message:
    conversation sender_key_distribution_message image_message contact_message location_message
    extended_text_message document_message audio_message video_message call chat protocol_message
    contacts_array_message highly_structured_message
    fast_ratchet_key_sender_key_distribution_message send_payment_message live_location_message
    request_payment_message decline_payment_request_message cancel_payment_request_message
    template_message sticker_message group_invite_message template_button_reply_message
    product_message device_sent_message message_context_info list_message view_once_message
    order_message list_response_message ephemeral_message invoice_message buttons_message
    buttons_response_message payment_invite_message interactive_message reaction_message
    sticker_sync_rmr_message interactive_response_message poll_creation_message
    poll_update_message keep_in_chat_message document_with_caption_message view_once_message_v2
    enc_reaction_message edited_message view_once_message_v2_extension poll_creation_message_v2
    scheduled_call_creation_message group_mentioned_message pin_in_chat_message
    poll_creation_message_v3 ptv_message bot_invoke_message call_log_messsage
    message_history_bundle bcall_message lottie_sticker_message event_message
    enc_event_response_message comment_message newsletter_admin_invite_message placeholder_message
    secret_encrypted_message album_message event_cover_image sticker_pack_message status_mention_message
    poll_result_snapshot_message poll_creation_option_image_message associated_child_message
    group_status_mention_message poll_creation_message_v4 status_add_yours group_status_message
    status_notification_message limit_sharing_message bot_task_message question_message
    message_history_notice group_status_message_v2 bot_forwarded_message question_reply_message
    status_sticker_interaction_message poll_creation_message_v5 poll_result_snapshot_message_v3
    newsletter_admin_profile_message newsletter_admin_profile_message_v2 spoiler_message
    poll_creation_message_v6 poll_add_option_message group_root_key_share payment_reminder_message
    split_payment_message newsletter_admin_profile_status_message root_secret_distribute_message);
fields!(m::FutureProofMessage: message);
fields!(m::DeviceSentMessage: message);
fields!(m::CommentMessage: message target_message_key);
fields!(wa::MessageKey: remote_jid from_me id participant);
fields!(wa::ContextInfo: stanza_id mentioned_jid forwarding_score is_forwarded);
fields!(wa::MessageContextInfo: message_association);
fields!(wa::MessageAssociation: parent_message_key message_index; [association_type]);

fields!(m::ImageMessage: url mimetype caption file_sha256 file_length height width media_key
    file_enc_sha256 direct_path jpeg_thumbnail context_info view_once thumbnail_direct_path
    thumbnail_sha256 thumbnail_enc_sha256 static_url);
fields!(m::VideoMessage: url mimetype file_sha256 file_length seconds media_key caption gif_playback height width
    file_enc_sha256 direct_path jpeg_thumbnail context_info streaming_sidecar view_once
    thumbnail_direct_path thumbnail_sha256 thumbnail_enc_sha256 static_url);
fields!(m::AudioMessage: url mimetype file_sha256 file_length seconds ptt media_key file_enc_sha256
    direct_path context_info streaming_sidecar view_once);
fields!(m::DocumentMessage: url mimetype title file_sha256 file_length media_key file_name
    file_enc_sha256 direct_path thumbnail_direct_path thumbnail_sha256 thumbnail_enc_sha256
    jpeg_thumbnail context_info caption);
fields!(m::StickerMessage: url file_sha256 file_enc_sha256 media_key mimetype height width
    direct_path file_length context_info png_thumbnail);
fields!(m::StickerPackMessage: name file_length file_sha256 file_enc_sha256 media_key direct_path
    caption context_info thumbnail_direct_path thumbnail_sha256 thumbnail_enc_sha256);

fields!(m::TemplateMessage: context_info hydrated_template; format {
    four_row_template => oneof::template_message::Format::FourRowTemplate,
    hydrated_four_row_template => oneof::template_message::Format::HydratedFourRowTemplate,
    interactive_message_template => oneof::template_message::Format::InteractiveMessageTemplate,
});
fields!(m::template_message::FourRowTemplate: content; title {
    document_message => oneof::template_message::four_row_template::Title::DocumentMessage,
    highly_structured_message =>
        oneof::template_message::four_row_template::Title::HighlyStructuredMessage,
    image_message => oneof::template_message::four_row_template::Title::ImageMessage,
    video_message => oneof::template_message::four_row_template::Title::VideoMessage,
});
fields!(m::template_message::HydratedFourRowTemplate: hydrated_content_text; title
    text hydrated_title_text =>
        oneof::template_message::hydrated_four_row_template::Title::HydratedTitleText, {
    document_message => oneof::template_message::hydrated_four_row_template::Title::DocumentMessage,
    image_message => oneof::template_message::hydrated_four_row_template::Title::ImageMessage,
    video_message => oneof::template_message::hydrated_four_row_template::Title::VideoMessage,
});
fields!(m::ButtonsMessage: content_text context_info; header
    text text => oneof::buttons_message::Header::Text, {
    document_message => oneof::buttons_message::Header::DocumentMessage,
    image_message => oneof::buttons_message::Header::ImageMessage,
    video_message => oneof::buttons_message::Header::VideoMessage,
});
fields!(m::InteractiveMessage: header body footer context_info; interactive_message {
    carousel_message => oneof::interactive_message::InteractiveMessage::CarouselMessage,
});
fields!(m::interactive_message::Header: title; media {
    document_message => oneof::interactive_message::header::Media::DocumentMessage,
    image_message => oneof::interactive_message::header::Media::ImageMessage,
    video_message => oneof::interactive_message::header::Media::VideoMessage,
    product_message => oneof::interactive_message::header::Media::ProductMessage,
});
fields!(m::interactive_message::Body: text);
fields!(m::interactive_message::Footer:; media {
    audio_message => oneof::interactive_message::footer::Media::AudioMessage,
});
fields!(m::interactive_message::CarouselMessage: cards);
fields!(m::ProductMessage: product body catalog context_info);
fields!(m::product_message::ProductSnapshot: product_image title);
fields!(m::product_message::CatalogSnapshot: catalog_image title);
fields!(m::HighlyStructuredMessage: hydrated_hsm);

fields!(m::ExtendedTextMessage: text context_info);
fields!(m::ListMessage: title description context_info);
fields!(m::ListResponseMessage: title context_info);
fields!(m::ButtonsResponseMessage: context_info; response
    text selected_display_text =>
        oneof::buttons_response_message::Response::SelectedDisplayText, {
});
fields!(m::TemplateButtonReplyMessage: selected_display_text context_info);
fields!(m::InteractiveResponseMessage: body context_info);
fields!(m::interactive_response_message::Body: text);
fields!(m::LocationMessage: name address context_info);
fields!(m::LiveLocationMessage: caption context_info);
fields!(m::ContactMessage: display_name context_info);
fields!(m::ContactsArrayMessage: display_name context_info);
fields!(m::PollCreationMessage: name context_info);
fields!(m::PollResultSnapshotMessage: name);
fields!(m::EventMessage: name context_info);
fields!(m::AlbumMessage: context_info);
fields!(m::GroupInviteMessage: caption context_info);
fields!(m::NewsletterAdminInviteMessage: caption context_info);
fields!(m::OrderMessage: message context_info);
fields!(m::InvoiceMessage: note);
fields!(m::ScheduledCallCreationMessage: title);

fields!(m::ProtocolMessage: key edited_message; [r#type]);
fields!(m::ReactionMessage: key text);
fields!(m::PollUpdateMessage: poll_creation_message_key);

present!(
    m::SenderKeyDistributionMessage m::Call m::Chat m::SendPaymentMessage m::RequestPaymentMessage
    m::DeclinePaymentRequestMessage m::CancelPaymentRequestMessage m::PaymentInviteMessage
    m::StickerSyncRMRMessage m::KeepInChatMessage m::EncReactionMessage m::PinInChatMessage
    m::CallLogMessage m::MessageHistoryBundle m::BCallMessage m::EncEventResponseMessage
    m::PlaceholderMessage m::StatusNotificationMessage m::MessageHistoryNotice
    m::StatusStickerInteractionMessage m::PollAddOptionMessage wa::GroupRootKeyShare
    m::SecretEncryptedMessage m::PaymentReminderMessage m::SplitPaymentMessage m::RootSecretDistributeMessage
);
