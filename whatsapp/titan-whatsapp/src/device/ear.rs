//! Hears what the library tells of a connection.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use jiff::SignedDuration;
use tokio::sync::mpsc;
use wacore::types::events::{
    ConnectFailure, ConnectFailureReason, Event as Told, EventHandler, EventInterest, EventKind,
    InboundMessage, PairSuccess, PairingQrCode, Receipt, ServerAck, StreamError,
};
use wacore::types::presence::ReceiptType;
use wacore_binary::NodeRef;

use super::{
    sending::Ack,
    shared::{Device, lock},
    status::{Code, Phase, Status},
    verdict::{End, Facts},
};
use crate::{clock, sidecar::Event, store::Account};

/// What is heard; everything else stays in the library.
const INTEREST: &[EventKind] = &[
    EventKind::ClientOutdated,
    EventKind::Connected,
    EventKind::ConnectFailure,
    EventKind::LoggedOut,
    EventKind::Messages,
    EventKind::PairError,
    EventKind::PairSuccess,
    EventKind::PairingQrCode,
    EventKind::PairingQrCodesExhausted,
    EventKind::RawNode,
    EventKind::Receipt,
    EventKind::SelfPushNameUpdated,
    EventKind::ServerAck,
    EventKind::StreamError,
    EventKind::StreamReplaced,
    EventKind::TemporaryBan,
];

/// Facts of the connection as they become known.
#[derive(Debug, Default)]
struct Heard {
    end: Option<End>,
    paired: bool,
    logged_in: Option<Instant>,
}

/// The ear.
pub(crate) struct Ear {
    device: Arc<Device>,
    mark_online: bool,
    /// Messages that the library acknowledges without asking.
    unguarded: mpsc::UnboundedSender<Vec<InboundMessage>>,
    heard: Mutex<Heard>,
}

impl Ear {
    pub(crate) fn new(
        device: Arc<Device>,
        mark_online: bool,
        unguarded: mpsc::UnboundedSender<Vec<InboundMessage>>,
    ) -> Self {
        Self {
            device,
            mark_online,
            unguarded,
            heard: Mutex::default(),
        }
    }

    /// Where the library says that the account is online, takes that back.
    fn hide(&self) {
        if self.mark_online {
            return;
        }
        if let Some(client) = self.device.client() {
            tokio::spawn(async move {
                // Nothing was said as long as the account's name is unknown, or the connection is gone.
                let _nothing_said = client.presence().set_unavailable().await;
            });
        }
    }

    /// What was heard of the connection that just ended. The next one begins with nothing.
    pub(crate) fn facts(&self) -> Facts {
        let Heard {
            end,
            paired,
            logged_in,
        } = std::mem::take(&mut *lock(&self.heard));
        Facts {
            end,
            paired,
            lasted: logged_in.map(|since| since.elapsed()),
        }
    }

    /// The first word on why a connection ends is the one that counts.
    fn ends(&self, end: End) {
        lock(&self.heard).end.get_or_insert(end);
    }

    fn stanza(&self, node: &NodeRef<'_>) {
        let kind = node.get_attr("type");
        match node.tag.as_ref() {
            "success" => {
                lock(&self.heard).logged_in.get_or_insert_with(Instant::now);
                self.device
                    .set(Status::new(Phase::Connected, None, clock::now()));
            }
            "notification" if kind.is_some_and(|kind| kind.as_str() == "mediaretry") => {
                self.device.answered(node);
            }
            _ => {}
        }
    }

    fn code(&self, qr: &PairingQrCode) {
        let lives = SignedDuration::try_from(qr.timeout).unwrap_or_default();
        let expires_at = clock::now()
            .saturating_add(lives)
            .unwrap_or_else(|_| clock::now());
        self.device.show(Code {
            code: qr.code.clone(),
            expires_at,
        });
    }

    /// Empty is what WhatsApp did not say.
    fn paired(&self, success: &PairSuccess) {
        lock(&self.heard).paired = true;
        let said = |words: &String| Some(words.clone()).filter(|words| !words.is_empty());
        self.device.linked_to(Account {
            business_name: said(&success.business_name),
            platform: said(&success.platform),
        });
    }

    fn ack(&self, ack: &ServerAck) {
        if ack.class.as_deref() != Some("message") {
            return;
        }
        let timestamp = ack.timestamp.map(|at| at.timestamp());
        self.device.acks.told(
            &ack.id,
            Ack {
                timestamp,
                error: ack.error.clone(),
            },
        );
        self.device.events.tell(Event::Ack {
            id: ack.id.clone(),
            error: ack.error.clone(),
        });
    }

    /// The library acknowledges a receipt as soon as this returns.
    fn receipt(&self, receipt: &Receipt) {
        let Some(kind) = kind(&receipt.r#type) else {
            return;
        };
        self.device.events.tell_and_wait(Event::Receipt {
            chat: receipt.source.chat.to_string(),
            sender: receipt.source.sender.to_string(),
            ids: receipt.message_ids.clone(),
            kind,
            timestamp: receipt.timestamp.timestamp(),
        });
    }

    fn refused(&self, failure: &ConnectFailure) {
        tracing::warn!(reason = ?failure.reason, "WhatsApp refused the connection");
        self.ends(match failure.reason {
            reason if reason.should_reconnect() => End::Unavailable,
            reason if reason.is_logged_out() => End::LoggedOut,
            ConnectFailureReason::TempBanned => End::Banned(std::time::Duration::ZERO),
            _ => End::Refused,
        });
    }

    fn broken(&self, error: &StreamError) {
        tracing::warn!(code = error.code, "WhatsApp reported a stream error");
        // Without a code it is about one stanza, and the connection goes on.
        if !error.code.is_empty() {
            self.ends(End::StreamError);
        }
    }
}

impl EventHandler for Ear {
    fn handle_event(&self, event: Arc<Told>) {
        match &*event {
            Told::RawNode(node) => self.stanza(node.get()),
            Told::Connected(_) | Told::SelfPushNameUpdated(_) => self.hide(),
            Told::PairingQrCode(qr) => self.code(qr),
            Told::PairSuccess(success) => self.paired(success),
            Told::PairError(_) => tracing::warn!("linking failed"),
            Told::PairingQrCodesExhausted(_) => self.ends(End::QrTimeout),
            Told::LoggedOut(_) => self.ends(End::LoggedOut),
            Told::StreamReplaced(_) => self.ends(End::Replaced),
            Told::TemporaryBan(ban) => {
                self.ends(End::Banned(ban.expire.to_std().unwrap_or_default()));
            }
            Told::ClientOutdated(_) => self.ends(End::Outdated),
            Told::ConnectFailure(failure) => self.refused(failure),
            Told::StreamError(error) => self.broken(error),
            Told::ServerAck(ack) => self.ack(ack),
            Told::Receipt(receipt) => self.receipt(receipt),
            Told::Messages(batch) if !batch.hook_committed => {
                // The queue ends with the client.
                let _ended = self.unguarded.send(batch.messages.to_vec());
            }
            _ => {}
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(INTEREST)
    }
}

/// What a receipt says, where it says something about messages; the rest is between devices.
fn kind(receipt: &ReceiptType) -> Option<&'static str> {
    match receipt {
        // `inactive` comes from a device that nobody looks at just now.
        ReceiptType::Delivered | ReceiptType::Inactive => Some("delivered"),
        ReceiptType::Read => Some("read"),
        ReceiptType::ReadSelf => Some("readSelf"),
        ReceiptType::Played => Some("played"),
        ReceiptType::PlayedSelf => Some("playedSelf"),
        _ => None,
    }
}
