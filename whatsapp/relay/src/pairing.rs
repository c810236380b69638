//! A connection of a device that nobody has linked yet: shows codes until a phone scans one.

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use wacore_binary::{Node, builder::NodeBuilder};

use crate::{
    account::{Account, Scanned},
    device::Device,
    iq, stanza,
    state::{Address, State},
    wire::Wire,
};

/// Codes that a device may show one after the other.
const CODES: usize = 6;

/// Serves the connection until the device is linked or gone.
pub(crate) async fn serve(mut wire: Wire, state: &State) -> Result<()> {
    let (phone, mut phones) = mpsc::unbounded_channel();
    let references = references(state, &phone);
    wire.send(&invitation(&references)).await?;
    let served = converse(&mut wire, state, &mut phones).await;
    state.with(|known| {
        known
            .showing
            .retain(|reference, _| !references.contains(reference));
    });
    served?;
    wire.close().await;
    Ok(())
}

fn references(state: &State, phone: &mpsc::UnboundedSender<(String, Scanned)>) -> Vec<String> {
    state.with(|known| {
        known.connections += 1;
        let references: Vec<String> = (0..CODES)
            .map(|code| format!("2@{}-{code}", known.connections))
            .collect();
        known.showing.extend(
            references
                .iter()
                .map(|reference| (reference.clone(), phone.clone())),
        );
        references
    })
}

fn invitation(references: &[String]) -> Node {
    let references = references
        .iter()
        .map(|reference| NodeBuilder::new("ref").bytes(reference.as_bytes()).build());
    let device = NodeBuilder::new("pair-device").children(references).build();
    request("pair-device", device)
}

fn request(id: &str, child: Node) -> Node {
    NodeBuilder::new("iq")
        .attr("from", stanza::server())
        .attr("type", "set")
        .attr("xmlns", "md")
        .attr("id", id)
        .children([child])
        .build()
}

async fn converse(
    wire: &mut Wire,
    state: &State,
    phones: &mut mpsc::UnboundedReceiver<(String, Scanned)>,
) -> Result<()> {
    let mut scanned = None;
    loop {
        tokio::select! {
            received = wire.receive() => {
                let Some(node) = received? else { return Ok(()) };
                if let Some((address, scanned)) = scanned.take_if(|_| node.get_optional_child("pair-device-sign").is_some()) {
                    link(state, &address, &scanned, &node).context("an unsigned device")?;
                    return wire.send(&NodeBuilder::new("stream:error").attr("code", "515").build()).await;
                }
                for answer in iq::stranger(&node) {
                    wire.send(&answer).await?;
                }
            }
            Some((phone, code)) = phones.recv() => {
                let (address, success) = success(state, phone, &code);
                wire.send(&success).await?;
                scanned = Some((address, code));
            }
        }
    }
}

/// The phone's word for the device, which it answers with its own signature.
fn success(state: &State, phone: String, scanned: &Scanned) -> (Address, Node) {
    let (device, sealed, lid) = state.with(|known| {
        let account = known
            .accounts
            .entry(phone.clone())
            .or_insert_with(|| Account::new(&phone));
        let (device, sealed) = account.vouch(scanned);
        (device, sealed, account.lid.clone())
    });
    let address = Address { phone, device };
    let parts = [
        NodeBuilder::new("device-identity").bytes(sealed).build(),
        NodeBuilder::new("device")
            .attr("jid", address.jid())
            .attr("lid", wacore_binary::Jid::lid_device(lid, device))
            .build(),
        NodeBuilder::new("platform").attr("name", "android").build(),
    ];
    let success = request(
        "pair-success",
        NodeBuilder::new("pair-success").children(parts).build(),
    );
    (address, success)
}

fn link(state: &State, address: &Address, scanned: &Scanned, answer: &Node) -> Option<()> {
    let signed = stanza::bytes(
        answer.get_optional_child("pair-device-sign")?,
        "device-identity",
    )?;
    state.with(|known| {
        let device = Device::new(u32::from(address.device), scanned.identity.clone(), signed);
        known
            .accounts
            .get_mut(&address.phone)?
            .devices
            .insert(address.device, device);
        Some(())
    })
}
