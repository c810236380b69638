//! Measures memory over idle while large files are sent through a gateway: by a link, and as base64.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use titan_tests::api::Api;
use titan_tests::bench::file_cdn::FileCdn;
use titan_tests::bench::process::Process;
use titan_tests::bench::report::{mebibytes, median, row};
use titan_tests::bench::scene;
use titan_tests::netns::ADDRESS;
use titan_tests::random::Random;
use titan_tests::stage::{API_KEY, Stage};
use titan_tests::wire::Server;

/// Largest file that is taken by a link, bytes.
const LINKED: usize = 50 << 20;
/// Largest text that is taken as base64.
const ENCODED: usize = 70 << 20;
/// Runs of each row, each with a process of its own.
const RUNS: usize = 3;
/// Until a process is idle after its start.
const CALM: Duration = Duration::from_secs(3);

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path().join("file");
    std::fs::write(&path, Random::new(1).bytes(LINKED))?;
    let cdn = FileCdn::start();
    let link = format!("{}{}", cdn.url(), cdn.put("file", &path));
    let linked = json!({"chatId": "4915112345678@s.whatsapp.net", "type": "file",
        "filename": "file.bin", "url": link});
    peak("sending 50 MiB by a link", &linked).await;
    let encoded = json!({"chatId": "4915112345678@s.whatsapp.net", "type": "file",
        "filename": "file.bin", "base64": "TWFu".repeat(ENCODED / 4)});
    peak("sending 70 MiB of base64", &encoded).await;
    Ok(())
}

/// A gateway that takes whatever it is posted, and keeps nothing of it.
async fn gateway() -> Server {
    Server::start_at(SocketAddr::from((ADDRESS, 0)), async |mut connection| {
        while let Some(head) = connection.head().await? {
            connection
                .body(head.content_length().unwrap_or_default(), |_| ())
                .await;
            let answer = json!({"code": 200, "success": true,
                "data": {"Details": "Sent", "Id": "3EB0A1B2C3D4E5F60718", "Timestamp": 1_775_044_800}});
            let answer = answer.to_string();
            connection.answer(200, &[], answer.as_bytes()).await?;
        }
        Ok(())
    })
    .await
}

async fn peak(what: &str, message: &Value) {
    let mut peaks = Vec::new();
    for _ in 0..RUNS {
        let gateway = gateway().await;
        let send = json!({"type": "Wuzapi", "url": gateway.url()});
        let session = scene::session().spec("source.gateway.send", send);
        let sidecar = scene::launch(&[session], None).start().await;
        let process = Process::new(sidecar.pid());
        sleep(CALM).await;
        let idle = process.rss();
        process.reset_peak();
        let api = Api::new(&sidecar.url()).with_key(API_KEY);
        api.post_json(&Stage::path("messages/send"), message)
            .await
            .expect(200);
        peaks.push(mebibytes(process.peak().saturating_sub(idle)));
    }
    let typical = median(peaks);
    row(
        &format!("Peak memory over idle, {what}"),
        &format!("{typical:.1} MiB"),
        "",
        None,
    );
}
