//! The controller of `MediaSession`: one sidecar per session, and what it takes to reach it.

pub mod build;
pub mod document;
pub mod name;
mod reference;
pub mod rollout;
pub mod unsupported;
pub mod validate;
