//! `titan-operator`: turns the two resources into one sidecar per session.

fn main() {}
