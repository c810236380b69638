//! Connects the device, and connects it again where that is right.

use std::{pin::Pin, sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use wacore::iq::devices::RemoveCompanionDeviceSpec;
use whatsapp_rust::Client;

use super::{
    build::{Built, build},
    shared::Device,
    status::{Phase, Reason, Status},
    verdict::{self, End, Next},
};
use crate::{
    backoff, clock,
    config::Config,
    sidecar::Delivery,
    store::{self, StoreError},
};

/// Pause before the store's key is looked for again. A Secret is mounted anew about once a minute.
const KEY_PAUSE: Duration = Duration::from_secs(5);

/// How long WhatsApp may take to unlink the device.
const UNLINK_PATIENCE: Duration = Duration::from_secs(15);

/// What somebody has to see to after a logout that WhatsApp did not hear of.
const LISTED: &str = "the phone still lists the device, and can remove it";

/// What somebody wants of the device; told when it is so.
#[derive(Debug)]
pub(crate) enum Command {
    /// Connect, now rather than after a pause.
    Start(oneshot::Sender<()>),
    /// Disconnect and stay so.
    Stop(oneshot::Sender<()>),
    /// Unlink the device, and delete its keys.
    Logout(oneshot::Sender<()>),
}

/// Why a device is no longer being connected.
enum Rest {
    /// By itself, or because somebody stopped it.
    Reason(Reason),
    /// The program ends.
    Shutdown,
}

/// What interrupted a wait or a connection.
enum Interruption {
    Nothing,
    Started,
    Rest(Rest, Option<oneshot::Sender<()>>),
}

/// The supervisor.
pub(crate) struct Supervisor {
    config: Config,
    device: Arc<Device>,
    delivery: Delivery,
    commands: mpsc::Receiver<Command>,
    shutdown: CancellationToken,
    /// WhatsApp has heard of the logout that is on its way.
    unlinked: bool,
}

impl Supervisor {
    pub(crate) fn new(
        config: Config,
        device: Arc<Device>,
        delivery: Delivery,
        commands: mpsc::Receiver<Command>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            config,
            device,
            delivery,
            commands,
            shutdown,
            unlinked: false,
        }
    }

    /// Works until the program ends.
    pub(crate) async fn run(mut self) {
        self.device.announce();
        loop {
            let (rest, done) = self.hold().await;
            let Rest::Reason(reason) = rest else { return };
            // Who asks for it waits for the answer; otherwise it was the phone, which knows.
            self.settle(reason, done.is_some());
            answer(done);
            if !self.rest().await {
                return;
            }
        }
    }

    /// Keeps a device connected until something ends that for good.
    async fn hold(&mut self) -> (Rest, Option<oneshot::Sender<()>>) {
        let mut built = loop {
            let error = match self.build().await {
                Ok(built) => break built,
                Err(error) => error,
            };
            let key = error
                .downcast_ref::<StoreError>()
                .and_then(StoreError::waits);
            self.keyless(key, &error);
            if key.is_none() {
                return (Rest::Reason(Reason::Failed), None);
            }
            if let Interruption::Rest(rest, done) = self.pause(KEY_PAUSE).await {
                return (rest, done);
            }
        };
        self.device.adopt(Some(Arc::clone(&built.client)));
        let mut first = true;
        let mut failures = 0;
        loop {
            if let Interruption::Rest(rest, done) = self.connection(&mut built, first).await {
                return (rest, done);
            }
            first = false;
            self.device.acks.give_up();
            let facts = built.ear.facts();
            failures = verdict::failures(failures, &facts);
            tracing::debug!(?facts, failures, "the connection ended");
            let (reason, pause) = match verdict::next(&facts) {
                Next::Stop(reason) => {
                    built.ended.cancel();
                    built.client.disconnect().await;
                    return (Rest::Reason(reason), None);
                }
                Next::Now => (Reason::AutoReconnect, Duration::ZERO),
                Next::Later(reason) => (reason, backoff::CONNECT.pause(failures)),
                Next::After(reason, pause) => (reason, pause),
            };
            self.paused(reason, failures, pause);
            if let Interruption::Rest(rest, done) = self.pause(pause).await {
                built.ended.cancel();
                built.client.disconnect().await;
                return (rest, done);
            }
            self.device.set(Status {
                failures,
                ..Status::new(Phase::Connecting, Some(Reason::AutoReconnect), clock::now())
            });
        }
    }

    /// Says why the device is not started, once where the same is tried again.
    fn keyless(&self, problem: Option<&'static str>, error: &anyhow::Error) {
        let status = Status {
            problem,
            retry_at: clock::now()
                .checked_add(KEY_PAUSE)
                .ok()
                .filter(|_| problem.is_some()),
            ..Status::new(Phase::Disconnected, Some(Reason::Failed), clock::now())
        };
        if problem.is_none() || !self.device.status().same(&status) {
            tracing::error!(error = format!("{error:#}"), "the device can't be started");
        }
        self.device.set(status);
    }

    async fn build(&self) -> anyhow::Result<Built> {
        let (store, accounts) =
            store::open(&self.config.data_dir, self.config.store_key.as_ref()).await?;
        let kept = accounts.clone();
        let account = spawn_blocking(move || kept.load()).await??;
        self.device.remember(account, accounts);
        self.device
            .set(Status::new(Phase::Connecting, None, clock::now()));
        Ok(build(&self.config, &self.device, &self.delivery, store).await?)
    }

    /// One connection, to its end.
    async fn connection(&mut self, built: &mut Built, first: bool) -> Interruption {
        let Built {
            client,
            handle,
            ended,
            ear,
            ..
        } = built;
        let mut run: Pin<Box<dyn Future<Output = ()> + Send + '_>> = if first {
            Box::pin(handle)
        } else {
            Box::pin(client.run())
        };
        loop {
            let interruption = tokio::select! {
                () = &mut run => return Interruption::Nothing,
                interruption = interrupted(&mut self.commands, &self.shutdown) => interruption,
            };
            match interruption {
                // It is being connected as it is.
                Interruption::Nothing | Interruption::Started => {}
                Interruption::Rest(rest, done) => {
                    ended.cancel();
                    let leave = async {
                        let logout = matches!(rest, Rest::Reason(Reason::LoggedOut));
                        let unlinked = logout && unlink(client).await;
                        client.disconnect().await;
                        unlinked
                    };
                    let (unlinked, ()) = tokio::join!(leave, run);
                    // The word that it is no longer linked can overtake the answer.
                    self.unlinked = unlinked || ear.facts().end == Some(End::LoggedOut);
                    return Interruption::Rest(rest, done);
                }
            }
        }
    }

    fn paused(&self, reason: Reason, failures: u32, pause: Duration) {
        let now = clock::now();
        // A device that is sure to be back soon is on its way; one that was thrown out is not connected.
        let phase = if reason == Reason::AutoReconnect {
            Phase::Connecting
        } else {
            Phase::Disconnected
        };
        let lasts = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        let retry_at = now.saturating_add(lasts).ok();
        self.device.set(Status {
            failures,
            retry_at,
            ..Status::new(phase, Some(reason), now)
        });
    }

    async fn pause(&mut self, pause: Duration) -> Interruption {
        tokio::select! {
            () = sleep(pause) => Interruption::Nothing,
            interruption = interrupted(&mut self.commands, &self.shutdown) => interruption,
        }
    }

    /// Waits until somebody starts the device; false when the program ends.
    async fn rest(&mut self) -> bool {
        loop {
            match interrupted(&mut self.commands, &self.shutdown).await {
                Interruption::Started => return true,
                Interruption::Nothing => {}
                Interruption::Rest(Rest::Shutdown, _) => return false,
                Interruption::Rest(Rest::Reason(reason), done) => {
                    self.settle(reason, true);
                    answer(done);
                }
            }
        }
    }

    /// What is so while the device rests. Without its keys it can't be unlinked later, so who asked for that is told.
    fn settle(&mut self, reason: Reason, asked: bool) {
        let unlinked = std::mem::take(&mut self.unlinked) || !asked;
        let mut problem = None;
        if reason == Reason::LoggedOut {
            // Keys that nobody could open may be those of a linked device.
            let linked = self
                .device
                .client()
                .is_none_or(|_| self.device.identity().linked);
            let kept = store::exists(&self.config.data_dir);
            problem = (!unlinked && linked && kept).then_some(LISTED);
            self.forget();
        }
        self.device.set(Status {
            problem,
            ..Status::new(Phase::Disconnected, Some(reason), clock::now())
        });
    }

    /// Deletes the keys of a device that is no longer linked.
    fn forget(&self) {
        self.device.adopt(None);
        if let Err(error) = store::delete(&self.config.data_dir) {
            tracing::error!(%error, "the keys of an unlinked device stay");
        }
    }
}

/// Asks WhatsApp to unlink the device; whether it did.
async fn unlink(client: &Client) -> bool {
    let Some(jid) = client
        .persistence_manager()
        .get_device_snapshot()
        .pn
        .clone()
    else {
        return false;
    };
    let asked = client.execute(RemoveCompanionDeviceSpec::new(&jid));
    matches!(timeout(UNLINK_PATIENCE, asked).await, Ok(Ok(())))
}

fn answer(done: Option<oneshot::Sender<()>>) {
    if let Some(done) = done {
        // Who asked may have given up.
        let _gone = done.send(());
    }
}

async fn interrupted(
    commands: &mut mpsc::Receiver<Command>,
    shutdown: &CancellationToken,
) -> Interruption {
    let command = tokio::select! {
        () = shutdown.cancelled() => None,
        command = commands.recv() => command,
    };
    match command {
        None => Interruption::Rest(Rest::Shutdown, None),
        Some(Command::Start(done)) => {
            answer(Some(done));
            Interruption::Started
        }
        Some(Command::Stop(done)) => {
            Interruption::Rest(Rest::Reason(Reason::ManualStop), Some(done))
        }
        Some(Command::Logout(done)) => {
            Interruption::Rest(Rest::Reason(Reason::LoggedOut), Some(done))
        }
    }
}
