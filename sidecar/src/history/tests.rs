//! Chunks taken apart, whatever pieces they come in.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

use super::inflate::{Inflate, InflateError};
use super::walk::{Walk, WalkError};

fn message(chat: &str, id: &str) -> wa::WebMessageInfo {
    wa::WebMessageInfo {
        key: MessageField::some(wa::MessageKey {
            remote_jid: Some(chat.to_owned()),
            id: Some(id.to_owned()),
            ..wa::MessageKey::default()
        }),
        message: MessageField::some(wa::Message {
            conversation: Some("hello ".repeat(id.len())),
            ..wa::Message::default()
        }),
        ..wa::WebMessageInfo::default()
    }
}

/// Two chats with messages among everything that is passed over.
fn history() -> (wa::HistorySync, Vec<Vec<u8>>) {
    let chats = ["1@s.whatsapp.net", "2@g.us"];
    let mut messages = Vec::new();
    let conversations = chats.map(|chat| wa::Conversation {
        id: chat.to_owned(),
        name: Some("a name".to_owned()),
        tc_token: Some(vec![2; 300]),
        last_msg_timestamp: Some(u64::MAX),
        messages: ["A", "BB", "CCC"]
            .map(|id| {
                let message = message(chat, id);
                messages.push(message.encode_to_vec());
                wa::HistorySyncMsg {
                    message: MessageField::some(message),
                    msg_order_id: Some(7),
                }
            })
            .into(),
        ..wa::Conversation::default()
    });
    let empty = wa::Conversation {
        id: "3@s.whatsapp.net".to_owned(),
        messages: vec![wa::HistorySyncMsg::default()],
        ..wa::Conversation::default()
    };
    let sync = wa::HistorySync {
        conversations: conversations.into_iter().chain([empty]).collect(),
        status_v3_messages: vec![message("status@broadcast", "S")],
        progress: Some(40),
        ..wa::HistorySync::default()
    };
    (sync, messages)
}

fn walked<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, WalkError> {
    let mut walk = Walk::new();
    let mut found = Vec::new();
    for mut piece in pieces {
        while let Some(message) = walk.next(&mut piece)? {
            found.push(message);
        }
    }
    walk.finish()?;
    Ok(found)
}

fn compressed(plain: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(plain).unwrap();
    zlib.finish().unwrap()
}

fn inflated<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, InflateError> {
    let mut inflate = Inflate::new();
    let mut plain = Vec::new();
    for mut piece in pieces {
        while let Some(made) = inflate.next(&mut piece)? {
            plain.extend_from_slice(made);
        }
    }
    inflate.finish()?;
    Ok(plain)
}

proptest! {
    #[test]
    fn every_message_of_every_chat_is_found_whatever_the_pieces(size in 1_usize..200) {
        let (sync, messages) = history();
        let bytes = sync.encode_to_vec();
        prop_assert_eq!(walked(bytes.chunks(size)).unwrap(), messages);
    }

    #[test]
    fn what_was_compressed_comes_back_whatever_the_pieces(size in 1_usize..5000) {
        let plain: Vec<u8> = (0..20_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let packed = compressed(&plain);
        prop_assert_eq!(inflated(packed.chunks(size)).unwrap(), plain);
    }

    #[test]
    fn bytes_that_are_no_history_end_the_walk_and_never_panic(bytes: Vec<u8>) {
        let _any = walked(bytes.chunks(7));
        let _any = inflated(bytes.chunks(7));
    }
}

#[test]
fn a_history_that_ends_early_is_refused() {
    let bytes = history().0.encode_to_vec();
    assert_eq!(
        walked([&bytes[..bytes.len() - 1]].into_iter()),
        Err(WalkError)
    );
    let packed = compressed(&bytes);
    let short = &packed[..packed.len() - 1];
    assert_eq!(inflated([short].into_iter()), Err(InflateError::Short));
}

#[test]
fn an_entry_that_is_longer_than_its_chat_is_refused() {
    // A conversation of two bytes, whose entry says it has nine.
    assert_eq!(
        walked([&[0x12, 2, 0x12, 9][..]].into_iter()),
        Err(WalkError)
    );
}

#[test]
fn a_damaged_stream_is_refused() {
    let mut packed = compressed(&[5; 4000]);
    *packed.last_mut().unwrap() ^= 1;
    assert_eq!(
        inflated([&packed[..]].into_iter()),
        Err(InflateError::Broken)
    );
}

#[test]
fn a_message_that_is_too_large_is_passed_over() {
    let mut large = message("1@s.whatsapp.net", "L");
    large.push_name = Some("x".repeat(2 << 20));
    let sync = wa::HistorySync {
        conversations: vec![wa::Conversation {
            messages: [large, message("1@s.whatsapp.net", "B")]
                .map(|message| wa::HistorySyncMsg {
                    message: MessageField::some(message),
                    msg_order_id: None,
                })
                .into(),
            ..wa::Conversation::default()
        }],
        ..wa::HistorySync::default()
    };
    let bytes = sync.encode_to_vec();
    let mut walk = Walk::new();
    let mut rest = bytes.as_slice();
    let found = walk.next(&mut rest).unwrap().unwrap();
    assert_eq!(found, message("1@s.whatsapp.net", "B").encode_to_vec());
    assert_eq!(walk.next(&mut rest), Ok(None));
    assert_eq!((walk.finish(), walk.too_large), (Ok(()), 1));
}
