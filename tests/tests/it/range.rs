//! Parts of a file straight from the CDN: what a player asks for, and nothing unverified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use titan_tests::api::Reply;
use titan_tests::baileys;
use titan_tests::cdn::Fault;
use titan_tests::media::{CHUNK, Kind, Sealed};
use titan_tests::socket;
use titan_tests::stage::{API_KEY, Plan, Stage};

async fn on_demand() -> Stage {
    Plan::usual().await.on_demand().up().await
}

fn path_of(media: &str) -> String {
    Stage::path(&format!("media/{media}/download"))
}

/// A message of a file with `sidecar`.
fn with_sidecar(sealed: &Sealed, path: &str, sidecar: &[u8]) -> Value {
    let sidecar = json!(STANDARD.encode(sidecar));
    baileys::file_with(sealed, path, "streamingSidecar", sidecar)
}

async fn playable(stage: &Stage, id: &str, kind: Kind, length: usize) -> (Sealed, String, String) {
    let (sealed, path) = stage.file(kind, length);
    let content = with_sidecar(&sealed, &path, &sealed.sidecar());
    let media = stage.take(id, content).await;
    (sealed, path, media)
}

async fn range(stage: &Stage, media: &str, range: &str) -> Reply {
    let headers = [("range", range)];
    stage.api.call("GET", &path_of(media), &headers, b"").await
}

fn assert_part(reply: Reply, sealed: &Sealed, first: usize, end: usize) {
    let reply = reply.expect(206);
    assert!(reply.body == sealed.plain[first..end], "{first}..{end}");
    let total = sealed.plain.len();
    let content_range = format!("bytes {first}-{}/{total}", end - 1);
    assert_eq!(reply.header("content-range"), Some(&*content_range));
    let length = (end - first).to_string();
    assert_eq!(reply.header("content-length"), Some(&*length));
    let etag = format!("\"{}\"", hex::encode(sealed.sha256));
    assert_eq!(reply.header("etag"), Some(&*etag));
    assert_eq!(reply.header("accept-ranges"), Some("bytes"));
    let digest = format!("sha-256=:{}:", STANDARD.encode(sealed.sha256));
    assert_eq!(reply.header("repr-digest"), Some(&*digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_reads_the_head_the_tail_and_seeks_without_the_rest() {
    let stage = on_demand().await;
    let total = 3_000_000;
    let (sealed, path, media) = playable(&stage, "3EB0PLAY", Kind::Video, total).await;
    let head = stage
        .api
        .call("HEAD", &path_of(&media), &[], b"")
        .await
        .expect(200);
    assert_eq!(head.header("accept-ranges"), Some("bytes"));
    assert!(stage.cdn.hits(&path).is_empty());
    assert_part(
        range(&stage, &media, "bytes=0-99999").await,
        &sealed,
        0,
        100_000,
    );
    let (moov, end) = (format!("bytes={}-", total - 50_000), total);
    assert_part(
        range(&stage, &media, &moov).await,
        &sealed,
        total - 50_000,
        end,
    );
    for seek in [65_535, 65_536, 131_072 + 17, 1_000_000, total - 1] {
        let last = (seek + 40_000).min(total);
        let asked = format!("bytes={seek}-{}", last - 1);
        assert_part(range(&stage, &media, &asked).await, &sealed, seek, last);
    }
    assert_part(
        range(&stage, &media, "bytes=-1").await,
        &sealed,
        total - 1,
        total,
    );
    let hits = stage.cdn.hits(&path);
    let fetched: u64 = hits.iter().map(|hit| hit.sent).sum();
    assert!(fetched < 1_500_000, "{fetched} bytes for 10 small parts");
    let looks = hits
        .iter()
        .filter(|hit| hit.range.as_deref() == Some("bytes=-65562"));
    assert_eq!(looks.count(), 1, "the end is looked at once");
    // What most players begin with: the whole file as a range.
    assert_part(range(&stage, &media, "bytes=0-").await, &sealed, 0, total);
    assert!(range(&stage, &media, "bytes=3000000-").await.code() == "range_not_satisfiable");
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_around_every_border_are_learned_from_the_last_chunk() {
    let stage = on_demand().await;
    for length in [
        1, 15, 16, 65_503, 65_504, 65_519, 65_520, 65_535, 65_536, 131_056, 131_072, 200_001,
    ] {
        let (sealed, path) = stage.file(Kind::Audio, length);
        // The sender's word counts for nothing.
        let mut content = with_sidecar(&sealed, &path, &sealed.sidecar());
        content["audioMessage"]["fileLength"] = json!("7");
        let media = stage.take(&format!("3EB0LEN{length}"), content).await;
        let from = length / 2;
        let part = range(&stage, &media, &format!("bytes={from}-")).await;
        assert_part(part, &sealed, from, length);
        let beyond = range(&stage, &media, &format!("bytes={length}-")).await;
        beyond.refused(416, "range_not_satisfiable");
        let unsatisfied = format!("bytes */{length}");
        assert_eq!(beyond.header("content-range"), Some(&*unsatisfied));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_chunk_is_never_part_of_a_complete_206() {
    let stage = on_demand().await;
    let (key, address) = (format!("Bearer {API_KEY}"), stage.sidecar.address());
    let length = 4 * CHUNK + 1000;
    let count = (length + 26).div_ceil(CHUNK);
    // Each chunk in turn, before and after the file's lengths are known.
    for (chunk, known) in (0..count).flat_map(|chunk| [(chunk, false), (chunk, true)]) {
        let id = format!("3EB0CORRUPT{chunk}{known}");
        let (sealed, path, media) = playable(&stage, &id, Kind::Video, length).await;
        if known {
            assert_part(range(&stage, &media, "bytes=0-9").await, &sealed, 0, 10);
        }
        stage.cdn.fail_always(&path, Fault::Flip(chunk * CHUNK + 5));
        for asked in 0..count {
            let (first, end) = (asked * CHUNK + 7, length.min(asked * CHUNK + 70_000));
            let range = format!("bytes={first}-{}", end - 1);
            let headers = [("authorization", &*key), ("range", &*range)];
            let seen = socket::request(&address, "GET", &path_of(&media), &headers).await;
            let case = format!("chunk {chunk}, known {known}, {range}: {}", seen.status());
            let touched = (asked..=(end - 1) / CHUNK).contains(&chunk);
            if touched || (!known && chunk + 1 == count) {
                assert!(!seen.complete_success(), "{case}");
                let right = seen.status() != 206 || sealed.plain[first..].starts_with(&seen.body);
                assert!(right, "{case}: wrong bytes were sent");
            } else {
                assert!(seen.complete_success(), "{case}");
                assert!(seen.body == sealed.plain[first..end], "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_is_wrong_once_is_asked_for_again() {
    let stage = on_demand().await;
    let (sealed, path, media) = playable(&stage, "3EB0ONCE", Kind::Video, 300_000).await;
    assert_part(range(&stage, &media, "bytes=0-9").await, &sealed, 0, 10);
    stage.cdn.fail(&path, [Fault::Flip(150_000)]);
    assert_part(range(&stage, &media, "bytes=5-").await, &sealed, 5, 300_000);
    stage
        .cdn
        .fail(&path, [Fault::Reset(100_000), Fault::EndEarly(1000)]);
    assert_part(range(&stage, &media, "bytes=5-").await, &sealed, 5, 300_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_part_can_be_verified_the_whole_file_is_sent() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Video, 200_000);
    let right = sealed.sidecar();
    let few = &right[..right.len() - 10];
    let odd = &right[..right.len() - 3];
    let many = [&right[..], &[0; 10]].concat();
    let wrong = vec![7; right.len()];
    for (index, sidecar) in [few, odd, &many, &wrong, &[]].into_iter().enumerate() {
        let content = with_sidecar(&sealed, &path, sidecar);
        let media = stage.take(&format!("3EB0SIDE{index}"), content).await;
        let reply = range(&stage, &media, "bytes=0-9").await.expect(200);
        assert!(reply.body == sealed.plain, "{index}");
        assert!(reply.header("content-range").is_none(), "{index}");
    }
    // Documents and images have none, whatever a sender puts into them.
    let (sealed, path) = stage.file(Kind::Document, 200_000);
    let content = with_sidecar(&sealed, &path, &sealed.sidecar());
    let media = stage.take("3EB0SIDEDOC", content).await;
    let reply = range(&stage, &media, "bytes=0-9").await.expect(200);
    assert_eq!(reply.header("accept-ranges"), Some("none"));
    assert!(reply.body == sealed.plain);
    // A CDN host without ranges.
    let (sealed, path, media) = playable(&stage, "3EB0NORANGE", Kind::Video, 200_000).await;
    stage.cdn.fail_always(&path, Fault::IgnoreRange);
    let reply = range(&stage, &media, "bytes=0-9").await.expect(200);
    assert!(reply.body == sealed.plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn if_range_decides_and_what_is_no_single_range_is_ignored() {
    let stage = on_demand().await;
    let (sealed, _, media) = playable(&stage, "3EB0IFRANGE", Kind::Audio, 200_000).await;
    let etag = format!("\"{}\"", hex::encode(sealed.sha256));
    let weak = format!("W/{etag}");
    for (condition, status) in [
        (&*etag, 206),
        (&*weak, 200),
        ("\"other\"", 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 200),
    ] {
        let headers = [("range", "bytes=5-6"), ("if-range", condition)];
        let reply = stage
            .api
            .call("POST", &path_of(&media), &headers, b"")
            .await;
        assert_eq!(reply.status, status, "{condition}");
    }
    for odd in [
        "bytes=0-1,5-6",
        "bytes=6-5",
        "chars=0-1",
        "bytes=x-",
        "bytes",
    ] {
        let reply = range(&stage, &media, odd).await;
        assert_eq!((reply.status, reply.body.len()), (200, 200_000), "{odd}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_file_that_is_gone_or_too_large_is_refused_as_the_whole_is() {
    let stage = Plan::usual()
        .await
        .on_demand()
        .spec("autoPersist.maxBytes", "1Mi")
        .up()
        .await;
    let (_, path, media) = playable(&stage, "3EB0GONEPART", Kind::Video, 100_000).await;
    stage.cdn.remove(&path);
    let gone = range(&stage, &media, "bytes=0-9").await;
    gone.refused(410, "media_expired");
    let (sealed, path) = stage.file(Kind::Video, 1_200_000);
    let mut content = with_sidecar(&sealed, &path, &sealed.sidecar());
    content["videoMessage"]["fileLength"] = json!("10");
    let media = stage.take("3EB0LARGEPART", content).await;
    let large = range(&stage, &media, "bytes=0-9").await;
    large.refused(413, "too_large");
}
