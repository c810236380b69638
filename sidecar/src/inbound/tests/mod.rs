//! Payloads as gateways write them, and what becomes of them.

mod baileys;
