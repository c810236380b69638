//! Two plain devices at the relay.

use titan_relay::{Ended, Peer, Relay};
use waproto::whatsapp::Message;

fn text(words: &str) -> Message {
    Message {
        conversation: Some(words.to_owned()),
        ..Default::default()
    }
}

#[tokio::test]
async fn messages_go_both_ways_and_are_acknowledged() {
    let relay = Relay::start().await.unwrap();
    let (alice, bob) = tokio::join!(
        Peer::link(&relay, "491700000001"),
        Peer::link(&relay, "491700000002")
    );
    let (alice, bob) = (alice.unwrap(), bob.unwrap());

    alice.send(bob.phone(), "A1", text("hello")).await.unwrap();
    let (id, message) = bob.next().await.unwrap();
    assert_eq!(
        (id.as_str(), message.conversation.as_deref()),
        ("A1", Some("hello"))
    );
    bob.send(alice.phone(), "B1", text("and back"))
        .await
        .unwrap();
    let (id, message) = alice.next().await.unwrap();
    assert_eq!(
        (id.as_str(), message.conversation.as_deref()),
        ("B1", Some("and back"))
    );

    relay.waits(alice.phone(), 0).await;
    relay.waits(bob.phone(), 0).await;
}

#[tokio::test]
async fn messages_sent_while_a_device_is_away_wait_for_it() {
    let relay = Relay::start().await.unwrap();
    let (alice, bob) = tokio::join!(
        Peer::link(&relay, "491700000003"),
        Peer::link(&relay, "491700000004")
    );
    let (alice, bob) = (alice.unwrap(), bob.unwrap());

    relay.end(bob.phone(), Ended::Dropped);
    relay.gone(bob.phone()).await;
    alice.send(bob.phone(), "A1", text("one")).await.unwrap();
    alice.send(bob.phone(), "A2", text("two")).await.unwrap();
    assert_eq!(bob.next().await.unwrap().0, "A1");
    assert_eq!(bob.next().await.unwrap().0, "A2");
    relay.waits(bob.phone(), 0).await;
    assert!(relay.logins(bob.phone()) >= 2);
}
