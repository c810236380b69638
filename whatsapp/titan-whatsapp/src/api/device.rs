//! The device itself.

use axum::{Json, extract::State};

use super::Shared;
use crate::device::{Command, StatusView};

/// `GET /status`.
pub(super) async fn status(State(device): State<Shared>) -> Json<StatusView> {
    Json(device.view())
}

/// `POST /start`: connects a device that is stopped, and one that waits at once.
pub(super) async fn start(State(device): State<Shared>) -> Json<StatusView> {
    device.command(Command::Start).await;
    Json(device.view())
}

/// `POST /stop`: disconnects the device until it is started.
pub(super) async fn stop(State(device): State<Shared>) -> Json<StatusView> {
    device.command(Command::Stop).await;
    Json(device.view())
}

/// `POST /logout`: unlinks the device and deletes its keys.
pub(super) async fn logout(State(device): State<Shared>) -> Json<StatusView> {
    device.command(Command::Logout).await;
    Json(device.view())
}
