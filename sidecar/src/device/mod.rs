//! A linked WhatsApp device of the session's own. The program `titan-whatsapp` holds it; the two speak
//! HTTP over two Unix sockets in a folder that nobody else has (`whatsapp/README.md`).
//!
//! `client` calls the program at `whatsapp.sock`; `server` is what it calls, at `sidecar.sock`
//! (`history` one of the calls); `words` are what they say to each other. `program` starts it where nobody else does, and `place`
//! is where the sockets are.

pub mod client;
mod history;
pub mod place;
mod program;
pub mod server;
pub mod words;

pub use client::{CallError, Client};
pub use place::Place;
pub use program::Program;
pub use words::{Code, Host, MediaConn, Phase, Status};
