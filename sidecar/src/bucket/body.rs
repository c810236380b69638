//! A PUT's body on its way out: counted, and never complete before its source says it is.
//!
//! hyper cuts a body that is longer than `Content-Length` without a word. Therefore the chunk that
//! completes the length is held back until the source has ended; a surplus, a shortage or an error
//! cuts the request, and the store keeps no object.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use tokio::time::Instant;

use super::error::BucketError;
use super::put::BoxError;

/// Wraps a source that has promised `length` bytes.
pub(super) struct Outgoing {
    source: BoxBody<Bytes, BoxError>,
    length: u64,
    /// Bytes taken from the source.
    taken: u64,
    /// Bytes handed to the connection.
    released: u64,
    /// The chunk that completes `length`.
    held: Option<Bytes>,
    progress: Arc<Progress>,
}

/// What the sender of a request can see of its body.
#[derive(Debug)]
pub(super) struct Progress {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    failure: Option<BucketError>,
}

/// Who is being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The store takes no more bytes yet.
    Sending,
    /// Our own source has no more bytes yet.
    Source,
    /// All is sent; the answer is awaited.
    Answer,
}

/// The body was cut; the cause stands in [`Progress`].
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off on purpose")]
struct Cut;

// === impl Outgoing ===

impl Outgoing {
    pub(super) fn new<B>(source: B, length: u64) -> (Self, Arc<Progress>)
    where
        B: Body<Data = Bytes, Error = BoxError> + Send + Sync + 'static,
    {
        let progress = Arc::new(Progress::new());
        let outgoing = Self {
            source: BoxBody::new(source),
            length,
            taken: 0,
            released: 0,
            held: None,
            progress: Arc::clone(&progress),
        };
        (outgoing, progress)
    }

    /// Takes the next chunk; an empty source that has ended gives the held chunk, then `None`.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BucketError>>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.source).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(BucketError::BodyAborted(error)))),
                None if self.taken < self.length => {
                    return Poll::Ready(Some(Err(self.wrong_length())));
                }
                None => return Poll::Ready(self.held.take().map(Ok)),
            };
            // Trailers say nothing here; an empty chunk says nothing either.
            let chunk = frame.into_data().unwrap_or_default();
            if chunk.is_empty() {
                continue;
            }
            self.taken = self.taken.saturating_add(chunk.len() as u64);
            if self.taken > self.length {
                return Poll::Ready(Some(Err(self.wrong_length())));
            }
            if self.taken < self.length {
                return Poll::Ready(Some(Ok(chunk)));
            }
            self.held = Some(chunk);
        }
    }

    fn wrong_length(&self) -> BucketError {
        BucketError::BodyLength {
            promised: self.length,
            longer: self.taken > self.length,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Poll::Ready(next) = this.poll_chunk(cx) else {
            this.progress.enter(Phase::Source);
            return Poll::Pending;
        };
        Poll::Ready(match next {
            Some(Ok(chunk)) => {
                this.released = this.released.saturating_add(chunk.len() as u64);
                let done = this.released >= this.length;
                this.progress
                    .enter(if done { Phase::Answer } else { Phase::Sending });
                Some(Ok(Frame::data(chunk)))
            }
            Some(Err(error)) => {
                this.progress.fail(error);
                Some(Err(Box::new(Cut)))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.released >= self.length
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length.saturating_sub(self.released))
    }
}

// === impl Progress ===

impl Progress {
    fn new() -> Self {
        let state = State {
            phase: Phase::Sending,
            since: Instant::now(),
            failure: None,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// For a body that is handed over whole: only the answer is waited for.
    pub(super) fn whole() -> Self {
        let progress = Self::new();
        progress.enter(Phase::Answer);
        progress
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.phase = phase;
        state.since = Instant::now();
    }

    fn fail(&self, error: BucketError) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failure = Some(error);
    }

    /// Who is waited for, and since when.
    pub(super) fn phase(&self) -> (Phase, Instant) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.phase, state.since)
    }

    /// Why the body cut the request, if it did.
    pub(super) fn take_failure(&self) -> Option<BucketError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failure.take()
    }
}

/// Makes sure that a body of promised length 0 is empty and has ended: a client sends such a request
/// whole, without ever asking the body.
pub(super) async fn expect_empty<B>(source: B) -> Result<(), BucketError>
where
    B: Body<Data = Bytes, Error = BoxError> + Send + Sync + 'static,
{
    let (mut outgoing, _) = Outgoing::new(source, 0);
    match std::future::poll_fn(|cx| outgoing.poll_chunk(cx)).await {
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok(_)) => Err(BucketError::BodyLength {
            promised: 0,
            longer: true,
        }),
    }
}
