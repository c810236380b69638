//! One reconcile of one session: the five verbs in their order, and what is done with what they say.

use std::{convert::Infallible, time::Duration};

use kube::runtime::controller::Action;
use titan_crds::{ConditionType, MediaSession, MediaSessionStatus, Reason};

use super::{
    Error,
    apply::{Outcome, Writer},
    build::{self, Prepared, Resources},
    dereference::{self, Facts},
    memory::{Act, Memory},
    refresh,
    rollout::{Key, Verdict},
    status::{self, Problem, View},
    validate::{self, ValidatedSession},
};
use crate::{
    apply::ApplyError,
    conditions::is_true,
    context::Context,
    controller::{self, Steps},
    error::{Categorised, Class, chain},
    names::SESSION_MANAGER,
    status::StatusError,
};

/// What is on its way tells by itself how it goes; this is for when nobody does.
const SAFETY: Duration = Duration::from_mins(1);
/// Nobody tells when a foreign object goes whose name is needed, or when a quota is raised.
pub(super) const REFUSED: Duration = Duration::from_mins(1);
/// Whoever applies a storage and its session at once may have the session seen first. Pods that started without the
/// storage would be replaced a moment later.
pub(super) const STORAGE_PATIENCE: Duration = Duration::from_secs(3);
/// A child of a former session that is being deleted goes in a moment.
const GOING: Duration = Duration::from_secs(2);

/// One reconcile of one session.
pub(super) struct Reconcile<'a> {
    pub(super) object: &'a MediaSession,
    pub(super) context: &'a Context,
    pub(super) memory: &'a Memory,
    pub(super) steps: Steps<'a>,
}

impl Reconcile<'_> {
    pub(super) async fn run(&self) -> Result<Action, Error> {
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

    /// What shall be there. The fleet decides which images that has.
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
            facts.found.images = seen.images;
        }
        let built = self.steps.run("build", || {
            Ok::<_, Infallible>(build::build(session, settings, &facts.found))
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
        if error.is_of_ending_namespace() {
            return Ok(controller::within(REFUSED));
        }
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
        match self.steps.wait("status", write).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // It was deleted meanwhile, and nobody will read it.
            Err(StatusError(kube::Error::Api(status))) if status.code == 404 => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let before = &facts.status.conditions;
        context
            .events
            .transition(self.object, before, &next.conditions)
            .await;
        if is_true(&next.conditions, ConditionType::Ready) {
            self.count_readiness();
        }
        Ok(())
    }

    /// How long a session took from its creation to its first readiness, if both fell into this process's time.
    fn count_readiness(&self) {
        let metadata = &self.object.metadata;
        let (Some(created), Some(uid)) = (&metadata.creation_timestamp, &metadata.uid) else {
            return;
        };
        let now = self.context.clock.now();
        if created.0 >= self.memory.began() && self.memory.last(Act::Ready, uid).is_none() {
            let after = now.duration_since(created.0).unsigned_abs();
            self.context.metrics.became_ready(after);
        }
        self.memory.done(Act::Ready, uid, now);
    }
}

/// Does the session ask the same of its pods as when its Deployment was applied?
fn is_unchanged(session: &ValidatedSession, facts: &Facts) -> bool {
    let workload = facts.seen.workload.as_ref();
    workload.is_some_and(|workload| workload.inputs == Some(build::inputs(session)))
}
