//! Measures memory, and the time from the start to `/readyz`: idle, after traffic, and over idle
//! while large files are on their way into a bucket.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::time::sleep;

use titan_tests::bench::big_file::BigFile;
use titan_tests::bench::file_cdn::FileCdn;
use titan_tests::bench::load::Load;
use titan_tests::bench::process::Process;
use titan_tests::bench::report::{mebibytes, median, row};
use titan_tests::bench::scene;
use titan_tests::netns::ADDRESS;
use titan_tests::s3::S3;
use titan_tests::sidecar::Sidecar;
use titan_tests::stage::BUCKET;

const MIB: u64 = 1024 * 1024;
/// Starts measured, each with an empty data directory.
const STARTS: usize = 21;
/// Runs of each memory row, each with a process of its own.
const RUNS: usize = 3;
/// Files at once.
const FILES: u64 = 64;
/// Traffic before the second look at an idle process.
const TRAFFIC: Duration = Duration::from_secs(10);
/// Connections of that traffic.
const CALLERS: u32 = 32;
/// Until a process is idle after its start, and after traffic.
const CALM: Duration = Duration::from_secs(3);
const SETTLE: Duration = Duration::from_secs(20);

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let folder = TempDir::new_in(roomy()).context("a folder for the files")?;
    ready().await;
    let many: Vec<BigFile> = (0..FILES)
        .map(|seed| file(folder.path(), 16 * MIB, seed))
        .collect();
    idle(&many).await?;
    {
        let large = [file(folder.path(), 2048 * MIB, FILES)];
        over_idle("one file of 2 GiB", &large, 24.0).await?;
    }
    over_idle("64 files of 16 MiB at once", &many, 64.0).await
}

/// The large files lie in memory where the machine allows it: disks are not measured here.
fn roomy() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory
    } else {
        Path::new("/tmp")
    }
}

fn file(folder: &Path, length: u64, seed: u64) -> BigFile {
    BigFile::write(&folder.join(seed.to_string()), length, seed)
}

/// From the start of the process to a 200 of `/readyz`.
async fn ready() {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let launch = scene::launch(&[scene::session()], None);
        let start = Instant::now();
        let sidecar = launch.spawn();
        let admin = sidecar.admin();
        while !matches!(admin.try_call("GET", "/readyz", &[], b"").await, Ok(reply) if reply.status == 200)
        {
            sleep(Duration::from_millis(1)).await;
        }
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let typical = median(times);
    row(
        "Start to ready, empty data directory",
        &format!("{typical:.0} ms"),
        "≤ 100 ms",
        Some(typical <= 100.0),
    );
}

/// What rests in memory before any traffic, and after messages and files.
async fn idle(files: &[BigFile]) -> anyhow::Result<()> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let s3 = S3::start_at(ADDRESS, BUCKET).await;
        let cdn = FileCdn::start();
        let sidecar = scene::launch(&scene::with_bucket(&s3), Some(&cdn))
            .start()
            .await;
        let process = Process::new(sidecar.pid());
        sleep(CALM).await;
        before.push(mebibytes(process.rss()));
        persist_all(&sidecar, &cdn, files).await?;
        Load::new(&sidecar.address())
            .closed(CALLERS, TRAFFIC)
            .await?;
        sleep(SETTLE).await;
        after.push(mebibytes(process.rss()));
    }
    for (what, values) in [
        ("Idle memory before traffic", before),
        ("Idle memory after traffic", after),
    ] {
        let typical = median(values);
        let measured = format!("{typical:.1} MiB");
        row(what, &measured, "≤ 16 MiB", Some(typical <= 16.0));
    }
    Ok(())
}

/// The most memory beyond what rests there, while `files` are persisted at once.
async fn over_idle(what: &str, files: &[BigFile], budget: f64) -> anyhow::Result<()> {
    let mut peaks = Vec::new();
    for _ in 0..RUNS {
        let s3 = S3::start_at(ADDRESS, BUCKET).await;
        let cdn = FileCdn::start();
        let sidecar = scene::launch(&scene::with_bucket(&s3), Some(&cdn))
            .start()
            .await;
        let process = Process::new(sidecar.pid());
        sleep(CALM).await;
        let idle = process.rss();
        process.reset_peak();
        persist_all(&sidecar, &cdn, files).await?;
        peaks.push(mebibytes(process.peak().saturating_sub(idle)));
    }
    let typical = median(peaks);
    row(
        &format!("Peak memory over idle, {what}"),
        &format!("{typical:.1} MiB"),
        &format!("≤ {budget:.0} MiB"),
        Some(typical <= budget),
    );
    Ok(())
}

/// Persists `files`; the CDN sends nothing before it was asked for all of them.
async fn persist_all(sidecar: &Sidecar, cdn: &FileCdn, files: &[BigFile]) -> anyhow::Result<()> {
    let mut ids = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let direct_path = cdn.put(&number.to_string(), &file.path);
        let id = format!("3EB0F11E{number:04}");
        ids.push(scene::announce(sidecar, &id, file, &direct_path).await);
    }
    cdn.hold(files.len());
    scene::persist_all(sidecar, &ids).await;
    Ok(())
}
