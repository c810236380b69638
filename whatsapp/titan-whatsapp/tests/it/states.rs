//! How connections end, and what follows.

use serde_json::{Value, json};
use titan_relay::Ended;

use crate::stage::{PHONE, Stage};

/// Once the program has answered, it has decided; and it never connects without having decided to.
async fn settled(stage: &Stage, status: &str, reason: &str) -> Value {
    stage.sidecar.status(status, Some(reason)).await;
    let (_, answer) = stage.program.get("/status").await;
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!(status), &json!(reason))
    );
    answer
}

#[tokio::test]
async fn a_dropped_connection_is_made_again() {
    let stage = Stage::linked().await;
    stage.relay.end(PHONE, Ended::Dropped);
    stage
        .sidecar
        .status("CONNECTING", Some("AutoReconnect"))
        .await;
    stage.sidecar.status("CONNECTED", None).await;
    assert_eq!(stage.relay.logins(PHONE), 2);
}

#[tokio::test]
async fn connections_that_do_not_last_are_made_ever_more_slowly() {
    let stage = Stage::linked().await;
    let mut before = None;
    for round in 1..=3 {
        stage.relay.end(PHONE, Ended::Dropped);
        let event = stage
            .sidecar
            .status("CONNECTING", Some("AutoReconnect"))
            .await;
        // The word that linking was what ended the first connection can come late, and then counts for the second.
        let failures = event["failures"].as_u64();
        assert!(failures > before, "{before:?} and then {event}");
        before = failures;
        assert!(event["retryAt"].is_string(), "{event}");
        if round < 3 {
            stage.sidecar.status("CONNECTED", None).await;
        }
    }
    assert_eq!(stage.relay.attempts(), 3);
}

#[tokio::test]
async fn a_replaced_stream_is_not_fought_over() {
    let stage = Stage::linked().await;
    stage.relay.end(PHONE, Ended::Replaced);
    let status = settled(&stage, "DISCONNECTED", "StreamReplaced").await;
    assert_eq!(
        (&status["linked"], &status["retryAt"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(stage.relay.logins(PHONE), 1);

    stage.program.post("/start", &Value::Null).await;
    stage.sidecar.status("CONNECTED", None).await;
    assert_eq!(stage.relay.logins(PHONE), 2);
}

#[tokio::test]
async fn an_unlinked_device_forgets_its_keys_and_can_be_linked_again() {
    let stage = Stage::linked().await;
    stage.relay.end(PHONE, Ended::Unlinked);
    let status = settled(&stage, "DISCONNECTED", "LoggedOut").await;
    assert_eq!(
        (&status["linked"], &status["phone"]),
        (&json!(false), &Value::Null)
    );
    assert!(!stage.data().join("device.db").exists());
    assert_eq!(stage.relay.attempts(), 1);

    stage.program.post("/start", &Value::Null).await;
    let code = stage.code().await;
    stage.relay.scan(PHONE, &code).unwrap();
    let event = stage.sidecar.status("CONNECTED", None).await;
    assert_eq!(event["jid"], format!("{PHONE}:2@s.whatsapp.net"));
}

#[tokio::test]
async fn a_device_that_was_unlinked_while_away_learns_it_at_its_login() {
    let stage = Stage::linked().await;
    stage.relay.refuse(PHONE, Some(Ended::Unlinked));
    stage.relay.end(PHONE, Ended::Dropped);
    settled(&stage, "DISCONNECTED", "LoggedOut").await;
    assert_eq!(stage.relay.attempts(), 2);
}

#[tokio::test]
async fn a_ban_is_waited_out_and_an_old_client_waits_for_nothing() {
    let stage = Stage::linked().await;
    stage.relay.refuse(PHONE, Some(Ended::Banned));
    stage.relay.end(PHONE, Ended::Dropped);
    let status = settled(&stage, "DISCONNECTED", "TemporaryBan").await;
    assert!(status["retryAt"].is_string(), "{status}");
    assert_eq!(stage.relay.attempts(), 2);

    stage.relay.refuse(PHONE, Some(Ended::Outdated));
    stage.program.post("/start", &Value::Null).await;
    let status = settled(&stage, "DISCONNECTED", "ClientOutdated").await;
    assert_eq!(status["retryAt"], Value::Null);
    assert_eq!(stage.relay.attempts(), 3);
}

#[tokio::test]
async fn a_stopped_device_stays_so_until_it_is_started() {
    let stage = Stage::linked().await;
    let (status, answer) = stage.program.post("/stop", &Value::Null).await;
    assert_eq!(
        (status.as_u16(), &answer["reason"]),
        (200, &json!("ManualStop"))
    );
    stage.relay.gone(PHONE).await;
    let (status, answer) = stage.program.get("/media-conn").await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (503, &json!("not_connected"))
    );

    stage.program.post("/start", &Value::Null).await;
    stage.sidecar.status("CONNECTED", None).await;
    assert_eq!(stage.relay.logins(PHONE), 2);
}

#[tokio::test]
async fn a_logout_unlinks_the_device_at_the_server() {
    let stage = Stage::linked().await;
    let (_, answer) = stage.program.post("/logout", &Value::Null).await;
    assert_eq!(
        (&answer["reason"], &answer["linked"]),
        (&json!("LoggedOut"), &json!(false))
    );
    assert_eq!(answer.get("problem"), None);
    assert!(!stage.relay.linked(PHONE));
    assert!(!stage.data().join("device.db").exists());
}

#[tokio::test]
async fn a_logout_that_whatsapp_does_not_hear_of_says_so() {
    let stage = Stage::linked().await;
    stage.program.post("/stop", &Value::Null).await;
    let (_, answer) = stage.program.post("/logout", &Value::Null).await;
    assert_eq!(
        (&answer["reason"], &answer["linked"]),
        (&json!("LoggedOut"), &json!(false))
    );
    assert_eq!(
        answer["problem"],
        "the phone still lists the device, and can remove it"
    );
    assert!(stage.relay.linked(PHONE));
    assert!(!stage.data().join("device.db").exists());
    // The keys are gone: nothing is left to say.
    let (_, answer) = stage.program.post("/logout", &Value::Null).await;
    assert_eq!(answer.get("problem"), None);
}

#[tokio::test]
async fn a_logout_of_a_device_that_nobody_linked_has_no_problem() {
    let stage = Stage::new().await;
    stage.code().await;
    let (_, answer) = stage.program.post("/logout", &Value::Null).await;
    assert_eq!(answer["reason"], "LoggedOut");
    assert_eq!(answer.get("problem"), None);
}

#[tokio::test]
async fn a_terminated_program_ends_well() {
    let stage = Stage::linked().await;
    let ended = stage.program.terminate().await;
    assert!(ended.success(), "{ended}");
    stage.relay.gone(PHONE).await;
}
