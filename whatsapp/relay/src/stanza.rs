//! Small words of the stanza language.

use std::time::{SystemTime, UNIX_EPOCH};

use wacore_binary::{Jid, Node, Server, builder::NodeBuilder};

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "test support stamps stanzas with real time"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The server itself.
pub(crate) fn server() -> Jid {
    Jid::new("", Server::Pn)
}

/// An attribute as text.
pub(crate) fn attr(node: &Node, name: &str) -> Option<String> {
    node.attrs
        .get(name)
        .map(|value| value.as_str().into_owned())
}

/// An attribute as an address.
pub(crate) fn jid(node: &Node, name: &str) -> Option<Jid> {
    node.attrs
        .get(name)
        .and_then(wacore_binary::NodeValue::to_jid)
}

/// A child's bytes.
pub(crate) fn bytes(node: &Node, child: &str) -> Option<Vec<u8>> {
    let node = node.get_optional_child(child)?;
    match node.content.as_ref()? {
        wacore_binary::NodeContent::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

/// The first child.
pub(crate) fn first_child(node: &Node) -> Option<&Node> {
    node.children()?.first()
}

/// A stanza's answer with the children given.
pub(crate) fn result(iq: &Node, children: impl IntoIterator<Item = Node>) -> Node {
    NodeBuilder::new("iq")
        .attr("from", server())
        .attr("type", "result")
        .attr("id", attr(iq, "id").unwrap_or_default())
        .children(children)
        .build()
}

/// A stanza's refusal.
pub(crate) fn refusal(iq: &Node, code: u16) -> Node {
    NodeBuilder::new("iq")
        .attr("from", server())
        .attr("type", "error")
        .attr("id", attr(iq, "id").unwrap_or_default())
        .children([NodeBuilder::new("error")
            .attr("code", code)
            .attr("text", "refused")
            .build()])
        .build()
}

/// Says that the server has a stanza.
pub(crate) fn ack(stanza: &Node) -> Node {
    let mut ack = NodeBuilder::new("ack")
        .attr("class", stanza.tag.to_string())
        .attr("id", attr(stanza, "id").unwrap_or_default())
        .attr("t", now());
    if let Some(to) = jid(stanza, "to") {
        ack = ack.attr("from", to);
    }
    if let Some(kind) = attr(stanza, "type").filter(|_| stanza.tag != "message") {
        ack = ack.attr("type", kind);
    }
    ack.build()
}
