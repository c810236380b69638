//! Elections over a lease that a mock of the API server keeps, in paused time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock::{Handle, SendResponse};

use super::*;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Answering,
    Failing,
    Silent,
}

/// A server with one lease.
struct Server {
    lease: Mutex<Option<Value>>,
    mood: Mutex<Mood>,
    version: AtomicU64,
    requests: AtomicU64,
}

impl Server {
    fn start() -> (Client, Arc<Self>) {
        let (service, handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let server = Arc::new(Self {
            lease: Mutex::new(None),
            mood: Mutex::new(Mood::Answering),
            version: AtomicU64::new(1),
            requests: AtomicU64::new(0),
        });
        tokio::spawn(server.clone().serve(handle));
        (Client::new(service, "default"), server)
    }

    async fn serve(self: Arc<Self>, mut handle: Handle<Request<Body>, Response<Body>>) {
        let mut unanswered = Vec::new();
        while let Some((request, answer)) = handle.next_request().await {
            self.requests.fetch_add(1, Ordering::SeqCst);
            match self.mood() {
                Mood::Answering => self.answer(request, answer).await,
                Mood::Failing => reply(answer, 500, &json!({"kind": "Status", "code": 500})),
                Mood::Silent => unanswered.push(answer),
            }
        }
    }

    async fn answer(&self, request: Request<Body>, answer: SendResponse<Response<Body>>) {
        let method = request.method().clone();
        let bytes = request.into_body().collect().await.unwrap().to_bytes();
        let mut sent: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let mut lease = self.lease.lock().unwrap();
        let version = |lease: &Option<Value>| {
            lease
                .as_ref()
                .map(|lease| lease["metadata"]["resourceVersion"].clone())
        };
        let fits = match method {
            Method::GET => {
                return match lease.as_ref() {
                    Some(lease) => reply(answer, 200, lease),
                    None => reply(answer, 404, &status(404, "NotFound")),
                };
            }
            Method::POST => lease.is_none(),
            _ => version(&lease) == Some(sent["metadata"]["resourceVersion"].clone()),
        };
        if !fits {
            return reply(answer, 409, &status(409, "Conflict"));
        }
        let version = self.version.fetch_add(1, Ordering::SeqCst);
        sent["metadata"]["resourceVersion"] = json!(version.to_string());
        reply(answer, 200, &sent);
        *lease = Some(sent);
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn holder(&self) -> Option<String> {
        let lease = self.lease.lock().unwrap();
        lease.as_ref()?["spec"]["holderIdentity"]
            .as_str()
            .map(str::to_owned)
    }
}

fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason})
}

fn reply(answer: SendResponse<Response<Body>>, code: u16, body: &Value) {
    let body = Body::from(body.to_string().into_bytes());
    answer.send_response(Response::builder().status(code).body(body).unwrap());
}

fn election(client: &Client, identity: &str) -> Election {
    let start: Timestamp = "2026-11-25T22:00:00Z".parse().unwrap();
    let began = Instant::now();
    let clock = Clock::new(move || start + began.elapsed());
    Election::new(
        client.clone(),
        "titan-system",
        "titan-operator",
        identity.to_owned(),
        clock,
    )
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_there_is_made_and_kept() {
    let (client, server) = Server::start();
    let (election, fence) = (election(&client, "a"), Fence::default());
    let renewed = election.acquire(&fence).await;
    assert_eq!(server.holder().unwrap(), "a");
    let held = timeout(Duration::from_mins(5), election.hold(&fence, renewed)).await;
    assert!(held.is_err(), "{held:?}");
    assert!(fence.is_open());
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_killed_leader_is_taken_within_twenty_seconds() {
    let (client, server) = Server::start();
    election(&client, "a").acquire(&Fence::default()).await;
    let began = Instant::now();
    election(&client, "b").acquire(&Fence::default()).await;
    assert!(began.elapsed() >= LEASE_DURATION);
    assert!(
        began.elapsed() <= Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(server.holder().unwrap(), "b");
    let lease = server.lease.lock().unwrap().clone().unwrap();
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_released_is_taken_within_three_seconds() {
    let (client, server) = Server::start();
    let (first, fence) = (election(&client, "a"), Fence::default());
    let renewed = first.acquire(&fence).await;
    let second = election(&client, "b");
    let waiting = tokio::spawn(async move {
        second.acquire(&Fence::default()).await;
        Instant::now()
    });
    let held = timeout(Duration::from_mins(1), first.hold(&fence, renewed)).await;
    assert!(held.is_err());
    assert_eq!(server.holder().unwrap(), "a");
    let released = Instant::now();
    first.release().await;
    assert!(waiting.await.unwrap() - released <= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn no_request_starts_after_the_renew_deadline() {
    for mood in [Mood::Failing, Mood::Silent] {
        let (client, server) = Server::start();
        let (election, fence) = (election(&client, "a"), Fence::default());
        let renewed = election.acquire(&fence).await;
        server.set_mood(mood);
        assert_eq!(election.hold(&fence, renewed).await, Lost::Expired);
        assert_eq!(renewed.elapsed(), RENEW_DEADLINE, "{mood:?}");
        assert!(!fence.is_open());
        let requests = server.requests.load(Ordering::SeqCst);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(server.requests.load(Ordering::SeqCst), requests);
    }
}

#[tokio::test(start_paused = true)]
async fn t4_the_fence_closes_by_itself_when_nobody_looks() {
    let fence = Fence::default();
    assert!(fence.is_open());
    fence.renewed(Instant::now());
    sleep(Duration::from_millis(9_999)).await;
    assert!(fence.is_open());
    sleep(Duration::from_millis(1)).await;
    assert!(!fence.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_names_another_is_lost() {
    let (client, server) = Server::start();
    let (election, fence) = (election(&client, "a"), Fence::default());
    let renewed = election.acquire(&fence).await;
    server.lease.lock().unwrap().as_mut().unwrap()["spec"]["holderIdentity"] = json!("b");
    assert_eq!(election.hold(&fence, renewed).await, Lost::Taken);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_race_one_leads() {
    let (client, server) = Server::start();
    let race = |identity: &'static str| {
        let election = election(&client, identity);
        async move { timeout(Duration::from_secs(5), election.acquire(&Fence::default())).await }
    };
    let (a, b) = tokio::join!(race("a"), race("b"));
    assert!(a.is_ok() ^ b.is_ok());
    let leader = if a.is_ok() { "a" } else { "b" };
    assert_eq!(server.holder().unwrap(), leader);
}
