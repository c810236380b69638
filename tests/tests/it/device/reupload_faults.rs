//! Asking the phone for files, where the program that holds the device or the session itself is in trouble.

use serde_json::{Value, json};
use titan_tests::cdn::Fault;
use titan_tests::device::Device;
use titan_tests::media::{Kind, Sealed};
use titan_tests::relay::image;
use titan_tests::stage::{BUCKET, Plan, Stage};
use titan_tests::wait::{LATER, SOON, until};

const CHAT: &str = "4915112345678@s.whatsapp.net";

/// A scene whose program does as it is told.
struct Scene {
    stage: Stage,
    device: Device,
}

impl Scene {
    async fn up() -> Self {
        let device = Device::start();
        let mut plan = Plan::usual()
            .await
            .spec("source", json!({"whatsapp": {}}))
            .spec("autoPersist", json!({"enabled": true, "holdWebhook": "0s"}));
        let folder = device.folder().to_string_lossy().into_owned();
        plan.launch
            .args
            .extend(["--whatsapp-socket".to_owned(), folder]);
        let stage = plan.up().await;
        Self { stage, device }
    }

    /// A message whose file the CDN has no more.
    async fn gone(&self, id: &str) -> Sealed {
        let (sealed, path) = self.stage.file(Kind::Image, 60_000);
        self.stage.cdn.remove(&path);
        let taken = self.device.receive(id, CHAT, &image(&sealed, &path)).await;
        assert_eq!(taken, 204);
        sealed
    }

    async fn asked(&self, times: usize) -> Vec<Value> {
        until(LATER, format_args!("{times} questions"), || async {
            self.device.questions().len() >= times
        })
        .await;
        self.device.questions()
    }

    /// The phone brings the file back; answers its path.
    async fn brought(&self, id: &str, sealed: &Sealed) -> String {
        let path = self.stage.cdn.put(&sealed.blob);
        let answer = json!({"result": "success", "directPath": path});
        assert_eq!(self.device.answer(id, answer).await, 204);
        path
    }

    async fn told(&self, id: &str, event: &str) -> Value {
        let told = self.stage.sink.wait_for(event, id, LATER).await;
        told.json["payload"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_connected_is_asked_until_it_takes_the_question() {
    let scene = Scene::up().await;
    scene.device.refuse_questions(Some((503, "not_connected")));
    let sealed = scene.gone("3EB0AWAY").await;
    scene
        .stage
        .sidecar
        .logged("the phone is not asked yet")
        .await;
    assert!(
        scene.stage.sink.about("3EB0AWAY").len() <= 1,
        "told of a question that nobody asked"
    );
    scene.device.refuse_questions(None);
    let questions = scene.asked(1).await;
    let question = &questions[0];
    assert_eq!(question["id"], "3EB0AWAY");
    assert_eq!(question["chat"], CHAT);
    assert_eq!(question["fromMe"], false);
    scene.brought("3EB0AWAY", &sealed).await;
    scene.told("3EB0AWAY", "media.persisted").await;
    assert_eq!(scene.device.questions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_question_and_answer_loses_nothing() {
    let mut scene = Scene::up().await;
    for round in 0..4 {
        let id = format!("3EB0KILL{round}");
        let before = scene.device.questions().len();
        let sealed = scene.gone(&id).await;
        scene.asked(before + 1).await;
        scene.stage.sidecar.kill();
        scene.stage.sidecar.start().await;
        // Whether the session knew that the question was taken is for the kill to say: then it asks
        // again, and either way the answer counts.
        let path = scene.stage.cdn.put(&sealed.blob);
        let answer = json!({"result": "success", "directPath": path});
        assert_eq!(scene.device.answer(&id, answer.clone()).await, 204);
        scene.told(&id, "media.persisted").await;
        assert_eq!(scene.device.answer(&id, answer).await, 204);
        let asked = scene.device.questions().len() - before;
        assert!((1..=2).contains(&asked), "asked {asked} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_asked_for_or_that_come_again_change_nothing() {
    let scene = Scene::up().await;
    let (sealed, path) = scene.stage.file(Kind::Image, 60_000);
    let message = image(&sealed, &path);
    assert_eq!(scene.device.receive("3EB0FINE", CHAT, &message).await, 204);
    scene.told("3EB0FINE", "media.persisted").await;
    for (id, result) in [
        ("3EB0FINE", json!({"result": "notFound"})),
        (
            "3EB0NONE",
            json!({"result": "success", "directPath": "/v/x"}),
        ),
        (
            "3EB0FINE",
            json!({"result": "sealed", "ciphertext": "eA==", "iv": "eA=="}),
        ),
    ] {
        assert_eq!(scene.device.answer(id, result).await, 204);
    }
    let sealed = scene.gone("3EB0TWICE").await;
    scene.asked(1).await;
    scene.brought("3EB0TWICE", &sealed).await;
    scene.told("3EB0TWICE", "media.persisted").await;
    assert_eq!(
        scene
            .device
            .answer("3EB0TWICE", json!({"result": "notFound"}))
            .await,
        204
    );
    let depths = scene.stage.report().await;
    assert_eq!(depths["queue"]["stored"], 2, "{depths}");
    assert_eq!(depths["queue"]["failed"], 0, "{depths}");
    assert_eq!(scene.device.questions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_refuses_us_is_asked_again_once_hosts_were_named_anew() {
    let scene = Scene::up().await;
    let (sealed, path) = scene.stage.file(Kind::Image, 60_000);
    scene.stage.cdn.fail(&path, [Fault::Status(401, "")]);
    let message = image(&sealed, &path);
    assert_eq!(scene.device.receive("3EB0HOST", CHAT, &message).await, 204);
    scene.told("3EB0HOST", "media.persisted").await;
    assert_eq!(scene.device.media_conns(), (1, 1));
    assert_eq!(scene.stage.cdn.hits(&path).len(), 2);
    // Nobody is asked for each file.
    for serial in 0..5 {
        let id = format!("3EB0HOST{serial}");
        let (sealed, path) = scene.stage.file(Kind::Image, 5000);
        let message = image(&sealed, &path);
        assert_eq!(scene.device.receive(&id, CHAT, &message).await, 204);
        scene.told(&id, "media.persisted").await;
    }
    assert_eq!(scene.device.media_conns(), (1, 1));
    for hit in scene.stage.cdn.all_hits() {
        let said = format!("{} {:?}", hit.query, hit.headers);
        assert!(
            !said.contains("upload-token") && !said.contains("auth="),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_paths_are_in_no_log() {
    let scene = Scene::up().await;
    let sealed = scene.gone("3EB0MUTE").await;
    let questions = scene.asked(1).await;
    let path = scene.brought("3EB0MUTE", &sealed).await;
    scene.told("3EB0MUTE", "media.persisted").await;
    let log = scene.stage.sidecar.log_text();
    let key = questions[0]["mediaKey"].as_str().unwrap();
    let signature = path.split_once('?').unwrap().1;
    for secret in [key, signature, "upload-token"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_saved_and_lost_on_both_sides_comes_from_the_phone() {
    let scene = Scene::up().await;
    let (sealed, path) = scene.stage.file(Kind::Image, 60_000);
    let message = image(&sealed, &path);
    assert_eq!(scene.device.receive("3EB0BOTH", CHAT, &message).await, 204);
    let persisted = scene.told("3EB0BOTH", "media.persisted").await;
    let media = persisted["mediaId"].as_str().unwrap().to_owned();
    let info = scene.stage.info(&media).await;
    let key = info["key"].as_str().unwrap();
    scene
        .stage
        .bucket
        .delete(info["bucket"].as_str().unwrap(), key);
    scene.stage.cdn.remove(&path);
    let answered = async {
        scene.asked(1).await;
        scene.brought("3EB0BOTH", &sealed).await;
    };
    let (reply, ()) = tokio::join!(scene.stage.download(&media), answered);
    assert!(reply.expect(200).body == sealed.plain);
    until(SOON, "the object is there again", || async {
        let info = scene.stage.info(&media).await;
        info["status"] == "stored" && scene.stage.bucket.object(BUCKET, key).is_some()
    })
    .await;
}
