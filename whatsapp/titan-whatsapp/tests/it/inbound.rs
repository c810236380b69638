//! Messages in: acknowledged when the sidecar has them, and not before.

use std::collections::BTreeSet;

use crate::{
    sidecar::Sidecar,
    stage::{OTHER, PHONE, Stage, content, id, image, text},
};

#[tokio::test]
async fn text_and_image_reach_the_sidecar() {
    let (stage, peer) = Stage::with_peer().await;
    let (first, second) = (id(), id());
    peer.send(PHONE, &first, text("hello")).await.unwrap();
    peer.send(PHONE, &second, image()).await.unwrap();

    let taken = stage.sidecar.took(2).await;
    assert_eq!(taken[0]["id"], first);
    assert_eq!(taken[0]["chat"], format!("{OTHER}@s.whatsapp.net"));
    assert_eq!(taken[0]["sender"], format!("{OTHER}:1@s.whatsapp.net"));
    assert_eq!(taken[0]["fromMe"], false);
    assert_eq!(taken[0]["pushName"], format!("Sender {OTHER}"));
    assert_eq!(content(&taken[0]).conversation.as_deref(), Some("hello"));
    assert_eq!(taken[1]["id"], second);
    let image = content(&taken[1]).image_message.into_option().unwrap();
    assert_eq!(
        (image.media_key, image.file_length),
        (Some(vec![7; 32]), Some(1234))
    );
    stage.relay.waits(PHONE, 0).await;
}

#[tokio::test]
async fn a_message_that_the_sidecar_refuses_is_offered_again_and_not_acknowledged_before() {
    let (stage, peer) = Stage::with_peer().await;
    stage.sidecar.refuse(2);
    let message = id();
    peer.send(PHONE, &message, text("hello")).await.unwrap();
    stage.sidecar.called(1).await;
    assert_eq!(stage.relay.waiting(PHONE), [message.as_str()]);

    stage.sidecar.took(1).await;
    stage.relay.waits(PHONE, 0).await;
    stage.sidecar.called(3).await;
    assert_eq!(stage.sidecar.messages().len(), 1);
}

#[tokio::test]
async fn a_message_that_is_refused_for_good_is_kept_and_so_is_what_comes_behind_it() {
    let (stage, peer) = Stage::with_peer().await;
    stage.sidecar.refuse_for_good(usize::MAX);
    let (refused, behind) = (id(), id());
    peer.send(PHONE, &refused, text("refused")).await.unwrap();
    stage.sidecar.called(2).await;
    peer.send(PHONE, &behind, text("behind")).await.unwrap();
    stage.relay.waits(PHONE, 2).await;
    stage.sidecar.called(3).await;
    assert!(stage.sidecar.messages().is_empty());

    // A sidecar that knows better, say.
    let stage = stage.restart().await;
    stage.sidecar.refuse(0);
    stage.sidecar.took(2).await;
    assert_eq!(stage.sidecar.ids(), [refused, behind]);
    stage.relay.waits(PHONE, 0).await;
}

#[tokio::test]
async fn a_message_of_a_newsletter_is_offered_until_the_sidecar_has_it() {
    let stage = Stage::linked().await;
    stage.sidecar.refuse(2);
    let message = id();
    stage
        .relay
        .publish(PHONE, "120363000000000003", &message, &text("news"));
    // The library acknowledges it without asking, and it comes all the same, over connections that end.
    stage.sidecar.called(1).await;
    stage.relay.end(PHONE, titan_relay::Ended::Dropped);
    let taken = stage.sidecar.took(1).await;
    assert_eq!(taken[0]["id"], message);
    assert_eq!(taken[0]["chat"], "120363000000000003@newsletter");
    assert_eq!(content(&taken[0]).conversation.as_deref(), Some("news"));
}

#[tokio::test]
async fn a_message_that_the_phone_had_to_repeat_reaches_the_sidecar_once() {
    let (stage, peer) = Stage::with_peer().await;
    stage.sidecar.refuse(2);
    let (withheld, next) = (id(), id());
    stage.relay.withhold(PHONE, OTHER, &withheld);
    stage.relay.phone_asked(PHONE, 1).await;
    let repeated = stage
        .relay
        .repeat(PHONE, OTHER, &withheld, text("repeated"), &id())
        .await;
    repeated.unwrap();
    // The library has acknowledged it already, and it comes all the same, over connections that end.
    stage.sidecar.called(1).await;
    stage.relay.end(PHONE, titan_relay::Ended::Dropped);
    stage.sidecar.took(1).await;
    peer.send(PHONE, &next, text("next")).await.unwrap();
    let taken = stage.sidecar.took(2).await;
    assert_eq!(stage.sidecar.ids(), [withheld, next]);
    assert_eq!(taken[0]["chat"], format!("{OTHER}@s.whatsapp.net"));
    assert_eq!(taken[0]["fromMe"], false);
    assert_eq!(content(&taken[0]).conversation.as_deref(), Some("repeated"));
    stage.relay.waits(PHONE, 0).await;
}

#[tokio::test]
async fn messages_wait_while_the_sidecar_is_down() {
    let (mut stage, peer) = Stage::with_peer().await;
    drop(stage.sidecar);
    let messages = [id(), id(), id()];
    for message in &messages {
        peer.send(PHONE, message, text("hello")).await.unwrap();
    }
    stage.relay.waits(PHONE, 3).await;

    stage.sidecar = Sidecar::start(stage.directory.path());
    let taken = stage.sidecar.took(3).await;
    let ids: Vec<_> = taken
        .iter()
        .map(|message| message["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, messages);
    stage.relay.waits(PHONE, 0).await;
}

#[tokio::test]
async fn a_message_survives_a_kill_before_the_sidecar_answered() {
    let (stage, peer) = Stage::with_peer().await;
    stage.sidecar.silent(true);
    let (text_id, image_id) = (id(), id());
    peer.send(PHONE, &text_id, text("hello")).await.unwrap();
    peer.send(PHONE, &image_id, image()).await.unwrap();
    stage.sidecar.called(1).await;
    stage.relay.waits(PHONE, 2).await;

    let stage = stage.restart().await;
    stage.sidecar.silent(false);
    let taken = stage.sidecar.took(2).await;
    assert_eq!(taken[0]["id"], text_id);
    assert_eq!(content(&taken[0]).conversation.as_deref(), Some("hello"));
    assert_eq!(taken[1]["id"], image_id);
    stage.relay.waits(PHONE, 0).await;
    assert_eq!(stage.sidecar.messages().len(), 2);
}

#[tokio::test]
async fn messages_sent_while_the_program_is_dead_arrive_in_order() {
    let (stage, peer) = Stage::with_peer().await;
    let messages: Vec<String> = (0..20).map(|_| id()).collect();
    let Stage {
        relay,
        sidecar,
        program,
        directory,
    } = stage;
    program.kill().await;
    relay.gone(PHONE).await;
    for message in &messages {
        peer.send(PHONE, message, text("hello")).await.unwrap();
    }
    relay.waits(PHONE, 20).await;

    let _program = crate::program::Program::start(directory.path(), &relay.url());
    let taken = sidecar.took(20).await;
    let ids: Vec<_> = taken
        .iter()
        .map(|message| message["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, messages);
    assert_eq!(taken[0]["offline"], true);
    relay.waits(PHONE, 0).await;
}

#[tokio::test]
async fn nothing_is_lost_while_both_sides_are_killed_at_random() {
    let (mut stage, peer) = Stage::with_peer().await;
    let mut sent = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for round in 0..6 {
        for _ in 0..10 {
            let message = id();
            peer.send(PHONE, &message, text("hello")).await.unwrap();
            sent.insert(message);
        }
        let unacknowledged: usize = rand::random_range(0..10);
        stage.relay.waits_at_most(PHONE, unacknowledged).await;
        if round % 2 == 0 {
            stage = stage.restart().await;
        } else {
            taken.extend(stage.sidecar.ids());
            drop(stage.sidecar);
            stage.sidecar = Sidecar::start(stage.directory.path());
        }
    }
    stage.relay.waits(PHONE, 0).await;
    taken.extend(stage.sidecar.ids());
    assert_eq!(taken, sent);
}
