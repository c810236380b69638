//! What a caller may ask to be sent wrongly, at both routes: refused whole, with the place.

use serde_json::{Value, json};
use titan_tests::stage::{Plan, SESSION, TENANT};

use super::table::ROWS;
use super::{Scene, refused};

const CHAT: &str = "4915112345678@s.whatsapp.net";

/// A PNG's beginning.
const IMAGE: &str = "iVBORw0KGgoAAAANSUhEUg==";

/// Headers and a body, and what is said of it.
struct Case {
    name: &'static str,
    header: (&'static str, &'static str),
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    pointer: Option<&'static str>,
}

fn raw(name: &'static str, body: impl Into<Vec<u8>>, code: &'static str) -> Case {
    Case {
        name,
        header: ("content-type", "application/json"),
        body: body.into(),
        status: 400,
        code,
        pointer: None,
    }
}

/// A message that is right but for `change`, of which `null` takes a member away.
fn case(
    name: &'static str,
    mut message: Value,
    change: Value,
    code: &'static str,
    pointer: &'static str,
) -> Case {
    let members = message.as_object_mut().unwrap();
    let Value::Object(change) = change else {
        panic!("{name}: {change}");
    };
    members.extend(change);
    members.retain(|_, value| !value.is_null());
    Case {
        pointer: Some(pointer),
        ..raw(name, message.to_string(), code)
    }
}

fn text() -> Value {
    json!({"chatId": CHAT, "type": "text", "text": "hello @4915187654321"})
}

fn image() -> Value {
    json!({"chatId": CHAT, "type": "image", "base64": IMAGE})
}

fn malformed() -> Vec<Case> {
    let nested = format!(
        "{{\"quotedMessage\":{}1{}}}",
        "{\"a\":".repeat(50_000),
        "}".repeat(50_000)
    );
    let spaces = [b"{".to_vec(), vec![b' '; 2 << 20], b"}".to_vec()].concat();
    vec![
        raw("nothing", "", "malformed_json"),
        raw("half of it", "{\"chatId\":", "malformed_json"),
        raw("half a file", "{\"base64\":\"AAAA", "malformed_json"),
        raw("no JSON", "chatId", "malformed_json"),
        raw(
            "no UTF-8",
            b"{\"text\": \"\xff\"}".to_vec(),
            "malformed_json",
        ),
        raw(
            "no UTF-8 in a file",
            b"{\"base64\": \"\xff\"}".to_vec(),
            "malformed_json",
        ),
        raw(
            "two documents",
            format!("{} {{}}", text()),
            "malformed_json",
        ),
        raw("a list", "[]", "invalid_field"),
        raw(
            "no type",
            json!({"chatId": CHAT}).to_string(),
            "missing_field",
        ),
        raw(
            "no file",
            json!({"chatId": CHAT, "type": "image"}).to_string(),
            "missing_field",
        ),
        raw("a depth bomb", nested, "unknown_field"),
        Case {
            status: 413,
            ..raw("2 MiB of white space", spaces, "too_large")
        },
        Case {
            status: 415,
            header: ("content-type", "multipart/form-data; boundary=x"),
            ..raw("a form", "--x--\r\n", "unsupported_media_type")
        },
    ]
}

fn wrong_texts() -> Vec<Case> {
    let case = |name, change, code, pointer| case(name, text(), change, code, pointer);
    let invalid = |name, change, pointer| case(name, change, "invalid_field", pointer);
    vec![
        case(
            "no chat",
            json!({"chatId": null}),
            "missing_field",
            "/chatId",
        ),
        case("no text", json!({"text": null}), "missing_field", "/text"),
        case(
            "a poll",
            json!({"type": "poll"}),
            "unsupported_type",
            "/type",
        ),
        case(
            "a field of nobody",
            json!({"a/b~c": 1}),
            "unknown_field",
            "/a~1b~0c",
        ),
        case(
            "a quoted field of nobody",
            json!({"quotedMessage": {"id": "3EB0", "text": "x"}}),
            "unknown_field",
            "/quotedMessage/text",
        ),
        case(
            "a quotation of nothing",
            json!({"quotedMessage": {"fromMe": true}}),
            "missing_field",
            "/quotedMessage/id",
        ),
        case(
            "a forwarded one",
            json!({"isForwarded": true}),
            "unsupported",
            "/isForwarded",
        ),
        invalid("another session", json!({"session": "../x"}), "/session"),
        invalid(
            "a number for a chat",
            json!({"chatId": 4_915_112_345_678_u64}),
            "/chatId",
        ),
        invalid(
            "a chat of nobody",
            json!({"chatId": "4915112345678"}),
            "/chatId",
        ),
        invalid(
            "a chat in SQL",
            json!({"chatId": "' OR 1=1--@s.whatsapp.net"}),
            "/chatId",
        ),
        invalid("an unknown type", json!({"type": "Text"}), "/type"),
        invalid("an empty text", json!({"text": ""}), "/text"),
        invalid("a text of no words", json!({"text": ["hello"]}), "/text"),
        invalid("a long text", json!({"text": "x".repeat(65_537)}), "/text"),
        invalid(
            "a preview of yes",
            json!({"linkPreview": "yes"}),
            "/linkPreview",
        ),
        invalid("a caption of a text", json!({"caption": "x"}), "/caption"),
        invalid(
            "a link beside a text",
            json!({"url": "https://acme.example/"}),
            "/url",
        ),
        invalid("a file beside a text", json!({"base64": IMAGE}), "/base64"),
        invalid("one mention", json!({"mentions": CHAT}), "/mentions"),
        invalid(
            "a mentioned group",
            json!({"mentions": ["1@g.us"]}),
            "/mentions/0",
        ),
        invalid(
            "a mention that the text has not",
            json!({"mentions": ["4915187654321@s.whatsapp.net", CHAT]}),
            "/mentions/1",
        ),
        invalid(
            "a quotation of spaces",
            json!({"quotedMessage": {"id": "a b"}}),
            "/quotedMessage/id",
        ),
        invalid(
            "a quoted group",
            json!({"quotedMessage": {"id": "3EB0", "participant": "1@g.us"}}),
            "/quotedMessage/participant",
        ),
    ]
}

fn wrong_files() -> Vec<Case> {
    let invalid = |name, change, pointer| case(name, image(), change, "invalid_field", pointer);
    let file = json!({"type": "file"});
    vec![
        case("no name", image(), file, "missing_field", "/filename"),
        invalid("no base64", json!({"base64": "not base64!"}), "/base64"),
        invalid("a number", json!({"base64": 1}), "/base64"),
        invalid("no bytes", json!({"base64": ""}), "/base64"),
        invalid(
            "a plain data URL",
            json!({"base64": "data:text/plain,x"}),
            "/base64",
        ),
        invalid("an empty link", json!({"base64": null, "url": ""}), "/url"),
        invalid(
            "no link",
            json!({"base64": null, "url": "acme.example/x"}),
            "/url",
        ),
        invalid(
            "a long link",
            json!({"url": "x".repeat(2049), "base64": null}),
            "/url",
        ),
        invalid(
            "a path",
            json!({"filename": "../../etc/passwd"}),
            "/filename",
        ),
        invalid("a name of nothing", json!({"filename": " "}), "/filename"),
        invalid(
            "a name turned around",
            json!({"filename": "a\u{202e}gpj.exe"}),
            "/filename",
        ),
        invalid(
            "a long name",
            json!({"filename": "x".repeat(256)}),
            "/filename",
        ),
        invalid(
            "a long caption",
            json!({"caption": "x".repeat(4097)}),
            "/caption",
        ),
        invalid("an image that talks", json!({"ptt": true}), "/ptt"),
        invalid("a text beside a file", json!({"text": "x"}), "/text"),
        Case {
            status: 415,
            pointer: None,
            ..case(
                "no video",
                image(),
                json!({"type": "video"}),
                "unsupported_media_type",
                "",
            )
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_to_send_is_refused_whole_at_both_routes() {
    let scene = Scene::up(Plan::usual().await).await;
    let before = scene.state().await;
    for row in ROWS.iter().filter(|row| row.sends()) {
        let path = scene.path(row);
        let all = [malformed(), wrong_texts(), wrong_files()];
        for case in all.into_iter().flatten() {
            // Under one key: what was refused has taken none.
            let headers = [case.header, ("idempotency-key", "refused")];
            let api = &scene.stage.api;
            let reply = api.call("POST", &path, &headers, &case.body).await;
            refused(row, &reply, case.status, case.code, case.name);
            let json = reply.json();
            if let Some(pointer) = case.pointer {
                assert_eq!(json["pointer"], pointer, "{}: {json}", case.name);
            }
        }
    }
    assert_eq!(scene.state().await, before);
    let data = scene.stage.sidecar.launch().data();
    let spool = data.join(TENANT).join(SESSION).join("spool");
    assert_eq!(std::fs::read_dir(spool).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_twice_and_two_files_are_refused() {
    let scene = Scene::up(Plan::usual().await).await;
    let before = scene.state().await;
    for row in ROWS.iter().filter(|row| row.sends()) {
        for (body, code, pointer) in [
            (
                "{\"text\":\"a\",\"text\":\"b\"}",
                "duplicate_field",
                "/text",
            ),
            ("{\"text\":null,\"text\":\"b\"}", "duplicate_field", "/text"),
            (
                "{\"base64\":\"AAAA\",\"base64\":\"AAAA\"}",
                "duplicate_field",
                "/base64",
            ),
            (
                "{\"base64\":\"AAAA\",\"url\":\"https://a.example\"}",
                "invalid_field",
                "/url",
            ),
            (
                "{\"url\":\"https://a.example\",\"base64\":\"AAAA\"}",
                "invalid_field",
                "/base64",
            ),
        ] {
            let headers = [("content-type", "application/json")];
            let api = &scene.stage.api;
            let reply = api.call("POST", &scene.path(row), &headers, body).await;
            refused(row, &reply, 400, code, body);
            assert_eq!(reply.json()["pointer"], pointer, "{body}");
        }
    }
    assert_eq!(scene.state().await, before);
}
