//! What a gateway may post: shapes, limits, identity.

use serde_json::{Value, json};
use titan_tests::baileys;
use titan_tests::cdn::{Fault, OE_PAST};
use titan_tests::media::Kind;
use titan_tests::stage::{API_KEY, Plan, Stage};
use titan_tests::wait::SOON;
use titan_tests::wire::Connection;
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn body_over_the_limit_is_413_and_names_the_gateways_switch() {
    let mut plan = Plan::usual().await;
    plan.launch
        .args
        .extend(["--inbound-max-bytes".into(), "10000".into()]);
    let stage = plan.up().await;
    let text = "x".repeat(20_000);
    let reply = stage
        .inbound(&baileys::one("3EB0BIG", baileys::text(&text)))
        .await;
    assert_eq!(reply.status, 413);
    let words = reply.json()["error"].as_str().unwrap().to_lowercase();
    assert!(words.contains("base64"), "{words}");
    stage.take("3EB0SMALL", baileys::text("fits")).await;
}

/// The first answer of all is the 413, not an invitation.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_asks_first_is_refused_before_it_sends_a_body() {
    let stage = Stage::up().await;
    let (path, length) = (Stage::path("inbound"), 20 * 1024 * 1024);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: titan\r\nauthorization: Bearer {API_KEY}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    );
    let stream = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    let mut caller = Connection::new(stream);
    caller.write(head.as_bytes()).await.unwrap();
    let answer = timeout(SOON, caller.head()).await.unwrap().unwrap();
    assert_eq!(answer.unwrap().status(), Some(413));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_no_messages_are_counted_ignored() {
    let stage = Stage::up().await;
    for (event, data) in [
        ("connection.update", json!({"connection": "open"})),
        (
            "messages.update",
            json!([{"key": {"remoteJid": baileys::CHAT, "id": "a"}, "update": {"status": 3}}]),
        ),
        ("presence.update", json!({"id": baileys::CHAT})),
    ] {
        let reply = stage.inbound(&json!({"event": event, "data": data})).await;
        assert_eq!(reply.status, 202, "{event}: {}", reply.json());
        assert_eq!(reply.data()["accepted"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn member_of_a_group_cannot_suppress_another_by_reusing_an_id() {
    let stage = Stage::up().await;
    let first = baileys::in_group(
        "5511888888881:3@s.whatsapp.net",
        "3EB0SAME",
        baileys::text("a"),
    );
    let second = baileys::in_group(
        "5511888888882@s.whatsapp.net",
        "3EB0SAME",
        baileys::text("b"),
    );
    assert_eq!(
        stage
            .inbound(&baileys::upsert(&[first]))
            .await
            .expect(202)
            .data()["accepted"],
        1
    );
    assert_eq!(
        stage
            .inbound(&baileys::upsert(&[second]))
            .await
            .expect(202)
            .data()["accepted"],
        1
    );
    // The same sender from another device is the same message.
    let device = baileys::in_group(
        "5511888888881:9@s.whatsapp.net",
        "3EB0SAME",
        baileys::text("a"),
    );
    assert_eq!(
        stage
            .inbound(&baileys::upsert(&[device]))
            .await
            .expect(202)
            .data()["duplicates"],
        1
    );
    // So is one whose chat is written in the old way.
    stage.take("3EB0OLD", baileys::text("x")).await;
    let old = baileys::message_in("5511999999999@c.us", "3EB0OLD", baileys::text("x"));
    assert_eq!(
        stage
            .inbound(&baileys::upsert(&[old]))
            .await
            .expect(202)
            .data()["duplicates"],
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_edits_reactions_and_revocations_become_events() {
    let stage = Stage::up().await;
    let key = json!({"remoteJid": baileys::CHAT, "fromMe": false, "id": "3EB0T"});
    stage.take("3EB0T", baileys::text("hello")).await;
    stage
        .take(
            "3EB0R",
            json!({"reactionMessage": {"key": key, "text": "👍"}}),
        )
        .await;
    let edited = json!({"protocolMessage": {"key": key, "type": 14, "editedMessage": {"conversation": "hello!"}}});
    stage.take("3EB0E", edited).await;
    stage
        .take("3EB0D", json!({"protocolMessage": {"key": key, "type": 0}}))
        .await;
    let received = stage.sink.wait_for("message.received", "3EB0T", SOON).await;
    let payload = &received.json["payload"];
    assert_eq!(
        (&payload["type"], &payload["text"], &payload["body"]),
        (&json!("text"), &json!("hello"), &json!("hello"))
    );
    assert_eq!(payload["timestamp"], baileys::TIMESTAMP);
    assert_eq!(payload["from"]["phoneNumber"], "+5511999999999");
    assert_eq!(payload["from"]["mode"], "pn");
    assert_eq!(
        (&payload["fromMe"], &payload["isGroup"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(payload["pushName"], "John Doe");
    for (event, id) in [
        ("message.reaction", "3EB0R"),
        ("message.edited", "3EB0E"),
        ("message.revoked", "3EB0D"),
    ] {
        stage.sink.wait_for(event, id, SOON).await;
    }
    // One chat: in the order in which they came.
    let order: Vec<_> = stage
        .sink
        .deliveries()
        .iter()
        .map(|one| one.message_id().to_owned())
        .collect();
    assert_eq!(order, ["3EB0T", "3EB0R", "3EB0E", "3EB0D"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn placeholder_never_counts_as_the_message() {
    let stage = Stage::up().await;
    let mut stub = baileys::message("3EB0STUB", Value::Null);
    stub.as_object_mut().unwrap().remove("message");
    stub["messageStubType"] = json!(2);
    stage.inbound(&baileys::upsert(&[stub])).await.expect(202);
    let (sealed, path) = stage.file(Kind::Image, 777);
    let payload = baileys::one("3EB0STUB", baileys::file(&sealed, &path));
    let data = stage.inbound(&payload).await.expect(202).data();
    assert_eq!(data["accepted"], 1, "{data}");
    let event = stage
        .sink
        .wait_for("message.received", "3EB0STUB", SOON)
        .await;
    assert_eq!(event.json["payload"]["type"], "image");
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivery_with_another_path_replaces_the_reference_and_requeues() {
    let stage = Stage::up().await;
    let (sealed, path) = stage.file(Kind::Image, 5000);
    stage.cdn.remove(&path);
    let media = stage.take("3EB0MOVED", baileys::file(&sealed, &path)).await;
    let info = stage.reaches(&media, "failed").await;
    assert_eq!(info["error"]["code"], "media_expired");
    let moved = stage.cdn.put(&sealed.blob);
    let again = stage
        .take("3EB0MOVED", baileys::file(&sealed, &moved))
        .await;
    assert_eq!(again, media);
    let info = stage.reaches(&media, "stored").await;
    assert_eq!(stage.object(&info).bytes.unwrap(), sealed.plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn young_message_gets_one_get_even_if_its_path_looks_expired() {
    let stage = Stage::up().await;
    let (sealed, _) = stage.file(Kind::Image, 5000);
    let path = stage.cdn.put_until(&sealed.blob, OE_PAST);
    let mut message = baileys::message("3EB0YOUNG", baileys::file(&sealed, &path));
    message["messageTimestamp"] = json!(titan_tests::wait::now().as_second());
    let data = stage
        .inbound(&baileys::upsert(&[message]))
        .await
        .expect(202)
        .data();
    let media = data["media"][0]["mediaId"].as_str().unwrap().to_owned();
    stage.reaches(&media, "stored").await;
    let gone = stage.cdn.put_until(&sealed.blob, OE_PAST);
    stage
        .cdn
        .fail_always(&gone, Fault::Status(403, "URL signature expired"));
    let media = stage
        .take("3EB0OLDPATH", baileys::file(&sealed, &gone))
        .await;
    let info = stage.reaches(&media, "failed").await;
    assert_eq!(info["error"]["code"], "media_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrapper_is_opened_and_a_bottomless_one_is_the_senders_fault() {
    let stage = Plan::usual().await.on_demand().up().await;
    for wrapper in [
        "ephemeralMessage",
        "viewOnceMessage",
        "viewOnceMessageV2",
        "viewOnceMessageV2Extension",
        "documentWithCaptionMessage",
        "editedMessage",
        "groupMentionedMessage",
        "botInvokeMessage",
        "lottieStickerMessage",
        "eventCoverImage",
        "statusMentionMessage",
        "pollCreationOptionImageMessage",
        "associatedChildMessage",
        "groupStatusMentionMessage",
        "statusAddYours",
        "groupStatusMessage",
        "limitSharingMessage",
        "botTaskMessage",
        "questionMessage",
        "groupStatusMessageV2",
        "botForwardedMessage",
        "questionReplyMessage",
        "spoilerMessage",
        "deviceSentMessage",
    ] {
        let (sealed, path) = stage.file(Kind::Image, 64);
        let content = json!({ wrapper: {"message": baileys::file(&sealed, &path)} });
        let media = stage.take(&format!("3EB0{wrapper}"), content).await;
        assert!(!media.is_empty(), "{wrapper} hides its file");
        assert_eq!(
            stage.info(&media).await["sha256"],
            hex::encode(sealed.sha256),
            "{wrapper}"
        );
    }
    let (sealed, path) = stage.file(Kind::Image, 64);
    let mut deep = baileys::file(&sealed, &path);
    for _ in 0..60 {
        deep = json!({"ephemeralMessage": {"message": deep}});
    }
    stage.take("3EB0DEEP", deep).await;
    let event = stage
        .sink
        .wait_for("message.received", "3EB0DEEP", SOON)
        .await;
    assert_eq!(event.json["payload"]["mediaError"]["code"], "media_invalid");
}
