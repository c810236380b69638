//! The example for Docker: its syntax by Compose's own parser, its manifests by the program. There is
//! no Docker here, so that nothing more is proved.

use std::fs;
use std::process::Command;

use titan_tests::cache::{crate_folder, installed};
use titan_tests::sidecar::{Launch, text_of};

#[test]
fn compose_takes_the_file() {
    let folder = crate_folder().join("../examples/compose");
    let output = Command::new(installed("compose"))
        .arg("compose.yaml")
        .current_dir(folder)
        .output()
        .unwrap();
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    for part in ["titan:", "target: sidecar", "TITAN_MANIFESTS", "8080"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_takes_its_manifests() {
    let mut launch = Launch::new();
    let example = crate_folder().join("../examples/compose/manifests/acme.yaml");
    fs::copy(example, launch.manifests().join("acme.yaml")).unwrap();
    let range = ["--allow-cidr", "172.16.0.0/12"];
    launch.args.extend(range.map(str::to_owned));
    let sidecar = launch.start().await;
    let status = sidecar.admin().get("/status").await.expect(200).json();
    let session = &status["sessions"][0];
    assert_eq!(session["session"], "default");
    assert_eq!(session["missing"], serde_json::json!([]));
}
