//! Measures durable inbound: messages a second with every caller waiting for its 202, and the time
//! to the 202 at a fixed rate.

use std::time::Duration;

use titan_tests::bench::load::Load;
use titan_tests::bench::process::Process;
use titan_tests::bench::report::{median, row};
use titan_tests::bench::scene;
use titan_tests::sidecar::Sidecar;

const RUNS: usize = 5;
/// Keep-alive connections, each with one message under way.
const CALLERS: u32 = 128;
const TIME: Duration = Duration::from_secs(10);
/// Messages a second of the open loop.
const RATE: u32 = 1000;

fn main() -> anyhow::Result<()> {
    // One thread: the sidecar needs the other core.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        closed().await?;
        open().await
    })
}

async fn start() -> Sidecar {
    scene::launch(&[scene::session()], None).start().await
}

async fn closed() -> anyhow::Result<()> {
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let sidecar = start().await;
        let process = Process::new(sidecar.pid());
        let before = process.cpu();
        let outcome = Load::new(&sidecar.address()).closed(CALLERS, TIME).await?;
        let spent = process.cpu().saturating_sub(before);
        rates.push(outcome.rate());
        costs.push(outcome.each(spent).as_secs_f64() * 1e6);
    }
    let rate = median(rates);
    row(
        &format!("Durable inbound, SQLite, {CALLERS} callers"),
        &format!("{rate:.0} messages/s ({:.0} µs CPU each)", median(costs)),
        "≥ 5,000 messages/s",
        Some(rate >= 5000.0),
    );
    Ok(())
}

async fn open() -> anyhow::Result<()> {
    let (mut typical, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let sidecar = start().await;
        let load = Load::new(&sidecar.address());
        let outcome = load.open(CALLERS, RATE, TIME).await?;
        typical.push(outcome.percentile(50).as_secs_f64() * 1000.0);
        slow.push(outcome.percentile(99).as_secs_f64() * 1000.0);
    }
    let slow = median(slow);
    row(
        "Time to the 202 at 1,000 messages/s",
        &format!("p99 {slow:.1} ms (median {:.1} ms)", median(typical)),
        "p99 ≤ 20 ms",
        Some(slow <= 20.0),
    );
    Ok(())
}
