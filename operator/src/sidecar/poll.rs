//! Asks every sidecar: each second while its session is on its way, every few seconds while its linked device is not
//! connected, else about once a minute.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use kube::runtime::reflector::ObjectRef;
use titan_crds::{ConditionType, MediaSessionStatus};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{ADMIN_PORT, Client, Report, fetch, tells_the_same};
use crate::{
    conditions::{condition, is_true},
    context::{Context, random},
    watch::{PodOwner, PodView},
};

/// Between two questions to a session that is on its way.
const FAST: Duration = Duration::from_secs(1);
/// Between two questions to one whose linked device is not connected: somebody may stand there with a phone.
const UNLINKED: Duration = Duration::from_secs(5);
/// Between two questions to any other, at most.
const SLOW: Duration = Duration::from_mins(1);
/// Between two looks for pods whose time has come.
const TICK: Duration = Duration::from_millis(250);
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

/// Who is to be asked, and when.
#[derive(Default)]
struct Round {
    /// When the time of each pod comes, by uid.
    due: HashMap<String, Instant>,
    /// Whose time has come.
    waiting: VecDeque<Target>,
    questions: JoinSet<Answer>,
}

impl Client {
    /// Asks until the token is cancelled. Whoever it concerns is told of news.
    pub async fn poll(self, context: Arc<Context>, stop: CancellationToken) {
        let mut round = Round::default();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut minutes = interval(SLOW);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => round.look(&context),
                _ = minutes.tick() => {
                    let alive = serving(&context);
                    round.due.retain(|uid, _| alive.contains(uid));
                    self.retain(&alive);
                }
                () = self.0.wake.notified() => self.hurry(&mut round, &context),
                Some(answer) = round.questions.join_next() => {
                    if let Ok(answer) = answer {
                        let (uid, wait) = self.take(&context, answer);
                        round.due.insert(uid, Instant::now() + wait);
                    }
                }
            }
            round.ask(&context);
        }
    }

    /// The pods of hastened sessions are asked now.
    fn hurry(&self, round: &mut Round, context: &Context) {
        let hastened = std::mem::take(&mut *self.hastened());
        for (namespace, session) in hastened {
            for pod in context.pods.of_session(&namespace, &session) {
                if pod.running && pod.ip.is_some() {
                    round.due.remove(&pod.uid);
                }
            }
        }
    }

    /// Keeps an answer, and tells of it if it is news. When to ask again.
    fn take(&self, context: &Context, (target, report): Answer) -> (String, Duration) {
        let Target {
            namespace,
            session,
            pod,
        } = target;
        context.metrics.asked(report.status.is_ok());
        let before = self.report(&pod.uid);
        let before = before.as_deref().map(|before| &before.status);
        let old = match (before, &report.status) {
            (Some(Ok(before)), Ok(after)) => tells_the_same(before, after),
            (Some(Err(_)), Err(_)) => true,
            _ => false,
        };
        self.keep(&pod.uid, report);
        let object = ObjectRef::new(&session).within(&namespace);
        let object = context.sessions.get(&object);
        if !old {
            context.requests.sessions.send(&namespace, &session);
            let storage = object
                .as_ref()
                .and_then(|object| object.spec.storage_ref.as_ref());
            if let Some(storage) = storage {
                context.requests.storages.send(&namespace, &storage.name);
            }
        }
        let status = object.as_ref().and_then(|object| object.status.as_ref());
        (pod.uid.clone(), pause(status))
    }
}

/// How long until the next question.
fn pause(status: Option<&MediaSessionStatus>) -> Duration {
    let Some(MediaSessionStatus { conditions, .. }) = status else {
        return FAST;
    };
    let holds = |type_| is_true(conditions, type_);
    let has_device = condition(conditions, ConditionType::SessionConnected).is_some();
    if holds(ConditionType::Reconciling) {
        FAST
    } else if has_device && !holds(ConditionType::SessionConnected) {
        UNLINKED
    } else {
        SLOW.mul_f64(0.9 + random() / 10.0)
    }
}

impl Round {
    /// Lines up every pod whose time has come.
    fn look(&mut self, context: &Context) {
        let now = Instant::now();
        context.pods.for_each_serving(|namespace, pod| {
            let PodOwner::Session(session) = &pod.owner else {
                return;
            };
            if self.due.get(&pod.uid).is_some_and(|due| *due > now) {
                return;
            }
            // Not again before this one is answered.
            self.due.insert(pod.uid.clone(), now + SLOW);
            self.waiting.push_back(Target {
                namespace: namespace.to_owned(),
                session: session.clone(),
                pod: pod.clone(),
            });
        });
    }

    /// Asks as many as may be asked at once.
    fn ask(&mut self, context: &Arc<Context>) {
        while self.questions.len() < CONCURRENCY
            && let Some(target) = self.waiting.pop_front()
        {
            self.questions.spawn(ask(target, context.clone()));
        }
    }
}

/// The uids of all pods that may answer.
fn serving(context: &Context) -> HashSet<String> {
    let mut uids = HashSet::new();
    context
        .pods
        .for_each_serving(|_, pod| uids.extend([pod.uid.clone()]));
    uids
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

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use jiff::Timestamp;
    use kube::runtime::watcher::Event;
    use serde_json::json;
    use titan_crds::{MediaSession, Reason, report::SidecarStatus};

    use super::*;
    use crate::{
        conditions::{Conditions, Status},
        testing::{World, server, world},
    };

    fn session(reconciling: bool) -> MediaSession {
        let reconciling = json!([{
            "type": "Reconciling", "status": if reconciling { "True" } else { "False" }, "reason": "Progressing",
            "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]);
        serde_json::from_value(json!({
            "apiVersion": "titan.media/v1alpha1", "kind": "MediaSession",
            "metadata": {"name": "one", "namespace": "acme", "uid": "s"},
            "spec": {"storageRef": {"name": "media"}},
            "status": {"conditions": reconciling},
        }))
        .unwrap()
    }

    fn scene(reconciling: bool) -> World {
        let (client, _server) = server();
        let mut world = world(client, Timestamp::UNIX_EPOCH);
        world
            .sessions
            .apply_watcher_event(&Event::Apply(session(reconciling)));
        let pod = json!({
            "metadata": {"name": "p", "namespace": "acme", "uid": "p", "labels": {"titan.media/session": "one"}},
            "status": {"phase": "Running", "podIP": "10.0.0.1"},
        });
        world
            .context
            .pods
            .set(&serde_json::from_value(pod).unwrap());
        world
    }

    fn answer(context: &Context, generation: i64) -> Answer {
        let mut status = SidecarStatus::default();
        status.sessions.push(titan_crds::report::SessionReport {
            generation,
            ..Default::default()
        });
        let report = Report {
            at: Timestamp::UNIX_EPOCH,
            status: Ok(status),
        };
        let target = Target {
            namespace: "acme".to_owned(),
            session: "one".to_owned(),
            pod: context.pods.of_session("acme", "one").remove(0),
        };
        (target, report)
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_is_asked_again_when_its_time_comes_and_at_once_when_hastened() {
        let context = scene(false).context;
        let mut round = Round::default();
        round.look(&context);
        round.look(&context);
        assert_eq!(round.waiting.len(), 1);
        round.waiting.clear();
        tokio::time::sleep(SLOW.mul_f64(0.9)).await;
        round.look(&context);
        assert!(round.waiting.is_empty());
        context.sidecars.hasten("acme", "one");
        context.sidecars.hurry(&mut round, &context);
        round.look(&context);
        assert_eq!(round.waiting.len(), 1);
    }

    #[tokio::test]
    async fn news_concern_the_session_and_its_storage_and_repetition_concerns_nobody() {
        let context = scene(true).context;
        let sessions = context.requests.sessions.subscribe();
        let storages = context.requests.storages.subscribe();
        let (_, wait) = context.sidecars.take(&context, answer(&context, 1));
        assert_eq!(wait, FAST);
        context.sidecars.take(&context, answer(&context, 1));
        context.sidecars.take(&context, answer(&context, 2));
        drop(context);
        assert_eq!(sessions.count().await, 2);
        assert_eq!(storages.count().await, 2);
    }

    #[test]
    fn a_device_that_is_not_connected_is_asked_for_often() {
        let mut status = MediaSessionStatus {
            conditions: Conditions::new(&[], 1, Timestamp::UNIX_EPOCH)
                .ready(Reason::Ready, "")
                .set(
                    ConditionType::SessionConnected,
                    Status::False,
                    Reason::ScanQr,
                    "",
                )
                .finish(),
            ..MediaSessionStatus::default()
        };
        assert_eq!(pause(Some(&status)), UNLINKED);
        status
            .conditions
            .retain(|condition| condition.type_ == "Ready");
        assert!(pause(Some(&status)) > UNLINKED);
    }

    #[tokio::test]
    async fn a_session_at_rest_is_asked_about_once_a_minute() {
        let context = scene(false).context;
        let (_, wait) = context.sidecars.take(&context, answer(&context, 1));
        assert!(wait >= SLOW * 9 / 10 && wait <= SLOW, "{wait:?}");
    }
}
