//! Between a message and its acknowledgement: WhatsApp is told only once the sidecar has it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use wacore::types::events::InboundMessage;
use whatsapp_rust::{Client, InboundDurabilityHook};

use crate::sidecar::Delivery;

/// The hook. The library keeps what was not acknowledged in its own store too, because it can decrypt a message only once.
pub(crate) struct Hook {
    pub(crate) delivery: Delivery,
    /// The client is about to end: what is not delivered by then comes again.
    pub(crate) ended: CancellationToken,
}

#[async_trait]
impl InboundDurabilityHook for Hook {
    async fn on_messages(
        &self,
        _client: Arc<Client>,
        batch: &[InboundMessage],
    ) -> anyhow::Result<()> {
        match self
            .ended
            .run_until_cancelled(self.delivery.deliver(batch))
            .await
        {
            Some(delivered) => Ok(delivered?),
            None => anyhow::bail!("stopped before the sidecar had the messages"),
        }
    }
}
