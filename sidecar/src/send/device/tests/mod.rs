//! What is sent reads back, through our own reader, as what was asked.

use std::io::Cursor;

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use waproto::{buffa::Message as _, whatsapp::Message};

use super::{
    Upload, check,
    message::{encode, media_type, message},
    upload::{body, prepare},
};
use crate::{
    cdn::upload::Uploaded,
    media::{Decryptor, Expected, MediaKey, MediaKeys, MediaType, encrypted_len},
    message::{Content as Understood, Envelope, Event, understand},
    send::{
        Attachment, Content, Outgoing, OutgoingKind, Quoted,
        spool::{Spool, SpoolKey},
    },
};

const CHAT: &str = "4915112345678@s.whatsapp.net";
const GROUP: &str = "120363025246125486@g.us";
const SOUND: OutgoingKind = OutgoingKind::Audio { voice_note: false };
const VOICE: OutgoingKind = OutgoingKind::Audio { voice_note: true };

fn outgoing(chat: &str, content: Content) -> Outgoing {
    Outgoing {
        chat: chat.to_owned(),
        content,
        quoted: None,
        mentions: Vec::new(),
        forwarded: false,
    }
}

fn text(words: &str) -> Content {
    Content::Text {
        text: words.to_owned(),
        link_preview: None,
    }
}

fn file(kind: OutgoingKind, length: usize) -> Attachment {
    let (mime, caption) = match kind {
        OutgoingKind::Image => ("image/jpeg", Some("look")),
        OutgoingKind::Video => ("video/mp4", Some("look")),
        OutgoingKind::Audio { .. } => ("audio/ogg; codecs=opus", None),
        OutgoingKind::Document => ("application/pdf", Some("look")),
        OutgoingKind::Sticker => ("image/webp", None),
    };
    Attachment {
        kind,
        mime: mime.to_owned(),
        length: length as u64,
        file_name: (kind == OutgoingKind::Document).then(|| "a.pdf".to_owned()),
        caption: caption.map(str::to_owned),
    }
}

fn uploaded(file: &Attachment, bytes: &[u8]) -> Upload {
    let mut upload = prepare(Cursor::new(bytes), file, MediaKey([7; 32]), 1_790_000_000).unwrap();
    upload.place = Some(Uploaded {
        url: "https://mmg.whatsapp.net/v/t62/1?oe=7FFFFF00".to_owned(),
        direct_path: "/v/t62/1?oe=7FFFFF00".to_owned(),
    });
    upload
}

/// Over the wire and back.
fn read(message: &Message) -> Understood {
    let message = Message::decode_from_slice(&encode(message)).unwrap();
    let incoming = understand(Envelope {
        id: "3EB0".to_owned(),
        chat: CHAT.to_owned(),
        from_me: true,
        message: Some(Box::new(message)),
        ..Envelope::default()
    });
    match incoming.unwrap().event {
        Event::Received(content) => content,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_file_reads_back_as_it_was_sent() {
    let bytes = vec![9; 200_000];
    for (kind, word) in [
        (OutgoingKind::Image, "image"),
        (OutgoingKind::Video, "video"),
        (VOICE, "audio"),
        (SOUND, "audio"),
        (OutgoingKind::Document, "document"),
        (OutgoingKind::Sticker, "sticker"),
    ] {
        let file = file(kind, bytes.len());
        let mut upload = uploaded(&file, &bytes);
        upload.look.width = Some(640);
        upload.look.height = Some(480);
        upload.look.seconds = Some(12);
        upload.look.thumbnail = Some(vec![0xff, 0xd8]);
        let sent = message(
            &outgoing(CHAT, Content::File(file.clone())),
            Some(&upload),
            None,
        );
        let content = read(&sent.unwrap());
        assert_eq!(content.kind, word);
        assert_eq!(content.caption, file.caption);
        let [media] = &content.media[..] else {
            panic!("{content:?}")
        };
        assert_eq!(media.fault, None);
        assert_eq!(media.media_type, media_type(kind));
        assert_eq!(media.media_key, Some(MediaKey([7; 32])));
        assert_eq!(media.sha256, Some(upload.sha256));
        assert_eq!(media.enc_sha256, Some(upload.enc_sha256));
        assert_eq!(media.file_length, Some(200_000));
        assert_eq!(media.direct_path.as_deref(), Some("/v/t62/1?oe=7FFFFF00"));
        assert_eq!(media.mime_type.as_deref(), Some(&*file.mime));
        assert_eq!(media.file_name, file.file_name);
        assert_eq!(media.ptt, kind == VOICE);
        let sized = matches!(
            kind,
            OutgoingKind::Image | OutgoingKind::Video | OutgoingKind::Sticker
        );
        assert_eq!(media.width, sized.then_some(640));
        let plays = matches!(kind, OutgoingKind::Video | OutgoingKind::Audio { .. });
        assert_eq!(media.seconds, plays.then_some(12));
        let sidecar = media.streaming_sidecar.as_ref().map(Vec::len);
        assert_eq!(sidecar, plays.then_some(40));
    }
}

#[test]
fn a_text_reads_back_with_whom_it_answers_and_names() {
    let plain = message(&outgoing(CHAT, text("hello")), None, None).unwrap();
    assert_eq!(plain.conversation.as_deref(), Some("hello"));
    assert_eq!(read(&plain).text.as_deref(), Some("hello"));
    let full = Outgoing {
        quoted: Some(Quoted {
            id: "3EB0AA".to_owned(),
            participant: None,
            from_me: false,
        }),
        mentions: vec!["1@lid".to_owned()],
        forwarded: true,
        ..outgoing(CHAT, text("hello @1"))
    };
    let sent = message(&full, None, Some("555@s.whatsapp.net")).unwrap();
    let back = read(&sent);
    assert_eq!(back.text.as_deref(), Some("hello @1"));
    assert_eq!(back.quoted_id.as_deref(), Some("3EB0AA"));
    assert_eq!(back.mentions, ["1@lid"]);
    assert!(back.forwarded);
    let context = |message: &Message| {
        let text = message.extended_text_message.as_option().unwrap();
        text.context_info.as_option().unwrap().clone()
    };
    assert_eq!(context(&sent).participant.as_deref(), Some(CHAT));
    assert!(context(&sent).quoted_message.is_set());
    let mut own = full;
    own.quoted.as_mut().unwrap().from_me = true;
    let sent = message(&own, None, Some("555@s.whatsapp.net")).unwrap();
    assert_eq!(
        context(&sent).participant.as_deref(),
        Some("555@s.whatsapp.net")
    );
}

#[test]
fn what_a_device_does_not_send_is_refused_by_its_field() {
    let image = || Content::File(file(OutgoingKind::Image, 1));
    let mut voice = file(VOICE, 1);
    voice.caption = Some("x".to_owned());
    let preview = Content::Text {
        text: "x".to_owned(),
        link_preview: Some(true),
    };
    let quoting = Outgoing {
        quoted: Some(Quoted {
            id: "3EB0".to_owned(),
            participant: None,
            from_me: false,
        }),
        ..outgoing(GROUP, text("x"))
    };
    for (message, pointer) in [
        (outgoing("status@broadcast", text("x")), "/chatId"),
        (outgoing("1203@newsletter", image()), "/type"),
        (outgoing(CHAT, Content::File(voice)), "/caption"),
        (outgoing(CHAT, preview), "/linkPreview"),
        (quoting.clone(), "/quotedMessage/participant"),
    ] {
        assert_eq!(check(&message).unwrap_err().pointer, pointer);
    }
    let direct = Outgoing {
        chat: CHAT.to_owned(),
        ..quoting
    };
    check(&direct).unwrap();
    check(&outgoing("1203@newsletter", text("x"))).unwrap();
    check(&outgoing(CHAT, image())).unwrap();
}

#[tokio::test]
async fn an_upload_decrypts_to_the_file_from_any_offset() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), 1 << 30, &std::collections::HashSet::new()).unwrap();
    for length in [1_usize, 65_535, 65_536, 131_072, 300_000] {
        let plain: Vec<u8> = (0..length)
            .map(|at| u8::try_from(at % 253).unwrap())
            .collect();
        let (id, key) = (format!("f{length}"), SpoolKey::new([3; 32]));
        let mut writer = spool.create(&id, &key).unwrap();
        writer.write_all(&plain).unwrap();
        writer.finish().unwrap();
        let of = file(OutgoingKind::Video, length);
        let media_key = MediaKey([5; 32]);
        let known = prepare(spool.read(&id, &key).unwrap(), &of, media_key.clone(), 1).unwrap();
        let sent = |from| {
            let keys = (media_key.clone(), MediaType::Video);
            body(spool.read(&id, &key).unwrap(), keys, from).collect()
        };
        let blob = sent(0).await.unwrap().to_bytes();
        assert_eq!(blob.len() as u64, encrypted_len(length as u64));
        let expected = Expected {
            sha256: Some(known.sha256),
            enc_sha256: Some(known.enc_sha256),
            length: length as u64,
        };
        let keys = MediaKeys::derive(&media_key, MediaType::Video);
        let (mut decryptor, mut out) = (Decryptor::encrypted(&keys, expected), BytesMut::new());
        decryptor.push(&blob, &mut out).unwrap();
        decryptor.finish(&mut out).unwrap();
        assert!(out == plain);
        for from in [1, 17, blob.len() / 2, blob.len() - 1] {
            let rest = sent(from as u64).await.unwrap().to_bytes();
            assert!(rest == blob[from..], "{length} from {from}");
        }
    }
}

#[test]
fn what_is_known_of_an_upload_is_kept_and_shows_nothing() {
    let upload = uploaded(&file(OutgoingKind::Video, 9), b"some film");
    let json = serde_json::to_string(&upload).unwrap();
    assert_eq!(serde_json::from_str::<Upload>(&json).unwrap(), upload);
    assert_eq!(format!("{upload:?}"), "Upload { uploaded: true, .. }");
}
