//! What gateways answer.

use jiff::Timestamp;

use super::*;

fn read(type_: SendType, status: u16, body: &Value) -> Result<Sent, GatewayError> {
    let key = ApiKey::parse("s3cret-key").unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    read_answer(type_, Some(&key), status, body.to_string().as_bytes())
}

fn failed(type_: SendType, status: u16, body: &Value) -> (&'static str, bool) {
    let error = read(type_, status, body).unwrap_err();
    (error.code, error.transient)
}

#[test]
fn every_published_answer_names_its_message() {
    for type_ in ALL {
        for route in published(type_)["routes"].as_array().unwrap() {
            let status = u16::try_from(route["status"].as_u64().unwrap()).unwrap();
            let sent = read(type_, status, &route["answer"]).unwrap();
            assert_eq!(sent.id, ID, "{}", route["path"]);
        }
    }
}

#[test]
fn times_are_seconds_digits_or_rfc_3339() {
    let at = Some(Timestamp::from_second(1_775_044_800).unwrap());
    let time = |type_, body| read(type_, 201, &body).unwrap().timestamp;
    let key = json!({"id": ID});
    let seconds = json!({"key": key, "messageTimestamp": 1_775_044_800});
    assert_eq!(time(SendType::Evolution, seconds.clone()), at);
    assert_eq!(time(SendType::Waha, seconds), at);
    let digits = json!({"key": key, "messageTimestamp": "1775044800"});
    assert_eq!(time(SendType::Waha, digits), at);
    let parts = json!({"key": key, "messageTimestamp": {"low": 1_775_044_800, "high": 0}});
    assert_eq!(time(SendType::Evolution, parts), at);
    let text = json!({"data": {"Id": ID, "Timestamp": "2026-04-01T09:00:00-03:00"}});
    assert_eq!(time(SendType::Wuzapi, text), at);
    let none = json!({"data": {"Id": ID, "Timestamp": "soon"}});
    assert_eq!(time(SendType::Wuzapi, none), None);
}

#[test]
fn an_answer_that_was_cut_off_says_what_it_said_until_then() {
    let key = ApiKey::parse("s3cret-key").unwrap();
    let body = format!(r#"{{"key":{{"id":"{ID}","fromMe":true}},"message":{{"base64":"AAAA"#);
    let sent = read_answer(
        SendType::Evolution,
        Some(&key),
        StatusCode::CREATED,
        body.as_bytes(),
    );
    assert_eq!(sent.unwrap().id, ID);
}

#[test]
fn success_without_a_name_is_unreadable_and_not_tried_again() {
    let bodies: [&[u8]; 5] = [
        b"",
        b"<html>",
        b"{}",
        b"[]",
        br#"{"key":{"id":""},"id":"","data":{}}"#,
    ];
    for type_ in ALL {
        for body in bodies {
            let error = read_answer(type_, None, StatusCode::OK, body).unwrap_err();
            assert_eq!(
                (error.code, error.transient),
                ("gateway_answer_unreadable", false)
            );
        }
    }
}

#[test]
fn wahas_errors_are_told_apart() {
    let waha = |status, body| failed(SendType::Waha, status, &body);
    let rows = [
        (
            401,
            json!({"message": "Unauthorized", "statusCode": 401}),
            "gateway_unauthorized",
            true,
        ),
        (
            403,
            json!({"message": "Forbidden resource"}),
            "gateway_unauthorized",
            true,
        ),
        (
            404,
            json!({"statusCode": 404, "message": "We didn't find a session with name 'x'.", "error": "Not Found"}),
            "gateway_session_not_found",
            true,
        ),
        (
            422,
            json!({"error": "Session \"x\" does not exist", "session": "x"}),
            "gateway_session_not_found",
            true,
        ),
        (
            404,
            json!({"message": "Cannot POST /api/sendSticker"}),
            "gateway_refused",
            false,
        ),
        (
            422,
            json!({"error": "Session status is not as expected. Try again later", "session": "x",
                   "status": "SCAN_QR_CODE", "expected": ["WORKING"]}),
            "gateway_not_connected",
            true,
        ),
        (
            500,
            json!({"statusCode": 500, "exception": {"message": "2 UNKNOWN: websocket not connected"}}),
            "gateway_not_connected",
            true,
        ),
        (
            500,
            json!({"exception": {"details": "no LID found for 1@s.whatsapp.net from server"}}),
            "recipient_not_found",
            false,
        ),
        (
            422,
            json!({"message": "available only in Plus version"}),
            "gateway_refused",
            false,
        ),
        (
            400,
            json!({"message": ["chatId must be a string"]}),
            "gateway_refused",
            false,
        ),
        (
            413,
            json!({"exception": {"message": "request entity too large"}}),
            "gateway_refused",
            false,
        ),
        (
            500,
            json!({"exception": {"message": "oops"}}),
            "gateway_unavailable",
            true,
        ),
    ];
    for (status, body, code, transient) in rows {
        assert_eq!(
            waha(status, body.clone()),
            (code, transient),
            "{status} {body}"
        );
    }
}

#[test]
fn evolutions_errors_are_told_apart() {
    let of = |status: u16, message: Value| json!({"status": status, "error": "x", "response": {"message": message}});
    let rows = [
        (401, json!("Unauthorized"), "gateway_unauthorized", true),
        (
            404,
            json!(["The \"x\" instance does not exist"]),
            "gateway_session_not_found",
            true,
        ),
        (
            404,
            json!(["Cannot POST /message/sendPigeon/x"]),
            "gateway_refused",
            false,
        ),
        (
            400,
            json!([{"jid": "1@s.whatsapp.net", "exists": false, "number": "1"}]),
            "recipient_not_found",
            false,
        ),
        (
            400,
            json!(["Error: Connection Closed"]),
            "gateway_not_connected",
            true,
        ),
        (
            500,
            json!("Connection Closed"),
            "gateway_not_connected",
            true,
        ),
        (
            500,
            json!("Cannot read properties of undefined (reading 'mediaMessage')"),
            "gateway_not_connected",
            true,
        ),
        (
            400,
            json!(["Error: Timed Out"]),
            "gateway_unavailable",
            true,
        ),
        (
            400,
            json!([["requires property \"number\""]]),
            "gateway_refused",
            false,
        ),
        (
            400,
            json!(["Owned media must be a url or base64"]),
            "gateway_refused",
            false,
        ),
        (500, json!(["Error: sharp"]), "gateway_unavailable", true),
    ];
    for (status, message, code, transient) in rows {
        let found = failed(SendType::Evolution, status, &of(status, message.clone()));
        assert_eq!(found, (code, transient), "{status} {message}");
    }
}

#[test]
fn wuzapis_errors_are_told_apart() {
    let rows = [
        (401, "unauthorized", "gateway_unauthorized", true),
        (500, "no session", "gateway_not_connected", true),
        (500, "No session", "gateway_not_connected", true),
        (
            500,
            "failed to upload file: websocket not connected",
            "gateway_not_connected",
            true,
        ),
        (
            500,
            "error sending message: the store doesn't contain a device JID",
            "gateway_not_connected",
            true,
        ),
        (
            500,
            "error sending message: no LID found for 1@s.whatsapp.net from server",
            "recipient_not_found",
            false,
        ),
        (
            500,
            "could not decode image for thumbnail preparation: image: unknown format",
            "gateway_refused",
            false,
        ),
        (400, "could not parse Phone", "gateway_refused", false),
        (
            500,
            "error sending message: server returned error 479",
            "gateway_unavailable",
            true,
        ),
    ];
    for (status, error, code, transient) in rows {
        let body = json!({"code": status, "error": error, "success": false});
        assert_eq!(
            failed(SendType::Wuzapi, status, &body),
            (code, transient),
            "{error}"
        );
    }
}

#[test]
fn what_is_in_front_of_a_gateway_is_told_by_its_status() {
    for type_ in ALL {
        let by = |status| {
            let status = StatusCode::from_u16(status).unwrap();
            read_answer(type_, None, status, b"<html>go away</html>").unwrap_err()
        };
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(
                (by(status).code, by(status).transient),
                ("gateway_unavailable", true)
            );
        }
        for status in [301, 404, 405, 415] {
            assert_eq!(
                (by(status).code, by(status).transient),
                ("gateway_refused", false)
            );
        }
        assert_eq!(
            by(413).message,
            "the gateway refuses the message (status 413)"
        );
    }
}

#[test]
fn an_excerpt_is_short_printable_and_without_key_or_file() {
    let file = STANDARD.encode([9; 90]);
    let says = format!(
        "bad\tfile\n data:image/png;base64,{file}\" for s3cret-key. {}",
        "no ".repeat(200)
    );
    let error = read(SendType::Wuzapi, 400, &json!({"error": says})).unwrap_err();
    let wanted =
        "the gateway refuses the message (status 400): bad file data:image/png;base64,…\" for ….";
    assert!(error.message.starts_with(wanted), "{}", error.message);
    assert!(error.message.ends_with('…'));
    assert!(error.message.chars().count() <= 300);
    assert!(!error.message.contains("s3cret-key"));
}

#[test]
fn a_request_that_a_gateway_repeats_is_not_repeated() {
    let body = json!({"statusCode": 500, "exception": {"message": "oops"}, "request": {"body": {"text": "private"}}});
    let error = read(SendType::Waha, 500, &body).unwrap_err();
    assert_eq!(
        error.message,
        "the gateway can't send right now (status 500): oops"
    );
}
