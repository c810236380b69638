//! Asks every sidecar: each second while its session is on its way, else about once a minute.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use kube::runtime::reflector::ObjectRef;
use titan_crds::ConditionType;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{ADMIN_PORT, Report, fetch, tells_the_same};
use crate::{
    conditions::is_true,
    context::{Context, random},
    watch::{PodOwner, PodView},
};

/// Between two questions to a session that is on its way.
const FAST: Duration = Duration::from_secs(1);
/// Between two questions to any other, at most.
const SLOW: Duration = Duration::from_secs(60);
/// Questions at once.
const CONCURRENCY: usize = 64;

/// A pod that is to be asked.
struct Target {
    namespace: String,
    session: String,
    pod: Arc<PodView>,
}

/// An answer, or none.
type Answer = (Target, Report);

impl super::Client {
    /// Asks until the token is cancelled. Whoever it concerns is told of news.
    pub async fn poll(self, context: Arc<Context>, stop: CancellationToken) {
        let mut due: HashMap<String, Instant> = HashMap::new();
        let mut questions: JoinSet<Answer> = JoinSet::new();
        loop {
            let next = self.ask_due(&context, &mut due, &mut questions);
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(next) => {}
                () = self.0.wake.notified() => {}
                Some(answer) = questions.join_next() => {
                    if let Ok(answer) = answer {
                        self.take(&context, &mut due, answer);
                    }
                }
            }
        }
    }

    /// Starts every question whose time has come; says when the next one's will have.
    fn ask_due(
        &self,
        context: &Arc<Context>,
        due: &mut HashMap<String, Instant>,
        questions: &mut JoinSet<Answer>,
    ) -> Instant {
        let now = Instant::now();
        let mut next = now + FAST;
        let serving = context.pods.serving();
        let alive: HashSet<&str> = serving.iter().map(|(_, pod)| pod.uid.as_str()).collect();
        if due.len() > alive.len() || due.is_empty() {
            due.retain(|uid, _| alive.contains(uid.as_str()));
            self.retain(&alive);
        }
        let hastened = std::mem::take(&mut *self.hastened());
        for (namespace, pod) in &serving {
            let PodOwner::Session(session) = &pod.owner else {
                continue;
            };
            let time = due.entry(pod.uid.clone()).or_insert(now);
            if hastened.contains(&(namespace.clone(), session.clone())) {
                *time = (*time).min(now);
            }
            if *time > now {
                next = next.min(*time);
                continue;
            }
            if questions.len() >= CONCURRENCY {
                // An answer wakes the loop, and makes room.
                break;
            }
            // Not again before this one is answered.
            *time = now + SLOW;
            let target = Target {
                namespace: namespace.clone(),
                session: session.clone(),
                pod: pod.clone(),
            };
            questions.spawn(ask(target, context.clone()));
        }
        next
    }

    fn take(
        &self,
        context: &Context,
        due: &mut HashMap<String, Instant>,
        (target, report): Answer,
    ) {
        let Target {
            namespace,
            session,
            pod,
        } = target;
        context.metrics.asked(report.status.is_ok());
        let before = self.report(&pod.uid);
        let old = match (
            before.as_deref().map(|before| &before.status),
            &report.status,
        ) {
            (Some(Ok(before)), Ok(after)) => tells_the_same(before, after),
            (Some(Err(_)), Err(_)) => true,
            _ => false,
        };
        self.keep(&pod.uid, report);
        let object = ObjectRef::new(&session).within(&namespace);
        let object = context.sessions.get(&object);
        let progressing = object
            .as_ref()
            .and_then(|object| object.status.as_ref())
            .is_none_or(|status| is_true(&status.conditions, ConditionType::Reconciling));
        let wait = if progressing {
            FAST
        } else {
            SLOW.mul_f64(0.9 + random() / 10.0)
        };
        due.insert(pod.uid.clone(), Instant::now() + wait);
        if old {
            return;
        }
        context.requests.sessions.send(&namespace, &session);
        let storage = object.and_then(|object| object.spec.storage_ref.clone());
        if let Some(storage) = storage {
            context.requests.storages.send(&namespace, &storage.name);
        }
    }
}

async fn ask(target: Target, context: Arc<Context>) -> Answer {
    let status = match target.pod.ip {
        Some(ip) => fetch(SocketAddr::new(ip, ADMIN_PORT))
            .await
            .map_err(|error| error.to_string()),
        None => Err("the pod has no address".to_owned()),
    };
    let report = Report {
        at: context.clock.now(),
        status,
    };
    (target, report)
}
