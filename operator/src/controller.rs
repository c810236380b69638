//! What both controllers are run by: requests in, one reconcile per object at a time, errors by class.

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Resource, ResourceExt,
    runtime::{
        Controller,
        controller::{self, Action},
        reflector::{ObjectRef, Store},
    },
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    context::{Context, random},
    error::{Backoffs, Categorised, Class, chain, is_conflict},
    metrics::Metrics,
    watch::Queue,
};

/// A reconcile that takes longer is given up, and tried again like any that failed.
const DEADLINE: Duration = Duration::from_mins(1);
/// Between two looks at an object of which nothing is heard: 40 to 60 min.
const RESYNC: Duration = Duration::from_hours(1);
/// How long a reconcile waits that can only wait.
const WAIT: Duration = Duration::from_mins(5);

/// After how long an object is looked at again of which nothing is heard.
#[must_use]
pub fn resync() -> Action {
    Action::requeue(resync_after())
}

fn resync_after() -> Duration {
    RESYNC.mul_f64(2.0 / 3.0 + random() / 3.0)
}

/// After so long an object is looked at again, or earlier if that is more than a resync.
#[must_use]
pub fn within(wait: Duration) -> Action {
    Action::requeue(wait.min(resync_after()))
}

/// Measures the verbs of one reconcile.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    metrics: &'a Metrics,
    controller: &'static str,
}

impl<'a> Steps<'a> {
    /// The verbs of a reconcile of that controller.
    #[must_use]
    pub const fn new(metrics: &'a Metrics, controller: &'static str) -> Self {
        Self {
            metrics,
            controller,
        }
    }

    /// Runs a verb that only thinks.
    pub fn run<T, E>(
        &self,
        step: &'static str,
        verb: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let start = Instant::now();
        let result = verb();
        self.metrics
            .step(self.controller, step, result.is_ok(), start.elapsed());
        result
    }

    /// Runs a verb that asks or writes.
    pub async fn wait<T, E>(
        &self,
        step: &'static str,
        verb: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let start = Instant::now();
        let result = verb.await;
        self.metrics
            .step(self.controller, step, result.is_ok(), start.elapsed());
        result
    }
}

/// A controller.
#[derive(Debug)]
pub struct Definition<K: kube::runtime::reflector::Lookup<DynamicType = ()> + 'static> {
    /// Its name in metrics and logs.
    pub name: &'static str,
    /// Its objects.
    pub store: Store<K>,
}

/// Runs a controller until the token is cancelled and what runs then is done.
pub async fn run<K, F, R, E>(
    definition: Definition<K>,
    queue: &Queue<K>,
    context: Arc<Context>,
    reconcile: F,
    shutdown: CancellationToken,
) where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
    F: Fn(Arc<K>, Arc<Context>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Action, E>> + Send + 'static,
    E: Categorised,
{
    let Definition { name, store } = definition;
    let requests = queue.subscribe();
    let known: Vec<_> = store
        .state()
        .iter()
        .map(|object| ObjectRef::from_obj(object.as_ref()))
        .collect();
    let backoffs = Arc::new(Backoffs::default());
    let failures = backoffs.clone();
    let config = controller::Config::default().concurrency(context.settings.concurrency);
    Controller::for_stream(stream::pending(), store)
        .with_config(config)
        .reconcile_on(stream::iter(known).chain(requests))
        .graceful_shutdown_on(shutdown.cancelled_owned())
        .run(
            move |object, context| {
                let (reconcile, backoffs) = (reconcile.clone(), failures.clone());
                async move {
                    Ok::<_, Infallible>(attempt(name, object, context, reconcile, &backoffs).await)
                }
                .boxed_reconcile()
            },
            |_, never: &Infallible, _| match *never {},
            context,
        )
        .for_each(|result| {
            if let Err(controller::Error::ObjectNotFound(object)) = &result {
                backoffs.reset(&key(object.namespace.as_deref(), &object.name));
            } else if let Err(error) = &result {
                tracing::warn!(controller = name, error = %chain(error), "controller");
            }
            std::future::ready(())
        })
        .await;
}

/// One reconcile, whatever comes of it.
async fn attempt<K, F, R, E>(
    name: &'static str,
    object: Arc<K>,
    context: Arc<Context>,
    reconcile: F,
    backoffs: &Backoffs,
) -> Action
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    F: Fn(Arc<K>, Arc<Context>) -> R,
    R: Future<Output = Result<Action, E>>,
    E: Categorised,
{
    let key = key(object.namespace().as_deref(), &object.name_any());
    let start = Instant::now();
    let result = tokio::time::timeout(DEADLINE, reconcile(object.clone(), context.clone())).await;
    let (outcome, action) = match result {
        Ok(Ok(action)) => {
            backoffs.reset(&key);
            ("completed", action)
        }
        Ok(Err(error)) => {
            log(name, &key, &error);
            match error.class() {
                Class::Transient => ("failed", Action::requeue(backoffs.fail(&key, random()))),
                Class::Waiting => (
                    "waiting",
                    Action::requeue(WAIT.mul_f64(0.5 + random() / 2.0)),
                ),
                Class::Terminal => ("failed", resync()),
            }
        }
        Err(_) => {
            tracing::warn!(controller = name, object = key, "reconcile took too long");
            ("abandoned", Action::requeue(backoffs.fail(&key, random())))
        }
    };
    context.metrics.reconciled(name, outcome, start.elapsed());
    action
}

/// A conflict is no news: somebody else was faster, and the next try sees it.
fn log(controller: &'static str, object: &str, error: &(impl Categorised + 'static)) {
    let (category, text) = (error.category(), chain(error));
    if is_conflict(error) {
        tracing::info!(
            controller,
            object,
            category,
            error = text,
            "reconcile met a conflict"
        );
    } else {
        tracing::warn!(
            controller,
            object,
            category,
            error = text,
            "reconcile failed"
        );
    }
}

fn key(namespace: Option<&str>, name: &str) -> String {
    format!("{}/{name}", namespace.unwrap_or_default())
}

/// `Controller::run` wants a future that is `Unpin`.
trait BoxedReconcile: Future + Sized + Send + 'static {
    fn boxed_reconcile(self) -> std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>> {
        Box::pin(self)
    }
}

impl<T: Future + Send + 'static> BoxedReconcile for T {}
