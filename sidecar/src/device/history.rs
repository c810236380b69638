//! What the phone offers of the chats' history: queued, and read later.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};

use crate::{clock, history::Offer, session::Session};

/// `POST /history`: the phone is told that it was taken only after the answer here is 2xx, and that is after
/// the commit.
pub(super) async fn take(
    State(session): State<Arc<Session>>,
    Json(offer): Json<Offer>,
) -> StatusCode {
    let wanted = session
        .device()
        .is_some_and(|device| device.config().history);
    let notification = match offer.chats() {
        Ok(Some(notification)) if wanted => notification,
        Ok(_) => return StatusCode::NO_CONTENT,
        Err(error) => {
            // Refused, it would come again for ever and hold up all that follow.
            tracing::error!(session = %session.key(), id = %offer.id, %error, "history can't be read");
            return StatusCode::NO_CONTENT;
        }
    };
    let kept = session
        .store()
        .keep_history(offer.id, notification, clock::now());
    match kept.await {
        Ok(()) => {
            session.history_bell().notify_one();
            StatusCode::NO_CONTENT
        }
        Err(error) => {
            tracing::warn!(session = %session.key(), %error, "history waits");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
