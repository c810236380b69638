//! From `kubectl apply` to a file in the tenant's bucket, as the README tells it.

use serde_json::json;
use titan_tests::baileys;
use titan_tests::cache::crate_folder;
use titan_tests::s3::{ACCESS_KEY, SECRET_KEY};

use crate::harness::kube::run_async;
use crate::harness::object::Object;
use crate::harness::reach::reach;
use crate::harness::s3::S3;
use crate::harness::scene::{SOON, Scene};

#[tokio::test]
async fn a_gateways_image_lands_in_the_tenants_bucket() {
    let scene = Scene::new("quickstart").await;
    scene.up("default").await;
    scene.takes_an_image("default", "3EB0QUICKSTART").await;
    let table = scene
        .kube()
        .kubectl(&["get", "msess,tstore", "-n", &scene.namespace])
        .await
        .expect();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[0],
        ["NAME", "READY", "REASON", "STATE", "STORAGE", "URL", "AGE"],
        "{table}"
    );
    // A gateway has no state: its column is empty.
    assert_eq!(rows[1][1], "True", "{table}");
    assert_eq!(rows[1][3], "acme", "{table}");
    let url = format!("http://msess-default.{}.svc", scene.namespace);
    assert!(rows[1][4].starts_with(&url), "{table}");
    let head = [
        "NAME", "READY", "REASON", "BUCKET", "SESSIONS", "LAST", "PROBE", "AGE",
    ];
    assert_eq!(rows[3], head, "{table}");
    assert_eq!((rows[4][1], rows[4][4]), ("True", "1"), "{table}");
}

/// `examples/quickstart.yaml` with its bucket, as a person applies it; only the namespace and the
/// image of the bucket are the test's.
#[tokio::test]
async fn the_quickstart_of_the_readme_works_as_it_is() {
    let scene = Scene::new("quickstart_example").await;
    let namespace = scene.namespace.as_str();
    let mut yaml = String::new();
    for file in ["quickstart.yaml", "quickstart-bucket.yaml"] {
        let path = crate_folder().with_file_name("examples").join(file);
        yaml += &std::fs::read_to_string(path).unwrap();
        yaml += "\n---\n";
    }
    let yaml = yaml
        .replace("namespace: acme", &format!("namespace: {namespace}"))
        .replace(
            "kind: Namespace\nmetadata:\n  name: acme",
            &format!("kind: Namespace\nmetadata:\n  name: {namespace}"),
        )
        .replace("s3.acme.svc", &format!("s3.{namespace}.svc"))
        .replace(
            "ghcr.io/versity/versitygw:v1.8.0",
            &scene.cluster.release.images.s3,
        );
    run_async("kubectl", &["apply", "--filename", "-"], &yaml)
        .await
        .expect();
    let wait = [
        "wait",
        "--for=condition=Ready",
        "msess/default",
        "-n",
        namespace,
        "--timeout=100s",
    ];
    scene.kube().kubectl(&wait).await.expect();

    let (sealed, direct_path) = scene.file(100_000).await;
    let api = scene.api("default").await;
    scene
        .post(&api, "default", "3EB0README", &sealed, &direct_path)
        .await;
    let s3 = S3 {
        url: reach(scene.kube(), namespace, "s3", 7070).await,
        access_key: "quickstart".to_owned(),
        secret_key: "change-me-change-me".to_owned(),
    };
    let info = scene.reaches(&api, "default", "3EB0README", "stored").await;
    let key = info["key"].as_str().unwrap_or_default();
    assert!(
        s3.object("acme-media", key).await == sealed.plain,
        "{info:#}"
    );
}

/// The strictest profile is enforced in every namespace of these tests; here it is looked at.
#[tokio::test]
async fn a_namespace_that_enforces_restricted_pod_security_accepts_the_pods() {
    let scene = Scene::new("restricted").await;
    // Without a session a Job asks after the bucket; it is a pod too.
    scene.kube().apply(&[scene.secret(), scene.storage()]).await;
    scene.until(&scene.tstore(), "Ready", "True", "").await;
    scene.kube().apply(&[scene.session("default")]).await;
    scene.ready("default").await;
    let refused = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root", "namespace": scene.namespace},
        "spec": {"containers": [{"name": "root", "image": scene.cluster.release.images.peer}]},
    });
    let said = scene.kube().try_create(&refused, &[]).await;
    said.refused(&["violates PodSecurity \"restricted:latest\""]);
}

#[tokio::test]
async fn a_session_without_storage_serves_downloads_and_refuses_to_persist() {
    let scene = Scene::new("no_storage").await;
    let mut session = scene.session("default");
    session["spec"]
        .as_object_mut()
        .unwrap()
        .remove("storageRef");
    scene.kube().apply(&[session]).await;
    scene.ready("default").await;
    let (sealed, direct_path) = scene.file(50_000).await;
    let api = scene.api("default").await;
    let body = baileys::one("3EB0NOSTORAGE", baileys::file(&sealed, &direct_path));
    let taken = api
        .post_json("/api/sessions/default/inbound", &body)
        .await
        .expect(202)
        .data();
    let media = taken["media"][0]["mediaId"].as_str().unwrap_or_default();
    let path = format!("/api/sessions/default/media/{media}");
    let download = api.post(&format!("{path}/download")).await.expect(200);
    assert!(download.body == sealed.plain);
    api.post(&format!("{path}/persist"))
        .await
        .refused(409, "storage_not_configured");
}

/// Trap T13: what only names of Secrets would do must not need the right to read them.
#[tokio::test]
async fn the_key_that_the_operator_makes_opens_the_session_and_is_made_once() {
    let scene = Scene::new("api_key").await;
    let ready = scene.up("default").await;
    let name = ready["status"]["apiKeySecret"].as_str().unwrap_or_default();
    let secret = Object::new("Secret", &scene.namespace, name);
    let before = scene
        .kube()
        .wait(SOON, &secret, "it is there", |_| true)
        .await;
    assert_eq!(before["type"], "Opaque");
    assert_eq!(
        before["metadata"]["ownerReferences"][0]["kind"],
        "MediaSession"
    );
    let api = scene.api("default").await;
    api.get("/api/sessions/default").await.expect(200);
    api.without_key()
        .get("/api/sessions/default")
        .await
        .expect(401);
    let change = json!({"spec": {"retention": "30d"}});
    scene
        .kube()
        .patch(
            &scene.msess("default"),
            &json!({"spec": {"store": change["spec"]}}),
        )
        .await;
    scene.ready("default").await;
    let after = scene.kube().get(&secret).await.unwrap();
    assert_eq!(
        before["metadata"]["resourceVersion"],
        after["metadata"]["resourceVersion"]
    );
    for text in [ACCESS_KEY, SECRET_KEY] {
        let everything = scene.everything().await;
        assert!(
            !everything.contains(text) || text == ACCESS_KEY,
            "a secret value is in an object"
        );
    }
}
