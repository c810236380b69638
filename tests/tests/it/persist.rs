//! From the CDN into the bucket: right bytes, right headers, one PUT, whoever asks how often.

use std::time::Duration;

use serde_json::{Value, json};
use titan_tests::baileys;
use titan_tests::bucket::Mode;
use titan_tests::cdn::Fault;
use titan_tests::media::{Kind, Sealed};
use titan_tests::random::Random;
use titan_tests::stage::{BUCKET, HOOK_KEY, Plan, SESSION, Stage, TENANT};
use titan_tests::wait::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_arrives_whole_and_is_announced_with_a_signed_url() {
    let stage = Stage::up().await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let (sealed, path) = stage.file(kind, 100_000 + index);
        let id = format!("3EB0KIND{index}");
        let media = stage.take(&id, baileys::file(&sealed, &path)).await;
        let event = stage.sink.wait_for("message.received", &id, SOON).await;
        let payload = &event.json["payload"];
        assert!(event.signed_by(HOOK_KEY.as_bytes()));
        assert_eq!(event.json["session"], SESSION);
        assert_eq!(payload["mediaId"], media.as_str());
        assert_eq!(payload["type"], kind.name());
        assert_eq!(payload["mimeType"], kind.mime());
        assert_eq!(payload["fileLength"], sealed.plain.len());
        assert_eq!(payload["sha256"], hex::encode(sealed.sha256));
        assert_eq!(payload["media"]["persisted"], true);
        let fetched =
            titan_tests::api::Api::fetch(payload["mediaUrl"].as_str().unwrap(), &[]).await;
        assert_eq!(fetched.expect(200).body, sealed.plain);
        let info = stage.info(&media).await;
        let object = stage.object(&info);
        assert_eq!(object.bytes.as_deref(), Some(&sealed.plain[..]));
        assert_eq!(object.header("content-type"), Some(kind.mime()));
        assert_eq!(
            object.header("x-amz-content-sha256"),
            Some(&*hex::encode(sealed.sha256))
        );
        assert!(object.header("x-amz-checksum-sha256").is_some());
        assert!(object.header("content-disposition").is_some());
        assert_eq!(object.header("transfer-encoding"), None);
        assert_eq!(object.header("x-amz-acl"), None);
        let key = info["key"].as_str().unwrap();
        let name = format!("{TENANT}/{SESSION}/2025/01/15/{media}.");
        assert!(key.starts_with(&name), "{key} does not start with {name}");
    }
    assert_eq!(stage.bucket.uploads().len(), Kind::ALL.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn persist_is_idempotent_and_callers_join_one_transfer() {
    let stage = Plan::usual().await.on_demand().up().await;
    let (sealed, path) = stage.file(Kind::Video, 400_000);
    stage
        .cdn
        .fail(&path, [Fault::Trickle(20_000, Duration::from_millis(20))]);
    let media = stage.take("3EB0JOIN", baileys::file(&sealed, &path)).await;
    let (a, b, c) = tokio::join!(
        stage.persist(&media),
        stage.persist(&media),
        stage.persist(&media)
    );
    for reply in [a, b, c, stage.persist(&media).await] {
        let info = reply.expect(200).data();
        assert_eq!(
            (&info["persisted"], &info["id"]),
            (&json!(true), &json!(media))
        );
        assert!(info["s3Url"].is_string());
    }
    assert_eq!(stage.bucket.uploads().len(), 1);
    assert_eq!(stage.cdn.hits(&path).len(), 1);
    // What the event said at arrival stays true; the saved file is announced by its own event.
    let event = stage
        .sink
        .wait_for("media.persisted", "3EB0JOIN", SOON)
        .await;
    assert_eq!(event.json["payload"]["media"]["persisted"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_that_hangs_up_or_does_not_wait_stops_nothing() {
    let stage = Plan::usual().await.on_demand().up().await;
    let (sealed, path) = stage.file(Kind::Video, 300_000);
    stage
        .cdn
        .fail(&path, [Fault::Trickle(10_000, Duration::from_millis(20))]);
    let media = stage.take("3EB0HANG", baileys::file(&sealed, &path)).await;
    let target = Stage::path(&format!("media/{media}/persist"));
    let reply = stage
        .api
        .call("POST", &target, &[("prefer", "wait=0")], b"")
        .await
        .expect(202);
    assert_eq!(reply.data()["persisted"], false);
    let hung = tokio::time::timeout(Duration::from_millis(50), stage.persist(&media)).await;
    assert!(hung.is_err(), "the transfer was too fast to hang up on");
    let info = stage.reaches(&media, "stored").await;
    assert_eq!(stage.object(&info).sha256, sealed.sha256);
    assert_eq!(stage.bucket.uploads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_or_wrong_length_and_absent_hash_are_found_out() {
    let stage = Stage::up().await;
    let cases: [(&str, usize, &str, Value); 7] = [
        ("3EB0L1", 5_000_000, "fileLength", Value::Null),
        ("3EB0L2", 5_000_000, "fileLength", json!("17")),
        ("3EB0L3", 5_000_003, "fileLength", json!("5000001")),
        ("3EB0L4", 5_000_003, "fileLength", json!("5000007")),
        ("3EB0L5", 9, "fileLength", Value::Null),
        ("3EB0H1", 5_000_000, "fileSha256", Value::Null),
        ("3EB0H2", 40, "fileSha256", Value::Null),
    ];
    for (id, length, field, value) in cases {
        let (sealed, path) = stage.file(Kind::Document, length);
        let media = stage
            .take(id, baileys::file_with(&sealed, &path, field, value))
            .await;
        let info = stage.reaches(&media, "stored").await;
        assert_eq!(stage.object(&info).sha256, sealed.sha256, "{id}");
        assert_eq!(info["fileLength"], length, "{id}");
        assert_eq!(info["sha256"], hex::encode(sealed.sha256), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newsletter_file_is_plain_and_its_hash_counts() {
    let stage = Stage::up().await;
    for (id, flip) in [("3EB0NEWS1", false), ("3EB0NEWS2", true)] {
        let mut random = Random::new(77);
        let sealed = Sealed::random(Kind::Image, 3_000_000, &mut random);
        let path = stage.cdn.put(&sealed.plain);
        if flip {
            stage.cdn.fail_always(&path, Fault::Flip(2_999_999));
        }
        let mut content = baileys::file(&sealed, &path);
        let node = content["imageMessage"].as_object_mut().unwrap();
        node.remove("mediaKey");
        node.remove("fileEncSha256");
        let message = baileys::message_in("120363111111111111@newsletter", id, content);
        let data = stage
            .inbound(&baileys::upsert(&[message]))
            .await
            .expect(202)
            .data();
        let media = data["media"][0]["mediaId"].as_str().unwrap().to_owned();
        if flip {
            let info = stage.reaches(&media, "failed").await;
            assert_eq!(info["error"]["code"], "integrity_failed");
        } else {
            let info = stage.reaches(&media, "stored").await;
            assert_eq!(stage.object(&info).sha256, sealed.sha256);
        }
    }
    assert_eq!(stage.bucket.objects().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_chat_is_saved_or_not_as_the_session_says() {
    let chats = json!({"direct": false, "group": false, "newsletter": false, "status": true});
    let stage = Plan::usual()
        .await
        .spec("autoPersist", json!({"enabled": true, "chats": chats}))
        .up()
        .await;
    let mut files = Vec::new();
    for (index, chat) in [
        baileys::CHAT,
        "123456789012345@lid",
        baileys::GROUP,
        "120363144038483540@newsletter",
        "status@broadcast",
        "5511777777777@broadcast",
    ]
    .into_iter()
    .enumerate()
    {
        let (sealed, path) = stage.file(Kind::Image, 100);
        let id = format!("3EB0CHAT{index}");
        let mut message = baileys::message_in(chat, &id, baileys::file(&sealed, &path));
        message["key"]["participant"] = json!("5511888888888@s.whatsapp.net");
        let taken = stage.inbound(&baileys::upsert(&[message])).await;
        let media = taken.expect(202).data()["media"][0]["mediaId"].take();
        files.push((chat, media.as_str().unwrap().to_owned()));
    }
    for (chat, media) in &files {
        if chat.ends_with("broadcast") {
            stage.reaches(media, "stored").await;
        } else {
            assert_eq!(stage.info(media).await["status"], "received", "{chat}");
        }
    }
    assert_eq!(stage.bucket.objects().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_persist_obeys_kinds_chats_senders_and_size() {
    let stage = Plan::usual()
        .await
        .spec(
            "autoPersist",
            json!({"enabled": true, "kinds": ["image", "document"], "maxBytes": "10Ki"}),
        )
        .up()
        .await;
    let post = |id: &'static str, kind: Kind, length: usize, chat: &'static str, mine: bool| {
        let (sealed, path) = stage.file(kind, length);
        let mut message = baileys::message_in(chat, id, baileys::file(&sealed, &path));
        message["key"]["fromMe"] = json!(mine);
        if chat != baileys::CHAT {
            message["key"]["participant"] = json!("5511888888888@s.whatsapp.net");
        }
        let stage = &stage;
        async move {
            let data = stage
                .inbound(&baileys::upsert(&[message]))
                .await
                .expect(202)
                .data();
            data["media"][0]["mediaId"].as_str().unwrap().to_owned()
        }
    };
    let taken = post("3EB0A1", Kind::Image, 100, baileys::CHAT, false).await;
    let group = post("3EB0A2", Kind::Document, 100, baileys::GROUP, false).await;
    let kind = post("3EB0A3", Kind::Audio, 100, baileys::CHAT, false).await;
    let mine = post("3EB0A4", Kind::Image, 100, baileys::CHAT, true).await;
    let status = post("3EB0A5", Kind::Image, 100, "status@broadcast", false).await;
    let large = post("3EB0A6", Kind::Image, 10_241, baileys::CHAT, false).await;
    let limit = post("3EB0A7", Kind::Image, 10_240, baileys::CHAT, false).await;
    for media in [taken, group, limit] {
        stage.reaches(&media, "stored").await;
    }
    let info = stage.reaches(&large, "failed").await;
    assert_eq!(info["error"]["code"], "too_large");
    stage.persist(&large).await.refused(413, "too_large");
    stage.download(&large).await.refused(413, "too_large");
    for media in [kind, mine, status] {
        assert_eq!(stage.info(&media).await["status"], "received");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn size_limit_counts_real_bytes_not_what_the_sender_says() {
    let stage = Plan::usual()
        .await
        .spec("autoPersist.maxBytes", "1Mi")
        .up()
        .await;
    let (sealed, path) = stage.file(Kind::Document, 8 * 1024 * 1024);
    let content = baileys::file_with(&sealed, &path, "fileLength", json!("100"));
    let media = stage.take("3EB0LIAR", content).await;
    let info = stage.reaches(&media, "failed").await;
    assert_eq!(info["error"]["code"], "too_large", "{info}");
    let sent: u64 = stage.cdn.hits(&path).iter().map(|hit| hit.sent).sum();
    assert!(sent < 4 * 1024 * 1024, "{sent} bytes were fetched");
    assert!(stage.bucket.objects().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_options_shape_key_headers_and_url() {
    let mut plan = Plan::usual().await;
    let endpoint = plan.bucket.url();
    plan.storage = plan
        .storage
        .spec("prefix", "whatsapp/")
        .spec("keyTemplate", "{kind}/{sha256}-{mediaId}.{ext}")
        .spec("storageClass", "STANDARD_IA")
        .spec("encryption", json!({"type": "KMS", "keyId": "key-1"}))
        .spec("url", json!({"mode": "Direct"}));
    let stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Document, 5000);
    let content = baileys::file_with(&sealed, &path, "fileName", json!("../a\"b\r\nX: ü.pdf"));
    let media = stage.take("3EB0OPTIONS", content).await;
    let info = stage.reaches(&media, "stored").await;
    let key = format!(
        "whatsapp/document/{}-{media}.pdf",
        hex::encode(sealed.sha256)
    );
    assert_eq!(info["key"], key);
    let object = stage.object(&info);
    assert_eq!(object.header("x-amz-storage-class"), Some("STANDARD_IA"));
    assert_eq!(
        object.header("x-amz-server-side-encryption"),
        Some("aws:kms")
    );
    assert_eq!(
        object.header("x-amz-server-side-encryption-aws-kms-key-id"),
        Some("key-1")
    );
    let disposition = object.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
    assert!(
        !disposition.contains("..") && !disposition.contains('/'),
        "{disposition}"
    );
    assert_eq!(info["s3Url"], format!("{endpoint}/{BUCKET}/{key}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn held_event_goes_without_its_url_when_time_runs_out_and_the_rest_follows() {
    let stage = Plan::usual()
        .await
        .spec("autoPersist.holdWebhook", "1s")
        .up()
        .await;
    let (sealed, path) = stage.file(Kind::Image, 4000);
    stage.cdn.fail(&path, [Fault::Stall(100)]);
    let (late, gone) = (stage.file(Kind::Image, 4000), stage.file(Kind::Image, 4000));
    stage
        .cdn
        .fail(&gone.1, [Fault::RetryAfter(3), Fault::Status(404, "")]);
    stage.cdn.fail(&late.1, [Fault::RetryAfter(3)]);
    let media = stage.take("3EB0STALL", baileys::file(&sealed, &path)).await;
    let other = stage
        .take("3EB0LATE", baileys::file(&late.0, &late.1))
        .await;
    stage
        .take("3EB0GONE", baileys::file(&gone.0, &gone.1))
        .await;
    for id in ["3EB0STALL", "3EB0LATE", "3EB0GONE"] {
        let event = stage.sink.wait_for("message.received", id, SOON).await;
        assert!(event.json["payload"].get("mediaUrl").is_none(), "{id}");
        assert_eq!(event.json["payload"]["media"]["persisted"], false);
    }
    let event = stage
        .sink
        .wait_for("media.persisted", "3EB0LATE", SOON)
        .await;
    assert_eq!(event.json["payload"]["mediaId"], other.as_str());
    assert!(
        event.json["payload"]["mediaUrl"].is_string(),
        "{}",
        event.json
    );
    let event = stage.sink.wait_for("media.failed", "3EB0GONE", SOON).await;
    assert_eq!(
        event.json["payload"]["code"], "media_expired",
        "{}",
        event.json
    );
    assert_eq!(event.json["payload"]["retryable"], false);
    assert!(event.json["payload"]["message"].is_string());
    // Silence of the CDN is a break like any other: the rest is fetched.
    stage.reaches(&media, "stored").await;
    stage
        .sink
        .wait_for("media.persisted", "3EB0STALL", SOON)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_and_bucket_are_fixed_before_the_first_put() {
    let stage = Stage::up().await;
    // Into a bucket that is known to be down nothing is tried, and so nothing fixed.
    stage.bucket_is("Ready").await;
    stage.bucket.set_mode(Mode::Refuse(503, "SlowDown"));
    let (sealed, path) = stage.file(Kind::Image, 4000);
    let media = stage.take("3EB0FIXED", baileys::file(&sealed, &path)).await;
    stage.reaches(&media, "waiting").await;
    let moved = stage.storage.clone().spec("keyTemplate", "moved/{mediaId}");
    titan_tests::manifests::write(&stage.sidecar.launch().manifests(), &[moved]).unwrap();
    let mut attempt = 0;
    stage.bucket.set_mode(Mode::Up);
    until(SOON, "the new template is in force", || {
        attempt += 1;
        let (sealed, path) = stage.file(Kind::Image, 10);
        let (stage, id) = (&stage, format!("3EB0NEWKEY{attempt}"));
        async move {
            let media = stage.take(&id, baileys::file(&sealed, &path)).await;
            let info = stage.reaches(&media, "stored").await;
            info["key"].as_str().unwrap().starts_with("moved/")
        }
    })
    .await;
    let info = stage.reaches(&media, "stored").await;
    let key = info["key"].as_str().unwrap();
    assert!(key.starts_with(TENANT), "{key}");
}
