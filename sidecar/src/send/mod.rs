//! Sending: what a caller asks for, and how it gets to WhatsApp.
//!
//! `request` reads what a caller asks for, `fetch` a file that it names by a link, `kind` knows a file
//! by its bytes and `spool` keeps it, as ciphertext; `intake` makes of them an `outgoing` message,
//! which the store queues. `worker` takes it from there, and `deliver` hands it to the gateway in the
//! words that `gateway` finds for it, or to the session's own linked device (`device`).

mod body;
pub mod deliver;
pub mod device;
pub mod fetch;
pub mod gateway;
pub mod intake;
pub mod kind;
pub mod outgoing;
pub mod request;
pub mod spool;
pub mod target;
pub mod worker;

pub use deliver::{Client, client};
pub use outgoing::{Attachment, Content, Outgoing, OutgoingKind, Quoted};
pub use target::GatewayTarget;
