//! The controller of `TenantStorage`: whether the bucket takes files, told by a running sidecar, else by a short Job.

mod apply;
mod build;
mod dereference;
mod memory;
mod schedule;
mod status;
mod validate;

#[cfg(test)]
pub(crate) mod tests;

use std::{sync::Arc, time::Duration};

use kube::{ResourceExt, runtime::controller::Action};
use titan_crds::TenantStorage;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    apply::ApplyError,
    context::Context,
    controller::{self, Definition, Steps},
    document::DocumentError,
    error::{Categorised, Class, api_class},
    names,
    status::StatusError,
};
use memory::Memory;
use validate::Check;

/// Name of the controller in metrics and logs.
const NAME: &str = "storage";
/// A Job or its pod tells by itself how it goes; this is for when the watch does not.
const SAFETY: Duration = Duration::from_secs(90);
/// Between two looks for storages that are gone.
const FORGET: Duration = Duration::from_mins(10);
/// After a conflict that only a person resolves, whose end no watch tells.
const CONFLICT: Duration = Duration::from_mins(5);

/// Why a storage could not be brought to its state.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the storage lacks {0}")]
    Incomplete(&'static str),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl Categorised for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Incomplete(_) => "Incomplete",
            Self::Document(_) => "Document",
            Self::Apply(error) => error.category(),
            Self::Status(_) => "StatusFailed",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Incomplete(_) | Self::Document(_) => Class::Terminal,
            Self::Apply(error) => error.class(),
            Self::Status(error) => api_class(&error.0),
        }
    }
}

/// Runs the controller until the token is cancelled and what runs then is done.
pub async fn run(context: Arc<Context>, shutdown: CancellationToken) {
    let memory = Arc::new(Memory::default());
    let definition = Definition {
        name: NAME,
        store: context.storages.clone(),
    };
    let attempts = memory.clone();
    let controller = controller::run(
        definition,
        &context.requests.storages,
        context.clone(),
        move |storage, context| reconcile(storage, context, attempts.clone()),
        shutdown,
    );
    tokio::select! {
        () = controller => {}
        () = forget(&context, &memory) => {}
    }
}

/// Forgets storages that are gone, every so often. It never ends by itself.
async fn forget(context: &Context, memory: &Memory) {
    loop {
        sleep(FORGET).await;
        let storages = context.storages.state();
        let uids = storages.iter().filter_map(|storage| storage.uid());
        memory.retain(&uids.collect());
    }
}

async fn reconcile(
    storage: Arc<TenantStorage>,
    context: Arc<Context>,
    memory: Arc<Memory>,
) -> Result<Action, Error> {
    if storage.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let steps = Steps::new(&context.metrics, NAME);
    let now = context.clock.now();
    let facts = steps.run("dereference", || {
        dereference::dereference(&storage, &context)
    })?;
    let attempts = memory.of(&facts);
    let validated = steps.run("validate", || {
        validate::validate(&storage, facts, &attempts, now)
    })?;
    let resources = steps.run("build", || {
        Ok::<_, Error>(build::build(&validated, &context.settings))
    })?;
    // Whole children are moved about in it: on the heap.
    let apply = Box::pin(apply::apply(&validated, resources, &context));
    let applied = steps.wait("apply", apply).await?;
    let next = status::next(&validated, &applied, now);
    let write = context.storage_statuses.write(
        &context.client,
        names::STORAGE_MANAGER,
        storage.as_ref(),
        &next,
    );
    let before = validated.facts.status.conditions.clone();
    if steps.wait("status", write).await? {
        context
            .events
            .transition(storage.as_ref(), &before, &next.conditions)
            .await;
    }
    memory.record(&validated, &next);
    Ok(requeue(&validated.check, &applied))
}

fn requeue(check: &Check, applied: &apply::Applied) -> Action {
    match (applied, check) {
        (apply::Applied::Conflict(_) | apply::Applied::Refused(_), _) => Action::requeue(CONFLICT),
        (_, Check::Start { .. } | Check::Running { .. }) => Action::requeue(SAFETY),
        // The next look takes the verdict's place in the schedule.
        (_, Check::Ended { .. }) => Action::requeue(Duration::from_secs(1)),
        (_, Check::Wait(wait) | Check::Unneeded(wait)) => controller::within(*wait),
    }
}
