//! Brings about what a check needs, and clears away the checks before it.

use super::{
    Error,
    build::Resources,
    validate::{Check, ValidatedStorage},
};
use crate::{
    apply::{Applier, ApplyError},
    context::Context,
    error::{Categorised, Class, chain},
    names,
};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// All is as it should be.
    Done,
    /// A name is taken.
    Conflict(String),
    /// The API server does not allow it: a quota, an admission policy.
    Refused(String),
}

pub(super) async fn apply(
    storage: &ValidatedStorage,
    resources: Resources,
    context: &Context,
) -> Result<Applied, Error> {
    match write(storage, resources, context).await {
        Ok(()) => Ok(Applied::Done),
        Err(error @ ApplyError::NameConflict { .. }) => Ok(Applied::Conflict(error.to_string())),
        Err(error) if error.class() == Class::Waiting => Ok(Applied::Refused(chain(&error))),
        Err(error) => Err(error.into()),
    }
}

async fn write(
    storage: &ValidatedStorage,
    Resources { config_map, job }: Resources,
    context: &Context,
) -> Result<(), ApplyError> {
    let applier = Applier {
        client: &context.client,
        ledger: &context.ledger,
        manager: names::STORAGE_MANAGER,
        owner: &storage.facts.owner,
    };
    if let Some(config_map) = config_map {
        applier.apply(&config_map).await?;
    }
    if let Some(job) = job
        && let Some(job) = applier.create_once(&job).await?
    {
        context.jobs.set(&job);
    }
    // One that ended with this state of things stays until its time is over, for a person to look at.
    if let Check::Start { name } = &storage.check {
        for old in storage.facts.jobs.iter().filter(|job| job.name != *name) {
            applier
                .delete_that::<k8s_openapi::api::batch::v1::Job>(&old.name, &old.uid)
                .await?;
        }
    }
    Ok(())
}
