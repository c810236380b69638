//! A gateway's signature opens `/inbound` by itself, and nothing else.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha512;
use titan_tests::api::{Api, Reply};
use titan_tests::baileys;
use titan_tests::fixtures::Fixture;
use titan_tests::manifests::Document;
use titan_tests::media::hmac_sha256;
use titan_tests::stage::{Plan, Stage, TENANT};
use titan_tests::wait::{SOON, until};

const KEY: &str = "a-gateway-key-of-acme-0123456789abcdef";
const OTHER_KEY: &str = "a-gateway-key-of-nobody-0123456789abcd";

/// WAHA's signature of a body.
fn waha(key: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha512>::new_from_slice(key.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

/// wuzapi's signature of a body.
fn wuzapi(key: &str, body: &[u8]) -> String {
    hex::encode(hmac_sha256(key.as_bytes(), body))
}

async fn signed_by(kind: &str) -> Stage {
    let reference = json!({"name": "acme-gateway", "key": "hmac"});
    let mut plan = Plan::usual().await.on_demand().spec(
        "source.gateway.signature",
        json!({"type": kind, "secretRef": reference}),
    );
    plan.more.push(Document::secret(
        TENANT,
        "acme-gateway",
        &[("hmac", &format!("{KEY}\n"))],
    ));
    plan.up().await
}

async fn post(api: &Api, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    api.call("POST", &Stage::path("inbound"), &all, body).await
}

fn body(id: &str) -> Vec<u8> {
    serde_json::to_vec(&baileys::one(id, baileys::text("signed"))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn wahas_signature_alone_opens_inbound() {
    let stage = signed_by("WahaHmac").await;
    let stranger = stage.api.without_key();
    for fixture in Fixture::about("noweb")
        .into_iter()
        .chain(Fixture::about("gows"))
    {
        let right = waha(KEY, &fixture.body);
        let named = [
            ("x-webhook-hmac", right.as_str()),
            ("x-webhook-hmac-algorithm", "sha512"),
        ];
        let data = post(&stranger, &named, &fixture.body)
            .await
            .expect(202)
            .data();
        assert_eq!(data["ignored"], 0, "{}", fixture.name);
    }
    let body = body("3EB0WAHA");
    let right = waha(KEY, &body);
    for (headers, what) in [
        (vec![], "nothing"),
        (vec![("x-webhook-hmac", "")], "an empty one"),
        (vec![("x-webhook-hmac", "zz")], "no hex"),
        (vec![("x-webhook-hmac", &right[..64])], "half of it"),
        (
            vec![("x-hmac-signature", &right)],
            "another gateway's header",
        ),
        (
            vec![
                ("x-webhook-hmac", &right),
                ("x-webhook-hmac-algorithm", "sha256"),
            ],
            "another algorithm",
        ),
    ] {
        let reply = post(&stranger, &headers, &body).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (401, "unauthorized"),
            "{what}"
        );
    }
    let forged = waha(OTHER_KEY, &body);
    post(&stranger, &[("x-webhook-hmac", &forged)], &body)
        .await
        .refused(401, "unauthorized");
    // A signature of one body is none of another.
    let changed = self::body("3EB0WAHB");
    post(&stranger, &[("x-webhook-hmac", &right)], &changed)
        .await
        .refused(401, "unauthorized");
    let data = post(&stranger, &[("x-webhook-hmac", &right)], &body)
        .await
        .expect(202)
        .data();
    assert_eq!(data["accepted"], 1, "something was taken before: {data}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wuzapis_signature_alone_opens_inbound_for_json_and_forms() {
    let stage = signed_by("WuzapiHmac").await;
    let stranger = stage.api.without_key();
    for fixture in Fixture::all() {
        if fixture.gateway() != "wuzapi" || fixture.name.contains("multipart") {
            continue;
        }
        let right = wuzapi(KEY, &fixture.body);
        let headers = [
            ("content-type", fixture.content_type.as_str()),
            ("x-hmac-signature", right.as_str()),
        ];
        let path = Stage::path("inbound");
        stranger
            .call("POST", &path, &headers, &fixture.body)
            .await
            .expect(202);
        let forged = wuzapi(OTHER_KEY, &fixture.body);
        let headers = [headers[0], ("x-hmac-signature", forged.as_str())];
        let reply = stranger.call("POST", &path, &headers, &fixture.body).await;
        reply.refused(401, "unauthorized");
        stranger
            .call("POST", &path, &headers[..1], &fixture.body)
            .await
            .refused(401, "unauthorized");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_inbound_whatever_the_signature_says() {
    let stage = signed_by("WahaHmac").await;
    let wrong = waha(OTHER_KEY, b"another body");
    let data = post(&stage.api, &[("x-webhook-hmac", &wrong)], &body("3EB0KEY")).await;
    assert_eq!(data.expect(202).data()["accepted"], 1);
    // And a valid signature beside a key that opens nothing is enough.
    let body = body("3EB0BOTH");
    let right = waha(KEY, &body);
    let unknown = stage.api.with_key("titan_unknown_0123456789abcdefgh");
    post(&unknown, &[("x-webhook-hmac", &right)], &body)
        .await
        .expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_opens_nothing_but_inbound_of_its_own_session() {
    let stage = signed_by("WahaHmac").await;
    let stranger = stage.api.without_key();
    let right = waha(KEY, b"");
    for path in [
        "/api/sessions",
        &Stage::path("media"),
        "/api/sessions/other/inbound",
    ] {
        let method = if path.ends_with("inbound") {
            "POST"
        } else {
            "GET"
        };
        let reply = stranger
            .call(method, path, &[("x-webhook-hmac", &right)], b"")
            .await;
        reply.refused(401, "unauthorized");
    }
    let path = Stage::path("media/00/persist");
    let reply = stranger
        .call("POST", &path, &[("x-webhook-hmac", &right)], b"")
        .await;
    reply.refused(401, "unauthorized");
    assert!(
        !stage.sidecar.log_text().contains(KEY),
        "the gateway's key is in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configured_signature_none_is_accepted() {
    let stage = Plan::usual().await.on_demand().up().await;
    let stranger = stage.api.without_key();
    let body = body("3EB0NONE");
    for (name, value) in [
        ("x-webhook-hmac", waha("", &body)),
        ("x-webhook-hmac", waha(KEY, &body)),
        ("x-hmac-signature", wuzapi("", &body)),
    ] {
        post(&stranger, &[(name, &value)], &body)
            .await
            .refused(401, "unauthorized");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_gateway_key_works_without_a_restart() {
    let stage = signed_by("WuzapiHmac").await;
    let stranger = stage.api.without_key();
    let body = body("3EB0ROTATED");
    let (old, new) = (wuzapi(KEY, &body), wuzapi(OTHER_KEY, &body));
    let secret = Document::secret(TENANT, "acme-gateway", &[("hmac", OTHER_KEY)]);
    stage.apply(&[secret]);
    until(SOON, "the new key opens", || async {
        post(&stranger, &[("x-hmac-signature", &new)], &body)
            .await
            .status
            == 202
    })
    .await;
    post(&stranger, &[("x-hmac-signature", &old)], &body)
        .await
        .refused(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_gateway_key_is_named_and_opens_nothing() {
    let plan = Plan::usual().await.spec(
        "source.gateway.signature",
        json!({"type": "WahaHmac", "secretRef": {"name": "acme-gateway", "key": "hmac"}}),
    );
    plan.refused(&["spec.source.gateway.signature.secretRef", "acme-gateway"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn document_names_the_signatures_where_they_open() {
    let stage = signed_by("WahaHmac").await;
    let open = Api::new(&stage.sidecar.url());
    let document = open.get("/openapi.json").await.expect(200).json();
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["wahaHmac"]["name"], "x-webhook-hmac");
    assert_eq!(schemes["wuzapiHmac"]["name"], "x-hmac-signature");
    let opening = |path: &str, method: &str| -> Vec<Value> {
        let operation = &document["paths"][path][method];
        operation["security"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let inbound = opening("/api/sessions/{session}/inbound", "post");
    assert!(inbound.contains(&json!({"wahaHmac": []})), "{inbound:?}");
    assert!(inbound.contains(&json!({"wuzapiHmac": []})), "{inbound:?}");
    assert_eq!(
        opening("/api/sessions/{session}/media", "get"),
        [json!({"key": []})]
    );
}
