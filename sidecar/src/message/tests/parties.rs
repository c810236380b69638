//! Chat and sender: which names make the identity, and which are only told.

use super::super::{Envelope, Incoming, understand};
use super::text_message;

const GROUP: &str = "120363025246125486@g.us";
const PHONE: &str = "5511999999999:7@s.whatsapp.net";
const LID: &str = "249868741992573:7@lid";

fn from(set: impl FnOnce(&mut Envelope)) -> Incoming {
    let mut envelope = Envelope {
        id: "A".into(),
        message: Some(Box::new(text_message("hi"))),
        ..Envelope::default()
    };
    set(&mut envelope);
    understand(envelope).unwrap()
}

fn sender(incoming: &Incoming) -> (Option<&str>, Option<&str>) {
    (
        incoming.sender_phone.as_deref(),
        incoming.sender_lid.as_deref(),
    )
}

#[test]
fn in_a_group_the_sender_is_part_of_the_identity_under_the_phone_number() {
    let incoming = from(|it| {
        it.chat = GROUP.into();
        it.participant = Some(LID.into());
        it.participant_alt = Some(PHONE.into());
    });
    assert_eq!(incoming.key.chat, GROUP);
    assert_eq!(
        incoming.key.participant.as_deref(),
        Some("5511999999999@s.whatsapp.net")
    );
    assert_eq!(
        sender(&incoming),
        (Some("5511999999999"), Some("249868741992573"))
    );
}

#[test]
fn a_direct_chat_by_lid_is_the_chat_of_its_phone_number() {
    let incoming = from(|it| {
        it.chat = LID.into();
        it.chat_alt = Some(PHONE.into());
    });
    assert_eq!(incoming.key.chat, "5511999999999@s.whatsapp.net");
    assert_eq!(incoming.key.participant, None);
    assert_eq!(
        sender(&incoming),
        (Some("5511999999999"), Some("249868741992573"))
    );
}

#[test]
fn a_lid_without_its_phone_number_stays() {
    let incoming = from(|it| it.chat = LID.into());
    assert_eq!(incoming.key.chat, "249868741992573@lid");
    assert_eq!(sender(&incoming), (None, Some("249868741992573")));
}

#[test]
fn own_messages_have_one_identity_however_the_own_account_is_named() {
    let sent = |participant: Option<&str>| {
        from(|it| {
            it.chat = GROUP.into();
            it.from_me = true;
            it.participant = participant.map(str::to_owned);
        })
    };
    assert_eq!(sent(None).key, sent(Some(PHONE)).key);
    assert_eq!(sender(&sent(Some(PHONE))).0, Some("5511999999999"));
}

#[test]
fn the_receiver_of_an_own_message_is_not_its_sender() {
    let incoming = from(|it| {
        it.chat = PHONE.into();
        it.from_me = true;
    });
    assert_eq!(sender(&incoming), (None, None));
}

#[test]
fn statuses_have_a_sender_and_channels_have_none() {
    let by = |chat: &str| {
        from(|it| {
            it.chat = chat.into();
            it.participant = Some(PHONE.into());
        })
        .key
        .participant
    };
    assert_eq!(
        by("status@broadcast").as_deref(),
        Some("5511999999999@s.whatsapp.net")
    );
    assert_eq!(by("120363144038483540@newsletter"), None);
}
