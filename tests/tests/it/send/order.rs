//! Messages of one chat go in the order of their calls, one at a time; chats go side by side.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use titan_tests::gateway::{Answer, Dialect, Posted};
use titan_tests::stage::{API_KEY, Stage};
use titan_tests::wire::Connection;
use tokio::net::TcpStream;

use super::harness::{
    OTHER_CHAT, file, of_format, result_of, send, send_async, spool_is_empty, text, up, with,
};

#[tokio::test(flavor = "multi_thread")]
async fn ten_messages_of_a_chat_come_in_the_order_of_their_calls() {
    let (stage, gateway) = up(Dialect::Evolution).await;
    gateway.answer([Answer::Held]);
    let mut ids = Vec::new();
    for index in 0..10 {
        let words = format!("number {index}");
        let message = if index % 3 == 0 {
            with(file("image", &of_format("png", 20_000)), "caption", words)
        } else {
            text(&words)
        };
        ids.push(send_async(&stage, &message).await);
    }
    gateway.let_go();
    for id in &ids {
        let told = result_of(&stage, id).await;
        assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    }
    let posted = gateway.posted();
    let words: Vec<_> = posted.iter().map(Posted::words).collect();
    let wanted: Vec<_> = (0..10).map(|index| format!("number {index}")).collect();
    assert_eq!(words, wanted);
    assert!(posted.iter().all(|posted| posted.beside == 0), "{posted:?}");
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_at_once_take_turns_in_a_chat() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let messages: Vec<_> = (0..10)
        .map(|index| text(&format!("number {index}")))
        .collect();
    let replies = join_all(messages.iter().map(|message| send(&stage, message))).await;
    let sent: BTreeSet<_> = replies
        .into_iter()
        .map(|reply| reply.expect(200).data()["id"].to_string())
        .collect();
    assert_eq!(sent.len(), 10);
    let posted = gateway.posted();
    assert_eq!(posted.len(), 10);
    assert!(posted.iter().all(|posted| posted.beside == 0), "{posted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_chat_holds_up_no_other() {
    let (stage, gateway) = up(Dialect::Wuzapi).await;
    gateway.answer([Answer::Held]);
    let slow = send_async(&stage, &text("slow")).await;
    let behind = send_async(&stage, &text("behind it")).await;
    gateway.reached(1).await;
    for _ in 0..3 {
        let other = with(text("elsewhere"), "chatId", OTHER_CHAT);
        send(&stage, &other).await.expect(200);
    }
    let to: Vec<_> = gateway
        .posted()
        .iter()
        .map(|one| one.to().to_owned())
        .collect();
    let others = ["4915187654321"; 3];
    assert_eq!(
        (to[0].as_str(), &to[1..]),
        ("4915112345678", &others.map(str::to_owned)[..])
    );
    gateway.let_go();
    for id in [slow, behind] {
        let told = result_of(&stage, &id).await;
        assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whose_turn_does_not_come_hears_503_and_it_is_never_sent() {
    let (stage, gateway) = up(Dialect::Waha).await;
    gateway.answer([Answer::Held]);
    let slow = send_async(&stage, &text("slow")).await;
    gateway.reached(1).await;
    let waiting = with(file("image", &of_format("png", 3000)), "caption", "waiting");
    let reply = send(&stage, &waiting).await;
    reply.refused(503, "chat_busy");
    assert!(reply.header("retry-after").is_some());
    spool_is_empty(&stage).await;
    let behind = send_async(&stage, &text("behind")).await;
    gateway.let_go();
    for id in [slow, behind] {
        result_of(&stage, &id).await;
    }
    let posted = gateway.posted();
    let words: Vec<_> = posted.iter().map(Posted::words).collect();
    assert_eq!(words, ["slow", "behind"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_follow_each_other_without_waiting_keep_their_order() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let address = stage.sidecar.address();
    let call = |index| {
        let (path, body) = (
            Stage::path("messages/send"),
            text(&format!("number {index}")),
        );
        let body = body.to_string();
        format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {API_KEY}\r\n\
             content-type: application/json\r\nprefer: respond-async\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let all = (0..10).map(call).collect::<Vec<_>>().concat();
    let mut connection = Connection::new(TcpStream::connect(&address).await.unwrap());
    connection.write(all.as_bytes()).await.unwrap();
    for _ in 0..10 {
        let head = connection.head().await.unwrap().unwrap();
        assert_eq!(head.status(), Some(202), "{head:?}");
        connection
            .body(head.content_length().unwrap(), |_| {})
            .await;
    }
    let posted = gateway.reached(10).await;
    let words: Vec<_> = posted.iter().map(Posted::words).collect();
    let wanted: Vec<_> = (0..10).map(|index| format!("number {index}")).collect();
    assert_eq!(words, wanted);
}
