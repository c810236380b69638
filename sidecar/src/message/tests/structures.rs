//! Media in headers, titles and cards; kinds and texts; what is never received.

use waproto::whatsapp as wa;
use waproto::whatsapp::__buffa::oneof::message as oneof;
use waproto::whatsapp::message as m;

use super::super::understand;
use super::{content, envelope, image, image_message, marks, text_message};
use crate::media::{MediaKind, MediaType};

fn message(set: impl FnOnce(&mut wa::Message)) -> wa::Message {
    let mut message = wa::Message::default();
    set(&mut message);
    message
}

fn hydrated(mark: u8) -> m::template_message::HydratedFourRowTemplate {
    use oneof::template_message::hydrated_four_row_template::Title;
    m::template_message::HydratedFourRowTemplate {
        hydrated_content_text: Some("Your order".into()),
        title: Some(Title::ImageMessage(Box::new(image(mark)))),
        ..Default::default()
    }
}

#[test]
fn a_template_repeated_in_two_fields_is_read_once() {
    use oneof::template_message::Format;
    let content = content(message(|it| {
        it.template_message = m::TemplateMessage {
            hydrated_template: hydrated(1).into(),
            format: Some(Format::HydratedFourRowTemplate(Box::new(hydrated(1)))),
            ..Default::default()
        }
        .into();
    }));
    assert_eq!(marks(&content), [1]);
    assert_eq!(content.kind, "image");
    assert_eq!(content.caption.as_deref(), Some("Your order"));
}

#[test]
fn a_four_row_template_inside_a_structured_message_is_read() {
    use oneof::template_message::{Format, four_row_template::Title};
    let rows = m::template_message::FourRowTemplate {
        title: Some(Title::VideoMessage(Box::new(m::VideoMessage {
            media_key: Some(vec![4; 32]),
            ..Default::default()
        }))),
        ..Default::default()
    };
    let content = content(message(|it| {
        it.highly_structured_message = m::HighlyStructuredMessage {
            hydrated_hsm: m::TemplateMessage {
                format: Some(Format::FourRowTemplate(Box::new(rows))),
                ..Default::default()
            }
            .into(),
            ..Default::default()
        }
        .into();
    }));
    assert_eq!(marks(&content), [4]);
    assert_eq!(content.kind, "video");
}

#[test]
fn a_buttons_header_is_read() {
    let content = content(message(|it| {
        it.buttons_message = m::ButtonsMessage {
            content_text: Some("Choose".into()),
            header: Some(oneof::buttons_message::Header::DocumentMessage(Box::new(
                m::DocumentMessage {
                    media_key: Some(vec![2; 32]),
                    file_name: Some("menu.pdf".into()),
                    ..Default::default()
                },
            ))),
            ..Default::default()
        }
        .into();
    }));
    assert_eq!(marks(&content), [2]);
    assert_eq!(content.kind, "document");
    assert_eq!(content.caption.as_deref(), Some("Choose"));
    assert_eq!(content.media[0].file_name.as_deref(), Some("menu.pdf"));
}

fn interactive(mark: u8, cards: Vec<m::InteractiveMessage>) -> m::InteractiveMessage {
    use oneof::interactive_message::{InteractiveMessage, header};
    m::InteractiveMessage {
        header: m::interactive_message::Header {
            media: Some(header::Media::ImageMessage(Box::new(image(mark)))),
            ..Default::default()
        }
        .into(),
        body: m::interactive_message::Body {
            text: Some(format!("card {mark}")),
        }
        .into(),
        interactive_message: Some(InteractiveMessage::CarouselMessage(Box::new(
            m::interactive_message::CarouselMessage {
                cards,
                ..Default::default()
            },
        ))),
        ..Default::default()
    }
}

#[test]
fn carousel_cards_are_read_in_order_and_recursively() {
    let cards = vec![
        interactive(2, vec![interactive(3, vec![])]),
        interactive(4, vec![]),
    ];
    let content = content(message(|it| {
        it.interactive_message = interactive(1, cards).into();
    }));
    assert_eq!(marks(&content), [1, 2, 3, 4]);
    assert_eq!(content.caption.as_deref(), Some("card 1"));
}

#[test]
fn cards_nested_too_deep_are_the_senders_fault() {
    let bomb = (0..40).fold(interactive(1, vec![]), |inner, _| {
        interactive(1, vec![inner])
    });
    let content = content(message(|it| it.interactive_message = bomb.into()));
    assert!(content.fault.unwrap().contains("16 structures"));
}

#[test]
fn more_files_than_any_message_has_are_the_senders_fault() {
    let cards = (0..100).map(|_| interactive(1, vec![])).collect();
    let content = content(message(|it| {
        it.interactive_message = interactive(1, cards).into();
    }));
    assert_eq!(content.media.len(), 64);
    assert!(content.fault.unwrap().contains("64 files"));
}

#[test]
fn header_product_and_footer_audio_are_read() {
    use oneof::interactive_message::{footer, header};
    let product = m::ProductMessage {
        product: m::product_message::ProductSnapshot {
            product_image: image(5).into(),
            ..Default::default()
        }
        .into(),
        catalog: m::product_message::CatalogSnapshot {
            catalog_image: image(6).into(),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    };
    let content = content(message(|it| {
        it.interactive_message = m::InteractiveMessage {
            header: m::interactive_message::Header {
                media: Some(header::Media::ProductMessage(Box::new(product))),
                ..Default::default()
            }
            .into(),
            footer: m::interactive_message::Footer {
                media: Some(footer::Media::AudioMessage(Box::new(m::AudioMessage {
                    media_key: Some(vec![7; 32]),
                    ..Default::default()
                }))),
                ..Default::default()
            }
            .into(),
            ..Default::default()
        }
        .into();
    }));
    assert_eq!(marks(&content), [5, 6, 7]);
}

#[test]
fn kinds_and_cdn_types_follow_the_field_and_its_flags() {
    let key = || Some(vec![1; 32]);
    let video = || m::VideoMessage {
        media_key: key(),
        ..Default::default()
    };
    let audio = |ptt| m::AudioMessage {
        media_key: key(),
        ptt: Some(ptt),
        ..Default::default()
    };
    let gif = m::VideoMessage {
        gif_playback: Some(true),
        ..video()
    };
    let sticker = m::StickerMessage {
        media_key: key(),
        ..Default::default()
    };
    let pack = m::StickerPackMessage {
        media_key: key(),
        ..Default::default()
    };
    for (message, kind, media_type) in [
        (
            message(|it| it.video_message = video().into()),
            MediaKind::Video,
            MediaType::Video,
        ),
        (
            message(|it| it.video_message = gif.into()),
            MediaKind::Video,
            MediaType::Gif,
        ),
        (
            message(|it| it.ptv_message = video().into()),
            MediaKind::Video,
            MediaType::Ptv,
        ),
        (
            message(|it| it.audio_message = audio(false).into()),
            MediaKind::Audio,
            MediaType::Audio,
        ),
        (
            message(|it| it.audio_message = audio(true).into()),
            MediaKind::Audio,
            MediaType::Ptt,
        ),
        (
            message(|it| it.sticker_message = sticker.into()),
            MediaKind::Sticker,
            MediaType::Sticker,
        ),
        (
            message(|it| it.sticker_pack_message = pack.into()),
            MediaKind::Sticker,
            MediaType::StickerPack,
        ),
    ] {
        let media = content(message).media.remove(0);
        assert_eq!((media.kind, media.media_type), (kind, media_type));
        assert_eq!(media.ptt, media_type == MediaType::Ptt);
    }
}

#[test]
fn quoted_media_is_not_received_again() {
    let quoting = wa::ContextInfo {
        stanza_id: Some("QUOTED".into()),
        quoted_message: image_message(9).into(),
        mentioned_jid: vec!["5511888888888:3@c.us".into()],
        is_forwarded: Some(true),
        ..Default::default()
    };
    let content = content(message(|it| {
        it.extended_text_message = m::ExtendedTextMessage {
            text: Some("look".into()),
            context_info: quoting.into(),
            ..Default::default()
        }
        .into();
    }));
    assert!(content.media.is_empty());
    assert_eq!(content.kind, "text");
    assert_eq!(content.quoted_id.as_deref(), Some("QUOTED"));
    assert_eq!(content.mentions, ["5511888888888@s.whatsapp.net"]);
    assert!(content.forwarded);
}

#[test]
fn kinds_without_files_have_their_names_and_texts() {
    let poll = m::PollCreationMessage {
        name: Some("Lunch?".into()),
        ..Default::default()
    };
    let cafe = m::LocationMessage {
        name: Some("Cafe".into()),
        ..Default::default()
    };
    let answer = wa::AIRichResponseMessage::default();
    let person = m::ContactMessage {
        display_name: Some("Ana".into()),
        ..Default::default()
    };
    for (message, kind, text) in [
        (text_message("hi"), "text", Some("hi")),
        (
            message(|it| it.poll_creation_message_v3 = poll.into()),
            "poll",
            Some("Lunch?"),
        ),
        (
            message(|it| it.location_message = cafe.into()),
            "location",
            Some("Cafe"),
        ),
        (
            message(|it| it.contact_message = person.into()),
            "contact",
            Some("Ana"),
        ),
        (
            message(|it| it.rich_response_message = answer.into()),
            "unknown",
            None,
        ),
        (
            message(|it| it.event_message = m::EventMessage::default().into()),
            "event",
            None,
        ),
        (wa::Message::default(), "unknown", None),
    ] {
        let content = content(message);
        assert_eq!(
            (content.kind.as_str(), content.text.as_deref()),
            (kind, text)
        );
    }
}

#[test]
fn messages_for_devices_are_not_shown() {
    let keys = || m::SenderKeyDistributionMessage::default().into();
    let only_keys = message(|it| it.sender_key_distribution_message = keys());
    assert!(understand(envelope(only_keys)).is_none());
    let pin = message(|it| it.pin_in_chat_message = m::PinInChatMessage::default().into());
    assert!(understand(envelope(pin)).is_none());
    let mut with_text = text_message("first in this group");
    with_text.sender_key_distribution_message = keys();
    assert_eq!(
        content(with_text).text.as_deref(),
        Some("first in this group")
    );
}
