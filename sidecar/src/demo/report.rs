//! What the demo prints.

use super::{manifests::Stage, walk::Walk};

/// The table's head.
pub(super) fn header() {
    println!(
        "\n  {:<14} {:<9} {:>8}  {:<64} {:<8} webhook",
        "message", "kind", "bytes", "object", "SHA-256"
    );
}

/// One message.
pub(super) fn row(title: &str, kind: &str, bytes: usize, key: &str, equal: bool, signed: bool) {
    println!(
        "  {title:<14} {kind:<9} {bytes:>8}  {key:<64} {:<8} {}",
        if equal { "verified" } else { "DIFFERS" },
        if signed {
            "signature valid"
        } else {
            "SIGNATURE WRONG"
        },
    );
}

/// How to go on by hand.
pub(super) fn stay(walk: &Walk, stage: &Stage) {
    let base = walk.url("").map(String::from).unwrap_or_default();
    println!("\n  Everything stays up until Ctrl-C. Try:\n");
    println!("  export KEY={}", stage.api_key);
    println!("  curl -sH \"Authorization: Bearer $KEY\" {base}media");
    println!("  curl -sH \"Authorization: Bearer $KEY\" {base}media/<id>/download -o file");
    if let Ok(docs) = walk.url("/docs") {
        println!("  the API in a browser: {docs}");
    }
    println!("  find {}\n", stage.bucket_dir().display());
}
