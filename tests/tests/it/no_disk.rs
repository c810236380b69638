//! No byte of a file, encrypted or not, is ever written to disk: every writing call is traced.

use titan_tests::baileys;
use titan_tests::cache::installed;
use titan_tests::media::{Kind, Sealed};
use titan_tests::random::Random;
use titan_tests::stage::Plan;
use titan_tests::trace::{FileWrites, PREFIX};
use titan_tests::wait::{LATER, eventually};

const FILE: usize = 200 * 1024 * 1024;

/// The store's pages, its log and our own log: far less than any part of the file.
const MOST: u64 = 4 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn persist_and_download_of_200_mib_write_no_file_byte_to_disk() {
    let mut plan = Plan::usual().await;
    let output = plan.launch.folder.path().join("trace");
    plan.launch.under = FileWrites::tracer(&installed("strace"), &output);
    let mut stage = plan.up().await;
    let sealed = Sealed::random(Kind::Video, FILE, &mut Random::new(200));
    let path = stage.cdn.put(&sealed.blob);
    let media = stage.take("3EB0HUGE", baileys::file(&sealed, &path)).await;
    let info = eventually(LATER * 2, "200 MiB are stored", || async {
        Some(stage.info(&media).await).filter(|info| info["status"] == "stored")
    })
    .await;
    assert_eq!(stage.object(&info).sha256, sealed.sha256);
    // From the CDN, as a record that was never persisted.
    let again = stage.cdn.put(&sealed.blob);
    let mut message = baileys::message("3EB0HUGE2", baileys::file(&sealed, &again));
    message["key"]["fromMe"] = true.into();
    let data = stage
        .inbound(&baileys::upsert(&[message]))
        .await
        .expect(202)
        .data();
    let other = data["media"][0]["mediaId"].as_str().unwrap();
    let reply = stage.download(other).await.expect(200);
    assert!(reply.body == sealed.plain);
    assert_eq!(stage.sidecar.terminate().await.code(), Some(0));
    let writes = FileWrites::read(&output);
    assert!(writes.total() > 0, "the trace saw nothing at all");
    assert!(
        writes.total() < MOST,
        "{} bytes went to files: {:?}",
        writes.total(),
        writes.by_path
    );
    assert!(!writes.used_io_uring, "writes could hide in io_uring");
    let pieces = Pieces::of(&[&sealed.plain, &sealed.blob]);
    assert!(
        pieces.are_in(&sealed.plain[1_000_003..][..PREFIX]),
        "the search finds nothing"
    );
    for buffer in &writes.buffers {
        assert!(
            !pieces.are_in(buffer),
            "file bytes in a write: {buffer:02x?}"
        );
    }
}

/// Eight bytes from every 64th place of the file and of its blob, sorted: whatever stretch of them
/// is written, its first 71 bytes hold one whole.
struct Pieces(Vec<[u8; 8]>);

impl Pieces {
    fn of(texts: &[&[u8]]) -> Self {
        let mut all: Vec<_> = texts
            .iter()
            .flat_map(|text| text.chunks_exact(64))
            .filter_map(|chunk| chunk.first_chunk().copied())
            .collect();
        all.sort_unstable();
        Self(all)
    }

    fn are_in(&self, buffer: &[u8]) -> bool {
        buffer.windows(8).any(|window| {
            self.0
                .binary_search_by(|piece| piece[..].cmp(window))
                .is_ok()
        })
    }
}
