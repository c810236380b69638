//! SIGTERM, SIGINT and the end of the input, as a token.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that the first SIGTERM or SIGINT cancels.
///
/// # Errors
///
/// When the handlers can't be installed.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancelled.cancel();
    });
    Ok(token)
}

/// Cancels `token` when standard input ends. A thread of its own waits for it: one of the runtime's would keep the
/// runtime from ending.
pub fn on_end_of_input(token: CancellationToken) {
    std::thread::spawn(move || {
        // What it says is of no interest, nor why it ended.
        let _ended = io::copy(&mut io::stdin().lock(), &mut io::sink());
        token.cancel();
    });
}
