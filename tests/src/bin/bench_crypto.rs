//! Measures one core: our pass over an encrypted file beside a straightforward one, in one run.
//!
//! Straightforward is what one writes first with the same crates: MAC over the blob, hash of the
//! blob, decryption into a new `Vec`, hash of the plaintext, one after the other.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes::Aes256;
use bytes::BytesMut;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use titan_media::{Decryptor, Encrypted, Expected, MediaKey, MediaKeys, MediaType, encrypt};

/// Larger than any cache, as the files are for which speed matters.
const FILE_MIB: u32 = 64;
const FILE: usize = FILE_MIB as usize * 1024 * 1024;
/// Bytes that a read from the network typically gives.
const READ: usize = 64 * 1024;
const RUNS: usize = 9;
const KEY: [u8; 32] = [42; 32];
const INFO: &[u8] = b"WhatsApp Video Keys";

fn main() -> anyhow::Result<()> {
    let plain: Vec<u8> = (0_u8..=250).cycle().take(FILE).collect();
    let sealed = encrypt(&MediaKey(KEY), MediaType::Video, &plain);
    drop(plain);

    let mut ratios = Vec::new();
    let (mut ours, mut baselines) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let baseline = time(|| straightforward(&sealed))?;
        let own = time(|| streaming(&sealed))?;
        ratios.push(baseline.as_secs_f64() / own.as_secs_f64());
        ours.push(rate(own));
        baselines.push(rate(baseline));
    }
    println!(
        "crypto ratio={:.2} ours={:.0} MiB/s baseline={:.0} MiB/s",
        median(&mut ratios),
        median(&mut ours),
        median(&mut baselines),
    );
    Ok(())
}

fn time(pass: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let start = Instant::now();
    pass()?;
    Ok(start.elapsed())
}

fn rate(took: Duration) -> f64 {
    f64::from(FILE_MIB) / took.as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn streaming(sealed: &Encrypted) -> anyhow::Result<()> {
    let keys = MediaKeys::derive(&MediaKey(KEY), MediaType::Video);
    let expected = Expected {
        sha256: Some(sealed.sha256),
        enc_sha256: None,
        length: FILE as u64,
    };
    let mut decryptor = Decryptor::encrypted(&keys, expected);
    let mut out = BytesMut::new();
    for piece in sealed.blob.chunks(READ) {
        decryptor.push(piece, &mut out)?;
        // As a transfer hands it on.
        black_box(out.split().freeze());
    }
    decryptor.finish(&mut out)?;
    Ok(())
}

fn straightforward(sealed: &Encrypted) -> anyhow::Result<()> {
    let mut expanded = [0; 80];
    Hkdf::<Sha256>::new(None, &KEY)
        .expand(INFO, &mut expanded)
        .map_err(anyhow::Error::msg)?;
    let (iv, keys) = expanded.split_at(16);
    let (cipher_key, mac_key) = keys.split_at(32);
    let (ciphertext, mac) = sealed.blob.split_at(sealed.blob.len() - 10);

    let mut hmac = Hmac::<Sha256>::new_from_slice(mac_key)?;
    hmac.update(iv);
    hmac.update(ciphertext);
    hmac.verify_truncated_left(mac)?;
    anyhow::ensure!(
        *Sha256::digest(&sealed.blob) == sealed.enc_sha256,
        "blob hash"
    );
    let plain = cbc::Decryptor::<Aes256>::new_from_slices(cipher_key, iv)?
        .decrypt_padded_vec::<Pkcs7>(ciphertext)
        .map_err(anyhow::Error::msg)?;
    anyhow::ensure!(*Sha256::digest(&plain) == sealed.sha256, "plaintext hash");
    black_box(&plain);
    Ok(())
}
