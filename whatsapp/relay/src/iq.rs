//! Questions and their answers.

use wacore_binary::{Jid, Node, builder::NodeBuilder};

use crate::{
    keys::Bundle,
    stanza::{self, attr, first_child, jid, refusal, result},
    state::{Address, Ended, Known, MediaHosts},
};

/// Answers a device that nobody linked yet.
pub(crate) fn stranger(node: &Node) -> Vec<Node> {
    if node.tag == "iq" && asks(node) {
        vec![result(node, [])]
    } else {
        Vec::new()
    }
}

fn asks(iq: &Node) -> bool {
    matches!(attr(iq, "type").as_deref(), Some("get" | "set"))
}

/// Answers a linked device.
pub(crate) fn answer(known: &mut Known, me: &Address, iq: &Node) -> Vec<Node> {
    if !asks(iq) {
        return Vec::new();
    }
    let child = first_child(iq)
        .map(|child| child.tag.to_string())
        .unwrap_or_default();
    let children = match (
        attr(iq, "xmlns").as_deref().unwrap_or_default(),
        child.as_str(),
    ) {
        ("passive", "active") => return active(known, me, iq),
        ("encrypt", "digest") => return vec![refusal(iq, 503)],
        ("encrypt", "count") => vec![NodeBuilder::new("count").attr("value", "812").build()],
        ("encrypt", "key") => vec![bundles(known, iq)],
        ("encrypt", "registration") => {
            upload(known, me, iq);
            Vec::new()
        }
        ("w:g2", "query") => group(known, iq),
        ("usync", _) => devices(known, iq),
        ("w:m", _) => vec![media_connection(&known.media_hosts)],
        ("w:sync:app:state", _) => nothing_new(iq),
        ("md", "remove-companion-device") => return remove(known, me, iq),
        ("privacy", _) => vec![NodeBuilder::new("privacy").build()],
        ("abt", _) => vec![NodeBuilder::new("props").build()],
        _ => Vec::new(),
    };
    vec![result(iq, children)]
}

/// Everything that waits, between what says how much it is and what says that this was all.
fn active(known: &mut Known, me: &Address, iq: &Node) -> Vec<Node> {
    let waiting = known
        .device(me)
        .map(crate::device::Device::activate)
        .unwrap_or_default();
    let count = waiting.len();
    let messages = waiting
        .iter()
        .filter(|stanza| stanza.tag == "message")
        .count();
    let note = |child| {
        NodeBuilder::new("ib")
            .attr("from", stanza::server())
            .children([child])
            .build()
    };
    let preview = NodeBuilder::new("offline_preview")
        .attr("count", count)
        .attr("message", messages)
        .attr("receipt", count - messages)
        .build();
    let mut answer = vec![result(iq, []), note(preview)];
    answer.extend(waiting);
    answer.push(note(
        NodeBuilder::new("offline").attr("count", count).build(),
    ));
    answer
}

fn bundles(known: &mut Known, iq: &Node) -> Node {
    let users = first_child(iq)
        .into_iter()
        .flat_map(|key| key.get_children_by_tag("user"));
    let users = users
        .filter_map(|user| jid(user, "jid"))
        .map(|jid| bundle(known, &jid))
        .collect::<Vec<_>>();
    NodeBuilder::new("list").children(users).build()
}

fn bundle(known: &mut Known, jid: &Jid) -> Node {
    let given =
        known
            .account(jid)
            .and_then(|(_, account)| match account.devices.get_mut(&jid.device) {
                _ if jid.device == 0 => Some(account.phone_keys.give(jid, None)),
                Some(device) => {
                    let identity = device.signed_identity.clone();
                    Some(device.bundle.as_mut()?.give(jid, Some(&identity)))
                }
                None => None,
            });
    given.unwrap_or_else(|| {
        let error = NodeBuilder::new("error")
            .attr("code", "404")
            .attr("text", "item-not-found")
            .build();
        NodeBuilder::new("user")
            .attr("jid", jid)
            .children([error])
            .build()
    })
}

fn upload(known: &mut Known, me: &Address, iq: &Node) {
    if let Some(bundle) = Bundle::read(iq)
        && let Some(device) = known.device(me)
        && bundle.identity == device.identity
    {
        device.bundle = Some(bundle);
    }
}

/// Lists devices; whatever else is asked of a user has no answer here.
fn devices(known: &mut Known, iq: &Node) -> Vec<Node> {
    let Some(query) = first_child(iq) else {
        return Vec::new();
    };
    let about_devices = query
        .get_optional_child("query")
        .is_some_and(|query| query.get_optional_child("devices").is_some());
    let users = query
        .get_optional_child("list")
        .into_iter()
        .flat_map(|list| list.get_children_by_tag("user"));
    let users = users
        .filter_map(|user| jid(user, "jid"))
        .map(|jid| match known.account(&jid) {
            Some((_, account)) if about_devices => account.listed(&jid),
            _ => NodeBuilder::new("user").attr("jid", jid).build(),
        });
    let list = NodeBuilder::new("list")
        .children(users.collect::<Vec<_>>())
        .build();
    vec![NodeBuilder::new("usync").children([list]).build()]
}

/// What a group is, to one who writes to it.
fn group(known: &mut Known, iq: &Node) -> Vec<Node> {
    let Some(group) = jid(iq, "to") else {
        return Vec::new();
    };
    let Some(phones) = known.groups.get(group.user.as_str()) else {
        return Vec::new();
    };
    let members = phones.iter().map(|phone| {
        NodeBuilder::new("participant")
            .attr("jid", Jid::pn(phone.as_str()))
            .build()
    });
    let described = NodeBuilder::new("group")
        .attr("id", group.user.as_str())
        .attr("subject", "Neighbours")
        .attr("addressing_mode", "pn")
        .attr("creation", stanza::now())
        .children(members.collect::<Vec<_>>());
    vec![described.build()]
}

fn media_connection(media: &MediaHosts) -> Node {
    let host = |(place, name): (usize, &String)| {
        NodeBuilder::new("host")
            .attr("hostname", name.as_str())
            .attr("type", if place == 0 { "primary" } else { "fallback" })
            .build()
    };
    NodeBuilder::new("media_conn")
        .attr("auth", media.auth.as_str())
        .attr("ttl", media.ttl)
        .attr("auth_ttl", media.auth_ttl)
        .attr("max_buckets", "12")
        .children(media.hosts.iter().enumerate().map(host))
        .build()
}

/// Settings of the account: there are none.
fn nothing_new(iq: &Node) -> Vec<Node> {
    let collections = first_child(iq)
        .into_iter()
        .flat_map(|sync| sync.get_children_by_tag("collection"));
    let collections = collections.filter_map(|collection| attr(collection, "name"));
    let collections =
        collections.map(|name| NodeBuilder::new("collection").attr("name", name).build());
    vec![
        NodeBuilder::new("sync")
            .children(collections.collect::<Vec<_>>())
            .build(),
    ]
}

/// The device unlinks itself.
fn remove(known: &mut Known, me: &Address, iq: &Node) -> Vec<Node> {
    if let Some(account) = known.accounts.get_mut(&me.phone)
        && let Some(mut device) = account.devices.remove(&me.device)
    {
        device.end(Ended::Unlinked.farewell());
    }
    vec![result(iq, [])]
}
