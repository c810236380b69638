//! The receivers in `examples/`, each against real deliveries: what is signed is taken once, what is
//! not is refused.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::cache::{crate_folder, installed};
use titan_tests::manifests::Document;
use titan_tests::media::Kind;
use titan_tests::sidecar::{free_port, text_of};
use titan_tests::stage::{Plan, Stage, TENANT};
use titan_tests::wait::{LATER, SOON, until};

fn example(path: &str) -> PathBuf {
    let examples = crate_folder().join("../examples/receivers");
    examples.join(path)
}

fn secret() -> String {
    format!("whsec_{}", STANDARD.encode([7; 32]))
}

/// A running receiver. Ends when dropped.
struct Receiver {
    child: Child,
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start(program: &Path, script: Option<PathBuf>) -> Self {
        let port = free_port();
        let mut child = Command::new(program)
            .args(script)
            .env("PORT", port.to_string())
            .env("WEBHOOK_SECRET", secret())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let kept = lines.clone();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let url = format!("http://127.0.0.1:{port}");
        until(LATER, "the receiver listens", || async {
            Api::new(&url)
                .try_call("POST", "/hooks", &[], b"{}")
                .await
                .is_ok()
        })
        .await;
        Self { child, url, lines }
    }

    /// Lines about a message.
    fn about(&self, message: &str) -> Vec<String> {
        let mut lines = self.lines.lock().unwrap().clone();
        lines.retain(|line| line.split(' ').nth(1) == Some(message));
        lines
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // One that has ended already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A session whose events go to the receiver and to the sink, which keeps them as they came.
async fn stage(receiver: Option<&Receiver>) -> Stage {
    let mut plan = Plan::usual().await;
    plan.more
        .push(Document::secret(TENANT, "standard", &[("key", &secret())]));
    let key = json!({"name": "standard", "key": "key"});
    let sink = plan.sink.url();
    let hooks = receiver.map(|receiver| format!("{}/hooks", receiver.url));
    let urls = hooks.into_iter().chain([sink]);
    let hook = |url| json!({"url": url, "hmacKeySecretRef": key, "retries": {"attempts": 1}});
    plan.session = plan
        .session
        .spec("webhooks", urls.map(hook).collect::<Vec<_>>());
    plan.up().await
}

async fn takes_what_is_signed_once(receiver: &Receiver) {
    let stage = stage(Some(receiver)).await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    stage.take("3EB0FILE", baileys::file(&sealed, &path)).await;
    until(SOON, "the receiver has the event", || async {
        receiver.about("3EB0FILE").len() == 1
    })
    .await;
    let line = receiver.about("3EB0FILE").remove(0);
    let words: Vec<_> = line.split(' ').collect();
    assert_eq!(words[0], "message.received");
    let file = Api::fetch(words[2], &[]).await.expect(200);
    assert_eq!(file.body, sealed.plain);

    // The same delivery with one byte changed, and none at all, are refused.
    let event = stage
        .sink
        .wait_for("message.received", "3EB0FILE", SOON)
        .await;
    let mut forged = event.body.clone();
    let at = forged.iter().position(|byte| *byte == b'J').unwrap();
    forged[at] = b'j';
    let headers: Vec<_> = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .map(|name| (name, event.header(name).unwrap()))
        .to_vec();
    let api = Api::new(&receiver.url);
    let changed = api.call("POST", "/hooks", &headers, &forged).await;
    let unsigned = api.call("POST", "/hooks", &[], &event.body).await;
    assert_eq!((changed.status, unsigned.status), (401, 401));

    // It comes again under its id, and is not handled again.
    let replay = Stage::path(&format!("webhooks/replay?id={}", event.id()));
    let queued = stage.api.post(&replay).await.expect(202).data();
    assert_eq!(queued["queued"], 2);
    let test = stage.api.post(&Stage::path("webhooks/test")).await;
    let results = test.expect(200).data();
    assert_eq!(results[0]["delivered"], true, "{results}");
    until(SOON, "all is delivered", || async {
        stage.report().await["queue"]["deliveries_pending"] == 0
    })
    .await;
    assert_eq!(stage.report().await["queue"]["deliveries_dead"], 0);
    assert_eq!(receiver.about("3EB0FILE").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_receiver_takes_what_is_signed_once() {
    let script = installed("receivers").join("node/receiver.mjs");
    let receiver = Receiver::start(Path::new("node"), Some(script)).await;
    takes_what_is_signed_once(&receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_receiver_takes_what_is_signed_once() {
    let python = installed("receivers").join("python/bin/python");
    let receiver = Receiver::start(&python, Some(example("python/receiver.py"))).await;
    takes_what_is_signed_once(&receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_receiver_takes_what_is_signed_once() {
    let program = installed("receivers").join("go/receiver");
    let receiver = Receiver::start(&program, None).await;
    takes_what_is_signed_once(&receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_verifies_a_saved_delivery_and_fetches_its_file() {
    let stage = stage(None).await;
    let (sealed, path) = stage.file(Kind::Document, 30_000);
    stage.take("3EB0SAVED", baileys::file(&sealed, &path)).await;
    let event = stage
        .sink
        .wait_for("message.received", "3EB0SAVED", SOON)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let (body, file) = (folder.path().join("body"), folder.path().join("file"));
    fs::write(&body, &event.body).unwrap();
    let signature = event.header("x-webhook-signature").unwrap();
    let run = || {
        Command::new("sh")
            .arg(example("curl/receive.sh"))
            .args([body.as_os_str(), signature.as_ref(), file.as_os_str()])
            .env("WEBHOOK_SECRET", secret())
            .output()
            .unwrap()
    };
    let output = run();
    assert!(output.status.success(), "{}", text_of(&output));
    assert_eq!(fs::read(&file).unwrap(), sealed.plain);
    let mut forged = event.body.clone();
    forged.push(b' ');
    fs::write(&body, forged).unwrap();
    let output = run();
    assert!(!output.status.success());
    assert!(
        text_of(&output).contains("not signed"),
        "{}",
        text_of(&output)
    );
}
