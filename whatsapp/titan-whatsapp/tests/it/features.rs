//! What a release is made of.

use std::process::Command;

/// Every feature of every crate in a build of the program as it is released.
fn features(more: &[&str]) -> String {
    let ended = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--package",
            "titan-whatsapp",
            "--edges",
            "no-dev",
            "--format",
            "{p} {f}",
        ])
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn no_release_believes_a_server_that_nobody_vouches_for() {
    let released = features(&[]);
    assert!(released.contains("whatsapp-rust v0.7.0"), "{released}");
    for never in [
        "danger-skip",
        "insecure-test-server",
        "titan-relay",
        "tracing-pii",
    ] {
        assert!(!released.contains(never), "{never}");
    }
    // What is looked for is what would be there.
    let tested = features(&["--features", "insecure-test-server"]);
    assert!(tested.contains("danger-skip-cert-chain-verify"), "{tested}");
}
