//! Notifications of history, on their way to the sidecar. The phone is told that they were taken only after that.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Serialize;
use waproto::{buffa::Message as _, whatsapp::message::HistorySyncNotification};

use super::Delivery;

/// Where they go.
const PATH: &str = "/history";

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    /// The protobuf `HistorySyncNotification`, in base64.
    notification: String,
}

impl Delivery {
    /// Tries until the sidecar has it.
    pub(crate) async fn history(
        &self,
        id: &str,
        notification: &HistorySyncNotification,
    ) -> Result<(), serde_json::Error> {
        let body = Body {
            id,
            notification: BASE64_STANDARD.encode(notification.encode_to_vec()),
        };
        self.insist(PATH, Bytes::from(serde_json::to_vec(&body)?), 1)
            .await;
        Ok(())
    }
}
