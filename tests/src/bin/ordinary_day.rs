//! What an ordinary sidecar does all day, under a program that watches it: `ordinary-day PROGRAM ARGUMENTS…`.
//! `release/record.sh` learns from it which functions lie together in the release.

use std::fs;
use std::time::Duration;

use serde_json::json;

use titan_tests::baileys;
use titan_tests::manifests::Document;
use titan_tests::media::Kind;
use titan_tests::s3::{Program, S3};
use titan_tests::stage::{BUCKET, Plan, Stage, TENANT};

/// Watched programs are slow.
const PATIENCE: Duration = Duration::from_mins(5);
/// Messages without a file.
const TEXTS: usize = 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let s3 = S3::start_with_tls(Program::Versitygw, BUCKET).await;
    let mut plan = Plan::usual().await;
    plan.launch.under = std::env::args().skip(1).collect();
    plan.launch.patience = PATIENCE;
    let folder = plan.launch.folder.path().join("config-maps");
    fs::create_dir_all(folder.join("acme-ca"))?;
    fs::write(folder.join("acme-ca/ca.crt"), s3.ca())?;
    let flag = folder.to_string_lossy().into_owned();
    plan.launch.args.extend(["--config-maps".to_owned(), flag]);
    plan.storage = Document::storage(TENANT, "acme", &s3.url(), BUCKET, "acme-s3").spec(
        "caBundle",
        json!({"configMapRef": {"name": "acme-ca", "key": "ca.crt"}}),
    );
    let mut stage = plan.up().await;

    for number in 0..TEXTS {
        let text = baileys::one(
            &format!("3EB0TEXT{number}"),
            json!({"conversation": "Hello"}),
        );
        stage.inbound(&text).await.expect(202);
    }
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        let (sealed, path) = stage.file(kind, 700_000 + number);
        let id = format!("3EB0FILE{number}");
        let media = stage.take(&id, baileys::file(&sealed, &path)).await;
        stage.sink.wait_for("message.received", &id, PATIENCE).await;
        stage.info(&media).await;
        stage.download(&media).await.expect(200);
        stage.persist(&media).await.expect(200);
    }
    stage.api.get(&Stage::path("media")).await.expect(200);
    let admin = stage.sidecar.admin();
    for path in ["/livez", "/readyz", "/metrics", "/status"] {
        admin.get(path).await.expect(200);
    }
    anyhow::ensure!(stage.sidecar.terminate().await.success());
    Ok(())
}
