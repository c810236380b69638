//! `titan-sidecar`: the media plane's one process.

fn main() {}
