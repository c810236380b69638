//! What answers of the phone mean, sealed and not.

use super::*;

/// The vector of `whatsapp-media.md` §5.
const ID: &str = "3EB0C431C26A1916E07A";
const SEALED: &str = "d9866bfc01473e8779653e39cf42c61a4e62ab6f6907e013747d3622df0f31b8c2d4c28458f083c10bcfb69964f5ec59e1ac54e56b42c9ad5a2004075cda148400a7";
const QUESTION: &str =
    "d9866bfc01473e8779653e39cf42c61a4e62ab6f6907dae4bcfb42d2cd9f0308a421090ef22e";

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn base64(hexed: &str) -> String {
    STANDARD.encode(hex::decode(hexed).unwrap())
}

fn open(id: &str, sealed: &str) -> Option<MediaRetryAnswer> {
    let key = MediaKey(std::array::from_fn(|n| u8::try_from(n).unwrap()));
    opened(
        &key,
        id,
        &base64(sealed),
        &base64("000102030405060708090a0b"),
    )
}

#[test]
fn a_sealed_answer_opens_with_the_files_key() {
    let found = MediaRetryAnswer::Success {
        direct_path: "/v/t62.7118-24/new?ccb=1".to_owned(),
    };
    assert!(open(ID, SEALED) == Some(found));
    assert!(open("3EB0C431C26A1916E07B", SEALED).is_none());
    assert!(open(ID, &SEALED.replace("d9", "d8")).is_none());
    // A question is no answer: it says nothing of a result.
    assert!(open(ID, QUESTION).is_none());
}

#[test]
fn a_new_path_is_good_until_its_own_date() {
    let found = |path: &str| match meaning(
        MediaRetryAnswer::Success {
            direct_path: path.to_owned(),
        },
        now(),
    ) {
        PhoneAnswer::Found { expires_at, .. } => Some(expires_at.as_second()),
        _ => None,
    };
    assert_eq!(found("/v/1?oe=6B0E0000"), Some(0x6B0E_0000));
    assert_eq!(found("/v/1"), Some(1_790_000_000 + 14 * 24 * 3600));
    for no_path in ["", "//evil.example/x", "https://evil.example/x", "/v/../x"] {
        assert_eq!(found(no_path), None, "{no_path}");
    }
}

#[test]
fn what_the_phone_lacks_is_final_and_what_it_cannot_say_is_asked_again() {
    for last in [
        MediaRetryAnswer::NotFound,
        MediaRetryAnswer::DecryptionError,
    ] {
        let PhoneAnswer::Lacks(error) = meaning(last, now()) else {
            panic!("not final");
        };
        assert_eq!(
            (error.code.as_str(), error.retryable),
            ("media_expired", false)
        );
    }
    let PhoneAnswer::Unclear { again_at, .. } = meaning(MediaRetryAnswer::GeneralError, now())
    else {
        panic!("final");
    };
    assert_eq!(again_at.as_second(), 1_790_000_000 + 3600);
}
