//! Sending through a gateway, held against what the gateways publish of their APIs.

mod gateways;
mod harness;
