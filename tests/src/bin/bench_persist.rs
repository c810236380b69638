//! Measures CPU seconds for a file from the CDN into a bucket, over HTTP on loopback, beside those
//! of the crypto alone over the same bytes, in one run.

use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bytes::BytesMut;
use tempfile::TempDir;

use titan_media::{Decryptor, Expected, MediaKey, MediaKeys, MediaType};
use titan_tests::bench::big_file::BigFile;
use titan_tests::bench::file_cdn::FileCdn;
use titan_tests::bench::process::Process;
use titan_tests::bench::report::{median, row};
use titan_tests::bench::scene;
use titan_tests::netns::ADDRESS;
use titan_tests::s3::S3;
use titan_tests::stage::BUCKET;

const GIB: u64 = 1024 * 1024 * 1024;
const RUNS: u64 = 5;
/// Bytes that a read from the network typically gives.
const READ: usize = 64 * 1024;
/// Bytes of the blob in memory at a time, read before the clock starts.
const SLICE: usize = 64 * 1024 * 1024;

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    };
    let folder = folder.context("a folder for the file")?;
    let file = BigFile::write(&folder.path().join("blob"), GIB, 1);
    let (mut ratios, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let crypto = crypto(&file)?;
        let whole = persist(&file).await;
        // The pass before and the pass after: neighbours on the machine come and go.
        let crypto = f64::midpoint(crypto.as_secs_f64(), self::crypto(&file)?.as_secs_f64());
        seconds.push(whole.as_secs_f64());
        ratios.push(whole.as_secs_f64() / crypto);
    }
    let ratio = median(ratios);
    row(
        "CPU per persisted GiB over the crypto alone",
        &format!("{ratio:.2} × ({:.2} s)", median(seconds)),
        "≤ 2 ×",
        Some(ratio <= 2.0),
    );
    Ok(())
}

/// CPU time of the sidecar for the whole file.
async fn persist(file: &BigFile) -> Duration {
    let s3 = S3::start_at(ADDRESS, BUCKET).await;
    let cdn = FileCdn::start();
    let sidecar = scene::launch(&scene::with_bucket(&s3), Some(&cdn))
        .start()
        .await;
    let direct_path = cdn.put("1", &file.path);
    let media = scene::announce(&sidecar, "3EB0F11E", file, &direct_path).await;
    let process = Process::new(sidecar.pid());
    let before = process.cpu();
    scene::persist_all(&sidecar, &[media]).await;
    process.cpu().saturating_sub(before)
}

/// CPU time of this process to decrypt and verify the same file.
fn crypto(file: &BigFile) -> anyhow::Result<Duration> {
    let keys = MediaKeys::derive(&MediaKey(file.key), MediaType::Document);
    let expected = Expected {
        sha256: Some(file.sha256),
        enc_sha256: None,
        length: file.length,
    };
    let mut decryptor = Decryptor::encrypted(&keys, expected);
    let mut blob = File::open(&file.path)?;
    let (mut slice, mut out) = (Vec::with_capacity(SLICE), BytesMut::new());
    let mut spent = Duration::ZERO;
    loop {
        slice.clear();
        blob.by_ref().take(SLICE as u64).read_to_end(&mut slice)?;
        if slice.is_empty() {
            break;
        }
        let before = Process::own().cpu();
        for piece in slice.chunks(READ) {
            decryptor.push(piece, &mut out)?;
            black_box(out.split().freeze());
        }
        spent += Process::own().cpu().saturating_sub(before);
    }
    decryptor.finish(&mut out)?;
    Ok(spent)
}
