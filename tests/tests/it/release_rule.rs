//! The release rule, counted where it counts: at the socket of a caller and at the socket of a
//! bucket that believes everything. Whatever is wrong with a file, no byte that completes a
//! response or a PUT leaves before the verdict.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use titan_tests::baileys;
use titan_tests::media::{Kind, Sealed};
use titan_tests::random::Random;
use titan_tests::socket;
use titan_tests::stage::{API_KEY, Plan, Stage};
use titan_tests::wait::{LATER, until};

const MIB: usize = 1024 * 1024;

/// What is wrong with a file. Each is a file that must never be complete anywhere.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// A flipped bit in the first block.
    First,
    /// A flipped bit in the last block of ciphertext.
    Last,
    /// A flipped bit in the MAC.
    Mac,
    /// The blob lacks its last byte.
    Short,
    /// The blob lacks its last block and MAC.
    Block,
    /// One byte too many.
    Long,
    /// Another file's hash, everything else right.
    Hash,
    /// Another file's key.
    Key,
}

const WRONGS: [Wrong; 8] = [
    Wrong::First,
    Wrong::Last,
    Wrong::Mac,
    Wrong::Short,
    Wrong::Block,
    Wrong::Long,
    Wrong::Hash,
    Wrong::Key,
];

/// Lengths around blocks, the 64 KiB steps and the border between memory and stream.
fn lengths() -> Vec<usize> {
    let mut all = vec![0, 1];
    for border in [
        16,
        32,
        48,
        64 * 1024,
        MIB,
        MIB + 16,
        MIB + 64 * 1024,
        2 * MIB,
    ] {
        all.extend([border - 1, border, border + 1]);
    }
    all
}

/// How far `fileLength` is off, in both directions; 0 is right.
const OFF: [i64; 9] = [0, -1, 1, -15, 15, -16, 16, -17, 4096];

struct Case {
    name: String,
    media: String,
    wrong: Option<Wrong>,
    sealed: Sealed,
}

fn spoil(sealed: &Sealed, wrong: Wrong) -> Vec<u8> {
    let mut blob = sealed.blob.to_vec();
    let length = blob.len();
    match wrong {
        Wrong::First => blob[0] ^= 1,
        Wrong::Last => blob[length - 11] ^= 1,
        Wrong::Mac => blob[length - 1] ^= 1,
        Wrong::Short => blob.truncate(length - 1),
        Wrong::Block => blob.truncate(length - 26),
        Wrong::Long => blob.push(0),
        Wrong::Hash | Wrong::Key => {}
    }
    blob
}

fn content(sealed: &Sealed, path: &str, wrong: Option<Wrong>, off: i64) -> Value {
    let length = i64::try_from(sealed.plain.len()).unwrap() + off;
    let mut content = baileys::file_with(sealed, path, "fileLength", json!(length.to_string()));
    let node = &mut content[baileys::name(sealed.kind)];
    if matches!(wrong, Some(Wrong::Hash)) {
        node["fileSha256"] = json!(STANDARD.encode([7; 32]));
    }
    if matches!(wrong, Some(Wrong::Key)) {
        node["mediaKey"] = json!(STANDARD.encode([7; 32]));
    }
    content
}

/// Posts a file of each length with each fault and each wrong `fileLength`.
async fn cases(stage: &Stage) -> Vec<Case> {
    let mut random = Random::for_run("release rule", 1);
    let mut all = Vec::new();
    for length in lengths() {
        let sealed = Sealed::random(Kind::Document, length, &mut random);
        let mut plans: Vec<(Option<Wrong>, i64)> = OFF.iter().map(|off| (None, *off)).collect();
        plans.extend(WRONGS.iter().map(|wrong| (Some(*wrong), 0)));
        // A wrong file whose length is wrong too: one fault must not hide another.
        plans.extend([
            (Some(Wrong::Mac), -1),
            (Some(Wrong::Last), 16),
            (Some(Wrong::Hash), -16),
        ]);
        for (wrong, off) in plans {
            if i64::try_from(length).unwrap() + off < 0 {
                continue;
            }
            let blob = wrong.map_or_else(|| sealed.blob.to_vec(), |wrong| spoil(&sealed, wrong));
            let path = stage.cdn.put(&blob.into());
            let name = format!("{length}{off:+}{wrong:?}");
            let content = content(&sealed, &path, wrong, off);
            let media = stage.take(&format!("3EB0RULE{}", all.len()), content).await;
            all.push(Case {
                name,
                media,
                wrong,
                sealed: sealed.clone(),
            });
        }
    }
    all
}

async fn download(stage: &Stage, media: &str) -> socket::Received {
    let key = format!("Bearer {API_KEY}");
    let path = Stage::path(&format!("media/{media}/download"));
    let headers = [("authorization", key.as_str())];
    socket::request(&stage.sidecar.address(), "POST", &path, &headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_ever_holds_a_complete_answer_that_is_wrong() {
    let stage = Plan::usual().await.on_demand().up().await;
    let cases = cases(&stage).await;
    assert!(cases.len() > 400, "{}", cases.len());
    for case in &cases {
        let seen = download(&stage, &case.media).await;
        let plain = &case.sealed.plain;
        if case.wrong.is_some() {
            assert!(
                !seen.complete_success(),
                "{}: {} bytes",
                case.name,
                seen.body.len()
            );
            // Up to 1 MiB nothing is sent before the verdict: the answer is an error.
            if plain.len() < MIB - 20 {
                assert!(
                    matches!(seen.status(), 502 | 422),
                    "{}: {}",
                    case.name,
                    seen.status()
                );
            }
        } else {
            assert!(seen.complete_success(), "{}: {}", case.name, seen.status());
            assert!(seen.body == *plain, "{}: other bytes", case.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_bucket_ever_holds_a_complete_put_that_is_wrong() {
    let stage = Plan::usual()
        .await
        .spec("transfers.maxConcurrent", 4)
        .up()
        .await;
    let cases = cases(&stage).await;
    for case in cases.iter().filter(|case| case.wrong.is_none()) {
        let info = titan_tests::wait::eventually(LATER, &case.name, || async {
            Some(stage.info(&case.media).await).filter(|info| info["status"] == "stored")
        })
        .await;
        let object = stage.object(&info);
        assert!(
            object.sha256 == case.sealed.sha256,
            "{}: other bytes",
            case.name
        );
        assert_eq!(info["fileLength"], case.sealed.plain.len(), "{}", case.name);
    }
    // Three whole fetches make it final.
    for case in cases.iter().filter(|case| case.wrong.is_some()) {
        until(LATER, format_args!("{} is given up", case.name), || async {
            stage.info(&case.media).await["status"] == "failed"
        })
        .await;
        let info = stage.info(&case.media).await;
        assert_eq!(info["persisted"], false, "{}", case.name);
    }
    let right = cases.iter().filter(|case| case.wrong.is_none()).count();
    let uploads = stage.bucket.uploads();
    let completed: Vec<_> = uploads.iter().filter(|upload| upload.completed()).collect();
    assert_eq!(
        completed.len(),
        right,
        "a PUT of a wrong file was completed, or a right one twice"
    );
    assert!(
        uploads.iter().all(|upload| upload.declared.is_some()),
        "a PUT without a length"
    );
    assert_eq!(stage.bucket.objects().len(), right);
}
