//! What the phone offers of the chats' history: handed over where that is wanted, and never opened.

use waproto::{
    buffa::{Message as _, MessageField},
    whatsapp::{
        Message,
        message::{
            HistorySyncNotification, HistorySyncType, ProtocolMessage, protocol_message::Type,
        },
    },
};

use crate::{
    program::Program,
    stage::{PHONE, Stage, id, text},
};

fn notification() -> HistorySyncNotification {
    HistorySyncNotification {
        file_sha256: Some(vec![8; 32]),
        file_length: Some(1234),
        media_key: Some(vec![7; 32]),
        file_enc_sha256: Some(vec![9; 32]),
        direct_path: Some("/v/t62.7118-24/1?ccb=1".to_owned()),
        sync_type: Some(HistorySyncType::RECENT),
        chunk_order: Some(1),
        progress: Some(40),
        initial_hist_bootstrap_inline_payload: Some(vec![3; 999]),
        ..Default::default()
    }
}

/// Kills the program and starts it as one that takes history.
async fn takes_history(stage: Stage) -> Stage {
    let Stage {
        relay,
        sidecar,
        program,
        directory,
    } = stage;
    program.kill().await;
    relay.gone(PHONE).await;
    let program = Program::start_with(directory.path(), &relay.url(), &["--history"]);
    relay.listening(PHONE).await;
    Stage {
        relay,
        sidecar,
        program,
        directory,
    }
}

#[tokio::test]
async fn history_is_handed_over_and_the_phone_told_only_once_the_sidecar_has_it() {
    let stage = takes_history(Stage::linked().await).await;
    stage.sidecar.refuse_history(2);
    let offered = id();
    let sent = stage.relay.history(PHONE, &offered, &notification()).await;
    sent.unwrap();
    stage.sidecar.history_called(1).await;
    assert_eq!(stage.relay.waiting(PHONE), [offered.as_str()]);
    assert!(!stage.relay.history_was_taken(&offered));

    let taken = stage.sidecar.history(1).await;
    assert_eq!(taken, [(offered.clone(), notification().encode_to_vec())]);
    stage.relay.history_taken(&offered).await;
    stage.relay.waits(PHONE, 0).await;
    assert!(stage.sidecar.messages().is_empty());
}

#[tokio::test]
async fn history_survives_a_kill_before_the_sidecar_answered() {
    let stage = takes_history(Stage::linked().await).await;
    stage.sidecar.refuse_history(usize::MAX);
    let offered = id();
    let sent = stage.relay.history(PHONE, &offered, &notification()).await;
    sent.unwrap();
    stage.sidecar.history_called(1).await;

    let stage = takes_history(stage).await;
    stage.sidecar.refuse_history(0);
    let taken = stage.sidecar.history(1).await;
    assert_eq!(taken, [(offered.clone(), notification().encode_to_vec())]);
    stage.relay.history_taken(&offered).await;
    stage.relay.waits(PHONE, 0).await;
}

#[tokio::test]
async fn history_that_nobody_asked_for_is_left_with_the_phone() {
    let (stage, peer) = Stage::with_peer().await;
    let (offered, message) = (id(), id());
    let sent = stage.relay.history(PHONE, &offered, &notification()).await;
    sent.unwrap();
    // It would offer it for ever.
    stage.relay.history_taken(&offered).await;
    peer.send(PHONE, &message, text("hello")).await.unwrap();
    stage.sidecar.took(1).await;
    stage.relay.waits(PHONE, 0).await;
    assert_eq!(stage.sidecar.ids(), [message]);
    assert!(stage.sidecar.history(0).await.is_empty());
}

#[tokio::test]
async fn nobody_but_the_phone_has_a_say_in_history() {
    let (stage, peer) = Stage::with_peer().await;
    let stage = takes_history(stage).await;
    let (offered, message) = (id(), id());
    let spoofed = Message {
        protocol_message: MessageField::some(ProtocolMessage {
            r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
            history_sync_notification: MessageField::some(notification()),
            ..Default::default()
        }),
        ..Default::default()
    };
    peer.send(PHONE, &offered, spoofed).await.unwrap();
    peer.send(PHONE, &message, text("hello")).await.unwrap();
    stage.sidecar.took(2).await;
    // A message like others, and no history.
    assert_eq!(stage.sidecar.ids(), [offered.clone(), message]);
    assert!(stage.sidecar.history(0).await.is_empty());
    assert!(!stage.relay.history_was_taken(&offered));
}
