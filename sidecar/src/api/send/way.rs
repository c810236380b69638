//! Where a session's messages go, and what can't go there.

use std::sync::Arc;

use axum::http::StatusCode;

use super::super::error::ApiError;
use crate::{
    config::{Sending, SessionConfig},
    send::{
        GatewayTarget,
        deliver::{self, NOT_CONFIGURED},
        device,
        gateway::{self, Unsupported},
    },
    store::NewSend,
};

/// Where a session's messages go.
pub(super) enum Way {
    /// To its gateway.
    Gateway(Arc<GatewayTarget>),
    /// To its own linked device.
    Device,
}

// === impl Way ===

impl Way {
    /// The one that the session names.
    ///
    /// # Errors
    ///
    /// 409 where it names none, 503 where that can't be used now.
    pub(super) fn of(config: &SessionConfig) -> Result<Self, ApiError> {
        match &config.sending {
            Sending::Gateway(target) => Ok(Self::Gateway(target.clone())),
            Sending::Device => Ok(Self::Device),
            Sending::Unusable(missing) => Err(deliver::unavailable(missing).into()),
            Sending::NotConfigured => Err(ApiError::new(
                StatusCode::CONFLICT,
                NOT_CONFIGURED,
                "the session names nothing to send through: neither a gateway \
                 (spec.source.gateway.send) nor a linked device (spec.source.whatsapp)",
            )),
        }
    }

    /// Refuses early, before a file is fetched, what [`Self::check`] would.
    pub(super) fn refuse_forwarded(&self, forwarded: bool) -> Result<(), Unsupported> {
        match self {
            Self::Gateway(_) if forwarded => Err(Unsupported {
                pointer: "/isForwarded",
                message: "no gateway's API can mark a message as forwarded".to_owned(),
            }),
            Self::Gateway(_) | Self::Device => Ok(()),
        }
    }

    /// Refuses by its field what can't be sent there as it was asked.
    pub(super) fn check(&self, send: &NewSend) -> Result<(), Unsupported> {
        match self {
            Self::Gateway(target) => gateway::call(
                target.type_,
                &target.session,
                target.key.as_ref(),
                &send.message,
                &send.message_id,
            )
            .map(|_| ()),
            Self::Device => device::check(&send.message),
        }
    }
}
