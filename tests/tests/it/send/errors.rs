//! What gateways answer when they do not send: in our status and code, and without anything secret.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use titan_tests::gateway::{Answer, Dialect, KEY};
use titan_tests::stage::Stage;

use super::harness::{file, of_format, send, spool_is_empty, text, up};

/// What a gateway answers, and what it becomes.
struct Case {
    answer: Answer,
    status: u16,
    code: &'static str,
    /// Words of the error.
    says: &'static str,
}

fn case(answer: (u16, Value), status: u16, code: &'static str, says: &'static str) -> Case {
    Case {
        answer: Answer::Status(answer.0, answer.1),
        status,
        code,
        says,
    }
}

/// Each gateway's own words for four troubles.
fn troubles(dialect: Dialect) -> [(u16, Value); 4] {
    match dialect {
        Dialect::Waha => [
            (401, json!({"message": "Unauthorized", "statusCode": 401})),
            (
                422,
                json!({"error": "Session status is not as expected. Try again later or restart the session",
                    "session": "x", "status": "SCAN_QR_CODE", "expected": ["WORKING"]}),
            ),
            (
                500,
                json!({"statusCode": 500, "exception":
                    {"details": "no LID found for 1@s.whatsapp.net from server"}}),
            ),
            (500, json!({"statusCode": 500, "message": "Internal"})),
        ],
        Dialect::Evolution => [
            (
                401,
                json!({"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}}),
            ),
            (
                500,
                json!({"status": 500, "error": "Internal Server Error",
                    "response": {"message": "Connection Closed"}}),
            ),
            (
                400,
                json!({"status": 400, "error": "Bad Request", "response":
                    {"message": [{"jid": "1@s.whatsapp.net", "exists": false, "number": "1"}]}}),
            ),
            (500, json!({"status": 500, "error": "Internal"})),
        ],
        Dialect::Wuzapi => [
            (
                401,
                json!({"code": 401, "error": "unauthorized", "success": false}),
            ),
            (
                500,
                json!({"code": 500, "error": "no session", "success": false}),
            ),
            (
                500,
                json!({"code": 500, "success": false,
                    "error": "error sending message: no LID found for 1@s.whatsapp.net"}),
            ),
            (
                500,
                json!({"code": 500, "error": "Internal", "success": false}),
            ),
        ],
    }
}

fn cases(dialect: Dialect) -> Vec<Case> {
    let [unauthorised, apart, nobody, broken] = troubles(dialect);
    vec![
        case(unauthorised, 502, "gateway_unauthorized", "refuses its key"),
        case(apart, 503, "gateway_not_connected", "is not connected"),
        case(nobody, 422, "recipient_not_found", "no such number"),
        case(broken, 502, "gateway_unavailable", "can't send right now"),
        case((404, json!({})), 422, "gateway_refused", "(status 404)"),
        case(
            (201, json!({"ok": true})),
            502,
            "gateway_answer_unreadable",
            "names no message",
        ),
        Case {
            answer: Answer::HangUp,
            status: 502,
            code: "gateway_unavailable",
            says: "the connection to the gateway broke",
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_gateway_says_becomes_our_status_and_code() {
    for dialect in Dialect::ALL {
        let (stage, gateway) = up(dialect).await;
        let image = file("image", &of_format("png", 300_000));
        for message in [text("x"), image] {
            for case in cases(dialect) {
                let before = gateway.posted().len();
                gateway.answer([case.answer]);
                let reply = send(&stage, &message).await;
                reply.refused(case.status, case.code);
                let json = reply.json();
                let says = json["error"].as_str().unwrap();
                assert!(says.contains(case.says), "{dialect:?}: {json}");
                let again = reply.header("retry-after").is_some();
                assert_eq!(again, case.status == 503, "{json}");
                // Whoever waits for an answer has one try.
                assert_eq!(gateway.posted().len(), before + 1, "{dialect:?}: {json}");
            }
            send(&stage, &message).await.expect(200);
        }
        spool_is_empty(&stage).await;
    }
}

/// Nothing of it is in the log, the metrics or `/status`.
async fn is_nowhere(stage: &Stage, what: &str, secret: &str) {
    let admin = stage.sidecar.admin();
    let metrics = admin.get("/metrics").await.body;
    for (place, text) in [
        ("log", stage.sidecar.log_text()),
        ("status", stage.status().await.to_string()),
        ("metrics", String::from_utf8_lossy(&metrics).into_owned()),
    ] {
        assert!(!text.contains(secret), "the {what} is in the {place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_repeats_of_key_and_file_is_said_nowhere() {
    for dialect in Dialect::ALL {
        let (stage, gateway) = up(dialect).await;
        let bytes = of_format("png", 3000);
        let encoded = STANDARD.encode(&bytes);
        let piece = &encoded[..64];
        let says = format!("key {KEY} may not send data:image/png;base64,{encoded}");
        let told = json!({"message": says, "error": says, "exception": {"message": says}});
        let answers = [401, 400, 500].map(|status| Answer::Status(status, told.clone()));
        gateway.answer(answers);
        for _ in 0..3 {
            let reply = send(&stage, &file("image", &bytes)).await;
            let said = reply.json().to_string();
            assert!(said.contains("may not send"), "{dialect:?}: {said}");
            assert!(!said.contains(KEY), "{dialect:?}: {said}");
            assert!(!said.contains(piece), "{dialect:?}: {said}");
        }
        is_nowhere(&stage, "gateway's key", KEY).await;
        is_nowhere(&stage, "file", piece).await;
    }
}
