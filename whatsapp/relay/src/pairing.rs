//! A connection of a device that nobody has linked yet: shows codes until a phone scans one, or asks for one to type.

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use wacore_binary::{Jid, Node, builder::NodeBuilder};

use crate::{
    account::{Account, Scanned},
    device::Device,
    iq, stanza,
    state::{Address, State},
    typed::{Hello, Typed},
    wire::Wire,
};

/// What somebody does on a phone.
#[derive(Debug)]
pub(crate) enum Act {
    /// Scans the code that the device shows.
    Scan(String, Scanned),
    /// Types the code that it was told.
    Type(String),
}

/// What becomes of the connection's device.
#[derive(Default)]
struct Candidate {
    hello: Option<Hello>,
    typed: Option<Typed>,
    /// Linked as soon as it has signed.
    vouched: Option<(Address, Scanned)>,
}

/// Serves the connection until the device is linked or gone.
pub(crate) async fn serve(mut wire: Wire, state: &State) -> Result<()> {
    let (phone, mut acts) = mpsc::unbounded_channel();
    let references = references(state, &phone);
    wire.send(&invitation(&references)).await?;
    let served = converse(&mut wire, state, &phone, &mut acts).await;
    state.with(|known| known.showing.retain(|_, shown| !shown.same_channel(&phone)));
    served?;
    wire.close().await;
    Ok(())
}

fn references(state: &State, phone: &mpsc::UnboundedSender<Act>) -> Vec<String> {
    state.with(|known| {
        known.connections += 1;
        let references: Vec<String> = (0..known.codes)
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
    request(
        "pair-device",
        NodeBuilder::new("pair-device").children(references).build(),
    )
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
    phone: &mpsc::UnboundedSender<Act>,
    acts: &mut mpsc::UnboundedReceiver<Act>,
) -> Result<()> {
    let mut candidate = Candidate::default();
    loop {
        let answers = tokio::select! {
            received = wire.receive() => {
                let Some(node) = received? else { return Ok(()) };
                if let Some((address, scanned)) = candidate.signed(&node) {
                    link(state, &address, &scanned, &node).context("an unsigned device")?;
                    return wire.send(&NodeBuilder::new("stream:error").attr("code", "515").build()).await;
                }
                candidate.told(state, phone, &node)?
            }
            Some(act) = acts.recv() => candidate.act(state, act)?,
        };
        for answer in answers {
            wire.send(&answer).await?;
        }
    }
}

impl Candidate {
    fn signed(&mut self, node: &Node) -> Option<(Address, Scanned)> {
        self.vouched
            .take_if(|_| node.get_optional_child("pair-device-sign").is_some())
    }

    fn told(
        &mut self,
        state: &State,
        phone: &mpsc::UnboundedSender<Act>,
        node: &Node,
    ) -> Result<Vec<Node>> {
        if let Some(hello) = Hello::read(node) {
            let answer = vec![stanza::result(node, [hello.answer()])];
            state.with(|known| known.showing.insert(hello.phone.clone(), phone.clone()));
            self.hello = Some(hello);
            return Ok(answer);
        }
        let mut answers = iq::stranger(node);
        if let (Some(hello), Some(typed)) = (&self.hello, &self.typed)
            && let Some(scanned) =
                with_account(state, &hello.phone, |account| typed.open(node, account))?
        {
            answers.push(self.vouch(state, hello.phone.clone(), scanned));
        }
        Ok(answers)
    }

    fn act(&mut self, state: &State, act: Act) -> Result<Vec<Node>> {
        Ok(vec![match act {
            Act::Scan(phone, scanned) => self.vouch(state, phone, scanned),
            Act::Type(code) => {
                let hello = self.hello.as_ref().context("no code was asked for")?;
                let (typed, told) = with_account(state, &hello.phone, |account| {
                    Typed::new(hello, account, &code)
                })?;
                self.typed = Some(typed);
                told
            }
        }])
    }

    /// The phone's word for the device, which it answers with its own signature.
    fn vouch(&mut self, state: &State, phone: String, scanned: Scanned) -> Node {
        let (device, sealed, lid) = with_account(state, &phone, |account| {
            let (device, sealed) = account.vouch(&scanned);
            (device, sealed, account.lid.clone())
        });
        let address = Address { phone, device };
        let parts = [
            NodeBuilder::new("device-identity").bytes(sealed).build(),
            NodeBuilder::new("device")
                .attr("jid", address.jid())
                .attr("lid", Jid::lid_device(lid, device))
                .build(),
            NodeBuilder::new("platform").attr("name", "android").build(),
            NodeBuilder::new("biz")
                .attr("name", format!("Shop {}", address.device))
                .build(),
        ];
        self.vouched = Some((address, scanned));
        request(
            "pair-success",
            NodeBuilder::new("pair-success").children(parts).build(),
        )
    }
}

/// The account of a number; whoever has one, has an account.
fn with_account<T>(state: &State, phone: &str, act: impl FnOnce(&mut Account) -> T) -> T {
    state.with(|known| {
        act(known
            .accounts
            .entry(phone.to_owned())
            .or_insert_with(|| Account::new(phone)))
    })
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
