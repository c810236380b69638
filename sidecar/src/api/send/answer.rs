//! Waits until a message was sent or was not, and says so.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

use super::{
    super::{Data, error::ApiError, persist::Command},
    schema::SentMessage,
};
use crate::{
    clock,
    session::Session,
    store::{Progress, SendError},
};

/// How long a message may wait behind others of its chat while its caller waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// 202: an event tells what becomes of it.
pub(super) fn accepted(correlation_id: &str) -> Response {
    let data = Command::new(correlation_id.to_owned());
    let mut response = (StatusCode::ACCEPTED, Json(Data { data })).into_response();
    response.headers_mut().insert(
        "preference-applied",
        HeaderValue::from_static("respond-async"),
    );
    response
}

/// Waits for the end of message `id`. One whose turn does not come in time is taken back.
pub(super) async fn wait(session: &Session, id: &str) -> Result<Response, ApiError> {
    let mut changes = session.outgoings().changes();
    let late = async {
        tokio::select! {
            () = tokio::time::sleep(PATIENCE) => {}
            () = session.stopping().cancelled() => {}
        }
    };
    tokio::pin!(late);
    let mut may_wait = true;
    loop {
        match session.store().send_progress(id).await? {
            Some(Progress::Open) => {}
            Some(Progress::Sent { chat, sent }) => {
                let data = SentMessage::of(&chat, sent);
                return Ok(Data { data }.into_response());
            }
            Some(Progress::Failed(error)) => return Err(error.into()),
            None => return Err(taken_back().into()),
        }
        tokio::select! {
            change = changes.changed() => if change.is_err() { return Err(taken_back().into()) },
            () = &mut late, if may_wait => {
                withdraw(session, id).await?;
                may_wait = false;
            }
        }
    }
}

/// Takes a message back that is still queued; one that is on its way ends by itself.
async fn withdraw(session: &Session, id: &str) -> Result<(), ApiError> {
    let store = session.store();
    if store.withdraw_send(id, taken_back(), clock::now()).await? {
        session.drop_spooled(id).await;
    }
    Ok(())
}

fn taken_back() -> SendError {
    SendError {
        code: "chat_busy".to_owned(),
        message: "other messages of this chat are still to be sent; this one was not sent"
            .to_owned(),
        retryable: true,
    }
}
