//! The command line: what it prints, what it refuses and with which exit code.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use titan_tests::manifests::{self, Document};
use titan_tests::sidecar::{run, text_of};
use titan_tests::stage::{Plan, Stage, TENANT};

#[test]
fn help_version_and_openapi_need_no_configuration() {
    for command in ["serve", "probe", "backup", "demo", "openapi", "version"] {
        let output = run(&[command, "--help"]);
        assert!(output.status.success(), "{command}: {}", text_of(&output));
        assert!(text_of(&output).len() > 60);
    }
    let help = text_of(&run(&["serve", "--help"]));
    for flag in [
        "--manifests",
        "--secrets",
        "--config-maps",
        "--data-dir",
        "--listen",
        "--admin-listen",
        "--cdn-origin",
        "--cdn-ca-file",
        "--allow-cidr",
        "--inbound-max-bytes",
        "--in-pod",
        "--log-format",
    ] {
        assert!(help.contains(flag), "{flag} is not in the help");
        let variable = format!("TITAN_{}", flag[2..].replace('-', "_").to_uppercase());
        assert!(help.contains(&variable), "{variable} is not in the help");
    }
    let version = run(&["version"]);
    assert!(version.status.success() && !version.stdout.is_empty());
    let document: Value = serde_json::from_slice(&run(&["openapi"]).stdout).unwrap();
    assert_eq!(
        document["openapi"].as_str().map(|version| &version[..3]),
        Some("3.1")
    );
}

#[tokio::test]
async fn unknown_field_is_exit_64_with_file_document_and_field() {
    let plan = Plan::usual().await.spec("autoPersist.enabld", true);
    plan.refused(&["mediasession.acme.default.yaml", "enabld"]);
}

#[tokio::test]
async fn wrong_value_is_exit_64_with_its_field() {
    let plan = Plan::usual().await.spec("autoPersist.holdWebhook", "soon");
    plan.refused(&["holdWebhook"]);
    let plan = Plan::usual().await.spec("session", "bad name!");
    plan.refused(&["session"]);
    let plan = Plan::usual().await.spec("replicas", 2);
    plan.refused(&["spec.replicas above 1 needs spec.store.postgres"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_that_only_the_operator_honours_is_no_fault_without_one() {
    let mut plan = Plan::usual().await;
    for (path, value) in [
        ("podTemplate", json!({"labels": {"team": "media"}})),
        ("networkPolicy", json!({"enabled": false})),
        (
            "expose",
            json!({"ingress": {"className": "nginx", "host": "media.acme.com"}}),
        ),
        ("store.reclaim", json!("Delete")),
        ("store.sqlite", json!({"storageClassName": "fast"})),
    ] {
        plan = plan.spec(path, value);
    }
    plan.storage = plan.storage.spec("probe", json!({"every": "5m"}));
    let stage = plan.up().await;
    assert_eq!(stage.report().await["unsupported"], json!([]));
}

#[tokio::test]
async fn missing_secret_and_missing_key_are_exit_64_with_their_names() {
    let plan = Plan::usual().await;
    let keys = &Plan::secrets()[0];
    plan.write();
    manifests::remove(&plan.launch.manifests(), keys).unwrap();
    plan.launch.refused(&["acme-keys"]);
    let mut plan = Plan::usual().await;
    let half = [("accessKeyId", "only")];
    plan.more.push(Document::secret(TENANT, "acme-s3", &half));
    plan.refused(&["acme-s3", "SECRET_ACCESS_KEY"]);
}

#[tokio::test]
async fn two_sessions_of_one_name_are_exit_64() {
    let mut plan = Plan::usual().await;
    let key = [("key", "titan_globex_0123456789abcdef")];
    plan.more = vec![
        Document::secret("globex", "keys", &key),
        Document::session("globex", "default", "keys"),
    ];
    plan.refused(&["default"]);
}

#[tokio::test]
async fn manifests_that_are_not_there_or_not_yaml_are_exit_64() {
    let mut plan = Plan::usual().await;
    plan.launch
        .args
        .extend(["--manifests".into(), "/nowhere/at/all".into()]);
    plan.refused(&["/nowhere/at/all"]);
    let plan = Plan::usual().await;
    fs::write(
        plan.launch.manifests().join("broken.yaml"),
        "kind: [unclosed",
    )
    .unwrap();
    plan.refused(&["broken.yaml"]);
}

#[tokio::test]
async fn broken_secret_is_refused_without_being_shown() {
    let plan = Plan::usual().await;
    let text = "kind: Secret\nstringData:\n  key: \"hunter2hunter2\n  other: [x\n";
    fs::write(plan.launch.manifests().join("broken.yaml"), text).unwrap();
    let text = plan.launch.refused(&["broken.yaml", "line"]);
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn plain_http_origin_of_a_message_is_no_origin_of_ours() {
    let mut plan = Plan::usual().await;
    plan.launch
        .args
        .extend(["--cdn-origin".into(), "ftp://127.0.0.1".into()]);
    plan.refused(&["cdn"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_without_auth_gets_a_key_of_its_own_whose_path_is_printed() {
    let plan = Plan::usual().await.spec("auth", Value::Null);
    let mut stage = plan.up().await;
    let path = stage.sidecar.launch().data().join("acme/default/api-key");
    assert!(
        stage
            .sidecar
            .log_text()
            .contains(&path.display().to_string())
    );
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = fs::read_to_string(&path).unwrap();
    stage
        .api
        .with_key(key.trim())
        .get("/api/sessions")
        .await
        .expect(200);
    assert!(
        !stage.sidecar.log_text().contains(key.trim()),
        "the key itself is in the log"
    );
    stage.sidecar.kill();
    stage.sidecar.start().await;
    assert_eq!(fs::read_to_string(&path).unwrap(), key);
    stage
        .api
        .with_key(key.trim())
        .get("/api/sessions")
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_in_order_with_exit_0() {
    let mut stage = Stage::up().await;
    stage
        .take("3EB0TERM", titan_tests::baileys::text("x"))
        .await;
    let status = stage.sidecar.terminate().await;
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_logs_are_text_and_json_logs_are_json() {
    let stage = Stage::up().await;
    stage.take("3EB0LOG", titan_tests::baileys::text("x")).await;
    for line in stage
        .sidecar
        .log_text()
        .lines()
        .filter(|line| !line.is_empty())
    {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    let mut plan = Plan::usual().await;
    plan.launch
        .args
        .extend(["--log-format".into(), "text".into()]);
    let stage = plan.up().await;
    assert!(!stage.sidecar.log_text().trim_start().starts_with('{'));
}
