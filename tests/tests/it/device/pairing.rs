//! Linking, stopping, unlinking.

use serde_json::{Value, json};
use titan_tests::stage::Stage;
use titan_tests::wait::{LATER, eventually};

use super::{Linked, PHONE};

impl Linked {
    async fn told(&self, event: &str) -> Value {
        eventually(LATER, format_args!("{event} is told"), || async {
            let mut all = self.stage.sink.deliveries().into_iter();
            all.find(|delivery| delivery.event() == event)
                .map(|delivery| delivery.json["payload"].clone())
        })
        .await
    }

    /// Nothing that the program says of itself has `secret`.
    async fn keeps(&self, secret: &str) {
        let log = std::fs::read_to_string(self.stage.sidecar.launch().log()).unwrap();
        assert!(!log.contains(secret), "{secret} is in the log");
        let status = self.stage.status().await.to_string();
        assert!(!status.contains(secret), "{secret} is in the status");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_shown_in_three_forms_and_told_to_those_who_want_it() {
    let linked = Linked::new().await;
    linked.is("CONNECTING", Some("SCAN_QR")).await;
    let code = linked.code().await;
    assert!(code.split(',').count() >= 4, "{code}");
    let api = &linked.stage.api;
    let bare = api.get("/api/default/pair/qr").await.expect(200).json();
    assert!(bare["qr"].is_string() && bare["event"].is_null(), "{bare}");
    let picture = api
        .get(&Stage::path("pair/qr?format=image"))
        .await
        .expect(200);
    assert_eq!(picture.header("content-type"), Some("image/png"));
    assert!(picture.body.starts_with(b"\x89PNG\r\n"));
    assert_eq!(picture.header("cache-control"), Some("no-store"));
    let drawn = api
        .get(&Stage::path("pair/qr?format=text"))
        .await
        .expect(200);
    assert!(String::from_utf8_lossy(&drawn.body).lines().count() > 20);
    api.get(&Stage::path("pair/qr?format=gif"))
        .await
        .refused(400, "invalid_parameter");
    let told = linked.told("session.qr").await;
    assert!(
        told["qr"].is_string() && told["expiresAt"].is_string(),
        "{told}"
    );
    linked.keeps(&code).await;
    let reference = code.split(',').next().unwrap();
    linked.keeps(reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_code_links_the_phone() {
    let linked = Linked::new().await.linked().await;
    let session = linked.is("CONNECTED", None).await;
    assert_eq!(session["phoneNumber"], format!("+{PHONE}"));
    assert_eq!(session["businessName"], session["pushName"]);
    assert_eq!(session["platform"], "android");
    let told = linked.told("session.connected").await;
    assert_eq!(told["phoneNumber"], format!("+{PHONE}"));
    let report = linked.stage.report().await;
    assert_eq!(report["device"]["state"], "Connected");
    let masked = report["device"]["phoneNumber"].as_str().unwrap();
    assert!(
        masked.contains('…') && !masked.contains("1701234"),
        "{masked}"
    );
    linked.keeps("1701234512").await;
    let api = &linked.stage.api;
    api.get(&Stage::path("pair/qr"))
        .await
        .refused(409, "already_linked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_code_links_the_phone_too() {
    let linked = Linked::new().await;
    linked.code().await;
    let api = &linked.stage.api;
    let path = Stage::path("pair/code");
    api.post(&path).await.refused(400, "missing_field");
    api.post_json(&path, &json!({"phoneNumber": "0170"}))
        .await
        .refused(400, "invalid_field");
    let asked = json!({"phoneNumber": format!("+{PHONE}")});
    let given = api.post_json(&path, &asked).await.expect(200).data();
    let code = given["code"].as_str().unwrap();
    linked.relay.type_in(PHONE, code).await;
    linked.is("CONNECTED", None).await;
    linked.keeps(code).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_stopped_started_and_logged_out() {
    let linked = Linked::new().await.linked().await;
    let api = &linked.stage.api;
    let stopped = api.post(&Stage::path("stop")).await.expect(200).data();
    assert_eq!(
        (&stopped["status"], &stopped["statusReason"]),
        (&json!("DISCONNECTED"), &json!("MANUAL_STOP"))
    );
    api.post(&Stage::path("start")).await.expect(200);
    linked.is("CONNECTED", None).await;
    api.post(&Stage::path("logout")).await.expect(200);
    linked.is("DISCONNECTED", Some("LOGGED_OUT")).await;
    linked.told("session.logged_out").await;
    assert_eq!(linked.relay.phone(PHONE).await["linked"], false);
    api.get(&Stage::path("pair/qr"))
        .await
        .refused(409, "pairing_stopped");
    api.post(&Stage::path("start")).await.expect(200);
    linked.code().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_the_phone_unlinked_says_so() {
    let linked = Linked::new().await.linked().await;
    linked.relay.end(PHONE, "unlinked").await;
    linked.is("DISCONNECTED", Some("LOGGED_OUT")).await;
    let report = linked.stage.report().await;
    assert_eq!(report["device"]["reason"], "LoggedOut");
}
