//! Chunks opened in any order: the same plaintext as the whole file, and nothing of a changed one.

use super::{keys, seal};
use crate::chunks::{Chunks, Lengths, TAIL};
use crate::streaming_sidecar::CHUNK;
use crate::{Encrypted, IntegrityError};

/// Around every border that matters: one block, one chunk, a last chunk with the MAC alone.
const SIZES: [usize; 14] = [
    0, 1, 15, 16, 1000, 65_503, 65_504, 65_519, 65_520, 65_535, 65_536, 131_056, 131_072, 200_001,
];

fn tail(blob: &[u8]) -> &[u8] {
    &blob[blob.len().saturating_sub(TAIL)..]
}

fn lengths(sidecar: &[u8], blob: &[u8]) -> Result<Lengths, IntegrityError> {
    Lengths::from_tail(&keys(), sidecar, blob.len() as u64, tail(blob))
}

fn previous(blob: &[u8], index: usize) -> [u8; 16] {
    match index {
        0 => *keys().iv(),
        _ => blob[index * CHUNK - 16..index * CHUNK].try_into().unwrap(),
    }
}

fn open(chunks: &Chunks, blob: &[u8], index: usize) -> Result<Vec<u8>, IntegrityError> {
    let mut chunk = blob[index * CHUNK..blob.len().min((index + 1) * CHUNK)].to_vec();
    chunks.open(index as u64, &previous(blob, index), &mut chunk)?;
    Ok(chunk)
}

fn chunks_of(sealed: &Encrypted) -> Chunks {
    let lengths = lengths(&sealed.sidecar, &sealed.blob).unwrap();
    Chunks::new(keys(), sealed.sidecar.clone(), lengths)
}

#[test]
fn chunks_in_reverse_order_give_the_plaintext() {
    for size in SIZES {
        let (plain, sealed) = seal(size);
        let chunks = chunks_of(&sealed);
        assert_eq!(chunks.lengths().plain, size as u64);
        let count = sealed.blob.len().div_ceil(CHUNK);
        for index in (0..count).rev() {
            let opened = open(&chunks, &sealed.blob, index).unwrap();
            let start = (index * CHUNK).min(size);
            assert_eq!(
                opened,
                plain[start..size.min(start + CHUNK)],
                "{size} {index}"
            );
        }
    }
}

#[test]
fn a_changed_byte_closes_its_chunk_and_the_length_if_it_is_at_the_end() {
    for size in SIZES {
        let (_, sealed) = seal(size);
        let chunks = chunks_of(&sealed);
        let count = sealed.blob.len().div_ceil(CHUNK);
        for index in 0..count {
            for place in [
                index * CHUNK,
                sealed.blob.len().min((index + 1) * CHUNK) - 1,
            ] {
                let mut blob = sealed.blob.clone();
                blob[place] ^= 1;
                let refused = IntegrityError::Chunk {
                    index: index as u64,
                };
                assert_eq!(open(&chunks, &blob, index), Err(refused), "{size} {place}");
                // The last block's chunk and what follows; entry i reads 16 bytes before chunk i too.
                let first = (blob.len() - 26) / CHUNK * CHUNK;
                let believed = lengths(&sealed.sidecar, &blob);
                assert_eq!(believed.is_err(), place + 16 >= first, "{size} {place}");
            }
        }
    }
}

#[test]
fn a_length_is_believed_only_with_a_sidecar_of_as_many_entries() {
    for size in SIZES {
        let (_, sealed) = seal(size);
        let shorter = &sealed.sidecar[..sealed.sidecar.len() - 10];
        let longer = [&sealed.sidecar[..], &[0; 20]].concat();
        assert!(lengths(shorter, &sealed.blob).is_err(), "{size}");
        assert!(lengths(&longer, &sealed.blob).is_err(), "{size}");
        assert!(lengths(&[], &sealed.blob).is_err(), "{size}");
    }
}

#[test]
fn a_cut_blob_is_not_believed() {
    for size in SIZES {
        let (_, sealed) = seal(size);
        for cut in [1, 10, 16, 26] {
            let blob = &sealed.blob[..sealed.blob.len().saturating_sub(cut)];
            assert!(lengths(&sealed.sidecar, blob).is_err(), "{size} {cut}");
        }
    }
}

#[test]
fn chunks_of_wrong_size_and_beyond_the_end_are_refused() {
    let (_, sealed) = seal(100_000);
    let chunks = chunks_of(&sealed);
    let mut short = sealed.blob[..CHUNK - 16].to_vec();
    let malformed = chunks.open(0, keys().iv(), &mut short);
    assert_eq!(malformed.unwrap_err().code(), "malformed_blob");
    let mut none = Vec::new();
    assert!(chunks.open(9, keys().iv(), &mut none).is_err());
    assert_eq!(chunks.chunk_len(u64::MAX), 0);
}
