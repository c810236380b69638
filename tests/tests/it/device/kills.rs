//! `kill -9` of either side under load: nothing lost, nothing twice.

use std::collections::BTreeSet;
use std::time::Duration;

use titan_tests::random::Random;
use titan_tests::relay::text;
use titan_tests::wait::{LATER, until};

use super::{Linked, OTHER, PHONE};

/// How often a side is killed.
const KILLS: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn messages_survive_the_death_of_either_side() {
    let mut linked = Linked::new().await.linked().await;
    let mut random = Random::for_run("device", 20_261_126);
    let mut sent = Vec::new();
    for kill in 0..KILLS {
        for serial in 0..6 {
            let id = format!("3EB0KILL{kill}N{serial}");
            linked.relay.send(OTHER, PHONE, &id, &text("load")).await;
            sent.push(id);
        }
        // Not a wait for anything: the kill comes at a random point of the load.
        tokio::time::sleep(Duration::from_millis(random.within(0..300))).await;
        if kill % 2 == 0 {
            linked.stage.sidecar.kill();
            linked.stage.sidecar.start().await;
        } else {
            linked.relay.end(PHONE, "dropped").await;
            kill_program(&linked);
        }
    }
    let sink = &linked.stage.sink;
    for id in &sent {
        sink.wait_for("message.received", id, LATER).await;
        let events: BTreeSet<_> = sink
            .about(id)
            .iter()
            .map(|event| event.id().to_owned())
            .collect();
        assert_eq!(events.len(), 1, "{id} came as {events:?}");
    }
    until(LATER, "WhatsApp has nothing more to deliver", || async {
        linked.relay.phone(PHONE).await["waiting"] == serde_json::json!([])
    })
    .await;
    assert!(linked.relay.phone(PHONE).await["linked"] == true);
}

/// Kills the program that the session started, by its pid.
fn kill_program(linked: &Linked) {
    let parent = linked.stage.sidecar.pid();
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        let pid = nix::unistd::Pid::from_raw(child.parse().unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
}
