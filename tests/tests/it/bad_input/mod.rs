//! Every route × every kind of wrong input and of trouble: the status, the stable code, and that
//! nothing was half-done. And of every POST, what a repeat does.

mod bodies;
mod media;
mod names;
mod repeats;
mod sends;
mod table;
mod trouble;

use serde_json::{Value, json};
use titan_tests::api::{Api, Reply};
use titan_tests::baileys;
use titan_tests::gateway::{Dialect, Gateway, KEY};
use titan_tests::media::Kind;
use titan_tests::stage::{INBOUND_KEY, Plan, SESSION, Stage};
use titan_tests::wait::{SOON, eventually};

use table::Row;

/// A stage with one file that nobody asked for, one event that was delivered, and a gateway to send
/// through.
struct Scene {
    stage: Stage,
    gateway: Gateway,
    media: String,
    event: String,
}

impl Scene {
    async fn up(plan: Plan) -> Self {
        let gateway = Gateway::start(Dialect::Waha).await;
        let mut plan = plan
            .on_demand()
            .spec("source.gateway.send", gateway.send_api());
        plan.more.push(Gateway::secret(KEY));
        let stage = plan.up().await;
        let (sealed, path) = stage.file(Kind::Image, 3000);
        let media = stage.take("3EB0BAD", baileys::file(&sealed, &path)).await;
        let told = stage
            .sink
            .wait_for("message.received", "3EB0BAD", SOON)
            .await;
        let event = told.id().to_owned();
        let scene = Self {
            stage,
            gateway,
            media,
            event,
        };
        scene.state().await;
        scene
    }

    /// The path of a row, in right use unless names in it are replaced.
    fn path(&self, row: &Row) -> String {
        self.path_of(row.path(), row.query)
    }

    /// A path with its names filled in.
    fn path_of(&self, template: &str, query: &str) -> String {
        let path = template
            .replace("{session}", SESSION)
            .replace("{media}", &self.media)
            .replace("{token}", INBOUND_KEY);
        format!("{path}{}", query.replace("{event}", &self.event))
    }

    /// Everything that a request could have changed, once what was told is noted.
    async fn state(&self) -> State {
        let stage = &self.stage;
        let path = format!("/api/sessions/{SESSION}");
        let counters = eventually(SOON, "all is told", || async {
            let counters = stage.api.get(&path).await.expect(200).data()["counters"].take();
            (counters["deliveriesPending"] == 0).then_some(counters)
        });
        State {
            counters: counters.await,
            media: stage.info(&self.media).await,
            told: stage.sink.deliveries().len(),
            fetched: stage.cdn.all_hits().len(),
            uploads: stage.bucket.uploads().len(),
            sent: self.gateway.posted().len(),
        }
    }
}

/// Counts of store, queue, sink, CDN, bucket and gateway.
#[derive(Debug, PartialEq)]
struct State {
    counters: Value,
    media: Value,
    told: usize,
    fetched: usize,
    uploads: usize,
    sent: usize,
}

/// Calls a row's route with a body that it takes; `id` says what is new and what a repeat.
async fn call(api: &Api, row: &Row, path: &str, id: &str) -> Reply {
    let (headers, body) = if row.takes_messages() {
        let message = baileys::one(id, baileys::text("x"));
        let body = serde_json::to_vec(&message).unwrap();
        (vec![("content-type", "application/json")], body)
    } else if row.sends() {
        let chat = "4915112345678@s.whatsapp.net";
        let message = json!({"chatId": chat, "type": "text", "text": "x"});
        let headers = vec![
            ("content-type", "application/json"),
            ("idempotency-key", id),
        ];
        (headers, message.to_string().into_bytes())
    } else if row.path().ends_with("/persist") {
        (vec![("prefer", "wait=20")], Vec::new())
    } else {
        (Vec::new(), Vec::new())
    };
    api.call(row.method(), path, &headers, body).await
}

/// The answer of a row's route is an error of `status` and `code`; `HEAD` has the status alone.
#[track_caller]
fn refused(row: &Row, reply: &Reply, status: u16, code: &str, case: &str) {
    let found = if row.method() == "HEAD" {
        code.to_owned()
    } else {
        reply.code()
    };
    let operation = row.operation;
    assert_eq!(
        (reply.status, found.as_str()),
        (status, code),
        "{operation}, {case}: {}",
        reply.json()
    );
}
