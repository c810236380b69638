//! Streaming sidecars: made alike for any chunking, and chunk by chunk worth as much as a MAC.

use proptest::prelude::*;

use super::{cut, keys, lengths, seal, sizes};
use crate::IntegrityError;
use crate::streaming_sidecar::{CHUNK, Generator, entries, fits, verify_chunk};

/// The blob's chunks, each with the 16 bytes before it.
fn chunks(blob: &[u8]) -> Vec<([u8; 16], &[u8])> {
    let before = |i: usize| match i * CHUNK {
        0 => *keys().iv(),
        start => blob[start - 16..start].try_into().unwrap(),
    };
    blob.chunks(CHUNK)
        .enumerate()
        .map(|(i, chunk)| (before(i), chunk))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_chunking_gives_the_same_sidecar(length in lengths(), sizes in sizes()) {
        let (_, sealed) = seal(length);
        let mut generator = Generator::new(&keys());
        for piece in cut(&sealed.blob, &sizes) {
            generator.push(piece);
        }
        prop_assert_eq!(generator.finish(), sealed.sidecar);
    }

    #[test]
    fn each_chunk_verifies_alone_and_a_changed_one_does_not(
        length in lengths(), place in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let (_, mut sealed) = seal(length);
        prop_assert!(fits(sealed.sidecar.len(), sealed.blob.len() as u64));
        let place = place.index(sealed.blob.len());
        for changed in [false, true] {
            if changed {
                sealed.blob[place] ^= 1_u8 << bit;
            }
            for (i, (previous, chunk)) in (0..).zip(chunks(&sealed.blob)) {
                let found = verify_chunk(&keys(), &sealed.sidecar, i, &previous, chunk);
                // Entry i reads chunk i and the 16 bytes before it.
                let start = i * CHUNK as u64;
                let reads = start.saturating_sub(16)..start + chunk.len() as u64;
                let touched = changed && reads.contains(&(place as u64));
                let right = if touched { Err(IntegrityError::Chunk { index: i }) } else { Ok(()) };
                prop_assert_eq!(found, right);
            }
        }
    }
}

#[test]
fn whole_chunk_of_ciphertext_has_the_files_mac_as_first_entry() {
    let (_, sealed) = seal(CHUNK - 1);
    assert_eq!(sealed.sidecar[..10], sealed.blob[CHUNK..]);
    assert_eq!(sealed.sidecar.len(), 20);
}

#[test]
fn one_entry_is_not_the_files_mac() {
    let (_, sealed) = seal(1000);
    assert_ne!(sealed.sidecar, sealed.blob[sealed.blob.len() - 10..]);
}

#[test]
fn extra_trailing_entry_is_accepted_only_where_a_range_loop_makes_one() {
    for blob_len in [26, 42, 65_530, 65_546, 65_562, 131_066, 131_098] {
        let right = usize::try_from(entries(blob_len)).unwrap();
        let extra = blob_len == 65_530 || blob_len == 131_066;
        assert!(fits(right * 10, blob_len));
        assert_eq!(fits(right * 10 + 10, blob_len), extra, "{blob_len}");
        assert!(!fits(right * 10 + 1, blob_len));
        assert!(!fits(right * 10 - 10, blob_len));
        assert!(!fits(right * 10 + 20, blob_len));
    }
    let (_, sealed) = seal(65_519);
    let longer = [&sealed.sidecar[..], &[7; 10]].concat();
    assert!(verify_chunk(&keys(), &longer, 0, keys().iv(), &sealed.blob).is_ok());
}

#[test]
fn chunks_without_entry_or_of_wrong_size_are_refused() {
    let (_, sealed) = seal(1000);
    let verify = |index, chunk: &[u8]| {
        verify_chunk(&keys(), &sealed.sidecar, index, keys().iv(), chunk)
            .unwrap_err()
            .code()
    };
    assert_eq!(verify(1, &sealed.blob), "chunk_mac_mismatch");
    assert_eq!(verify(u64::MAX, &sealed.blob), "chunk_mac_mismatch");
    assert_eq!(verify(0, &[]), "malformed_blob");
    assert_eq!(verify(0, &vec![0; CHUNK + 1]), "malformed_blob");
}
