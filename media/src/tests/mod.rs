//! What the rest of the program may rely on.

mod chunks;
mod release;
mod sidecar;
mod tamper;
mod vectors;

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    Decryptor, Encrypted, Expected, IntegrityError, MediaKey, MediaKeys, MediaType, Verified,
};

/// The key of all published vectors: 00 01 … 1f.
fn key() -> MediaKey {
    MediaKey(std::array::from_fn(|i| u8::try_from(i).unwrap()))
}

fn keys() -> MediaKeys {
    MediaKeys::derive(&key(), MediaType::Video)
}

/// The plaintext of the published sidecar vectors.
fn sample(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from((7 * i + 3) % 256).unwrap())
        .collect()
}

fn seal(length: usize) -> (Vec<u8>, Encrypted) {
    let plain = sample(length);
    let sealed = super::encrypt(&key(), MediaType::Video, &plain);
    (plain, sealed)
}

fn promised(sealed: &Encrypted, length: u64) -> Expected {
    Expected {
        sha256: Some(sealed.sha256),
        enc_sha256: Some(sealed.enc_sha256),
        length,
    }
}

/// What came out before the verdict, and the verdict with everything that it released.
struct Outcome {
    before: Vec<u8>,
    verdict: Result<(Verified, Vec<u8>), IntegrityError>,
}

/// Runs a decryptor over pieces, as a transfer does.
fn run<'a>(mut decryptor: Decryptor, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut out = BytesMut::new();
    let pushed = pieces
        .into_iter()
        .try_for_each(|piece| decryptor.push(piece, &mut out));
    let before = out.to_vec();
    let verdict = pushed
        .and_then(|()| decryptor.finish(&mut out))
        .map(|verified| (verified, out.to_vec()));
    if verdict.is_err() {
        assert_eq!(out, before, "a refusal must release nothing");
    }
    Outcome { before, verdict }
}

/// Cuts `bytes` into pieces whose sizes repeat `sizes`.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
        if bytes.is_empty() {
            break;
        }
    }
    pieces
}

/// Piece sizes that favour block borders; at least one is not empty.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![0..70_usize, 0..5000_usize, 32_000..70_000_usize];
    vec(size, 1..6).prop_filter("some piece has bytes", |sizes| {
        sizes.iter().sum::<usize>() > 20
    })
}

/// Lengths around block, step and chunk borders.
fn lengths() -> impl Strategy<Value = usize> {
    let near = |border: usize| (0..40_usize).prop_map(move |i| border.saturating_sub(20) + i);
    prop_oneof![
        4 => 0..200_usize,
        2 => near(32 * 1024),
        2 => near(64 * 1024),
        1 => near(128 * 1024),
        2 => 0..150_000_usize,
    ]
}
