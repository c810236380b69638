//! A network of a test's own: where a rule refuses loopback, a scene needs another address, and no test
//! may touch those of the machine.

use std::net::Ipv4Addr;
use std::process::Command;

use crate::cache::installed;
use crate::sidecar::{binary, text_of};

/// The address, beside loopback, of a network of one's own; benchmarks have one too (`tests/bench.sh`).
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// Set in the process that runs inside.
const INSIDE: &str = "TITAN_TEST_NETNS";

/// Runs the test `name` of this very program once more, in a network namespace that has [`ADDRESS`] on
/// its loopback device and nothing else. True inside: there the test goes on; outside it is over, and
/// has failed if it failed inside.
#[must_use]
pub fn inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    // There is no network inside: what has to be built or fetched is so before.
    let sidecar = binary();
    let _path = installed("versitygw");
    let script = format!(
        "ip link set lo up && ip address add {ADDRESS}/32 dev lo && \
         exec \"$0\" --exact \"$1\" --nocapture --test-threads 1"
    );
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", &script])
        .arg(program)
        .arg(name)
        .env(INSIDE, "1")
        .env("TITAN_SIDECAR", sidecar)
        .output()
        .expect("unshare (util-linux) is on the PATH");
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{name} did not run: {text}");
    false
}
