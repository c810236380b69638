//! The outgoing body by itself: what leaves, and when.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http_body::Body;

use super::super::body::{Outgoing, Phase};
use super::*;

/// A source whose chunks come only when the test says so.
fn source() -> (
    tokio::sync::mpsc::UnboundedSender<Result<Bytes, BoxError>>,
    impl Body<Data = Bytes, Error = BoxError>,
) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Result<Bytes, BoxError>>();
    let stream = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    (
        sender,
        StreamBody::new(stream.map(|piece| piece.map(Frame::data))),
    )
}

fn poll(body: &mut Outgoing) -> Poll<Option<Result<Bytes, BoxError>>> {
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(body)
        .poll_frame(&mut cx)
        .map(|next| next.map(|frame| frame.map(|f| f.into_data().unwrap())))
}

fn released(body: &mut Outgoing) -> Vec<u8> {
    let mut all = Vec::new();
    while let Poll::Ready(Some(Ok(chunk))) = poll(body) {
        all.extend_from_slice(&chunk);
    }
    all
}

#[tokio::test]
async fn the_completing_chunk_waits_for_the_end_of_the_source() {
    let (send, source) = source();
    let (mut body, progress) = Outgoing::new(source, 6);
    send.send(Ok(Bytes::from_static(b"abc"))).unwrap();
    send.send(Ok(Bytes::from_static(b"def"))).unwrap();
    assert_eq!(released(&mut body), b"abc");
    assert_eq!(progress.phase().0, Phase::Source);
    assert!(!body.is_end_stream());
    drop(send);
    assert_eq!(released(&mut body), b"def");
    assert_eq!(progress.phase().0, Phase::Answer);
    assert!(body.is_end_stream());
    assert!(matches!(poll(&mut body), Poll::Ready(None)));
}

#[tokio::test]
async fn an_error_after_the_last_byte_keeps_that_byte_back() {
    let (send, source) = source();
    let (mut body, progress) = Outgoing::new(source, 3);
    send.send(Ok(Bytes::from_static(b"abc"))).unwrap();
    assert!(poll(&mut body).is_pending());
    send.send(Err("wrong mac".into())).unwrap();
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(_)))));
    assert!(
        matches!(progress.take_failure(), Some(BucketError::BodyAborted(error)) if error.to_string() == "wrong mac")
    );
}

#[tokio::test]
async fn a_surplus_is_seen_wherever_the_chunks_end() {
    for cut in 1..6 {
        let (send, source) = source();
        let (mut body, progress) = Outgoing::new(source, 5);
        let content = Bytes::from_static(b"abcdef");
        send.send(Ok(content.slice(..cut))).unwrap();
        send.send(Ok(Bytes::new())).unwrap();
        send.send(Ok(content.slice(cut..))).unwrap();
        drop(send);
        assert!(released(&mut body).len() < 5, "cut at {cut}");
        let failure = progress.take_failure();
        assert!(
            matches!(
                failure,
                Some(BucketError::BodyLength {
                    promised: 5,
                    longer: true
                })
            ),
            "{failure:?}"
        );
    }
}
