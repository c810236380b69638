//! What phones do, what becomes of their devices, and what the server knows of them.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Refusal, Shared};
use crate::Ended;

/// A phone and the code that a device showed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    phone: String,
    code: String,
}

/// `POST /scan`.
pub(super) async fn scan(
    State(stage): State<Shared>,
    request: Result<Json<Code>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Code { phone, code }) = request?;
    let scanned = stage.relay.scan(&phone, &code);
    scanned.map_err(|error| Refusal::invalid(error.to_string()))?;
    Ok(done())
}

/// `POST /type`.
pub(super) async fn type_in(
    State(stage): State<Shared>,
    request: Result<Json<Code>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Code { phone, code }) = request?;
    let typed = stage.relay.type_in(&phone, &code);
    typed.map_err(|error| Refusal::invalid(error.to_string()))?;
    Ok(done())
}

/// How many codes devices may show one after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Codes {
    codes: usize,
}

/// `POST /codes`.
pub(super) async fn codes(
    State(stage): State<Shared>,
    request: Result<Json<Codes>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Codes { codes }) = request?;
    stage.relay.codes(codes);
    Ok(done())
}

/// A group.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    name: String,
    phones: Vec<String>,
}

/// `POST /groups`.
pub(super) async fn group(
    State(stage): State<Shared>,
    request: Result<Json<Group>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Group { name, phones }) = request?;
    let phones: Vec<&str> = phones.iter().map(String::as_str).collect();
    stage.relay.group(&name, &phones);
    Ok(Json(json!({ "jid": format!("{name}@g.us") })))
}

/// An account whose devices' connections end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    phone: String,
    reason: Ended,
}

/// `POST /end`.
pub(super) async fn end(
    State(stage): State<Shared>,
    request: Result<Json<End>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(End { phone, reason }) = request?;
    stage.relay.end(&phone, reason);
    Ok(done())
}

/// An account whose logins are refused, or no longer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refuse {
    phone: String,
    reason: Option<Ended>,
}

/// `POST /refuse`.
pub(super) async fn refuse(
    State(stage): State<Shared>,
    request: Result<Json<Refuse>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Refuse { phone, reason }) = request?;
    stage.relay.refuse(&phone, reason);
    Ok(done())
}

/// What the server knows of an account's newest device.
#[derive(Serialize)]
pub(super) struct Phone {
    linked: bool,
    /// Others can write to it, and it gets it at once.
    listening: bool,
    logins: usize,
    /// Logins while another connection of it was open.
    replaced: usize,
    /// Ids of the messages that it has yet to acknowledge.
    waiting: Vec<String>,
}

/// `GET /phones/{phone}`.
pub(super) async fn phone(State(stage): State<Shared>, Path(phone): Path<String>) -> Json<Phone> {
    Json(Phone {
        linked: stage.relay.linked(&phone),
        listening: stage.relay.listens(&phone),
        logins: stage.relay.logins(&phone),
        replaced: stage.relay.replaced(&phone),
        waiting: stage.relay.waiting(&phone),
    })
}

/// `GET /attempts`.
pub(super) async fn attempts(State(stage): State<Shared>) -> Json<Value> {
    Json(json!({ "attempts": stage.relay.attempts() }))
}

/// There is nothing to say but that it is so.
pub(super) fn done() -> Json<Value> {
    Json(json!({}))
}
