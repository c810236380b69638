//! `spec.tls`: the API port speaks TLS with the Secret's certificate, and with the renewed one.

use std::fs;

use serde_json::json;
use titan_tests::api::Api;
use titan_tests::manifests::{self, Document};
use titan_tests::sidecar::Sidecar;
use titan_tests::stage::{API_KEY, Plan, TENANT};
use titan_tests::tls::{Authority, Issued, Seen};
use titan_tests::wait::{SOON, eventually, until};

const NAME: &str = "msess-default.acme.svc";

fn secret(certificate: &str, key: &str) -> Document {
    let values = [("tls.crt", certificate), ("tls.key", key)];
    Document::secret(TENANT, "api-tls", &values)
}

fn of(issued: &Issued) -> Document {
    secret(&issued.chain, &issued.key)
}

/// The session asks for TLS.
fn asks_for_tls(plan: Plan, secret: Option<Document>) -> Plan {
    let mut plan = plan.spec("tls", json!({"secretRef": {"name": "api-tls"}}));
    plan.more.extend(secret);
    plan
}

/// Starts a session that asks for TLS.
async fn up(plan: Plan, secret: Option<Document>) -> Sidecar {
    let plan = asks_for_tls(plan, secret);
    plan.write();
    plan.launch.start().await
}

async fn get(authority: &Authority, sidecar: &Sidecar) -> Result<Seen, String> {
    let path = "/api/sessions/default";
    authority.get(&sidecar.address(), NAME, path, API_KEY).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let (plan, authority) = (Plan::usual().await, Authority::new());
    let first = authority.issue(NAME);
    let sidecar = up(plan, Some(of(&first))).await;
    let seen = get(&authority, &sidecar).await.unwrap();
    assert_eq!((seen.status, seen.certificate), (200, first.der()));
    // Nobody is answered in plain text.
    let http = Api::new(&sidecar.url()).with_key(API_KEY);
    let answer = http.try_call("GET", "/api/sessions", &[], b"").await;
    assert!(answer.is_err(), "{answer:?}");

    let (second, pid) = (authority.issue(NAME), sidecar.pid());
    let folder = sidecar.launch().manifests();
    manifests::write(&folder, &[of(&second)]).unwrap();
    let seen = eventually(SOON, "the renewed certificate is served", || async {
        let seen = get(&authority, &sidecar).await.ok()?;
        (seen.certificate == second.der()).then_some(seen)
    })
    .await;
    assert_eq!((seen.status, sidecar.pid()), (200, pid));

    // A broken renewal is told, and the last good certificate goes on.
    manifests::write(&folder, &[secret(&first.chain, &second.key)]).unwrap();
    until(SOON, "the refusal is told", || async {
        let status = sidecar.admin().get("/status").await.json();
        let error = status["configError"].as_str().unwrap_or_default();
        error.contains("api-tls") && error.contains("tls.key")
    })
    .await;
    let seen = get(&authority, &sidecar).await.unwrap();
    assert_eq!((seen.status, seen.certificate), (200, second.der()));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_the_port_stays_shut_until_the_certificate_is_there() {
    let (mut plan, authority) = (Plan::usual().await, Authority::new());
    plan.session = plan.session.spec("webhooks", json!([]));
    plan.launch.args.push("--in-pod".into());
    let sidecar = up(plan, None).await;
    let status = sidecar.admin().get("/status").await.json();
    let missing = &status["sessions"][0]["missing"];
    let named = missing.as_array().unwrap().iter().any(|problem| {
        problem["field"] == "spec.tls.secretRef" && problem["reason"] == "SecretNotFound"
    });
    assert!(named, "{missing}");
    assert!(get(&authority, &sidecar).await.is_err());
    let http = Api::new(&sidecar.url()).with_key(API_KEY);
    let answer = http.try_call("GET", "/api/sessions", &[], b"").await;
    assert!(answer.is_err(), "{answer:?}");

    let issued = authority.issue(NAME);
    manifests::write(&sidecar.launch().manifests(), &[of(&issued)]).unwrap();
    let seen = eventually(SOON, "the certificate is served", || async {
        get(&authority, &sidecar).await.ok()
    })
    .await;
    assert_eq!((seen.status, seen.certificate), (200, issued.der()));

    // In a pod, a Secret that vanishes or breaks takes nothing away.
    manifests::write(&sidecar.launch().manifests(), &[secret("no PEM", "none")]).unwrap();
    until(SOON, "the broken Secret is told", || async {
        let status = sidecar.admin().get("/status").await.json();
        status["sessions"][0]["missing"]
            .to_string()
            .contains("tls.crt")
    })
    .await;
    assert_eq!(get(&authority, &sidecar).await.unwrap().status, 200);
}

/// The session's key would travel in plain text: nobody knows yet that the session asks for TLS.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_nothing_is_answered_in_plain_text_before_the_manifests_can_be_read() {
    let authority = Authority::new();
    let issued = authority.issue(NAME);
    let plan = Plan::usual().await.spec("webhooks", json!([]));
    let mut plan = asks_for_tls(plan, Some(of(&issued)));
    plan.launch.args.push("--in-pod".into());
    let documents = plan.documents();
    let folder = plan.launch.manifests();
    let broken = folder.join("session.yaml");
    fs::write(&broken, "kind: [unclosed").unwrap();
    let mut sidecar = plan.launch.spawn();
    sidecar.logged("configuration refused").await;
    let http = Api::new(&sidecar.url()).with_key(API_KEY);
    for path in ["/api/sessions", "/docs", "/"] {
        let answer = http.try_call("GET", path, &[], b"").await;
        assert!(answer.is_err(), "{path}: {answer:?}");
    }
    sidecar.admin().get("/readyz").await.expect(503);

    fs::remove_file(broken).unwrap();
    manifests::write(&folder, &documents).unwrap();
    sidecar.wait_ready().await;
    let seen = get(&authority, &sidecar).await.unwrap();
    assert_eq!((seen.status, seen.certificate), (200, issued.der()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_keeps_nobody_waiting() {
    let (plan, authority) = (Plan::usual().await, Authority::new());
    let sidecar = up(plan, Some(of(&authority.issue(NAME)))).await;
    let silent = tokio::net::TcpStream::connect(sidecar.address()).await;
    assert_eq!(get(&authority, &sidecar).await.unwrap().status, 200);
    drop(silent);
}

#[tokio::test]
async fn sessions_with_different_certificates_cannot_share_a_port() {
    let mut plan = Plan::usual().await;
    let other = Document::session(TENANT, "second", "acme-keys")
        .spec("tls", json!({"secretRef": {"name": "api-tls"}}));
    plan.more.push(other);
    plan.refused(&["spec.tls must be the same in all"]);
}
