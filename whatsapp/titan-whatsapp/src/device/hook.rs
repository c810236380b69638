//! Between a message and its acknowledgement: WhatsApp is told only once the sidecar has it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use wacore::types::events::InboundMessage;
use whatsapp_rust::{Client, InboundDurabilityHook};

use super::history;
use crate::sidecar::Delivery;

/// The hook. The library keeps what was not acknowledged in its own store too, because it can decrypt a message only once.
pub(crate) struct Hook {
    pub(crate) delivery: Delivery,
    /// The client is about to end: what is not delivered by then comes again.
    pub(crate) ended: CancellationToken,
    /// Whether the sidecar wants to hear of history.
    pub(crate) history: bool,
}

impl Hook {
    async fn hand_over(&self, client: &Client, batch: &[InboundMessage]) -> anyhow::Result<()> {
        self.delivery.deliver(batch).await?;
        for message in batch {
            let Some(notification) = history::notification(message) else {
                continue;
            };
            if self.history {
                self.delivery
                    .history(&message.info.id, notification)
                    .await?;
            }
            history::taken(client, &message.info.id).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl InboundDurabilityHook for Hook {
    async fn on_messages(
        &self,
        client: Arc<Client>,
        batch: &[InboundMessage],
    ) -> anyhow::Result<()> {
        match self
            .ended
            .run_until_cancelled(self.hand_over(&client, batch))
            .await
        {
            Some(handed_over) => handed_over,
            None => anyhow::bail!("stopped before the sidecar had the messages"),
        }
    }
}
