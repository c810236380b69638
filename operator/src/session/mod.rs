//! The controller of `MediaSession`: one sidecar per session, and what it takes to reach it.

mod apply;
pub mod build;
mod canary;
mod dereference;
mod gateway;
mod memory;
pub mod name;
mod reference;
mod refresh;
pub mod rollout;
pub mod status;
mod upkeep;
pub mod validate;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use kube::runtime::controller::Action;
use titan_crds::{ConditionType, MediaSession, MediaSessionStatus, Reason};
use tokio_util::sync::CancellationToken;

use crate::{
    apply::ApplyError,
    conditions::is_true,
    context::Context,
    controller::{self, Definition, Steps},
    document::DocumentError,
    error::{Categorised, Class, api_class, chain},
    names::SESSION_MANAGER,
    status::StatusError,
    watch::Watches,
};
use apply::{Outcome, Writer};
use build::{Prepared, Resources};
use dereference::Facts;
use memory::{Act, Memory};
use rollout::{Fleet, Key, Verdict};
use status::{Problem, View};
use validate::ValidatedSession;

/// Name of the controller in metrics and logs.
const NAME: &str = "session";
/// What is on its way tells by itself how it goes; this is for when nobody does.
const SAFETY: Duration = Duration::from_mins(1);
/// Nobody tells when a foreign object goes whose name is needed, or when a quota is raised.
const REFUSED: Duration = Duration::from_mins(1);
/// Whoever applies a storage and its session at once may have the session seen first. Pods that started without the
/// storage would be replaced a moment later.
const STORAGE_PATIENCE: Duration = Duration::from_secs(3);
/// A child of a former session that is being deleted goes in a moment.
const GOING: Duration = Duration::from_secs(2);

/// Why a session could not be brought to its state.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the session lacks metadata that every object on an API server has")]
    Incomplete,
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("read {kind}")]
    Read {
        kind: String,
        source: Box<kube::Error>,
    },
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("create Secret \"{name}\"")]
    ApiKey {
        name: String,
        source: Box<kube::Error>,
    },
    #[error("refresh the pods")]
    Refresh { source: Box<kube::Error> },
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl Categorised for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Incomplete => "Incomplete",
            Self::Document(_) => "Document",
            Self::Read { .. } => "ReadFailed",
            Self::Apply(error) => error.category(),
            Self::ApiKey { .. } => "ApiKeyFailed",
            Self::Refresh { .. } => "RefreshFailed",
            Self::Status(_) => "StatusFailed",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Incomplete | Self::Document(_) => Class::Terminal,
            Self::Apply(error) => error.class(),
            Self::Read { source, .. } | Self::ApiKey { source, .. } | Self::Refresh { source } => {
                api_class(source)
            }
            Self::Status(error) => api_class(&error.0),
        }
    }
}

/// Runs the controller until the token is cancelled and what runs then is done.
pub async fn run(context: Arc<Context>, watches: Watches, shutdown: CancellationToken) {
    let image = context.settings.sidecar_image.to_string();
    let memory = Arc::new(Memory::new(Fleet::new(image)));
    upkeep::begin(&context, &memory);
    let definition = Definition {
        name: NAME,
        store: context.sessions.clone(),
    };
    let reconciler = memory.clone();
    let controller = controller::run(
        definition,
        &context.requests.sessions,
        context.clone(),
        move |session, context| reconcile(session, context, reconciler.clone()),
        shutdown,
    );
    tokio::select! {
        () = controller => {}
        () = gateway::follow(context.clone(), memory.clone(), watches) => {}
        () = canary::follow(context.clone(), memory.clone()) => {}
        () = upkeep::every_so_often(context.clone(), memory.clone()) => {}
    }
}

async fn reconcile(
    object: Arc<MediaSession>,
    context: Arc<Context>,
    memory: Arc<Memory>,
) -> Result<Action, Error> {
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let reconcile = Reconcile {
        object: &object,
        context: &context,
        memory: &memory,
        steps: Steps::new(&context.metrics, NAME),
    };
    // Whole children are moved about in it: on the heap, or a debug build's stack is too small for them.
    Box::pin(reconcile.run()).await
}

/// One reconcile of one session.
struct Reconcile<'a> {
    object: &'a MediaSession,
    context: &'a Context,
    memory: &'a Memory,
    steps: Steps<'a>,
}

impl Reconcile<'_> {
    async fn run(&self) -> Result<Action, Error> {
        let read = dereference::dereference(self.object, self.context, self.memory);
        let mut facts = self.steps.wait("dereference", read).await?;
        if let Some(wait) = self.storage_may_come(&facts) {
            let generation = self.object.metadata.generation.unwrap_or_default();
            let message = "its storage may be on the way";
            let now = self.context.clock.now();
            let next = status::beginning(generation, &facts.status, now, message);
            self.write(&facts, &next).await?;
            return Ok(controller::within(wait));
        }
        let settings = &self.context.settings;
        let valid = self.steps.run("validate", || {
            validate::validate(self.object, facts.storage.take(), settings)
        });
        let session = match valid {
            Ok(session) => session,
            Err(invalid) => {
                let problem = Problem::Stalled(invalid.reason(), chain(&invalid));
                self.refuse(&facts, &problem).await?;
                return Ok(controller::resync());
            }
        };
        let (prepared, verdict) = self.build(&session, &mut facts);
        let writer = Writer {
            context: self.context,
            memory: self.memory,
            session: &session,
            hold: verdict != Verdict::Go && is_unchanged(&session, &facts),
        };
        let written = Box::pin(async {
            writer.api_key(self.object, &facts, rand::random()).await?;
            Ok(Box::pin(writer.apply(prepared)).await?)
        });
        match self.steps.wait("apply", written).await {
            Ok(outcome) => Box::pin(self.report(&session, facts, outcome)).await,
            Err(error) => self.tell(&facts, error).await,
        }
    }

    /// How long a new session waits for a storage that is not there yet.
    fn storage_may_come(&self, facts: &Facts) -> Option<Duration> {
        let created = self.object.metadata.creation_timestamp.as_ref()?;
        let age = self.context.clock.now().duration_since(created.0);
        let new = facts.seen.workload.is_none() && facts.seen.storage_gone.is_some();
        let wait = STORAGE_PATIENCE.checked_sub(age.unsigned_abs())?;
        (new && !wait.is_zero()).then_some(wait)
    }

    /// What shall be there. The fleet decides which image that has.
    fn build(
        &self,
        session: &ValidatedSession,
        facts: &mut Facts,
    ) -> (Resources<Prepared>, Verdict) {
        let key = Key {
            namespace: session.owner.namespace.clone(),
            name: session.owner.name.clone(),
        };
        let seen = status::health(facts.seen.workload.as_deref(), &facts.seen.pods);
        let now = self.context.clock.now();
        let settings = &self.context.settings;
        let (waiting, verdict) = {
            let mut fleet = self.memory.fleet();
            let waiting = fleet.observe(&key, &seen, now);
            let limit = settings.max_unavailable(fleet.len());
            (waiting, fleet.admit(&key, limit, now))
        };
        for other in waiting {
            self.context
                .requests
                .sessions
                .send(&other.namespace, &other.name);
        }
        if verdict != Verdict::Go {
            facts.found.image = seen.image;
        }
        let built = self.steps.run("build", || {
            Ok::<_, std::convert::Infallible>(build::build(session, settings, &facts.found))
        });
        let Ok(prepared) = built;
        (prepared, verdict)
    }

    /// Everything is applied: writes what is to be said of it, and hastens what is awaited.
    async fn report(
        &self,
        session: &ValidatedSession,
        mut facts: Facts,
        outcome: Outcome,
    ) -> Result<Action, Error> {
        let Outcome {
            resources,
            documents_changed,
        } = outcome;
        let owner = &session.owner;
        // What was just written is newer than what was read.
        facts.seen.workload = self
            .context
            .workloads
            .get(&owner.namespace, &owner.child_name());
        facts.seen.route = dereference::route(owner, &resources, self.context, self.memory).await?;
        let now = self.context.clock.now();
        let next = status::status(&View {
            session,
            applied: &resources,
            seen: &facts.seen,
            previous: &facts.status,
            now,
        });
        self.write(&facts, &next).await?;
        let due = refresh::is_due(self.memory.last(Act::Refresh, &owner.uid), now);
        if documents_changed || (due && refresh::is_awaited(&next, now)) {
            let pods = facts.seen.pods.iter().map(AsRef::as_ref);
            refresh::refresh(owner, pods, self.context, self.memory).await?;
        }
        Ok(if refresh::is_awaited(&next, now) {
            controller::within(refresh::EVERY)
        } else if is_true(&next.conditions, ConditionType::Reconciling) {
            controller::within(SAFETY)
        } else {
            controller::resync()
        })
    }

    /// What the API server refuses is told; what it can't do now is tried again.
    async fn tell(&self, facts: &Facts, error: Error) -> Result<Action, Error> {
        let message = chain(&error);
        let (problem, wait) = match &error {
            Error::Apply(ApplyError::NameConflict { .. }) => {
                (Problem::Stalled(Reason::NameConflict, message), REFUSED)
            }
            Error::Apply(ApplyError::Terminating { .. }) => {
                (Problem::Waiting(Reason::Progressing, message), GOING)
            }
            error if error.class() == Class::Waiting => (
                Problem::Waiting(Reason::WorkloadUnavailable, message),
                REFUSED,
            ),
            _ => return Err(error),
        };
        self.refuse(facts, &problem).await?;
        Ok(controller::within(wait))
    }

    async fn refuse(&self, facts: &Facts, problem: &Problem) -> Result<(), Error> {
        let generation = self.object.metadata.generation.unwrap_or_default();
        let now = self.context.clock.now();
        let next = status::refused(generation, &facts.status, now, problem);
        self.write(facts, &next).await
    }

    /// One patch, and none where nothing changed.
    async fn write(&self, facts: &Facts, next: &MediaSessionStatus) -> Result<(), Error> {
        let context = self.context;
        let statuses = &context.session_statuses;
        let write = statuses.write(&context.client, SESSION_MANAGER, self.object, next);
        if !self.steps.wait("status", write).await? {
            return Ok(());
        }
        let before = &facts.status.conditions;
        context
            .events
            .transition(self.object, before, &next.conditions)
            .await;
        let ready = |conditions| is_true(conditions, ConditionType::Ready);
        let created = self.object.metadata.creation_timestamp.as_ref();
        // The first time is the one whose conditions were never ready at this generation.
        if let (Some(created), 1, false, true) = (
            created,
            self.object.metadata.generation.unwrap_or_default(),
            ready(before),
            ready(&next.conditions),
        ) {
            let after = context.clock.now().duration_since(created.0).unsigned_abs();
            context.metrics.became_ready(after);
        }
        Ok(())
    }
}

/// Does the session ask the same of its pods as when its Deployment was applied?
fn is_unchanged(session: &ValidatedSession, facts: &Facts) -> bool {
    let workload = facts.seen.workload.as_ref();
    workload.is_some_and(|workload| workload.inputs == Some(build::inputs(session)))
}
