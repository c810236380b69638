//! A run of the operator: from the first request to the last.

use std::{sync::Arc, time::Duration};

use kube::{Config, runtime::reflector};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{Admin, Readiness},
    apply::Ledger,
    census, client,
    clock::Clock,
    context::Context,
    definitions,
    events::Recorder,
    index::StorageIndex,
    lease::{Election, Fence, Lost},
    metrics::Metrics,
    names, session,
    settings::Settings,
    sidecar,
    status::Written,
    storage,
    telemetry::LogLevel,
    watch::{Jobs, Pods, Requests, Scope, Watches, Workloads},
};

/// Reconciles that run when the signal comes have so long.
const DRAIN: Duration = Duration::from_secs(20);

/// Why a run ended otherwise than by a signal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The client can't be made.
    #[error("client of the Kubernetes API")]
    Client(#[from] kube::Error),
    /// The API server does not let us in.
    #[error(transparent)]
    Refused(#[from] definitions::Refused),
    /// Another instance leads, or may.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The admin port ended.
    #[error("admin port")]
    Admin(#[from] std::io::Error),
}

/// What a run needs.
#[derive(Debug)]
pub struct Operator {
    /// How the API server is reached.
    pub config: Config,
    /// What the platform decided.
    pub settings: Arc<Settings>,
    /// Tells the time.
    pub clock: Clock,
    /// Who this instance is, unlike any other.
    pub identity: String,
    /// Take part in an election.
    pub leader_elect: bool,
    /// The admin port, bound.
    pub listener: TcpListener,
    /// The level of the log.
    pub log_level: LogLevel,
}

impl Operator {
    /// Runs until the token is cancelled; then what runs is finished, and the lease released.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), RunError> {
        let metrics = Arc::new(Metrics::default());
        let readiness = Arc::new(Readiness::default());
        let definitions = readiness.begin("definitions");
        let admin = Admin {
            readiness: readiness.clone(),
            metrics: metrics.clone(),
            log_level: self.log_level,
        };
        let stop_admin = CancellationToken::new();
        let _guard = stop_admin.clone().drop_guard();
        let admin = tokio::spawn(admin.serve(self.listener, stop_admin));

        let fence = Arc::new(Fence::default());
        let discovery = client::unfenced(self.config.clone(), &metrics)?;
        tokio::select! {
            found = definitions::wait(&discovery, &metrics) => found?,
            () = shutdown.cancelled() => return Ok(()),
        }
        definitions.done();

        let parts = Parts {
            client: client::for_controllers(self.config.clone(), &metrics, &fence)?,
            settings: self.settings.clone(),
            clock: self.clock.clone(),
            identity: self.identity.clone(),
            metrics: metrics.clone(),
            readiness,
        };
        let work = async {
            metrics.leader.set(1);
            parts.work(shutdown.clone()).await;
            metrics.leader.set(0);
        };
        let ended = if self.leader_elect {
            let client = client::for_election(self.config, &metrics)?;
            let namespace = &self.settings.operator_namespace;
            let election = Election::new(
                client,
                namespace,
                names::OPERATOR,
                self.identity,
                self.clock,
            );
            Box::pin(lead(&election, &fence, &shutdown, work)).await
        } else {
            Box::pin(work).await;
            Ok(())
        };
        if admin.is_finished()
            && let Ok(Err(error)) = admin.await
        {
            return Err(error.into());
        }
        Ok(ended?)
    }
}

/// Works while leading. The lease's own failure ends the work, and with it the process.
async fn lead(
    election: &Election,
    fence: &Fence,
    shutdown: &CancellationToken,
    work: impl Future<Output = ()>,
) -> Result<(), Lost> {
    let renewed = tokio::select! {
        renewed = election.acquire(fence) => renewed,
        () = shutdown.cancelled() => return Ok(()),
    };
    tokio::select! {
        () = work => {
            fence.close();
            election.release().await;
            Ok(())
        }
        lost = election.hold(fence, renewed) => {
            fence.close();
            Err(lost)
        }
    }
}

/// What the work is made of.
struct Parts {
    client: kube::Client,
    settings: Arc<Settings>,
    clock: Clock,
    identity: String,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
}

impl Parts {
    /// Watches, asks, reconciles, until the token is cancelled and the controllers are done.
    async fn work(self, shutdown: CancellationToken) {
        let (storages, storage_writer) = reflector::store();
        let (sessions, session_writer) = reflector::store();
        let watches = Watches {
            client: self.client.clone(),
            scope: Scope::new(self.settings.watch_namespaces.clone()),
            readiness: self.readiness,
            metrics: self.metrics.clone(),
            requests: Arc::new(Requests::default()),
            ledger: Arc::new(Ledger::default()),
            index: Arc::new(StorageIndex::default()),
            pods: Arc::new(Pods::default()),
            workloads: Arc::new(Workloads::default()),
            jobs: Arc::new(Jobs::default()),
            sidecars: sidecar::Client::default(),
        };
        let mut watching: JoinSet<()> = watches
            .all(storage_writer, session_writer)
            .into_iter()
            .collect();
        let context = Arc::new(Context {
            events: Recorder::new(self.client.clone(), self.identity),
            client: self.client,
            settings: self.settings,
            metrics: self.metrics,
            clock: self.clock,
            sidecars: watches.sidecars.clone(),
            storages,
            sessions,
            index: watches.index.clone(),
            pods: watches.pods.clone(),
            workloads: watches.workloads.clone(),
            jobs: watches.jobs.clone(),
            ledger: watches.ledger.clone(),
            requests: watches.requests.clone(),
            session_statuses: Written::default(),
            storage_statuses: Written::default(),
        });
        let poll = context
            .sidecars
            .clone()
            .poll(context.clone(), shutdown.clone());
        let controllers = async {
            // What was not listed yet would be taken for missing, and written once more.
            tokio::select! {
                () = watches.readiness.wait() => {}
                () = shutdown.cancelled() => return,
            }
            tokio::join!(
                storage::run(context.clone(), shutdown.clone()),
                session::run(context.clone(), watches.clone(), shutdown.clone()),
            );
        };
        let drained = async {
            tokio::pin!(controllers);
            tokio::select! {
                () = &mut controllers => {}
                () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN).await } => {
                    tracing::warn!("reconciles did not end in time");
                }
            }
        };
        tokio::select! {
            () = drained => {}
            // None ends by itself; one that does has failed, and the process with it.
            _ = watching.join_next() => tracing::error!("a watch ended"),
            () = census::every_so_often(context.clone()) => {}
            () = async { poll.await; std::future::pending::<()>().await } => {}
        }
    }
}
