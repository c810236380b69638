//! A linked device of the session's own, at a WhatsApp on loopback.

mod history;
mod https;
mod inbound;
mod kills;
mod outbound;
mod pairing;
mod reupload;
mod reupload_faults;
mod settings;

use serde_json::{Value, json};
use titan_tests::relay::Relay;
use titan_tests::stage::{Plan, Stage};
use titan_tests::wait::{LATER, eventually};

/// Whose device the session holds.
pub(crate) const PHONE: &str = "491701234512";
/// Who writes to it.
pub(crate) const OTHER: &str = "491709876543";

/// A WhatsApp, and the usual session with a device at it.
pub(crate) struct Linked {
    pub(crate) relay: Relay,
    pub(crate) stage: Stage,
}

impl Linked {
    /// A device that nobody linked yet.
    pub(crate) async fn new() -> Self {
        Self::with(|plan| plan).await
    }

    pub(crate) async fn with(edit: impl FnOnce(Plan) -> Plan) -> Self {
        let relay = Relay::start();
        let mut plan = Plan::usual().await.spec("source", json!({"whatsapp": {}}));
        let program = relay.program(plan.launch.folder.path());
        for word in ["--whatsapp-program", program.to_str().unwrap()] {
            plan.launch.args.push(word.to_owned());
        }
        let stage = edit(plan).up().await;
        Self { relay, stage }
    }

    /// A device that a phone linked, and somebody who can write to it.
    pub(crate) async fn linked(self) -> Self {
        let code = self.code().await;
        self.relay.scan(PHONE, &code).await;
        self.is("CONNECTED", None).await;
        self.relay.listening(PHONE).await;
        self.relay.peer(OTHER).await;
        self
    }

    /// The code that is shown.
    pub(crate) async fn code(&self) -> String {
        let path = Stage::path("pair/qr");
        let shown = eventually(LATER, "a code is shown", || async {
            let reply = self.stage.api.get(&path).await;
            (reply.status == 200).then(|| reply.data())
        });
        shown.await["qr"].as_str().unwrap().to_owned()
    }

    /// Waits until the session says this of its device; returns all that it says.
    pub(crate) async fn is(&self, status: &str, reason: Option<&str>) -> Value {
        let what = format!("the device is {status} {reason:?}");
        eventually(LATER, what, || async {
            let session = self.stage.api.get("/api/sessions/default").await;
            let session = session.expect(200).data();
            let same = session["status"] == status && session["statusReason"].as_str() == reason;
            same.then_some(session)
        })
        .await
    }
}
