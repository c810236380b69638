//! A sidecar to be measured: quiet, with the manifests that the measurement needs.

use std::os::unix::fs::symlink;

use serde_json::json;
use tokio::task::JoinSet;

use super::big_file::BigFile;
use super::file_cdn::FileCdn;
use crate::api::Api;
use crate::baileys;
use crate::manifests::{self, Document};
use crate::s3::S3;
use crate::sidecar::{Launch, Sidecar};
use crate::stage::{API_KEY, BUCKET, Plan, SESSION, Stage, TENANT};

/// Longest wait for one file, as `Prefer` says it.
const WAIT: &str = "wait=600";

/// The usual session, without auto-persist: files move when they are asked for.
#[must_use]
pub fn session() -> Document {
    Document::session(TENANT, SESSION, "acme-keys").spec("autoPersist", json!({"enabled": false}))
}

/// The same with a bucket on `s3`, and room for 64 files at once.
#[must_use]
pub fn with_bucket(s3: &S3) -> [Document; 2] {
    [
        session()
            .spec("storageRef", json!({"name": "acme"}))
            .spec("transfers", json!({"maxConcurrent": 64, "timeout": "1h"})),
        Document::storage(TENANT, "acme", &s3.url(), BUCKET, "acme-s3"),
    ]
}

/// A launch as in a pod that reads `documents` and fetches from `cdn`. Its log, at the default level, goes to
/// `/dev/null`: the disk of the log is not what is measured.
#[must_use]
pub fn launch(documents: &[Document], cdn: Option<&FileCdn>) -> Launch {
    let mut launch = Launch::new();
    symlink("/dev/null", launch.log()).unwrap();
    let mut flags = ["--in-pod", "--allow-cidr", "10.0.0.0/8"]
        .map(str::to_owned)
        .to_vec();
    if let Some(cdn) = cdn {
        flags.extend(["--cdn-origin".to_owned(), cdn.url()]);
    }
    launch.args = flags;
    let mut all = Plan::secrets();
    all.extend_from_slice(documents);
    manifests::write(&launch.manifests(), &all).unwrap();
    launch
}

/// Hands in a message with `file` at `direct_path`; returns its media id.
pub async fn announce(sidecar: &Sidecar, id: &str, file: &BigFile, direct_path: &str) -> String {
    let payload = baileys::one(id, file.content(direct_path));
    let api = Api::new(&sidecar.url()).with_key(API_KEY);
    let data = api
        .post_json(&Stage::path("inbound"), &payload)
        .await
        .expect(202)
        .data();
    data["media"][0]["mediaId"].as_str().unwrap().to_owned()
}

/// Saves files and waits until all are in the bucket.
pub async fn persist_all(sidecar: &Sidecar, media: &[String]) {
    let api = Api::new(&sidecar.url()).with_key(API_KEY);
    let mut running = JoinSet::new();
    for id in media {
        let (api, path) = (api.clone(), Stage::path(&format!("media/{id}/persist")));
        running.spawn(async move {
            let headers = [("prefer", WAIT)];
            let reply = api.call("POST", &path, &headers, b"").await.expect(200);
            assert_eq!(reply.data()["status"], "stored");
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}
