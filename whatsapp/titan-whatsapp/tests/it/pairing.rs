//! Linking.

use serde_json::{Value, json};
use titan_relay::Peer;

use crate::stage::{OTHER, PHONE, Stage, id, text};

#[tokio::test]
async fn a_scanned_code_links_the_device() {
    let stage = Stage::new().await;
    let (status, answer) = stage.program.get("/media-conn").await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (503, &json!("not_connected"))
    );
    let code = stage.code().await;
    let (_, before) = stage.program.get("/status").await;
    assert_eq!(
        (&before["status"], &before["reason"]),
        (&json!("CONNECTING"), &json!("ScanQr"))
    );
    assert_eq!(before["linked"], false);

    stage.relay.scan(PHONE, &code).unwrap();
    let event = stage.sidecar.status("CONNECTED", None).await;
    assert_eq!(
        (&event["linked"], &event["phone"]),
        (&json!(true), &json!("+49…12"))
    );
    let (_, status) = stage.program.get("/status").await;
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&json!("CONNECTED"), &Value::Null)
    );
    assert_eq!(status["jid"], format!("{PHONE}:1@s.whatsapp.net"));
    let (refused, answer) = stage.program.get("/pair/qr").await;
    assert_eq!(
        (refused.as_u16(), &answer["code"]),
        (409, &json!("already_linked"))
    );
}

#[tokio::test]
async fn a_linked_device_stays_linked_over_a_restart() {
    let stage = Stage::linked().await.restart().await;
    stage.sidecar.status("CONNECTED", None).await;
    assert_eq!(stage.relay.logins(PHONE), 2);
}

#[tokio::test]
async fn codes_keys_numbers_and_words_are_not_logged() {
    let stage = Stage::new().await;
    let code = stage.code().await;
    stage.relay.scan(PHONE, &code).unwrap();
    stage.sidecar.status("CONNECTED", None).await;
    stage.relay.listening(PHONE).await;
    let peer = Peer::link(&stage.relay, OTHER).await.unwrap();
    peer.send(PHONE, &id(), text("between us")).await.unwrap();
    stage.sidecar.took(1).await;
    let log = stage.program.kill().await;
    assert!(log.contains("the device's status is another"), "{log}");
    for secret in [PHONE, OTHER, "between us"] {
        assert!(!log.contains(secret), "{secret}");
    }
    for part in code.split(',').filter(|part| part.len() > 10) {
        assert!(!log.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_device_that_nobody_links_in_time_waits_to_be_started() {
    let stage = Stage::with_codes(0).await;
    stage
        .sidecar
        .status("DISCONNECTED", Some("QrTimeout"))
        .await;
    let (status, answer) = stage.program.get("/pair/qr").await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!("no_code")));
    stage.relay.codes(6);
    stage.program.post("/start", &Value::Null).await;
    stage.code().await;
}

#[tokio::test]
async fn keys_are_readable_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;

    let stage = Stage::linked().await;
    for name in ["device.db", "device.db-wal"] {
        let mode = std::fs::metadata(stage.data().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[tokio::test]
async fn a_code_typed_on_the_phone_links_the_device() {
    let stage = Stage::new().await;
    stage.code().await;
    let number = json!({ "phoneNumber": format!("+{PHONE}") });
    let (status, answer) = stage.program.post("/pair/code", &number).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["expiresAt"].is_string(), "{answer}");
    let (status, again) = stage.program.post("/pair/code", &number).await;
    assert_eq!(
        (status.as_u16(), &again["code"]),
        (409, &json!("in_progress"))
    );
    stage
        .relay
        .type_in(PHONE, answer["code"].as_str().unwrap())
        .unwrap();
    let event = stage.sidecar.status("CONNECTED", None).await;
    assert_eq!(event["phone"], "+49…12");
    let (status, answer) = stage.program.post("/pair/code", &number).await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (409, &json!("already_linked"))
    );
}

#[tokio::test]
async fn a_number_that_is_none_gets_no_code() {
    let stage = Stage::new().await;
    for wrong in ["", "12", "0170123456", "+49 170 x", "4917012345678901234"] {
        let (status, answer) = stage
            .program
            .post("/pair/code", &json!({ "phoneNumber": wrong }))
            .await;
        assert_eq!(
            (status.as_u16(), &answer["code"]),
            (400, &json!("invalid_request")),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_restarted_device_knows_its_account_and_does_not_show_it_as_online() {
    let stage = Stage::linked().await.restart().await;
    let event = stage.sidecar.status("CONNECTED", None).await;
    assert_eq!(event["pushName"], "Shop 1");
    // WhatsApp said so when it was linked, and never again.
    assert_eq!(event["businessName"], "Shop 1");
    assert_eq!(event["platform"], "android");
    stage.relay.presence(PHONE, "unavailable").await;
}
