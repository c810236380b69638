//! The controller of `MediaSession`: one sidecar per session, and what it takes to reach it.

mod apply;
pub mod build;
mod canary;
mod dereference;
mod gateway;
mod memory;
pub mod name;
mod reconcile;
mod reference;
mod refresh;
pub mod rollout;
pub mod status;
mod upkeep;
pub mod validate;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::runtime::controller::Action;
use titan_crds::MediaSession;
use tokio_util::sync::CancellationToken;

use crate::{
    apply::ApplyError,
    context::Context,
    controller::{self, Definition, Steps},
    document::DocumentError,
    error::{Categorised, Class, api_class},
    status::StatusError,
    watch::Watches,
};
use memory::Memory;
use reconcile::Reconcile;
use rollout::Fleet;

/// Name of the controller in metrics and logs.
const NAME: &str = "session";

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

impl Error {
    /// The namespace is going, and the session with it.
    fn is_of_ending_namespace(&self) -> bool {
        let (Self::Apply(ApplyError::Api { source, .. }) | Self::ApiKey { source, .. }) = self
        else {
            return false;
        };
        let kube::Error::Api(status) = source.as_ref() else {
            return false;
        };
        let mut causes = status.details.iter().flat_map(|details| &details.causes);
        causes.any(|cause| cause.reason == "NamespaceTerminating")
    }
}

/// Runs the controller until the token is cancelled and what runs then is done.
pub async fn run(context: Arc<Context>, watches: Watches, shutdown: CancellationToken) {
    let images = context.settings.images();
    let memory = Arc::new(Memory::new(Fleet::new(images), context.clock.now()));
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
