//! `titan-sidecar demo`: needs nothing, shows all, ends with 0 only if all of it held.

use titan_tests::sidecar::{run, text_of};

#[test]
fn demo_shows_every_sample_stored_delivered_and_verified() {
    let output = run(&["demo"]);
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    for kind in ["image", "video", "audio", "document", "sticker"] {
        assert!(text.contains(kind), "no {kind} in: {text}");
    }
}
