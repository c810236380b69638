//! What the phone offers of the chats' history once the device is linked: notifications that name a file or have it in
//! them. None is opened here.

use wacore::types::events::InboundMessage;
use wacore_binary::{Node, builder::NodeBuilder};
use waproto::whatsapp::message::HistorySyncNotification;
use whatsapp_rust::Client;

use super::shared::NotConnected;

/// The notification that a message is. Only the account's own phone has any say in its history.
pub(crate) fn notification(inbound: &InboundMessage) -> Option<&HistorySyncNotification> {
    let source = &inbound.info.source;
    if !source.is_from_me || source.sender.device != 0 {
        return None;
    }
    let protocol = inbound.message.protocol_message.as_option()?;
    protocol.history_sync_notification.as_option()
}

/// Tells the phone that it need not offer this again.
pub(crate) async fn taken(client: &Client, id: &str) -> anyhow::Result<()> {
    client.send_node(receipt(client, id)?).await?;
    Ok(())
}

fn receipt(client: &Client, id: &str) -> Result<Node, NotConnected> {
    let device = client.persistence_manager().get_device_snapshot();
    let own = device.pn.as_ref().ok_or(NotConnected)?;
    Ok(NodeBuilder::new("receipt")
        .attr("id", id)
        .attr("type", "hist_sync")
        .attr("to", own.to_non_ad())
        .build())
}
