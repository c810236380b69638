//! Measures the operator against an API server without controllers and nodes (tests/cluster/bench.sh): how soon a
//! session has its children, how soon a deleted child is back, memory, and that rest is rest.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams};
use kube::{Client, Resource};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use titan_tests::bench::children::Children;
use titan_tests::bench::operator::Operator;
use titan_tests::bench::report::{mebibytes, percentile, row};

const NAMESPACE: &str = "bench";
const MIB_IDLE: f64 = 20.0;
const MIB_TEN_THOUSAND: f64 = 96.0;
/// Until a process is idle.
const CALM: Duration = Duration::from_secs(10);
/// How long nothing may be written: two polls of every session.
const REST: Duration = Duration::from_secs(130);
/// Sessions that are applied one after the other.
const SINGLE: usize = 100;
/// Children that are deleted one after the other.
const DELETED: usize = 200;
/// Requests that create sessions at once.
const APPLIERS: usize = 32;

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let program = std::env::var("TITAN_OPERATOR").context("TITAN_OPERATOR")?;
    let client = Client::try_default().await?;
    let operator = Operator::start(&program).await?;
    sleep(CALM).await;
    memory("Operator idle, no session", &operator, Some(MIB_IDLE));

    let bench = Bench::new(client).await?;
    bench.single().await?;
    let first = bench.together(SINGLE, 200).await?;
    row(
        "200 sessions at once → all children",
        &seconds(first),
        "",
        None,
    );
    memory("Operator with 300 sessions", &operator, None);
    bench.child_comes_back().await?;

    let thousand = bench.together(300, 1000).await?;
    row(
        "1,000 sessions at once → all children",
        &seconds(thousand),
        "≤ 30 s",
        Some(thousand.children <= Duration::from_secs(30)),
    );
    bench.together(1300, 8700).await?;
    sleep(CALM).await;
    memory(
        "Operator with 10,000 sessions",
        &operator,
        Some(MIB_TEN_THOUSAND),
    );
    drop(operator);
    rest(&program).await
}

fn memory(what: &str, operator: &Operator, budget: Option<f64>) {
    let process = operator.process();
    let resident = mebibytes(process.rss());
    let own = mebibytes(process.anonymous());
    let limit = budget.map_or_else(String::new, |budget| format!("≤ {budget:.0} MiB"));
    let measured = format!("{resident:.1} MiB ({own:.1} MiB of its own)");
    row(what, &measured, &limit, budget.map(|b| resident <= b));
}

/// A new operator looks at every object, and has nothing to write.
async fn rest(program: &str) -> anyhow::Result<()> {
    let operator = Operator::start(program).await?;
    sleep(REST).await;
    let writes = operator.writes().await?;
    row(
        "Writes in 130 s after a restart, 10,000 sessions",
        &writes.to_string(),
        "0",
        Some(writes == 0),
    );
    memory(
        "The same, after the restart",
        &operator,
        Some(MIB_TEN_THOUSAND),
    );
    Ok(())
}

/// How long many sessions took.
#[derive(Clone, Copy)]
struct Together {
    /// Until the API server had taken the last session.
    applied: Duration,
    /// Until the last child existed.
    children: Duration,
}

struct Bench {
    client: Client,
    children: Children,
    sessions: Api<DynamicObject>,
}

// === impl Bench ===

impl Bench {
    async fn new(client: Client) -> anyhow::Result<Self> {
        let namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await?;
        let storages = Self::api(&client, "TenantStorage");
        let storage = json!({"endpoint": "https://s3.example.com", "region": "us-east-1", "bucket": "acme-media",
            "credentials": {"secretRef": {"name": "acme-s3"}}});
        create(&storages, "TenantStorage", "acme", storage).await?;
        Ok(Self {
            children: Children::watch(&client, NAMESPACE),
            sessions: Self::api(&client, "MediaSession"),
            client,
        })
    }

    fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), NAMESPACE, &resource(kind))
    }

    /// One session after the other.
    async fn single(&self) -> anyhow::Result<()> {
        let mut times = Vec::new();
        for number in 0..SINGLE {
            let start = Instant::now();
            let name = session(&self.sessions, number).await?;
            times.push(milliseconds(self.children.of(&name).await? - start));
        }
        row(
            "Apply → children exist, one session",
            &quantiles(times.clone()),
            "",
            None,
        );
        Ok(())
    }

    /// `count` sessions as fast as the API server takes them.
    async fn together(&self, first: usize, count: usize) -> anyhow::Result<Together> {
        let start = Instant::now();
        let mut appliers = JoinSet::new();
        for lane in 0..APPLIERS {
            let sessions = self.sessions.clone();
            appliers.spawn(async move {
                for number in (first..first + count).skip(lane).step_by(APPLIERS) {
                    session(&sessions, number).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = appliers.join_next().await {
            ended??;
        }
        let applied = start.elapsed();
        let children = self.children.complete(first + count).await? - start;
        Ok(Together { applied, children })
    }

    /// Deletes children of every kind that has nothing in it that only the tenant has.
    async fn child_comes_back(&self) -> anyhow::Result<()> {
        let mut times = Vec::new();
        for number in 0..DELETED {
            let name = name(number);
            times.push(match number % 4 {
                0 => self.back::<ConfigMap>(&name).await?,
                1 => self.back::<Deployment>(&name).await?,
                2 => self.back::<NetworkPolicy>(&name).await?,
                _ => self.back::<Service>(&name).await?,
            });
        }
        let slow = percentile(times.clone(), 99);
        row(
            "Deleted child is back",
            &quantiles(times),
            "p99 ≤ 250 ms",
            Some(slow <= 250.0),
        );
        Ok(())
    }

    async fn back<K>(&self, session: &str) -> anyhow::Result<f64>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let kind = K::kind(&());
        let uid = self.children.uid(&kind, session)?;
        let start = Instant::now();
        Api::<K>::namespaced(self.client.clone(), NAMESPACE)
            .delete(&format!("msess-{session}"), &DeleteParams::background())
            .await?;
        let came = self.children.replaced(&kind, session, &uid).await?;
        Ok(milliseconds(came - start))
    }
}

fn name(number: usize) -> String {
    format!("session-{number}")
}

async fn session(sessions: &Api<DynamicObject>, number: usize) -> anyhow::Result<String> {
    let name = name(number);
    let spec = json!({"storageRef": {"name": "acme"}});
    create(sessions, "MediaSession", &name, spec).await?;
    Ok(name)
}

async fn create(
    api: &Api<DynamicObject>,
    kind: &str,
    name: &str,
    spec: Value,
) -> anyhow::Result<()> {
    let object = DynamicObject::new(name, &resource(kind)).data(json!({"spec": spec}));
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("titan.media", "v1alpha1", kind))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn seconds(took: Together) -> String {
    let (children, applied) = (took.children.as_secs_f64(), took.applied.as_secs_f64());
    format!("{children:.1} s (all applied after {applied:.1} s)")
}

fn quantiles(times: Vec<f64>) -> String {
    let (half, most) = (percentile(times.clone(), 50), percentile(times, 99));
    format!("p50 {half:.0} ms, p99 {most:.0} ms")
}
