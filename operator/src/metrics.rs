//! What is counted. Names and labels are an interface: changing one is a changelog entry.
//! Labels are fixed words; no object, namespace or tenant is one.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};

use crate::process::Process;

/// Seconds: 5 ms to 60 s.
const SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];
/// Seconds from a session's creation to its readiness: 1 s to 10 min.
const LONG_SECONDS: [f64; 9] = [1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 600.0];

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Reconciles by outcome: `completed`, `waiting`, `failed`, `abandoned`.
    reconciliations: Family<Reconciliation, Counter>,
    reconciliation_seconds: Family<Controller, Histogram, Seconds>,
    steps: Family<Step, Counter>,
    step_seconds: Family<StepName, Histogram, Seconds>,
    /// Objects by their conditions.
    pub resources: Family<Resources, Gauge>,
    /// Objects in memory by kind.
    pub store_objects: Family<Kind, Gauge>,
    /// 1 while this instance leads.
    pub leader: Gauge,
    /// 1 while a definition is not there.
    pub crd_missing: Family<Crd, Gauge>,
    time_to_ready: Histogram,
    requests: Family<Request, Counter>,
    request_seconds: Family<RequestKind, Histogram, Seconds>,
    watch_failures: Family<Kind, Counter>,
    unreadable: Family<Kind, Counter>,
    /// Sessions by the image that their Deployment has.
    pub sessions_by_image: Family<Image, Gauge>,
    /// Asked sidecars by outcome: `answered`, `failed`.
    status_requests: Family<Outcome, Counter>,
}

macro_rules! labels {
    ($(#[$docs:meta])* $name:ident { $($field:ident: $type_:ty),+ }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
        #[allow(missing_docs, reason = "labels are documented where they are counted")]
        pub struct $name { $(pub $field: $type_),+ }
    };
}

labels!(/// A controller.
    Controller { controller: &'static str, phase: &'static str });
labels!(/// The end of a reconcile.
    Reconciliation { controller: &'static str, phase: &'static str, outcome: &'static str });
labels!(/// A verb of a controller.
    StepName { controller: &'static str, step: &'static str });
labels!(/// The end of a verb of a controller.
    Step { controller: &'static str, step: &'static str, outcome: &'static str });
labels!(/// Objects in a condition.
    Resources { kind: &'static str, condition: &'static str, status: &'static str });
labels!(/// A kind of objects.
    Kind { kind: String });
labels!(/// A definition.
    Crd { crd: &'static str });
labels!(/// An answered request to the API server; `code` is `error` where there was no answer.
    Request { verb: &'static str, resource: String, code: String });
labels!(/// A request to the API server.
    RequestKind { verb: &'static str, resource: String });
labels!(/// An image.
    Image { image: String });
labels!(/// An outcome.
    Outcome { outcome: &'static str });

/// Makes histograms of seconds.
#[derive(Clone, Debug)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("titan_operator"),
            reconciliations: Family::default(),
            reconciliation_seconds: Family::new_with_constructor(Seconds),
            steps: Family::default(),
            step_seconds: Family::new_with_constructor(Seconds),
            resources: Family::default(),
            store_objects: Family::default(),
            leader: Gauge::default(),
            crd_missing: Family::default(),
            time_to_ready: Histogram::new(LONG_SECONDS),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(Seconds),
            watch_failures: Family::default(),
            unreadable: Family::default(),
            sessions_by_image: Family::default(),
            status_requests: Family::default(),
        };
        metrics.register_work();
        metrics.register_surroundings();
        metrics.registry.register_collector(Box::new(Process));
        metrics
    }
}

impl Metrics {
    /// A reconcile ended.
    pub fn reconciled(&self, controller: &'static str, outcome: &'static str, took: Duration) {
        let phase = "apply";
        self.reconciliations
            .get_or_create(&Reconciliation {
                controller,
                phase,
                outcome,
            })
            .inc();
        self.reconciliation_seconds
            .get_or_create(&Controller { controller, phase })
            .observe(took.as_secs_f64());
    }

    /// A verb of a reconcile ended.
    pub fn step(
        &self,
        controller: &'static str,
        step: &'static str,
        succeeded: bool,
        took: Duration,
    ) {
        let outcome = if succeeded { "completed" } else { "failed" };
        self.steps
            .get_or_create(&Step {
                controller,
                step,
                outcome,
            })
            .inc();
        self.step_seconds
            .get_or_create(&StepName { controller, step })
            .observe(took.as_secs_f64());
    }

    /// A session became ready for the first time, so long after it was created.
    pub fn became_ready(&self, after: Duration) {
        self.time_to_ready.observe(after.as_secs_f64());
    }

    /// The API server answered, or did not.
    pub fn requested(&self, verb: &'static str, resource: &str, code: Option<u16>, took: Duration) {
        let code = code.map_or_else(|| "error".to_owned(), |code| code.to_string());
        self.requests
            .get_or_create(&Request {
                verb,
                resource: resource.to_owned(),
                code,
            })
            .inc();
        self.request_seconds
            .get_or_create(&RequestKind {
                verb,
                resource: resource.to_owned(),
            })
            .observe(took.as_secs_f64());
    }

    /// A watch broke off.
    pub fn watch_failed(&self, kind: &str) {
        let kind = kind.to_owned();
        self.watch_failures.get_or_create(&Kind { kind }).inc();
    }

    /// An object can't be read by this version.
    pub fn unreadable(&self, kind: &str) {
        let kind = kind.to_owned();
        self.unreadable.get_or_create(&Kind { kind }).inc();
    }

    /// A sidecar was asked for its status.
    pub fn asked(&self, answered: bool) {
        let outcome = if answered { "answered" } else { "failed" };
        self.status_requests
            .get_or_create(&Outcome { outcome })
            .inc();
    }

    /// All of it, in the text format of OpenMetrics.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing to a string can't fail; the trait says it might.
            Err(std::fmt::Error) => String::new(),
        }
    }

    fn register_work(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "reconciliations",
            "Reconciles by outcome",
            self.reconciliations.clone(),
        );
        registry.register_with_unit(
            "reconciliation_duration",
            "From the start of a reconcile to its end",
            Unit::Seconds,
            self.reconciliation_seconds.clone(),
        );
        registry.register(
            "reconciliation_steps",
            "Verbs of reconciles by outcome",
            self.steps.clone(),
        );
        registry.register_with_unit(
            "reconciliation_step_duration",
            "From the start of a verb to its end",
            Unit::Seconds,
            self.step_seconds.clone(),
        );
        registry.register("resources", "Objects by condition", self.resources.clone());
        registry.register_with_unit(
            "time_to_ready",
            "From the creation of a session to its readiness",
            Unit::Seconds,
            self.time_to_ready.clone(),
        );
        registry.register(
            "sessions",
            "Sessions by the image of their Deployment",
            self.sessions_by_image.clone(),
        );
        registry.register(
            "sidecar_status_requests",
            "Questions to sidecars by outcome",
            self.status_requests.clone(),
        );
    }

    fn register_surroundings(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "store_objects",
            "Objects in memory by kind",
            self.store_objects.clone(),
        );
        registry.register("leader", "1 while this instance leads", self.leader.clone());
        registry.register(
            "crd_missing",
            "1 while a definition is not there",
            self.crd_missing.clone(),
        );
        registry.register(
            "kube_client_requests",
            "Requests to the API server",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "kube_client_request_duration",
            "From a request to the head of its answer",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register(
            "watch_failures",
            "Watches that broke off and went on",
            self.watch_failures.clone(),
        );
        registry.register(
            "unreadable_objects",
            "Objects that this version could not read",
            self.unreadable.clone(),
        );
        registry.register(
            "build",
            "The program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
    }
}
