//! `titan-relay`: the relay and its control as a program, for tests that must not link it. Says where both are in one line
//! of JSON on standard output, and nothing else.

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
};

use anyhow::Result;
use clap::Parser;
use titan_relay::{Relay, control};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// Test support: a WhatsApp server that relays between linked devices, and a control of it over HTTP.
#[derive(Debug, Parser)]
struct Args {
    /// Where devices connect to.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Where the control is served.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    control: SocketAddr,

    /// End when standard input does, and so with whoever started it.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let relay = Relay::listen(args.listen).await?;
    let listener = TcpListener::bind(args.control).await?;
    let places = serde_json::json!({
        "url": relay.url(),
        "control": control::url(&listener)?,
    });
    writeln!(std::io::stdout(), "{places}")?;

    let closed = args.until_stdin_closes.then(stdin_closed);
    tokio::select! {
        served = control::serve(listener, relay) => served,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = async {
            match closed {
                Some(closed) => drop(closed.await),
                None => std::future::pending().await,
            }
        } => Ok(()),
    }
}

/// On a thread of its own, which the end of the program does not wait for.
fn stdin_closed() -> oneshot::Receiver<()> {
    let (close, closed) = oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 1024];
        while std::io::stdin()
            .read(&mut ignored)
            .is_ok_and(|read| read > 0)
        {}
        drop(close);
    });
    closed
}
