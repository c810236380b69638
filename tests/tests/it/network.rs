//! Where the process may connect to: nothing that a message, a tenant or a redirect names may lead
//! it inside.

use base64::Engine as _;
use serde_json::json;
use titan_tests::baileys;
use titan_tests::cdn::{Cdn, Fault};
use titan_tests::media::Kind;
use titan_tests::stage::{Plan, Stage};
use titan_tests::wait::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn host_of_a_message_is_never_dialled() {
    let stage = Plan::usual().await.on_demand().up().await;
    let elsewhere = Cdn::start().await;
    let (sealed, path) = stage.file(Kind::Image, 2000);
    elsewhere.put_at(&path, sealed.blob.clone());
    // The path is right, the host is another: the file comes from the configured origin.
    let url = format!("{}{path}", elsewhere.url());
    let media = stage
        .take(
            "3EB0HOST1",
            baileys::file_with(&sealed, &path, "url", json!(url)),
        )
        .await;
    assert_eq!(stage.download(&media).await.expect(200).body, sealed.plain);
    // Only a URL, of a host that is not WhatsApp's: not fetched at all.
    let mut content = baileys::file_with(&sealed, &path, "url", json!(url));
    content["imageMessage"]
        .as_object_mut()
        .unwrap()
        .remove("directPath");
    let media = stage.take("3EB0HOST2", content).await;
    let status = stage.download(&media).await.status;
    assert!(matches!(status, 422 | 502), "{status}");
    assert!(elsewhere.all_hits().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn query_of_a_path_is_kept_and_hash_and_type_are_attached() {
    let stage = Plan::usual().await.on_demand().up().await;
    let (sealed, path) = stage.file(Kind::Sticker, 2000);
    let media = stage.take("3EB0QUERY", baileys::file(&sealed, &path)).await;
    stage.download(&media).await.expect(200);
    let hit = stage.cdn.hits(&path).remove(0);
    let signed = path.split_once('?').unwrap().1;
    assert!(hit.query.starts_with(signed), "{}", hit.query);
    assert!(hit.query.contains("mms-type=sticker") || hit.query.contains("mms-type=image"));
    let pairs: Vec<_> = url::form_urlencoded::parse(hit.query.as_bytes()).collect();
    let hash = pairs
        .iter()
        .find(|(name, _)| name == "hash")
        .map(|(_, value)| value.to_string());
    let right = base64::engine::general_purpose::URL_SAFE.encode(sealed.enc_sha256);
    assert_eq!(hash.as_deref(), Some(right.as_str()));
    assert!(!hit.query.contains("auth="));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_of_the_cdn_are_refused() {
    let stage = Plan::usual().await.on_demand().up().await;
    let elsewhere = Cdn::start().await;
    let (sealed, path) = stage.file(Kind::Image, 2000);
    elsewhere.put_at(&path, sealed.blob.clone());
    stage
        .cdn
        .fail_always(&path, Fault::Redirect(format!("{}{path}", elsewhere.url())));
    let media = stage
        .take("3EB0REDIRECT", baileys::file(&sealed, &path))
        .await;
    assert_eq!(stage.download(&media).await.status, 502);
    assert!(elsewhere.all_hits().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_on_loopback_need_an_allowed_range() {
    let mut plan = Plan::usual().await;
    let at = plan
        .launch
        .args
        .iter()
        .position(|arg| arg == "--allow-cidr")
        .unwrap();
    plan.launch.args[at + 1] = "10.0.0.0/8".into();
    plan.session = plan.session.spec("webhooks", json!([]));
    let stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Image, 2000);
    let media = stage.take("3EB0LOOP", baileys::file(&sealed, &path)).await;
    let info = stage.reaches(&media, "waiting").await;
    assert!(info["error"]["message"].is_string(), "{info}");
    assert_eq!(stage.bucket.requests(), 0);
}

/// The usual plan without `--allow-cidr`, its bucket elsewhere and its webhook at `url`.
async fn without_allowed_ranges(url: impl FnOnce(&Plan) -> String) -> Plan {
    let mut plan = Plan::usual().await;
    let mut args = plan.launch.args.iter();
    let at = args.position(|arg| arg == "--allow-cidr").unwrap();
    plan.launch.args.drain(at..at + 2);
    let webhook = json!([{"url": url(&plan)}]);
    plan.session = plan.session.spec("webhooks", webhook);
    plan.storage = plan.storage.spec("endpoint", "https://s3.example.invalid");
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_over_http_without_an_allowed_range_is_refused_at_the_start() {
    let plan = without_allowed_ranges(|plan| plan.sink.url()).await;
    plan.refused(&["spec.webhooks[0].url"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_on_loopback_without_an_allowed_range_is_never_dialled() {
    let plan = without_allowed_ranges(|plan| plan.sink.url().replace("http:", "https:")).await;
    let stage = plan.up().await;
    stage.take("3EB0HTTP", baileys::text("x")).await;
    a_delivery_was_refused(&stage).await;
    assert!(stage.sink.deliveries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_loopback_is_refused_whatever_is_allowed() {
    let mut plan = Plan::usual().await;
    plan.launch.args.push("--in-pod".into());
    let stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Image, 2000);
    let media = stage.take("3EB0POD", baileys::file(&sealed, &path)).await;
    stage.reaches(&media, "waiting").await;
    a_delivery_was_refused(&stage).await;
    assert_eq!(stage.bucket.requests(), 0);
    assert!(stage.sink.deliveries().is_empty());
}

/// Waits until a delivery was tried and is still there.
async fn a_delivery_was_refused(stage: &Stage) {
    until(SOON, "a delivery was refused", || async {
        let queue = stage.status().await["sessions"][0]["queue"].clone();
        let tried = stage.sidecar.log_text().contains("\"Webhook\"");
        tried && (queue["deliveries_pending"] != 0 || queue["deliveries_dead"] != 0)
    })
    .await;
}
