//! Kinds without media: texts, places, contacts, polls, and what only has a name.

use waproto::whatsapp as wa;
use waproto::whatsapp::__buffa::oneof::message as oneof;

use super::structure::Reader;

/// Reads every kind that carries no file.
pub(super) fn read(message: &wa::Message, reader: &mut Reader) {
    texts(message, reader);
    replies(message, reader);
    places_and_people(message, reader);
    polls(message, reader);
    trade(message, reader);
    calls(message, reader);
    // Writers with defaults put an empty text beside every other kind, so it counts last.
    if message.conversation.is_some() && !is_housekeeping(message) {
        reader.shown("text", None);
    }
}

/// Whether a message that shows nothing is only for devices: keys, history, pins, secrets.
pub(super) fn is_housekeeping(message: &wa::Message) -> bool {
    message.sender_key_distribution_message.is_set()
        || message
            .fast_ratchet_key_sender_key_distribution_message
            .is_set()
        || message.protocol_message.is_set()
        || message.call.is_set()
        || message.chat.is_set()
        || message.sticker_sync_rmr_message.is_set()
        || message.keep_in_chat_message.is_set()
        || message.pin_in_chat_message.is_set()
        || message.enc_reaction_message.is_set()
        || message.enc_event_response_message.is_set()
        || message.poll_add_option_message.is_set()
        || message.message_history_bundle.is_set()
        || message.message_history_notice.is_set()
        || message.status_notification_message.is_set()
        || message.status_sticker_interaction_message.is_set()
        || message.secret_encrypted_message.is_set()
        || message.group_root_key_share.is_set()
        || message.root_secret_distribute_message.is_set()
}

fn texts(message: &wa::Message, reader: &mut Reader) {
    if let Some(text) = message
        .conversation
        .as_ref()
        .filter(|text| !text.is_empty())
    {
        reader.shown("text", Some(text));
    }
    if let Some(text) = message.extended_text_message.as_option() {
        reader.context(&text.context_info);
        reader.shown("text", text.text.as_ref());
    }
    if let Some(list) = message.list_message.as_option() {
        reader.context(&list.context_info);
        reader.shown("text", list.description.as_ref().or(list.title.as_ref()));
    }
}

/// Answers given by tapping: their visible text is the text.
fn replies(message: &wa::Message, reader: &mut Reader) {
    if let Some(reply) = message.list_response_message.as_option() {
        reader.context(&reply.context_info);
        reader.shown("text", reply.title.as_ref());
    }
    if let Some(reply) = message.buttons_response_message.as_option() {
        reader.context(&reply.context_info);
        let text = reply.response.as_ref().map(|response| {
            let oneof::buttons_response_message::Response::SelectedDisplayText(text) = response;
            text
        });
        reader.shown("text", text);
    }
    if let Some(reply) = message.template_button_reply_message.as_option() {
        reader.context(&reply.context_info);
        reader.shown("text", reply.selected_display_text.as_ref());
    }
    if let Some(reply) = message.interactive_response_message.as_option() {
        reader.context(&reply.context_info);
        reader.shown(
            "text",
            reply.body.as_option().and_then(|body| body.text.as_ref()),
        );
    }
}

fn places_and_people(message: &wa::Message, reader: &mut Reader) {
    if let Some(location) = message.location_message.as_option() {
        reader.context(&location.context_info);
        reader.shown(
            "location",
            location.name.as_ref().or(location.address.as_ref()),
        );
    }
    if let Some(location) = message.live_location_message.as_option() {
        reader.context(&location.context_info);
        reader.shown("location", location.caption.as_ref());
    }
    if let Some(contact) = message.contact_message.as_option() {
        reader.context(&contact.context_info);
        reader.shown("contact", contact.display_name.as_ref());
    }
    if let Some(contacts) = message.contacts_array_message.as_option() {
        reader.context(&contacts.context_info);
        reader.shown("contact", contacts.display_name.as_ref());
    }
}

fn polls(message: &wa::Message, reader: &mut Reader) {
    for poll in [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
        &message.poll_creation_message_v6,
    ] {
        if let Some(poll) = poll.as_option() {
            reader.context(&poll.context_info);
            reader.shown("poll", poll.name.as_ref());
        }
    }
    for result in [
        &message.poll_result_snapshot_message,
        &message.poll_result_snapshot_message_v3,
    ] {
        if let Some(result) = result.as_option() {
            reader.shown("poll_result", result.name.as_ref());
        }
    }
    if let Some(event) = message.event_message.as_option() {
        reader.context(&event.context_info);
        reader.shown("event", event.name.as_ref());
    }
    if let Some(album) = message.album_message.as_option() {
        reader.context(&album.context_info);
        reader.shown("album", None);
    }
}

fn trade(message: &wa::Message, reader: &mut Reader) {
    if let Some(invite) = message.group_invite_message.as_option() {
        reader.context(&invite.context_info);
        reader.shown("group_invite", invite.caption.as_ref());
    }
    if let Some(invite) = message.newsletter_admin_invite_message.as_option() {
        reader.context(&invite.context_info);
        reader.shown("newsletter_invite", invite.caption.as_ref());
    }
    if let Some(order) = message.order_message.as_option() {
        reader.context(&order.context_info);
        reader.shown("order", order.message.as_ref());
    }
    if let Some(invoice) = message.invoice_message.as_option() {
        reader.shown("payment", invoice.note.as_ref());
    }
    if message.send_payment_message.is_set()
        || message.request_payment_message.is_set()
        || message.decline_payment_request_message.is_set()
        || message.cancel_payment_request_message.is_set()
        || message.payment_invite_message.is_set()
        || message.payment_reminder_message.is_set()
        || message.split_payment_message.is_set()
    {
        reader.shown("payment", None);
    }
}

fn calls(message: &wa::Message, reader: &mut Reader) {
    if let Some(call) = message.scheduled_call_creation_message.as_option() {
        reader.shown("call", call.title.as_ref());
    }
    if message.call_log_messsage.is_set() || message.bcall_message.is_set() {
        reader.shown("call", None);
    }
}
