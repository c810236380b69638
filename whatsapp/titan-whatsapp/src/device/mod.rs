//! The linked device.

mod build;
mod dial;
mod ear;
mod fetch;
mod history;
mod hook;
mod proxy;
mod retries;
mod sending;
mod shared;
mod status;
mod supervisor;
mod transport;
mod verdict;

pub(crate) use retries::{Question, RetryError};
pub(crate) use sending::SendError;
pub(crate) use shared::{Device, NotConnected};
pub(crate) use status::{Code, StatusView};
pub(crate) use supervisor::{Command, Supervisor};
