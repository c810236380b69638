//! Sending as the session's own linked device: what WhatsApp is handed, and what the session keeps.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use titan_media::{Decryptor, Expected, MediaKey, MediaKeys, MediaType};
use titan_tests::device::{Device, UploadCdn};
use titan_tests::stage::{Plan, Stage};
use titan_tests::wait::{SOON, eventually};

use super::harness::{CHAT, file, of_format, send, spool_is_empty, text, with};

/// A scene whose session has a device, and no gateway.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) device: Device,
    pub(super) cdn: UploadCdn,
}

/// Puts it up.
pub(super) async fn up() -> Scene {
    let (device, cdn) = (Device::start(), UploadCdn::start().await);
    let mut plan = Plan::usual()
        .await
        .spec("source", json!({"whatsapp": {}}))
        .spec("autoPersist", json!({"enabled": true, "includeSent": true}));
    let origin = plan.cdn.url();
    for argument in &mut plan.launch.args {
        if *argument == origin {
            *argument = cdn.url();
        }
    }
    let folder = device.folder().to_string_lossy().into_owned();
    plan.launch
        .args
        .extend(["--whatsapp-socket".to_owned(), folder]);
    Scene {
        stage: plan.up().await,
        device,
        cdn,
    }
}

/// What a message says of its file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reference {
    direct_path: String,
    key: [u8; 32],
    sha256: [u8; 32],
    enc_sha256: [u8; 32],
    length: u64,
    mime: String,
}

macro_rules! reference {
    ($message:expr) => {
        Reference {
            direct_path: $message.direct_path.clone().unwrap(),
            key: $message.media_key.clone().unwrap().try_into().unwrap(),
            sha256: $message.file_sha256.clone().unwrap().try_into().unwrap(),
            enc_sha256: $message
                .file_enc_sha256
                .clone()
                .unwrap()
                .try_into()
                .unwrap(),
            length: $message.file_length.unwrap(),
            mime: $message.mimetype.clone().unwrap(),
        }
    };
}

/// The file of the last message, of type `type_`, decrypted from the CDN.
pub(super) fn received(scene: &Scene, type_: &str) -> (Reference, Bytes) {
    let sent = scene.device.sends().pop().unwrap().message;
    let (reference, media_type) = match type_ {
        "image" => (reference!(sent.image_message), MediaType::Image),
        "video" => (reference!(sent.video_message), MediaType::Video),
        "voice" => (reference!(sent.audio_message), MediaType::Ptt),
        "file" => (reference!(sent.document_message), MediaType::Document),
        _ => (reference!(sent.sticker_message), MediaType::Sticker),
    };
    let keys = MediaKeys::derive(&MediaKey(reference.key), media_type);
    let expected = Expected {
        sha256: Some(reference.sha256),
        enc_sha256: Some(reference.enc_sha256),
        length: reference.length,
    };
    let (mut decryptor, mut plain) = (Decryptor::encrypted(&keys, expected), BytesMut::new());
    let blob = scene.cdn.blob(&reference.direct_path);
    decryptor.push(&blob, &mut plain).unwrap();
    decryptor.finish(&mut plain).unwrap();
    (reference, plain.freeze())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_type_of_message_arrives_with_its_file() {
    let scene = up().await;
    let sent = send(&scene.stage, &text("*hello*"))
        .await
        .expect(200)
        .data();
    let out = scene.device.sends().pop().unwrap();
    assert_eq!(sent["id"], Value::from(out.id.as_str()));
    assert_eq!(sent["status"], "sent");
    assert_eq!(sent.get("mediaId"), None);
    assert_eq!(out.chat, CHAT);
    assert_eq!(out.message.conversation.as_deref(), Some("*hello*"));
    for (type_, format, mime) in [
        ("image", "jpeg", "image/jpeg"),
        ("video", "mp4", "video/mp4"),
        ("voice", "ogg", "audio/ogg; codecs=opus"),
        ("file", "pdf", "application/pdf"),
        ("sticker", "webp", "image/webp"),
    ] {
        let bytes = of_format(format, 200_000);
        let mut message = file(type_, &bytes);
        if type_ == "file" {
            message = with(message, "filename", "Vertrag.pdf");
        }
        let sent = send(&scene.stage, &message).await.expect(200).data();
        let (reference, plain) = received(&scene, type_);
        assert!(plain == bytes, "{type_}");
        assert_eq!(reference.mime, mime);
        let media = sent["mediaId"].as_str().unwrap();
        let info = scene.stage.stored(media).await;
        assert_eq!(
            scene.stage.object(&info).bytes.as_deref(),
            Some(&bytes[..]),
            "{type_}"
        );
        let again = scene.stage.download(media).await.expect(200);
        assert!(again.body == bytes, "{type_}");
    }
    let uploads = scene.cdn.uploads();
    assert_eq!(uploads.len(), 5);
    assert!(
        uploads
            .iter()
            .all(|upload| upload.query.contains("auth=upload"))
    );
    let log = scene.stage.sidecar.log_text();
    assert!(!log.contains("upload-token") && !log.contains("upload%2D"));
    spool_is_empty(&scene.stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_message_is_told_like_a_received_one() {
    let scene = up().await;
    let message = with(file("image", &of_format("png", 5000)), "caption", "look");
    let sent = send(&scene.stage, &message).await.expect(200).data();
    let told = eventually(SOON, "message.sent", || async {
        let mut all = scene.stage.sink.deliveries();
        all.retain(|told| told.event() == "message.sent");
        all.pop()
    })
    .await;
    let payload = &told.json["payload"];
    assert_eq!(payload["id"], sent["id"]);
    assert_eq!(payload["fromMe"], true);
    assert_eq!(payload["chatId"], CHAT);
    assert_eq!(payload["caption"], "look");
    assert_eq!(payload["mediaId"], sent["mediaId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_message_answers_names_and_repeats_is_said() {
    let scene = up().await;
    let quoted = json!({"id": "3EB0AA", "fromMe": true});
    let message = with(text("hello @4915112345678"), "quotedMessage", quoted);
    let message = with(message, "mentions", json!([CHAT]));
    let message = with(message, "isForwarded", true);
    send(&scene.stage, &message).await.expect(200);
    let out = scene.device.sends().pop().unwrap().message;
    let context = &out.extended_text_message.context_info;
    assert_eq!(context.stanza_id.as_deref(), Some("3EB0AA"));
    assert_eq!(
        context.participant.as_deref(),
        Some("4915100000001@s.whatsapp.net")
    );
    assert!(context.quoted_message.is_set());
    assert_eq!(context.mentioned_jid, [CHAT]);
    assert_eq!(context.is_forwarded, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_does_not_send_is_refused() {
    let scene = up().await;
    for (message, pointer) in [
        (with(text("x"), "chatId", "status@broadcast"), "/chatId"),
        (
            with(
                file("image", &of_format("png", 50)),
                "chatId",
                "1203@newsletter",
            ),
            "/type",
        ),
        (with(text("x"), "linkPreview", true), "/linkPreview"),
    ] {
        let refused = send(&scene.stage, &message).await;
        refused.refused(400, "unsupported");
        assert_eq!(refused.json()["pointer"], pointer);
    }
    assert!(scene.device.sends().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_sends_sixty_messages_a_minute_where_nobody_says_otherwise() {
    let scene = up().await;
    let mut refused = None;
    for count in 0..70 {
        let reply = send(&scene.stage, &text("x")).await;
        if reply.status != 200 {
            reply.refused(429, "rate_limited");
            refused = Some(count);
            break;
        }
    }
    // One more comes free each second.
    let first = refused.expect("seventy at once are too many");
    assert!((60..70).contains(&first), "{first}");
    assert_eq!(scene.device.sends().len(), first);
}
