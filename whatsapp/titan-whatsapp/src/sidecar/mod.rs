//! What is called: the sidecar, at its socket.

mod events;
mod history;
mod http;
mod messages;

pub(crate) use events::{Event, Events, MediaRetryResult};
pub(crate) use http::Sidecar;
pub(crate) use messages::Delivery;
