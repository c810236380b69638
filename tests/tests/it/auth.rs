//! Keys: what opens what, and that one tenant's key opens nothing of another.

use serde_json::json;
use titan_tests::baileys;
use titan_tests::manifests::{self, Document};
use titan_tests::media::Kind;
use titan_tests::stage::{API_KEY, INBOUND_KEY, Plan, SESSION, Stage, TENANT};
use titan_tests::wait::{SOON, until};

const OTHER_KEY: &str = "titan_test_other_0123456789abcdefghi";
const NEW_KEY: &str = "titan_test_rotated_0123456789abcdefg";

/// The usual session, and one of another tenant.
async fn two_tenants() -> Stage {
    let mut plan = Plan::usual().await.on_demand();
    plan.more
        .push(Document::secret("globex", "keys", &[("key", OTHER_KEY)]));
    plan.more.push(Document::session("globex", "sales", "keys"));
    plan.up().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_known_key_everything_is_401_before_any_404() {
    let stage = two_tenants().await;
    let unknown = "titan_unknown_0123456789abcdefghijkl";
    for path in [
        "/api/sessions".to_owned(),
        format!("/api/sessions/{SESSION}"),
        "/api/sessions/nobody".to_owned(),
        Stage::path("media"),
        Stage::path("media/none"),
        Stage::path("media/none/download"),
    ] {
        stage
            .api
            .without_key()
            .get(&path)
            .await
            .refused(401, "unauthorized");
        stage
            .api
            .with_key(unknown)
            .get(&path)
            .await
            .refused(401, "unauthorized");
        stage
            .api
            .with_key("")
            .get(&path)
            .await
            .refused(401, "unauthorized");
    }
    let body = baileys::one("3EB0NOKEY", baileys::text("x"));
    for path in [
        Stage::path("inbound"),
        "/api/sessions/nobody/inbound".to_owned(),
    ] {
        stage
            .api
            .without_key()
            .post_json(&path, &body)
            .await
            .refused(401, "unauthorized");
    }
    let by_path = Stage::path(&format!("inbound/{unknown}"));
    stage
        .api
        .without_key()
        .post_json(&by_path, &body)
        .await
        .refused(401, "unauthorized");
    stage
        .api
        .without_key()
        .post(&Stage::path("media/none/persist"))
        .await
        .refused(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn key_of_one_tenant_opens_nothing_of_another() {
    let stage = two_tenants().await;
    let (sealed, path) = stage.file(Kind::Image, 100);
    let media = stage.take("3EB0MINE", baileys::file(&sealed, &path)).await;
    let other = stage.api.with_key(OTHER_KEY);
    for rest in [
        "",
        "/media",
        &format!("/media/{media}"),
        &format!("/media/{media}/download"),
    ] {
        let path = format!("/api/sessions/{SESSION}{rest}");
        other.get(&path).await.refused(404, "session_not_found");
        // The same record is not there under the other session's name either.
        if !rest.is_empty() && rest != "/media" {
            other
                .get(&format!("/api/sessions/sales{rest}"))
                .await
                .refused(404, "media_not_found");
        }
    }
    let body = baileys::one("3EB0MINE2", baileys::text("x"));
    other
        .post_json(&Stage::path("inbound"), &body)
        .await
        .refused(404, "session_not_found");
    let by_path = Stage::path(&format!("inbound/{OTHER_KEY}"));
    stage
        .api
        .without_key()
        .post_json(&by_path, &body)
        .await
        .refused(404, "session_not_found");
    other
        .post(&Stage::path(&format!("media/{media}/persist")))
        .await
        .refused(404, "session_not_found");
    let list = other.get("/api/sessions").await.expect(200).data();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["name"], "sales");
    assert!(stage.cdn.hits(&path).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn inbound_key_hands_in_and_opens_nothing_else() {
    let stage = two_tenants().await;
    let inbound = stage.api.with_key(INBOUND_KEY);
    let (sealed, path) = stage.file(Kind::Image, 100);
    let body = baileys::one("3EB0IN1", baileys::file(&sealed, &path));
    let data = inbound
        .post_json(&Stage::path("inbound"), &body)
        .await
        .expect(202)
        .data();
    let media = data["media"][0]["mediaId"].as_str().unwrap().to_owned();
    let by_path = Stage::path(&format!("inbound/{INBOUND_KEY}"));
    let body = baileys::one("3EB0IN2", baileys::text("by path"));
    stage
        .api
        .without_key()
        .post_json(&by_path, &body)
        .await
        .expect(202);
    for rest in [
        "media",
        &format!("media/{media}"),
        &format!("media/{media}/download"),
    ] {
        let status = inbound.get(&Stage::path(rest)).await.status;
        assert!(matches!(status, 401 | 403), "{rest} answers {status}");
    }
    let status = inbound.get("/api/sessions").await.status;
    assert!(matches!(status, 401 | 403), "sessions answers {status}");
    let status = inbound
        .post(&Stage::path(&format!("media/{media}/persist")))
        .await
        .status;
    assert!(matches!(status, 401 | 403), "persist answers {status}");
    assert!(
        !stage.sidecar.log_text().contains(INBOUND_KEY),
        "the token of a path is in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_key_works_without_a_restart_and_the_old_one_stops() {
    let stage = Stage::up().await;
    let pid = stage.sidecar.pid();
    let folder = stage.sidecar.launch().manifests();
    let both = Document::secret(TENANT, "acme-keys", &[("old", API_KEY), ("new", NEW_KEY)]);
    manifests::write(&folder, &[both]).unwrap();
    let new = stage.api.with_key(NEW_KEY);
    until(SOON, "the new key opens", || async {
        new.get("/api/sessions").await.status == 200
    })
    .await;
    stage.api.get("/api/sessions").await.expect(200);
    let only = Document::secret(TENANT, "acme-keys", &[("new", NEW_KEY)]);
    manifests::write(&folder, &[only]).unwrap();
    until(SOON, "the old key is refused", || async {
        stage.api.get("/api/sessions").await.status == 401
    })
    .await;
    new.get("/api/sessions").await.expect(200);
    assert_eq!(stage.sidecar.pid(), pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn short_values_of_a_secret_are_no_keys() {
    let mut plan = Plan::usual().await;
    let short = "short-0123456789";
    plan.session = plan
        .session
        .spec("auth", json!({"apiKeysSecretRef": {"name": "mixed"}}));
    plan.more.push(Document::secret(
        TENANT,
        "mixed",
        &[("a", short), ("b", API_KEY)],
    ));
    let stage = plan.up().await;
    stage.api.get("/api/sessions").await.expect(200);
    stage
        .api
        .with_key(short)
        .get("/api/sessions")
        .await
        .refused(401, "unauthorized");
}
