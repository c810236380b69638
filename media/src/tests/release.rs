//! The release rule: what leaves before the verdict never completes the promised length.

use bytes::BytesMut;
use proptest::prelude::*;

use super::{cut, keys, lengths, promised, run, sample, seal, sizes};
use crate::{Decryptor, Encrypted, Encryptor, Expected, IntegrityError, encrypted_len};

const MIB: usize = 1024 * 1024;

/// Runs a right blob under a promise, and checks what left early against that promise.
fn check_promise(plain: &[u8], sealed: &Encrypted, promise: u64, sizes: &[usize]) {
    let decryptor = Decryptor::encrypted(&keys(), promised(sealed, promise));
    let outcome = run(decryptor, cut(&sealed.blob, sizes));
    let early = outcome.before.len() as u64;
    assert!(
        early < promise || early == 0,
        "{early} of {promise} bytes left before the verdict"
    );
    assert!(plain.starts_with(&outcome.before));
    let length = plain.len() as u64;
    match outcome.verdict {
        Ok((verified, released)) => {
            assert_eq!((promise, verified.length), (length, length));
            assert_eq!(verified.sha256, sealed.sha256);
            assert!(released == plain);
        }
        Err(IntegrityError::Length { expected, found }) => {
            assert_eq!((expected, found), (promise, length));
            assert!(promise > length || promise >= length - length % 16);
        }
        Err(error) => {
            assert_eq!(error, IntegrityError::TooLong { expected: promise });
            assert!(promise < length);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_chunking_gives_the_plaintext(length in lengths(), sizes in sizes()) {
        let (plain, sealed) = seal(length);
        let decryptor = Decryptor::encrypted(&keys(), promised(&sealed, length as u64));
        let outcome = run(decryptor, cut(&sealed.blob, &sizes));
        let sure = length - length % 16;
        let early = if sure == length { length.saturating_sub(1) } else { sure };
        prop_assert_eq!(outcome.before.len(), early, "as early as the rule allows");
        prop_assert!(outcome.verdict.unwrap().1 == plain);
    }

    #[test]
    fn any_chunking_encrypts_alike(length in lengths(), sizes in sizes()) {
        let (plain, sealed) = seal(length);
        let (mut encryptor, mut blob) = (Encryptor::new(&keys()), BytesMut::new());
        for piece in cut(&plain, &sizes) {
            encryptor.push(piece, &mut blob);
        }
        let end = encryptor.finish(&mut blob);
        prop_assert!(blob == sealed.blob);
        prop_assert_eq!((end.sha256, end.enc_sha256), (sealed.sha256, sealed.enc_sha256));
        prop_assert_eq!((end.sidecar, end.length), (sealed.sidecar, length as u64));
    }

    #[test]
    fn no_promise_is_completed_before_the_verdict(
        length in lengths(),
        sizes in sizes(),
        off in prop_oneof![-40..40_i64, -200_000..200_000_i64],
    ) {
        let (plain, sealed) = seal(length);
        let promise = (length as u64).saturating_add_signed(off);
        check_promise(&plain, &sealed, promise, &sizes);
    }
}

#[test]
fn every_promise_for_a_small_file_is_kept_or_refused() {
    for length in 0..70 {
        let (plain, sealed) = seal(length);
        for promise in 0..100 {
            check_promise(&plain, &sealed, promise, &[1]);
            check_promise(&plain, &sealed, promise, &[usize::MAX]);
        }
    }
}

#[test]
fn promises_around_one_mebibyte_are_kept_or_refused() {
    for length in [MIB - 1, MIB, MIB + 1] {
        let (plain, sealed) = seal(length);
        for off in [-16, -1, 0, 1, 16] {
            check_promise(
                &plain,
                &sealed,
                (length as u64).saturating_add_signed(off),
                &[65_000],
            );
        }
    }
}

#[test]
fn an_absurd_promise_is_refused_at_the_end() {
    let (plain, sealed) = seal(1000);
    check_promise(&plain, &sealed, u64::MAX, &[64]);
}

#[test]
fn surplus_is_refused_at_once_and_for_good() {
    let (_, sealed) = seal(100_000);
    let mut decryptor = Decryptor::encrypted(&keys(), promised(&sealed, 1000));
    let mut out = BytesMut::new();
    let error = IntegrityError::TooLong { expected: 1000 };
    assert_eq!(decryptor.push(&sealed.blob[..1033], &mut out), Ok(()));
    assert_eq!(out.len(), 992);
    assert_eq!(
        decryptor.push(&sealed.blob[1033..1034], &mut out),
        Err(error)
    );
    assert_eq!(decryptor.push(&[], &mut out), Err(error));
    assert_eq!(decryptor.finish(&mut out), Err(error));
    assert_eq!(out.len(), 992);
}

#[test]
fn an_empty_file_releases_nothing_but_its_verdict() {
    let (_, sealed) = seal(0);
    let decryptor = Decryptor::encrypted(&keys(), promised(&sealed, 0));
    let (verified, released) = run(decryptor, [sealed.blob.as_slice()]).verdict.unwrap();
    assert_eq!((verified.length, released.len()), (0, 0));
}

#[test]
fn consumed_is_where_a_broken_fetch_goes_on() {
    let (plain, sealed) = seal(50_000);
    let mut decryptor = Decryptor::encrypted(&keys(), promised(&sealed, 50_000));
    let mut out = BytesMut::new();
    for end in [7, 1000, 1001, 33_333, sealed.blob.len()] {
        let start = usize::try_from(decryptor.consumed()).unwrap();
        decryptor.push(&sealed.blob[start..end], &mut out).unwrap();
        assert_eq!(decryptor.consumed(), end as u64);
    }
    assert_eq!(decryptor.consumed(), encrypted_len(50_000));
    decryptor.finish(&mut out).unwrap();
    assert_eq!(out, plain);
}

#[test]
fn plain_media_keeps_the_same_rule() {
    let plain = sample(1000);
    let sha256 = Some(seal(1000).1.sha256);
    for (promise, code) in [
        (999, "length_mismatch"),
        (1001, "length_mismatch"),
        (0, "length_mismatch"),
    ] {
        let expected = Expected {
            sha256,
            enc_sha256: None,
            length: promise,
        };
        let outcome = run(Decryptor::plain(expected), plain.chunks(64));
        assert!((outcome.before.len() as u64) < promise.max(1));
        assert_eq!(outcome.verdict.unwrap_err().code(), code);
    }
    let expected = Expected {
        sha256,
        enc_sha256: None,
        length: 1000,
    };
    let outcome = run(
        Decryptor::plain(expected),
        plain.chunks(64).chain([&[][..]]),
    );
    assert_eq!(outcome.before.len(), 999);
    assert!(outcome.verdict.unwrap().1 == plain);
    let mut cut_off = run(Decryptor::plain(expected), [&plain[..999]]);
    assert_eq!(cut_off.verdict.unwrap_err().code(), "truncated");
    cut_off = run(
        Decryptor::plain(expected),
        [&[&plain[..], &[0]].concat()[..]],
    );
    assert_eq!(
        (cut_off.before.len(), cut_off.verdict.unwrap_err().code()),
        (0, "length_mismatch")
    );
}
