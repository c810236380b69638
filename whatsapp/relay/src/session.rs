//! A connection of a linked device.

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::mpsc;
use wacore_binary::{Jid, Node, builder::NodeBuilder};
use waproto::whatsapp::ClientPayload;

use crate::{
    device::Told,
    iq, message, retry, stanza,
    state::{Address, Ended, State},
    wire::Wire,
};

/// Serves the connection until it ends.
pub(crate) async fn serve(
    mut wire: Wire,
    state: &Arc<State>,
    payload: &ClientPayload,
) -> Result<()> {
    let address = Address {
        phone: payload.username.unwrap_or_default().to_string(),
        device: u16::try_from(payload.device.unwrap_or_default())?,
    };
    let admitted = state.with(|known| {
        known.attempts += 1;
        if let Some(reason) = known.refused.get(&address.phone) {
            return Err(*reason);
        }
        known.link(&address).ok_or(Ended::Unlinked)
    });
    let (number, told) = match admitted {
        Ok(link) => link,
        Err(reason) => {
            if let Some(refusal) = reason.refusal() {
                wire.send(&refusal).await?;
            }
            wire.close().await;
            return Ok(());
        }
    };
    wire.send(&success(state, &address)).await?;
    let served = converse(&mut wire, state, &address, told).await;
    state.with(|known| known.unlink(&address, number));
    wire.close().await;
    served
}

fn success(state: &State, address: &Address) -> Node {
    let lid = state.with(|known| {
        known
            .accounts
            .get(&address.phone)
            .map(|account| account.lid.clone())
    });
    NodeBuilder::new("success")
        .attr("t", stanza::now())
        .attr(
            "lid",
            Jid::lid_device(lid.unwrap_or_default(), address.device),
        )
        .build()
}

async fn converse(
    wire: &mut Wire,
    state: &State,
    me: &Address,
    mut told: mpsc::UnboundedReceiver<Told>,
) -> Result<()> {
    loop {
        tokio::select! {
            received = wire.receive() => {
                let Some(node) = received? else { return Ok(()) };
                for answer in answer(state, me, &node) {
                    wire.send(&answer).await?;
                }
            }
            told = told.recv() => match told {
                Some(Told::Stanza(node)) => wire.send(&node).await?,
                Some(Told::End(farewell)) => {
                    if let Some(farewell) = farewell {
                        wire.send(&farewell).await?;
                    }
                    return Ok(());
                }
                None => return Ok(()),
            },
        }
    }
}

fn answer(state: &State, me: &Address, node: &Node) -> Vec<Node> {
    match node.tag.as_ref() {
        "iq" => state.with(|known| iq::answer(known, me, node)),
        "message" => state.with(|known| message::relay(known, me, node)),
        "receipt" if stanza::attr(node, "type").as_deref() == Some("server-error") => {
            state.with(|known| retry::asked(known, me, node))
        }
        "receipt" if stanza::attr(node, "type").as_deref() == Some("hist_sync") => {
            let id = stanza::attr(node, "id").unwrap_or_default();
            state.with(|known| known.history.insert(id));
            vec![stanza::ack(node)]
        }
        "receipt" => state.with(|known| message::receipt(known, me, node)),
        "presence" => {
            if let Some(kind) = stanza::attr(node, "type") {
                state.with(|known| known.device(me).map(|device| device.presence = Some(kind)));
            }
            Vec::new()
        }
        "ack" => {
            state.with(|known| message::acknowledged(known, me, node));
            Vec::new()
        }
        _ => Vec::new(),
    }
}
