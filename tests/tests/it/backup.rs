//! `titan-sidecar backup`: a copy taken under load is a store that starts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::manifests::{self, Document};
use titan_tests::media::Kind;
use titan_tests::sidecar::{Launch, run, text_of};
use titan_tests::stage::{Plan, SESSION, Stage, TENANT};
use titan_tests::wait::{SOON, until};

/// Runs `backup` as beside the process of `launch`.
fn backup(launch: &Launch, to: &Path, session: &str) -> Output {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    run(&[
        "backup",
        &path(to),
        "--manifests",
        &path(&launch.manifests()),
        "--data-dir",
        &path(&launch.data()),
        "--session",
        session,
    ])
}

/// Posts the message of a serial number.
async fn post(api: &Api, serial: usize) -> Value {
    let body = baileys::one(&format!("3EB0L{serial}"), baileys::text("load"));
    let answer = api.post_json(&Stage::path("inbound"), &body).await;
    answer.expect(202).data()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_under_load_has_all_that_was_acknowledged() {
    let mut stage = Plan::usual().await.on_demand().up().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage
        .take("3EB0BEFORE", baileys::file(&sealed, &path))
        .await;
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let load = tokio::spawn({
        let (api, stop, count) = (stage.api.clone(), stop.clone(), acknowledged.clone());
        async move {
            while !stop.load(Ordering::Relaxed) {
                post(&api, count.load(Ordering::Relaxed)).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let count = || acknowledged.load(Ordering::Relaxed);
    until(SOON, "load is under way", || async { count() > 30 }).await;
    let before = count();
    let copy = stage.sidecar.launch().folder.path().join("copy.db");
    let output = backup(stage.sidecar.launch(), &copy, SESSION);
    assert!(output.status.success(), "{}", text_of(&output));
    let streamed = backup(stage.sidecar.launch(), Path::new("-"), SESSION);
    assert!(streamed.status.success(), "{}", text_of(&streamed));
    stop.store(true, Ordering::Relaxed);
    load.await.unwrap();
    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "readable by its owner only");
    let again = backup(stage.sidecar.launch(), &copy, SESSION);
    assert_eq!(again.status.code(), Some(1), "never overwritten");
    assert!(text_of(&again).contains("exists"), "{}", text_of(&again));

    for copy in [fs::read(&copy).unwrap(), streamed.stdout] {
        stage.sidecar.kill();
        let records = stage.sidecar.launch().data().join(TENANT).join(SESSION);
        let drafts = fs::read_dir(&records).unwrap().map(|entry| entry.unwrap());
        let drafts = drafts.filter(|entry| entry.file_name().to_string_lossy().contains("draft"));
        assert_eq!(drafts.count(), 0, "nothing is left of the copies");
        fs::remove_dir_all(&records).unwrap();
        fs::create_dir_all(&records).unwrap();
        fs::write(records.join("titan.db"), copy).unwrap();
        stage.sidecar.start().await;
        assert_eq!(stage.info(&media).await["messageId"], "3EB0BEFORE");
        assert!(stage.download(&media).await.expect(200).body == sealed.plain);
        for serial in 0..before {
            assert_eq!(post(&stage.api, serial).await["duplicates"], 1, "{serial}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_is_said() {
    let launch = Launch::new();
    let session = Document::session(TENANT, SESSION, "keys");
    let database = json!({"postgres": {"urlSecretRef": {"name": "db", "key": "url"}}});
    let shared = Document::session(TENANT, "shared", "keys").spec("store", database);
    manifests::write(&launch.manifests(), &[session, shared]).unwrap();
    let copy = launch.folder.path().join("copy.db");
    for (session, code, says) in [
        ("shared", 1, "pg_dump"),
        ("nobody", 64, "no session \"nobody\""),
        (SESSION, 1, "find the records"),
    ] {
        let output = backup(&launch, &copy, session);
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(code), "{session}: {text}");
        assert!(text.contains(says), "{session}: {text}");
        assert!(!copy.exists());
    }
    assert_eq!(
        fs::read_dir(launch.data()).unwrap().count(),
        0,
        "nothing was made"
    );
}
