//! A disk that is full, a store that is locked, a bucket that is down: who may write hears 503 and
//! nothing was half-done; who only reads is served.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use titan_tests::baileys;
use titan_tests::bucket::Mode;
use titan_tests::stage::{Plan, SESSION, Stage, TENANT};
use titan_tests::wait::{LATER, SOON, until};

use super::table::ROWS;
use super::{Scene, call, refused};

/// Another process that holds the write lock of a database. Lets go when dropped.
struct Lock(Child);

impl Lock {
    fn hold(database: &Path) -> Self {
        let script = "import sqlite3, sys\n\
             connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
             connection.execute('BEGIN IMMEDIATE')\n\
             print('locked', flush=True)\n\
             sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(child.stdout.as_mut().unwrap());
        told.read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        Self(child)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_locked_writes_are_503_and_reads_are_served() {
    let scene = Scene::up(Plan::usual().await).await;
    let stage = &scene.stage;
    let data = stage.sidecar.launch().data();
    let lock = Lock::hold(&data.join(TENANT).join(SESSION).join("titan.db"));
    let before = stage.info(&scene.media).await;
    let calls = ROWS.iter().map(|row| {
        let path = scene.path(row);
        async move { (row, call(&stage.api, row, &path, "3EB0LOCKED").await) }
    });
    for (row, reply) in futures(calls).await {
        if row.writes {
            refused(row, &reply, 503, "store_unavailable", "locked");
            assert!(reply.header("retry-after").is_some(), "{}", row.operation);
        } else {
            assert_eq!(reply.status, row.status, "{}", row.operation);
        }
    }
    assert_eq!(stage.info(&scene.media).await, before);
    assert!(stage.bucket.uploads().is_empty());
    drop(lock);
    let again = baileys::one("3EB0LOCKED", baileys::text("x"));
    let taken = stage.inbound(&again).await.expect(202).data();
    assert_eq!(taken["accepted"], 1, "it was taken although it was refused");
}

/// Everything at once: each write waits for the lock as long as the store does.
async fn futures<F: Future<Output: Send + 'static>>(
    calls: impl Iterator<Item = F>,
) -> Vec<F::Output> {
    let mut calls: Vec<_> = calls.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (call, done) in calls.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = call.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Size of the disk, bytes.
const DISK: &str = "16m";

/// The process has its data on a small disk of its own, in a mount namespace.
fn on_a_small_disk(plan: &mut Plan) {
    let script = format!("mount -t tmpfs -o size={DISK} tmpfs \"$0\" && exec \"$@\"");
    let data = plan.launch.data().display().to_string();
    plan.launch.under = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &script,
        &data,
    ]
    .map(str::to_owned)
    .to_vec();
}

/// A file that takes what room there is.
fn fill(stage: &Stage) -> PathBuf {
    let data = stage.sidecar.launch().data();
    let inside = format!("/proc/{}/root{}", stage.sidecar.pid(), data.display());
    let path = Path::new(&inside).join("filler");
    let mut file = fs::File::create(&path).unwrap();
    // Byte by byte at the end: not even a page is left.
    for size in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_is_full_nothing_is_half_taken_and_reads_are_served() {
    let mut plan = Plan::usual().await;
    on_a_small_disk(&mut plan);
    let scene = Scene::up(plan).await;
    let stage = &scene.stage;
    let filler = fill(stage);
    let batch: Vec<_> = (0..400)
        .map(|index| {
            baileys::message(
                &format!("3EB0FULL{index}"),
                baileys::text(&"x".repeat(2000)),
            )
        })
        .collect();
    let before = scene.state().await;
    for _ in 0..3 {
        let reply = stage.inbound(&baileys::upsert(&batch)).await;
        reply.refused(503, "store_full");
        assert!(reply.header("retry-after").is_some());
    }
    assert_eq!(scene.state().await, before);
    // A little room may be left in the log: each does what it should, or hears that it could not.
    for row in ROWS
        .iter()
        .filter(|row| !row.operation.starts_with("DELETE"))
    {
        let reply = call(&stage.api, row, &scene.path(row), "3EB0LITTLE").await;
        if reply.status == 503 {
            assert!(row.writes, "{}", row.operation);
            refused(row, &reply, 503, "store_full", "full");
        } else {
            assert_eq!(
                reply.status / 100,
                row.status / 100,
                "{}: {}",
                row.operation,
                reply.json()
            );
        }
    }
    let file = STANDARD.encode(vec![0xf1; 300_000]);
    let chat = "4915112345678@s.whatsapp.net";
    let file = json!({"chatId": chat, "type": "file", "filename": "x", "base64": file});
    let reply = stage.api.post_json("/api/messages/send", &file).await;
    reply.refused(503, "spool_full");
    assert!(reply.header("retry-after").is_some());
    fs::remove_file(filler).unwrap();
    stage
        .api
        .post_json("/api/messages/send", &file)
        .await
        .expect(200);
    let taken = stage.inbound(&baileys::upsert(&batch)).await.expect(202);
    assert_eq!(taken.data()["accepted"], 400, "a part was taken before");
    stage
        .sink
        .wait_for("message.received", "3EB0FULL399", LATER)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bucket_is_down_files_wait_and_all_else_is_served() {
    let scene = Scene::up(Plan::usual().await).await;
    let stage = &scene.stage;
    stage.bucket.set_mode(Mode::Down);
    for row in ROWS
        .iter()
        .filter(|row| !row.operation.starts_with("DELETE"))
    {
        let persists = row.path().ends_with("/persist");
        let path = scene.path(row);
        let reply = if persists {
            let headers = [("prefer", "wait=0")];
            stage.api.call("POST", &path, &headers, b"").await
        } else {
            call(&stage.api, row, &path, "3EB0DOWN").await
        };
        let right = if persists { 202 } else { row.status };
        assert_eq!(reply.status, right, "{}: {}", row.operation, reply.json());
    }
    until(SOON, "the file waits for the bucket", || async {
        stage.info(&scene.media).await["status"] == "waiting"
    })
    .await;
    let info = stage.info(&scene.media).await;
    assert_eq!(info["error"]["retryable"], true, "{info}");
    assert!(stage.bucket.objects().is_empty());
    stage.bucket.set_mode(Mode::Up);
    let info = stage.persist(&scene.media).await.expect(200).data();
    assert_eq!(info["persisted"], true);
    assert_eq!(stage.bucket.objects().len(), 1);
}
