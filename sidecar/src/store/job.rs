//! What is asked of a writer, and how it is answered.

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::error::StoreError;
use super::model::Accepted;
use super::prepare::Row;
use super::writer::Tx;

/// Where a request's answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Called once the fate of the commit is known.
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A request to the writer.
pub(super) enum Job {
    /// New messages; all of one batch go in with the same few statements.
    Accept {
        rows: Vec<Row>,
        answer: Reply<Vec<Accepted>>,
    },
    /// A delivery that its endpoint has; all of one batch are noted with the same few statements.
    Delivered {
        id: i64,
        now: i64,
        answer: Reply<()>,
    },
    /// Anything else.
    Run(Box<dyn Task>),
    /// Give free pages back; runs outside of any transaction.
    Vacuum { pages: u32, answer: Reply<()> },
    /// Finish.
    Close(oneshot::Sender<()>),
}

/// An operation of any result type.
pub(super) trait Task: Send {
    /// About how many bytes it adds: it needs room for them. Zero: it only changes what is there.
    fn incoming(&self) -> usize;
    /// Does it. The error, if any, is also in the answer: roll back to before this task.
    fn run(self: Box<Self>, tx: &mut Tx) -> BoxFuture<'_, (Option<StoreError>, Answer)>;
    /// Answers without doing it.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// An operation and who waits for it.
pub(super) struct Operation<F, T> {
    pub(super) incoming: usize,
    pub(super) act: F,
    pub(super) answer: Reply<T>,
}

impl<F, T> Task for Operation<F, T>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    T: Send + 'static,
{
    fn incoming(&self) -> usize {
        self.incoming
    }

    fn run(self: Box<Self>, tx: &mut Tx) -> BoxFuture<'_, (Option<StoreError>, Answer)> {
        Box::pin(async move {
            let result = (self.act)(tx).await;
            (
                result.as_ref().err().cloned(),
                answering(self.answer, result),
            )
        })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        // A caller that hung up needs no answer.
        drop(self.answer.send(Err(error)));
    }
}

/// Sends `result` once the commit succeeded, else the commit's error.
pub(super) fn answering<T: Send + 'static>(to: Reply<T>, result: Result<T, StoreError>) -> Answer {
    Box::new(move |committed| {
        // A caller that hung up needs no answer.
        drop(to.send(committed.and(result)));
    })
}
