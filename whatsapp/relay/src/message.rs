//! Messages and receipts on their way.

use std::collections::BTreeMap;

use wacore_binary::{Jid, JidExt as _, Node, builder::NodeBuilder};

use crate::{
    stanza::{self, attr, jid},
    state::{Address, Known},
};

/// Sends a message's parts to the devices that they are for, and tells the sender that the server has it.
pub(crate) fn relay(known: &mut Known, me: &Address, message: &Node) -> Vec<Node> {
    let to = jid(message, "to").filter(Jid::is_group);
    let whole = to
        .as_ref()
        .and_then(|_| message.get_optional_child("enc"))
        .filter(|_| attr(message, "participant").is_none());
    let mut parts = parts(known, message);
    if let (Some(group), Some(whole)) = (&to, whole) {
        for address in known
            .members(group)
            .into_iter()
            .filter(|address| address != me)
        {
            parts.entry(address).or_default().push(whole.clone());
        }
    }
    let peer = attr(message, "category").as_deref() == Some("peer");
    for (address, parts) in parts {
        if peer
            && address.device == 0
            && let Some(account) = known.accounts.get_mut(&address.phone)
        {
            account.asked += 1;
        }
        let copy = copy(me, &address, message, parts);
        // The phone's own copy goes nowhere.
        if let Some(device) = known.device(&address) {
            device.deliver(copy);
        }
    }
    vec![stanza::ack(message)]
}

/// Which device gets what alone: every `<to>` its part, or the one that a repeat is for.
fn parts(known: &mut Known, message: &Node) -> BTreeMap<Address, Vec<Node>> {
    let repeated = jid(message, "participant")
        .or_else(|| jid(message, "to"))
        .filter(|to| !to.is_group());
    let alone = message
        .get_optional_child("enc")
        .and_then(|part| Some((repeated?, vec![part.clone()])));
    let listed = message
        .get_optional_child("participants")
        .into_iter()
        .flat_map(|list| list.get_children_by_tag("to"));
    let listed = listed.filter_map(|to| Some((jid(to, "jid")?, to.children()?.to_vec())));
    listed
        .chain(alone)
        .filter_map(|(to, parts)| {
            let (phone, _) = known.account(&to)?;
            Some((
                Address {
                    phone,
                    device: to.device,
                },
                parts,
            ))
        })
        .collect()
}

/// A message of a newsletter, which everybody may read.
pub(crate) fn published(newsletter: &str, id: &str, message: Vec<u8>) -> Node {
    NodeBuilder::new("message")
        .attr("from", Jid::newsletter(newsletter))
        .attr("id", id)
        .attr("type", "text")
        .attr("t", stanza::now())
        .children([NodeBuilder::new("plaintext").bytes(message).build()])
        .build()
}

fn copy(me: &Address, to: &Address, message: &Node, mut parts: Vec<Node>) -> Node {
    parts.extend(message.get_optional_child("device-identity").cloned());
    let mut copy = NodeBuilder::new("message")
        .attr("id", attr(message, "id").unwrap_or_default())
        .attr("type", attr(message, "type").unwrap_or_default())
        .attr("notify", format!("Sender {}", me.phone))
        .attr("t", stanza::now());
    copy = match jid(message, "to") {
        Some(group) if group.is_group() => copy
            .attr("from", group)
            .attr("participant", me.jid())
            .attr("addressing_mode", "pn"),
        Some(recipient) if me.phone == to.phone => {
            copy.attr("from", me.jid()).attr("recipient", recipient)
        }
        _ => copy.attr("from", me.jid()),
    };
    copy.children(parts).build()
}

/// A receipt is the device's word that it has the messages, and goes on to who sent them.
pub(crate) fn receipt(known: &mut Known, me: &Address, receipt: &Node) -> Vec<Node> {
    for id in ids(receipt) {
        if let Some(device) = known.device(me) {
            device.acknowledge("message", &id);
        }
    }
    if let Some(to) = jid(receipt, "participant").or_else(|| jid(receipt, "to"))
        && let Some((phone, account)) = known.account(&to)
    {
        let devices: Vec<u16> = account.devices.keys().copied().collect();
        for device in devices
            .into_iter()
            .filter(|device| to.device == 0 || *device == to.device)
        {
            let address = Address {
                phone: phone.clone(),
                device,
            };
            if address != *me
                && let Some(device) = known.device(&address)
            {
                device.deliver(forwarded(me, receipt));
            }
        }
    }
    vec![stanza::ack(receipt)]
}

fn forwarded(me: &Address, receipt: &Node) -> Node {
    let mut forwarded = receipt.clone();
    forwarded
        .attrs
        .0
        .retain(|(name, _)| name != "to" && name != "participant");
    match jid(receipt, "to").filter(Jid::is_group) {
        Some(group) => {
            forwarded.attrs.insert("from", group);
            forwarded.attrs.insert("participant", me.jid());
        }
        None => forwarded.attrs.insert("from", me.jid()),
    }
    forwarded.attrs.insert("t", stanza::now());
    forwarded
}

/// Takes an acknowledged stanza from what waits.
pub(crate) fn acknowledged(known: &mut Known, me: &Address, ack: &Node) {
    let class = attr(ack, "class").unwrap_or_default();
    if let Some(device) = known.device(me) {
        for id in ids(ack) {
            device.acknowledge(&class, &id);
        }
    }
}

/// One receipt can be for many messages.
fn ids(node: &Node) -> Vec<String> {
    let listed = node
        .get_optional_child("list")
        .into_iter()
        .flat_map(|list| list.get_children_by_tag("item"));
    listed
        .filter_map(|item| attr(item, "id"))
        .chain(attr(node, "id"))
        .collect()
}
