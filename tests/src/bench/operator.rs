//! The operator as a process beside the API server, and what it counts of itself.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::sleep;

use super::process::Process;
use crate::api::Api;

const ADMIN: &str = "127.0.0.1:19090";
/// An image that no node pulls.
const IMAGE: &str = "registry.example.com/titan-sidecar@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A running operator; it ends with this value.
#[derive(Debug)]
pub struct Operator {
    child: Child,
    admin: Api,
}

// === impl Operator ===

impl Operator {
    /// Starts `program` against the cluster of `KUBECONFIG`, and waits until it is ready.
    pub async fn start(program: &str) -> anyhow::Result<Self> {
        let child = Command::new(program)
            .args(["run", "--admin-listen", ADMIN, "--sidecar-image", IMAGE])
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| program.to_owned())?;
        let admin = Api::new(&format!("http://{ADMIN}"));
        while !matches!(admin.try_call("GET", "/readyz", &[], b"").await, Ok(reply) if reply.status == 200)
        {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { child, admin })
    }

    /// What the kernel says of it.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Requests so far that write, Leases excepted: this one takes part in no election.
    pub async fn writes(&self) -> anyhow::Result<u64> {
        let reply = self.admin.get("/metrics").await.expect(200);
        let text = std::str::from_utf8(&reply.body)?;
        let reads = ["get", "list", "watch"].map(|verb| format!("verb=\"{verb}\""));
        let counters = text.lines().filter(|line| {
            line.starts_with("titan_operator_kube_client_requests_total")
                && !reads.iter().any(|read| line.contains(read))
        });
        counters
            .map(|line| Ok(line.rsplit(' ').next().context("a value")?.parse::<u64>()?))
            .sum()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
