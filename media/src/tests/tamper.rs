//! Every change of a blob is refused, by whichever of the hashes is known.

use cbc::cipher::{BlockModeEncrypt, KeyIvInit, array::Array};
use proptest::prelude::*;

use super::{cut, key, keys, lengths, promised, run, sample, seal, sizes};
use crate::lane::Lane;
use crate::{Decryptor, Encrypted, Expected, IntegrityError, MediaKeys, MediaType, Scan, Verified};

/// Both hashes known, one of them, none: the MAC alone must do too.
fn expectations(sealed: &Encrypted, length: usize) -> [Expected; 4] {
    let full = promised(sealed, length as u64);
    [
        full,
        Expected {
            enc_sha256: None,
            ..full
        },
        Expected {
            sha256: None,
            ..full
        },
        Expected {
            sha256: None,
            enc_sha256: None,
            ..full
        },
    ]
}

fn verdict(blob: &[u8], expected: Expected) -> Result<Verified, IntegrityError> {
    let outcome = run(Decryptor::encrypted(&keys(), expected), [blob]);
    assert!((outcome.before.len() as u64) < expected.length.max(1));
    outcome.verdict.map(|(verified, _)| verified)
}

fn scan(blob: &[u8], enc_sha256: Option<[u8; 32]>) -> Result<Verified, IntegrityError> {
    let mut scan = Scan::new(&keys(), enc_sha256);
    scan.push(blob);
    scan.finish()
}

/// Refused under every knowledge, in one pass and in two.
fn assert_refused(blob: &[u8], sealed: &Encrypted, length: usize) {
    for expected in expectations(sealed, length) {
        assert!(
            verdict(blob, expected).is_err(),
            "{} bytes under {expected:?}",
            blob.len()
        );
        assert!(scan(blob, expected.enc_sha256).is_err());
    }
}

/// A blob of these very blocks, with the right MAC: what only the holder of the key can make.
fn forge(blocks: &[u8]) -> Vec<u8> {
    let keys = keys();
    let mut blob = blocks.to_vec();
    cbc::Encryptor::<aes::Aes256Enc>::new(keys.cipher_key().into(), keys.iv().into())
        .encrypt_blocks(Array::slice_as_chunks_mut(&mut blob).0);
    let mut mac = Lane::new(keys.mac());
    mac.update(keys.iv());
    mac.update(&blob);
    blob.extend_from_slice(&mac.finish()[..10]);
    blob
}

#[test]
fn every_flipped_bit_of_a_small_file_is_refused() {
    for length in [0, 1, 15, 16, 17, 48, 60] {
        let (_, mut sealed) = seal(length);
        for bit in 0..sealed.blob.len() * 8 {
            sealed.blob[bit / 8] ^= 1 << (bit % 8);
            assert_refused(&sealed.blob, &sealed, length);
            sealed.blob[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn every_truncation_and_extension_of_a_small_file_is_refused() {
    for length in [0, 1, 15, 16, 17, 48, 60] {
        let (_, sealed) = seal(length);
        let doubled = sealed.blob.repeat(2);
        for end in (0..doubled.len()).filter(|end| *end != sealed.blob.len()) {
            assert_refused(&doubled[..end], &sealed, length);
        }
        assert_refused(&sealed.blob[1..], &sealed, length);
        assert_refused(&sealed.blob[16..], &sealed, length);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_flipped_bit_is_refused(
        length in lengths(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        sizes in sizes(),
    ) {
        let (_, mut sealed) = seal(length);
        let place = place.index(sealed.blob.len());
        sealed.blob[place] ^= 1_u8 << bit;
        let decryptor = Decryptor::encrypted(&keys(), promised(&sealed, length as u64));
        let outcome = run(decryptor, cut(&sealed.blob, &sizes));
        prop_assert!(outcome.before.len() < length.max(1));
        prop_assert_eq!(outcome.verdict.unwrap_err(), IntegrityError::Mac);
    }

    #[test]
    fn any_truncation_is_refused(
        length in lengths(), end in any::<prop::sample::Index>(), sizes in sizes(),
    ) {
        let (_, sealed) = seal(length);
        let end = end.index(sealed.blob.len());
        let decryptor = Decryptor::encrypted(&keys(), promised(&sealed, length as u64));
        let outcome = run(decryptor, cut(&sealed.blob[..end], &sizes));
        prop_assert!(outcome.before.len() < length.max(1));
        let consumed = end as u64;
        prop_assert_eq!(outcome.verdict.unwrap_err(), IntegrityError::Truncated { consumed });
    }

    #[test]
    fn any_extension_is_refused(
        length in lengths(), more in prop::collection::vec(any::<u8>(), 1..100), sizes in sizes(),
    ) {
        let (_, mut sealed) = seal(length);
        sealed.blob.extend(more);
        let decryptor = Decryptor::encrypted(&keys(), promised(&sealed, length as u64));
        let outcome = run(decryptor, cut(&sealed.blob, &sizes));
        prop_assert!(outcome.before.len() < length.max(1));
        prop_assert!(outcome.verdict.is_err());
    }
}

#[test]
fn padding_is_strict() {
    let block = |last: [u8; 3]| [&[b'x'; 13][..], &last].concat();
    let padded = [
        (block([9, 9, 1]), Ok(15)),
        (block([9, 2, 2]), Ok(14)),
        (vec![16; 16], Ok(0)),
        (block([9, 9, 0]), Err(IntegrityError::Padding)),
        (block([9, 9, 2]), Err(IntegrityError::Padding)),
        (block([9, 3, 3]), Err(IntegrityError::Padding)),
        (block([17, 17, 17]), Err(IntegrityError::Padding)),
        (block([255, 255, 255]), Err(IntegrityError::Padding)),
        (
            [&[15][..], &[16; 15]].concat(),
            Err(IntegrityError::Padding),
        ),
    ];
    for (block, length) in padded {
        let blob = forge(&block);
        assert_eq!(
            scan(&blob, None).map(|verified| verified.length),
            length,
            "{block:?}"
        );
        let expected = Expected {
            sha256: None,
            enc_sha256: None,
            length: length.unwrap_or(8),
        };
        assert_eq!(
            verdict(&blob, expected).map(|verified| verified.length),
            length
        );
    }
}

#[test]
fn each_hash_is_checked_where_it_counts() {
    let (_, sealed) = seal(100);
    let full = promised(&sealed, 100);
    let wrong = Some([0; 32]);
    let only_blob = Expected {
        sha256: None,
        ..full
    };
    assert!(verdict(&sealed.blob, only_blob).is_ok());
    assert_eq!(
        verdict(
            &sealed.blob,
            Expected {
                sha256: wrong,
                ..full
            }
        ),
        Err(IntegrityError::Sha256)
    );
    assert_eq!(
        verdict(
            &sealed.blob,
            Expected {
                enc_sha256: wrong,
                ..only_blob
            }
        ),
        Err(IntegrityError::EncSha256)
    );
    assert!(
        verdict(
            &sealed.blob,
            Expected {
                enc_sha256: wrong,
                ..full
            }
        )
        .is_ok(),
        "a right plaintext hash implies the blob, whatever the sender wrote of it"
    );
    assert_eq!(scan(&sealed.blob, wrong), Err(IntegrityError::EncSha256));
}

#[test]
fn keys_of_another_type_open_nothing() {
    let (_, sealed) = seal(100);
    let keys = MediaKeys::derive(&key(), MediaType::Image);
    let decryptor = Decryptor::encrypted(&keys, promised(&sealed, 100));
    let outcome = run(decryptor, [sealed.blob.as_slice()]);
    assert_eq!(outcome.verdict.unwrap_err(), IntegrityError::Mac);
}

#[test]
fn odd_lengths_are_named() {
    let (_, mut sealed) = seal(100);
    sealed.blob.push(0);
    let found = verdict(&sealed.blob, promised(&sealed, 100));
    assert_eq!(found, Err(IntegrityError::Malformed { length: 123 }));
    assert_eq!(
        scan(&[0; 25], None),
        Err(IntegrityError::Truncated { consumed: 25 })
    );
}

#[test]
fn changed_plain_media_is_refused_and_unknown_is_too() {
    let mut plain = sample(1000);
    let sha256 = seal(1000).1.sha256;
    plain[500] ^= 1;
    let by_plain = Expected {
        sha256: Some(sha256),
        enc_sha256: None,
        length: 1000,
    };
    let by_blob = Expected {
        sha256: None,
        enc_sha256: Some(sha256),
        length: 1000,
    };
    let unknown = Expected {
        sha256: None,
        enc_sha256: None,
        length: 1000,
    };
    for (expected, error) in [
        (by_plain, IntegrityError::Sha256),
        (by_blob, IntegrityError::EncSha256),
        (unknown, IntegrityError::Unverifiable),
    ] {
        let outcome = run(Decryptor::plain(expected), [plain.as_slice()]);
        assert_eq!(outcome.verdict.unwrap_err(), error);
        assert!(outcome.before.len() < 1000);
    }
}
